package proof

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// LeafVersion is the version of the leaf format.
//
//	1  2026-11-22  first
const LeafVersion = 1

// Leaf is the digest of one sealed segment. Its JSON text (EncodeLeaf) is leaf
// number Segment of the ledger's log.
type Leaf struct {
	Version int    `json:"v"`
	Tenant  string `json:"tenant"`
	Segment uint64 `json:"segment"` // counted from 0
	First   uint64 `json:"first"`   // index of the segment's first event in the ledger
	Count   uint64 `json:"count"`   // events
	Bytes   int64  `json:"bytes"`   // of the uncompressed lines, line feeds included
	Lines   Hash   `json:"lines"`   // SHA-256 of the uncompressed lines: zstdcat FILE | sha256sum
	File    Hash   `json:"file"`    // SHA-256 of the compressed file
	Root    Hash   `json:"root"`    // of the Merkle tree over the lines, see LineLeaf
	From    int64  `json:"from"`    // earliest event, UTC ns since 1970
	To      int64  `json:"to"`      // latest event
	Sources []Run  `json:"sources"` // by source and worker
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
	if l.Version != LeafVersion {
		return nil, fmt.Errorf("leaf of version %d, this program reads %d", l.Version, LeafVersion)
	}
	if !bytes.Equal(EncodeLeaf(&l), text) {
		return nil, fmt.Errorf("leaf %d is not in canonical form", l.Segment)
	}
	return &l, nil
}
