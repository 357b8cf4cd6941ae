package subject

import (
	"context"
	"fmt"
	"sync"

	"sekisho/internal/event"
)

// BlockSize is how many numbers one lease holds: one container of a Roaring
// bitmap, so that gates that lease side by side do not fragment the sets.
const BlockSize = 1 << 16

// Blocks leases numbers to several dictionaries (gates) so that they never
// collide, also while a gate is offline and uses up the block it has. A gate
// that restarts takes a new block. The zero value is ready; before its first
// lease it must have seen the ledger (Observe).
//
// It keeps one subject key from getting two numbers at two gates only when the
// gates are fed one another's event.Subjects; see docs/decisions/subjects.md.
type Blocks struct {
	mu   sync.Mutex
	next map[event.SubjectSource]uint64
}

// Observe says that numbers of src up to last are in use.
func (b *Blocks) Observe(src event.SubjectSource, last uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.raise(src, uint64(last)+1)
}

func (b *Blocks) raise(src event.SubjectSource, above uint64) {
	if b.next == nil {
		b.next = map[event.SubjectSource]uint64{}
	}
	aligned := (above + BlockSize - 1) / BlockSize * BlockSize
	b.next[src] = max(b.next[src], aligned)
}

// Lease implements Lease: as many whole blocks as want needs.
func (b *Blocks) Lease(_ context.Context, src event.SubjectSource, above uint64, want uint32) (first, count uint32, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.raise(src, above)
	at := b.next[src]
	size := max((uint64(want)+BlockSize-1)/BlockSize, 1) * BlockSize
	if at > MaxNumber {
		return 0, 0, fmt.Errorf("numbers of %s: %w", src, ErrFull)
	}
	b.next[src] = at + size
	return uint32(at), uint32(min(size, MaxNumber+1-at)), nil
}
