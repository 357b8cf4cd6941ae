// Package segment knows what is inside a ledger segment: lines of events, each
// chained to the previous line of its (source, worker).
//
// It opens no files and decides nothing about durability or repair: it says
// what a sequence of lines is, or which line is the first that cannot be.
package segment

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sekisho/internal/event"
)

// Key names a chain.
type Key struct {
	Source event.Source
	Worker uint16
}

// Compare orders keys by source, then worker.
func (k Key) Compare(o Key) int {
	if c := strings.Compare(string(k.Source), string(o.Source)); c != 0 {
		return c
	}
	return int(k.Worker) - int(o.Worker)
}

// Head is the end of a chain: the number and the digest of its last event. The
// zero Head is the end of a chain that has not begun.
type Head struct {
	Seq    event.Seq
	Digest event.Digest
}

// Heads are the ends of all chains at one position of the ledger.
type Heads map[Key]Head

// Keys returns the keys in order.
func (h Heads) Keys() []Key { return slices.SortedFunc(maps.Keys(h), Key.Compare) }

// Reason says why a line cannot follow the lines before it.
type Reason string

// The reasons. Missing, Repeated and Reordered compare the line's number with
// the number that is due; Changed says that the number is right but the line
// before it is not the one that this line was chained to.
const (
	Malformed   Reason = "malformed"
	WrongTenant Reason = "wrong tenant"
	TooLong     Reason = "too long"
	Missing     Reason = "missing"
	Repeated    Reason = "repeated"
	Reordered   Reason = "reordered"
	Changed     Reason = "chain broken"
)

// Fault is the first line that cannot be where it is. It holds no part of the
// line but its identity.
type Fault struct {
	Line   uint64 // counted from 1 within the segment
	Offset int64  // of the line's first byte in the uncompressed segment
	Reason Reason
	Key    Key       // zero when the line is malformed
	Seq    event.Seq // of the line
	Due    event.Seq // the number that was due
}

func (f *Fault) Error() string {
	switch f.Reason {
	case Malformed, TooLong:
		return fmt.Sprintf("line %d (byte %d): %s", f.Line, f.Offset, f.Reason)
	case Missing:
		return fmt.Sprintf("line %d (byte %d): %s/%d/%d is missing, found %d", f.Line, f.Offset, f.Key.Source, f.Key.Worker, f.Due, f.Seq)
	case Changed:
		return fmt.Sprintf("line %d (byte %d): %s/%d/%d is not chained to %d: one of the two was changed",
			f.Line, f.Offset, f.Key.Source, f.Key.Worker, f.Seq, f.Seq-1)
	}
	return fmt.Sprintf("line %d (byte %d): %s/%d/%d is %s, %d was due", f.Line, f.Offset, f.Key.Source, f.Key.Worker, f.Seq, f.Reason, f.Due)
}
