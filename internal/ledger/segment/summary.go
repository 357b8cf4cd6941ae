package segment

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"math"
	"slices"

	"sekisho/internal/event"
	"sekisho/proof"
)

// Summary checks the lines of one segment and computes its digest.
type Summary struct {
	*Checker
	leaf     proof.Leaf // of the version that is made
	lines    hash.Hash  // version 1 only
	tree     proof.Tree
	from, to int64
	last     Checked
}

// Checked is a line that was checked. Its header is valid as long as the line.
type Checked struct {
	Header event.Header
	Sum    [sha256.Size]byte
}

// NewSummary begins a segment whose chains continue the given heads, and whose
// digest is of the given version: that of the leaf it is compared with, or
// proof.LeafVersion.
func NewSummary(version int, tenant event.Tenant, heads Heads) *Summary {
	s := &Summary{Checker: NewChecker(tenant, heads), leaf: proof.Leaf{Version: version}, from: math.MaxInt64, to: math.MinInt64}
	if version == 1 {
		s.lines = sha256.New()
	}
	return s
}

// Add takes the next line, line feed included.
func (s *Summary) Add(line []byte) error {
	h, sum, err := s.Line(bytes.TrimSuffix(line, []byte{'\n'}))
	if err != nil {
		return err
	}
	if s.lines != nil {
		s.lines.Write(line)
	}
	s.tree.Add(s.leaf.LineHash(sum))
	s.from, s.to = min(s.from, h.At), max(s.to, h.At)
	s.last = Checked{h, sum}
	return nil
}

// Last returns the line that was added last.
func (s *Summary) Last() Checked { return s.last }

// Leaf returns the digest. The caller fills in File.
func (s *Summary) Leaf(ordinal uint64, first event.Index) *proof.Leaf {
	leaf := &proof.Leaf{
		Version: s.leaf.Version, Tenant: s.tenant, Segment: ordinal,
		First: uint64(first), Count: s.Lines(), Bytes: s.Size(),
		Root: s.tree.Root(), From: s.from, To: s.to,
	}
	if s.lines != nil {
		leaf.Lines = proof.Hash(s.lines.Sum(nil))
	}
	for _, ch := range s.chains {
		if ch.count > 0 {
			leaf.Sources = append(leaf.Sources, ch.run())
		}
	}
	slices.SortFunc(leaf.Sources, func(a, b proof.Run) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Worker, b.Worker))
	})
	return leaf
}

func (ch *chain) run() proof.Run {
	return proof.Run{
		Source: string(ch.key.Source), Worker: ch.key.Worker,
		First: uint64(ch.first), Last: uint64(ch.head.Seq),
		Prev: encodeDigest(ch.prev), Head: encodeDigest(ch.head.Digest),
	}
}

func encodeDigest(d event.Digest) string { return base64.RawStdEncoding.EncodeToString(d[:]) }

// Chains returns how many chains have lines in the segment.
func (c *Checker) Chains() int {
	n := 0
	for _, ch := range c.chains {
		if ch.count > 0 {
			n++
		}
	}
	return n
}

// Follow advances heads over a sealed segment. It returns a *Fault when the
// segment's chains do not continue them.
func (h Heads) Follow(leaf *proof.Leaf) error {
	for _, run := range leaf.Sources {
		key := Key{event.Source(run.Source), run.Worker}
		have := h[key]
		fault := &Fault{Key: key, Seq: event.Seq(run.First), Due: have.Seq + 1, Reason: Missing}
		switch {
		case fault.Seq < fault.Due:
			fault.Reason = Repeated
		case fault.Seq == fault.Due && run.Prev == encodeDigest(have.Digest) && run.Last >= run.First:
			fault = nil
		case fault.Seq == fault.Due:
			fault.Reason = Changed
		}
		if fault != nil {
			return fault
		}
		var d event.Digest
		if n, err := base64.RawStdEncoding.Decode(d[:], []byte(run.Head)); err != nil || n != len(d) {
			return &Fault{Key: key, Seq: event.Seq(run.Last), Reason: Malformed}
		}
		h[key] = Head{event.Seq(run.Last), d}
	}
	return nil
}
