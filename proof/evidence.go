package proof

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// Evidence shows that lines are in a ledger: each segment's lines are in the
// segment's tree, whose root is in the segment's leaf, which is in the tree of
// the checkpoint, which the ledger has signed.
type Evidence struct {
	Key        string // the ledger's verifier key, as it claims
	Checkpoint []byte // signed note
	Segments   []SegmentEvidence
}

// SegmentEvidence is the evidence of one segment.
type SegmentEvidence struct {
	Leaf    []byte   // text of the segment's Leaf
	Path    []Hash   // inclusion of the leaf in the checkpoint's tree
	Members []uint64 // positions of Lines in the segment, counted from 0, strictly ascending
	Hashes  []Hash   // see ProveMembers
	Lines   [][]byte // without line feeds
}

// Line is a line that Verify has found in the ledger.
type Line struct {
	Index uint64 // position in the ledger
	Text  []byte // without line feed
}

// Verified is what evidence was found to show.
type Verified struct {
	Checkpoint Checkpoint
	Tenant     string
	Leaves     []Leaf // of the segments that lines are from
	Lines      []Line // in the order of the ledger
}

// Verify checks every step with the keys that the caller believes. The error
// names the first segment that fails.
func (e *Evidence) Verify(keys Keys) (*Verified, error) {
	cp, err := ParseCheckpoint(e.Checkpoint, keys)
	if err != nil {
		return nil, err
	}
	v := &Verified{Checkpoint: *cp}
	for i := range e.Segments {
		leaf, err := e.Segments[i].verify(cp)
		if err != nil {
			return nil, fmt.Errorf("segment %d of the evidence: %w", i+1, err)
		}
		if i > 0 && (leaf.Segment <= v.Leaves[i-1].Segment || leaf.Tenant != v.Tenant) {
			return nil, fmt.Errorf("segment %d of the evidence: out of order, or of another tenant", i+1)
		}
		v.Tenant, v.Leaves = leaf.Tenant, append(v.Leaves, *leaf)
		for k, line := range e.Segments[i].Lines {
			v.Lines = append(v.Lines, Line{leaf.First + e.Segments[i].Members[k], line})
		}
	}
	return v, nil
}

func (s *SegmentEvidence) verify(cp *Checkpoint) (*Leaf, error) {
	leaf, err := ParseLeaf(s.Leaf)
	if err != nil {
		return nil, err
	}
	if err := VerifyInclusion(cp.Root, cp.Size, leaf.Segment, LeafHash(s.Leaf), s.Path); err != nil {
		return nil, err
	}
	if len(s.Lines) != len(s.Members) {
		return nil, fmt.Errorf("%d lines at %d positions", len(s.Lines), len(s.Members))
	}
	hashes := make([]Hash, len(s.Lines))
	for i, line := range s.Lines {
		if len(line) == 0 || line[0] != '{' || bytes.IndexByte(line, '\n') >= 0 {
			return nil, fmt.Errorf("line %d is not a line of JSON", i+1)
		}
		hashes[i] = leaf.LineHash(sha256.Sum256(line))
	}
	if err := VerifyMembers(leaf.Root, leaf.Count, s.Members, hashes, s.Hashes); err != nil {
		return nil, fmt.Errorf("segment %d of the ledger: %w", leaf.Segment, err)
	}
	return leaf, nil
}
