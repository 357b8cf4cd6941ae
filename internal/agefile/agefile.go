// Package agefile encrypts files in the age format, version 1
// (https://c2sp.org/age@v1), so that whoever gets one opens it with age, rage or
// any other program of that format.
//
// It only encrypts, and to public keys (X25519) alone: no key that opens a file
// is ever in this program.
package agefile

import (
	"bytes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// Recipient is the public key of somebody who can open a file.
type Recipient struct{ public *ecdh.PublicKey }

// ErrRecipient: a text is no public key of age.
var ErrRecipient = errors.New("no public key of age (age1…)")

var b64 = base64.RawStdEncoding

const (
	version = "age-encryption.org/v1"
	// chunk is how much of a file one seal covers.
	chunk = 64 << 10
)

// ParseRecipient reads a public key, as age-keygen shows it: age1….
func ParseRecipient(text string) (Recipient, error) {
	raw, err := bech32(text, "age")
	if err != nil {
		return Recipient{}, err
	}
	public, err := ecdh.X25519().NewPublicKey(raw)
	if err != nil {
		return Recipient{}, ErrRecipient
	}
	return Recipient{public}, nil
}

// wrap makes the stanza that holds the file's key for this recipient.
func (k Recipient) wrap(fileKey []byte) (string, error) {
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	shared, err := own.ECDH(k.public)
	if err != nil { // a public key of low order
		return "", ErrRecipient
	}
	salt := append(own.PublicKey().Bytes(), k.public.Bytes()...)
	wrapping, err := hkdf.Key(sha256.New, shared, salt, version+"/X25519", chacha20poly1305.KeySize)
	if err != nil {
		return "", err
	}
	return stanza("X25519 "+b64.EncodeToString(own.PublicKey().Bytes()), wrapping, fileKey)
}

// stanza seals the file's key, once, under a key that is used once.
func stanza(head string, wrapping, fileKey []byte) (string, error) {
	aead, err := chacha20poly1305.New(wrapping)
	if err != nil {
		return "", err
	}
	sealed := aead.Seal(nil, make([]byte, chacha20poly1305.NonceSize), fileKey, nil)
	return "-> " + head + "\n" + b64.EncodeToString(sealed) + "\n", nil
}

// writer seals chunks.
type writer struct {
	out   io.Writer
	aead  cipher.AEAD
	nonce [chacha20poly1305.NonceSize]byte // a counter of 11 bytes, then 1 for the last chunk
	buf   []byte
}

// Encrypt writes the head of a file to out and returns where its content goes.
// Close ends the file; it does not close out.
func Encrypt(out io.Writer, to ...Recipient) (io.WriteCloser, error) {
	fileKey := make([]byte, 16)
	rand.Read(fileKey) // never fails
	var head bytes.Buffer
	head.WriteString(version + "\n")
	for _, r := range to {
		s, err := r.wrap(fileKey)
		if err != nil {
			return nil, err
		}
		head.WriteString(s)
	}
	if len(to) == 0 {
		return nil, ErrRecipient
	}
	head.WriteString("---")
	macKey, err := hkdf.Key(sha256.New, fileKey, nil, "header", sha256.Size)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, macKey)
	mac.Write(head.Bytes())
	head.WriteString(" " + b64.EncodeToString(mac.Sum(nil)) + "\n")
	nonce := make([]byte, 16)
	rand.Read(nonce) // never fails
	head.Write(nonce)
	payload, err := hkdf.Key(sha256.New, fileKey, nonce, "payload", chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	w := &writer{out: out}
	if w.aead, err = chacha20poly1305.New(payload); err != nil {
		return nil, err
	}
	_, err = out.Write(head.Bytes())
	return w, err
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(w.buf) == chunk { // more follows: it is not the last
			if err := w.seal(false); err != nil {
				return 0, err
			}
		}
		some := min(chunk-len(w.buf), len(p))
		w.buf = append(w.buf, p[:some]...)
		p = p[some:]
	}
	return n, nil
}

// Close implements io.Closer.
func (w *writer) Close() error { return w.seal(true) }

func (w *writer) seal(last bool) error {
	if last {
		w.nonce[len(w.nonce)-1] = 1
	}
	_, err := w.out.Write(w.aead.Seal(nil, w.nonce[:], w.buf, nil))
	w.buf = w.buf[:0]
	for i := len(w.nonce) - 2; i >= 0; i-- {
		if w.nonce[i]++; w.nonce[i] != 0 {
			break
		}
	}
	return err
}
