package keyring

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"

	"golang.org/x/crypto/chacha20poly1305"

	"sekisho/internal/event"
)

// Key is one symmetric key. It prints as "***" and cannot be marshalled.
type Key struct {
	id      string
	purpose Purpose
	epoch   uint32
	raw     []byte
	aead    cipher.AEAD // XChaCha20-Poly1305: 192-bit random nonces never meet
}

func newKey(id string, p Purpose, epoch uint32, raw []byte) (*Key, error) {
	aead, err := chacha20poly1305.NewX(raw)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", id, err)
	}
	return &Key{id: id, purpose: p, epoch: epoch, raw: append([]byte(nil), raw...), aead: aead}, nil
}

// ID returns the key's name; it is not secret.
func (k *Key) ID() string { return k.id }

// Purpose returns what the key is for.
func (k *Key) Purpose() Purpose { return k.purpose }

// Epoch returns the key's number within (tenant, purpose), counted from 1.
func (k *Key) Epoch() uint32 { return k.epoch }

// Created returns the event that announces the key.
func (k *Key) Created() *event.KeyCreated {
	return &event.KeyCreated{KeyID: k.id, Purpose: string(k.purpose)}
}

// String implements fmt.Stringer and hides the key.
func (k *Key) String() string { return "***" }

// GoString implements fmt.GoStringer and hides the key.
func (k *Key) GoString() string { return "***" }

// Format implements fmt.Formatter, so that no verb shows the key.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// LogValue implements slog.LogValuer and hides the key.
func (k *Key) LogValue() slog.Value { return slog.StringValue("***") }

// MarshalText implements encoding.TextMarshaler and hides the key.
func (k *Key) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Overhead is the number of bytes that Seal adds to a plaintext.
const Overhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// Seal appends a random nonce and the sealed plaintext to dst. The additional
// data must be given again to Unseal; it binds the bytes to their place.
func (k *Key) Seal(dst, plaintext, additional []byte) ([]byte, error) {
	var nonce [chacha20poly1305.NonceSizeX]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, fmt.Errorf("seal with key %q: %w", k.id, err)
	}
	dst = append(dst, nonce[:]...)
	return k.aead.Seal(dst, nonce[:], plaintext, additional), nil
}

// Unseal appends the plaintext of sealed to dst, or returns ErrSealed.
func (k *Key) Unseal(dst, sealed, additional []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, fmt.Errorf("key %q: %d bytes: %w", k.id, len(sealed), ErrSealed)
	}
	nonce, box := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	out, err := k.aead.Open(dst, nonce, box, additional)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", k.id, ErrSealed)
	}
	return out, nil
}

// Hasher returns a keyed HMAC-SHA-256 of its own (RFC 2104, FIPS 180-4) for a
// goroutine to use and Reset. It is nil unless the key's purpose is Identifier.
func (k *Key) Hasher() *Hasher {
	if k.purpose != Identifier {
		return nil
	}
	return &Hasher{mac: hmac.New(sha256.New, k.raw)}
}
