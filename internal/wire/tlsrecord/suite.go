package tlsrecord

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	ivSize   = 12
	overhead = 16 // bytes of tag, of every AEAD here
	salt     = 4  // bytes of write IV of AES-GCM in TLS 1.2 (RFC 5288, 3)
	// masterSize is the length of a master secret (RFC 5246, 8.1).
	masterSize = 48
	randomSize = 32
)

// suite is a cipher suite: RFC 8446, B.4; RFC 5288, RFC 5289 and RFC 7905.
type suite struct {
	old      bool // of TLS 1.2
	hash     func() hash.Hash
	size     int // bytes of Half.Secret
	key      int // bytes of key
	explicit int // bytes of nonce in each record
	aead     func(key []byte) (cipher.AEAD, error)
}

var suites = map[uint16]*suite{
	tls.TLS_AES_128_GCM_SHA256:       {hash: sha256.New, size: sha256.Size, key: 16, aead: gcm},
	tls.TLS_AES_256_GCM_SHA384:       {hash: sha512.New384, size: sha512.Size384, key: 32, aead: gcm},
	tls.TLS_CHACHA20_POLY1305_SHA256: {hash: sha256.New, size: sha256.Size, key: chacha20poly1305.KeySize, aead: chacha20poly1305.New},

	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:         oldGCM(16, sha256.New),
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       oldGCM(16, sha256.New),
	tls.TLS_RSA_WITH_AES_128_GCM_SHA256:               oldGCM(16, sha256.New),
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:         oldGCM(32, sha512.New384),
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:       oldGCM(32, sha512.New384),
	tls.TLS_RSA_WITH_AES_256_GCM_SHA384:               oldGCM(32, sha512.New384),
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:   oldChaCha(),
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: oldChaCha(),
}

func oldGCM(key int, h func() hash.Hash) *suite {
	return &suite{old: true, hash: h, size: key + salt, key: key, explicit: ivSize - salt, aead: gcm}
}

func oldChaCha() *suite {
	return &suite{old: true, hash: sha256.New, size: chacha20poly1305.KeySize + ivSize, key: chacha20poly1305.KeySize, aead: chacha20poly1305.New}
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// cost is how many bytes a record has beside what it protects.
func (s *suite) cost() int { return s.explicit + overhead }

// version is that of TLS.
func (s *suite) version() uint16 {
	if s.old {
		return tls.VersionTLS12
	}
	return tls.VersionTLS13
}

// maxCipher is the greatest length of a record (RFC 5246, 6.2.3; RFC 8446, 5.2).
func (s *suite) maxCipher() int {
	if s.old {
		return maxPlain + 2048
	}
	return maxPlain + 256
}

// keyBlock makes key and IV of client and server from the master secret of TLS 1.2
// (RFC 5246, 6.3; an AEAD has no MAC keys).
func (s *suite) keyBlock(master, client, server []byte) (byClient, byServer []byte) {
	seed := append(append([]byte("key expansion"), server...), client...)
	block := pseudorandom(s.hash, master, seed, 2*s.size)
	defer clear(block)
	iv := s.size - s.key
	take := func(n int) []byte {
		b := block[:n]
		block = block[n:]
		return b
	}
	keyOne, keyTwo := take(s.key), take(s.key)
	ivOne, ivTwo := take(iv), take(iv)
	return append(append(make([]byte, 0, s.size), keyOne...), ivOne...), append(append(make([]byte, 0, s.size), keyTwo...), ivTwo...)
}

// pseudorandom is PRF of TLS 1.2 (RFC 5246, 5); seed begins with its label.
func pseudorandom(h func() hash.Hash, secret, seed []byte, n int) (out []byte) {
	m := hmac.New(h, secret)
	_, _ = m.Write(seed) // it never fails
	for a := m.Sum(nil); len(out) < n; a = m.Sum(nil) {
		m.Reset()
		_, _ = m.Write(append(a, seed...))
		out = m.Sum(out)
		m.Reset()
		_, _ = m.Write(a)
	}
	return out[:n]
}
