package tls13

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"errors"
	"fmt"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// State is what goes on from a connection between two records. It is as secret as
// what the connection carries.
type State struct {
	Suite   uint16 // tls.TLS_AES_128_GCM_SHA256 …
	Server  bool   // this end is the server's
	In, Out Half
}

// Half is one direction.
type Half struct {
	Secret []byte // traffic secret
	Next   uint64 // number of the next record under it
}

// Forget overwrites the secrets.
func (s *State) Forget() {
	if s != nil {
		clear(s.In.Secret)
		clear(s.Out.Secret)
	}
}

// clone returns a copy with secrets of its own.
func (s *State) clone() *State {
	c := *s
	c.In.Secret, c.Out.Secret = bytes.Clone(s.In.Secret), bytes.Clone(s.Out.Secret)
	return &c
}

// suite is a cipher suite (RFC 8446, B.4).
type suite struct {
	hash func() hash.Hash
	size int // of the hash, and of secrets
	key  int
	aead func(key []byte) (cipher.AEAD, error)
}

var suites = map[uint16]*suite{
	tls.TLS_AES_128_GCM_SHA256:       {sha256.New, sha256.Size, 16, gcm},
	tls.TLS_AES_256_GCM_SHA384:       {sha512.New384, sha512.Size384, 32, gcm},
	tls.TLS_CHACHA20_POLY1305_SHA256: {sha256.New, sha256.Size, chacha20poly1305.KeySize, chacha20poly1305.New},
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

const ivSize = 12

// protection is one direction at work.
type protection struct {
	suite  *suite
	secret []byte
	aead   cipher.AEAD
	iv     [ivSize]byte
	next   uint64
	nonce  [ivSize]byte
}

func newProtection(s *suite, h Half) (p protection, err error) {
	if len(h.Secret) != s.size {
		return p, fmt.Errorf("tls13: a secret of %d bytes, want %d", len(h.Secret), s.size)
	}
	p.suite, p.secret = s, bytes.Clone(h.Secret)
	err = p.derive()
	p.next = h.Next
	return p, err
}

// derive makes key and IV of the secret (RFC 8446, 7.3).
func (p *protection) derive() error {
	key, err := p.expand("key", p.suite.key)
	if err != nil {
		return err
	}
	iv, err := p.expand("iv", ivSize)
	if err != nil {
		return err
	}
	copy(p.iv[:], iv)
	p.aead, err = p.suite.aead(key)
	clear(key)
	p.next = 0
	return err
}

// update goes on to the next secret (RFC 8446, 7.2).
func (p *protection) update() error {
	next, err := p.expand("traffic upd", p.suite.size)
	if err != nil {
		return err
	}
	clear(p.secret)
	p.secret = next
	return p.derive()
}

// expand is HKDF-Expand-Label without context (RFC 8446, 7.1).
func (p *protection) expand(label string, length int) ([]byte, error) {
	info := []byte{byte(length >> 8), byte(length), byte(len("tls13 ") + len(label))}
	info = append(append(append(info, "tls13 "...), label...), 0)
	return hkdf.Expand(p.suite.hash, p.secret, string(info), length)
}

// errSpent: a record number would come a second time.
var errSpent = errors.New("tls13: no record number is left")

// count returns the nonce of the next record (RFC 8446, 5.3).
func (p *protection) count() ([]byte, error) {
	if p.next+1 == 0 {
		return nil, errSpent
	}
	p.nonce = p.iv
	for i := range 8 {
		p.nonce[ivSize-1-i] ^= byte(p.next >> (8 * i))
	}
	p.next++
	return p.nonce[:], nil
}
