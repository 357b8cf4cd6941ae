package keyring

import (
	"encoding/binary"
	"hash"
)

// Hasher computes keyed hashes of identifiers. It is not safe for concurrent
// use; take one for each goroutine.
type Hasher struct {
	mac hash.Hash
	buf [32]byte
	len [8]byte
}

// Sum returns HMAC-SHA-256 over the fields, each preceded by its length as 8
// bytes big-endian, so that no two lists of fields collide. It allocates
// nothing after the first call.
func (h *Hasher) Sum(fields ...[]byte) [32]byte {
	h.mac.Reset()
	for _, f := range fields {
		binary.BigEndian.PutUint64(h.len[:], uint64(len(f)))
		h.mac.Write(h.len[:])
		h.mac.Write(f)
	}
	h.mac.Sum(h.buf[:0])
	return h.buf
}
