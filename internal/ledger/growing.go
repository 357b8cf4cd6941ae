package ledger

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"hash/crc32"
	"math"
	"slices"

	"sekisho/internal/event"
	"sekisho/proof"
)

// growing is what is known of the open segment's digest while it grows: each
// line was hashed once, when it was chained, and need not be hashed again. Of
// a segment that an earlier run began nothing is known; sealing then reads its
// lines one by one (segment.Summary), with the same result.
type growing struct {
	ordinal uint64
	first   event.Index

	// Covered by Ledger.mu.
	sums     [][sha256.Size]byte // of the lines
	from, to int64               // times of the earliest and the latest
	chains   int                 // with lines in it

	// Covered by Ledger.writeMu.
	size int64  // bytes written
	crc  uint32 // of them; finds a disk that does not give back what it was given

	runs []proof.Run // filled in by endGrowing
}

func newGrowing(ordinal uint64, first event.Index) *growing {
	return &growing{ordinal: ordinal, first: first, from: math.MaxInt64, to: math.MinInt64}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// wrote notes bytes that were handed to the operating system.
func (g *growing) wrote(data []byte) {
	g.size += int64(len(data))
	g.crc = crc32.Update(g.crc, castagnoli, data)
}

// take notes the lines of a batch.
func (g *growing) take(b *batch) {
	g.sums = append(g.sums, b.sums...)
	g.from, g.to = min(g.from, b.from), max(g.to, b.to)
	if ch := b.chain; ch.segment != g.ordinal+1 {
		ch.segment, ch.first, ch.prev = g.ordinal+1, b.first, ch.head.Digest
		g.chains++
	}
}

// endGrowing ends the open segment's digest at next and begins the one after
// it; a wish to end the segment is fulfilled by it. Ledger.mu is held.
func (l *Ledger) endGrowing(next event.Index) *growing {
	g := l.growing
	for _, ch := range l.chains {
		if ch.segment == g.ordinal+1 {
			g.runs = append(g.runs, proof.Run{
				Source: string(ch.key.Source), Worker: ch.key.Worker, First: uint64(ch.first), Last: uint64(ch.head.Seq),
				Prev: base64.RawStdEncoding.EncodeToString(ch.prev[:]), Head: base64.RawStdEncoding.EncodeToString(ch.head.Digest[:]),
			})
		}
	}
	slices.SortFunc(g.runs, func(a, b proof.Run) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Worker, b.Worker))
	})
	l.growing, l.wantRotate = newGrowing(g.ordinal+1, next), false
	l.growing.sums = make([][sha256.Size]byte, 0, len(g.sums)) // segments are alike
	if l.endedSums+len(g.sums) <= maxEndedSums {
		l.ended[g.ordinal] = g
		l.endedSums += len(g.sums)
	}
	return g
}

// maxEndedSums bounds the line hashes of segments that wait to be sealed, to
// 64 MiB: 800 MB of lines. Sealing falls behind while it has less of the
// processors than the writers have, and hashing the lines again would leave it
// further behind.
const maxEndedSums = 64 << 20 / sha256.Size

// leaf returns the digest. The caller fills in File.
func (g *growing) leaf(tenant event.Tenant) *proof.Leaf {
	leaf := &proof.Leaf{
		Version: proof.LeafVersion, Tenant: string(tenant), Segment: g.ordinal,
		First: uint64(g.first), Count: uint64(len(g.sums)), Bytes: g.size,
		From: g.from, To: g.to, Sources: g.runs,
	}
	var tree proof.Tree
	for _, sum := range g.sums {
		tree.Add(leaf.LineHash(sum))
	}
	leaf.Root = tree.Root()
	return leaf
}
