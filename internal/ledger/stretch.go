package ledger

import (
	"context"
	"math"
	"sort"

	"sekisho/internal/event"
	"sekisho/proof"
)

// Stretch is a run of events that is read as one: a sealed segment, or all that
// came after the last of them. What its digest says of it tells whether it is
// worth reading.
type Stretch struct {
	First, End event.Index // End is after its last event
	Sealed     bool        // else nothing else is known of it, and it grows
	// From and To are the times of its earliest and its latest event, UTC
	// nanoseconds. Sources are the chains that it has events of.
	From, To int64
	Sources  []proof.Run
}

// Before returns the stretch with the event before index, which is not 0. Of a
// stretch that grows End is index.
func (r *Reader) Before(index event.Index) (Stretch, error) {
	if err := r.refresh(); err != nil {
		return Stretch{}, err
	}
	return before(r.sealedLeaves(), index), nil
}

// before looks at the digests of one moment: more may be sealed meanwhile.
func before(leaves []*proof.Leaf, index event.Index) Stretch {
	i := sort.Search(len(leaves), func(i int) bool { return event.Index(leaves[i].First+leaves[i].Count) >= index })
	if i < len(leaves) {
		leaf := leaves[i]
		return Stretch{First: event.Index(leaf.First), End: event.Index(leaf.First + leaf.Count), Sealed: true, From: leaf.From, To: leaf.To, Sources: leaf.Sources}
	}
	s := Stretch{End: index}
	if i > 0 {
		s.First = event.Index(leaves[i-1].First + leaves[i-1].Count)
	}
	return s
}

// ScanTo is Scan as far as the event before end.
func (r *Reader) ScanTo(ctx context.Context, from, end event.Index, fn func(index event.Index, line []byte) error) error {
	last := event.Index(math.MaxUint64)
	if r.live != nil {
		last = r.live.Head()
	}
	_, err := r.scan(ctx, from, min(end, last), fn)
	return err
}
