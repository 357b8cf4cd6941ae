package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// LeafVersion is the version of the leaf format.
//
//	1  2026-11-22  first
//	2  2026-11-22  without the flat digest of the lines (Lines); the leaf hash of
//	               a line is the SHA-256 of the line itself
const LeafVersion = 2

// Leaf is the digest of one sealed segment. Its JSON text (EncodeLeaf) is leaf
// number Segment of the ledger's log.
type Leaf struct {
	Version int    `json:"v"`
	Tenant  string `json:"tenant"`
	Segment uint64 `json:"segment"`        // counted from 0
	First   uint64 `json:"first"`          // index of the segment's first event in the ledger
	Count   uint64 `json:"count"`          // events
	Bytes   int64  `json:"bytes"`          // of the uncompressed lines, line feeds included
	Lines   Hash   `json:"lines,omitzero"` // version 1 only: SHA-256 of the uncompressed lines
	File    Hash   `json:"file"`           // SHA-256 of the compressed file
	Root    Hash   `json:"root"`           // of the Merkle tree over the lines, see LineHash
	From    int64  `json:"from"`           // earliest event, UTC ns since 1970
	To      int64  `json:"to"`             // latest event
	Sources []Run  `json:"sources"`        // by source and worker
}

// Run is what a segment holds of one chain.
type Run struct {
	Source string `json:"s"`
	Worker uint16 `json:"w"`
	First  uint64 `json:"first"` // sequence number of the first event
	Last   uint64 `json:"last"`  // of the last; the segment has all between
	Prev   string `json:"prev"`  // digest before the first, as in an event's "p"
	Head   string `json:"head"`  // digest of the last
}

// LineHash returns the leaf hash of a line in the segment's tree; sum is the
// SHA-256 of the line without its line feed, whose beginning chains the line.
//
// Since version 2 it is sum itself. That cannot be taken for an inner node, as
// RFC 6962 section 2.1 keeps apart by prefixes: a line begins with '{', the
// data of an inner node with 0x01. In version 1 it is the hash of a leaf of
// RFC 6962 whose data is sum.
func (l *Leaf) LineHash(sum [sha256.Size]byte) Hash {
	if l.Version == 1 {
		return LeafHash(sum[:])
	}
	return sum
}

// EncodeLeaf returns the text of l.
func EncodeLeaf(l *Leaf) []byte {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		panic("proof: " + err.Error()) // a Leaf always encodes
	}
	return bytes.TrimSuffix(text.Bytes(), []byte{'\n'})
}

// ParseLeaf decodes the text of a leaf. It refuses text that EncodeLeaf would
// not write, so that a leaf has one text.
func ParseLeaf(text []byte) (*Leaf, error) {
	var l Leaf
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, fmt.Errorf("leaf: %w", err)
	}
	if l.Version < 1 || l.Version > LeafVersion {
		return nil, fmt.Errorf("leaf of version %d, this program reads 1 to %d", l.Version, LeafVersion)
	}
	if (l.Lines != Hash{}) != (l.Version == 1) || !bytes.Equal(EncodeLeaf(&l), text) {
		return nil, fmt.Errorf("leaf %d is not in canonical form", l.Segment)
	}
	return &l, nil
}
