// Package subject numbers the subjects of a source densely, keeps the keyed
// identifier index, and turns keys and identifiers into subject numbers.
//
// It does not decide what is exact: that is the gate's attribution ladder.
//
// A [Dictionary] holds one [Source] for each event.SubjectSource. Look-ups are
// lock-free and allocate nothing; new keys are assigned in batches, and their
// numbers are recorded as event.Subjects before anybody may use them.
//
// The sealed part of an event.Subjects is a byte for its form and then
//
//	1 extent   zigzag varint: the first key; key i is first+i
//	2 integers zigzag varint: the first key, then count-1 differences
//	3 bytes    count times: varint length, key
//
// sealed with the tenant's dictionary key; the additional data is
// "sekisho subjects 1", NUL, source, NUL, epoch, number and count as 4 bytes
// big-endian each (docs/format/subjects.md). An event with count 0 and nothing
// sealed begins an epoch.
package subject

import (
	"errors"

	"sekisho/internal/event"
)

// MaxNumber is the largest subject number. The top value stays free so that
// tables can hold number+1 in 32 bits with 0 for "none".
const MaxNumber = 1<<32 - 2

var (
	// ErrFull is returned when a source has used up its numbers.
	ErrFull = errors.New("subject numbers of the source are used up (SK5101)")
	// ErrNoKey is returned for a number that no event.Subjects explains.
	ErrNoKey = errors.New("subject number has no key in the ledger (SK5102)")
	// ErrForgotten is returned for a number whose dictionary key was destroyed.
	ErrForgotten = errors.New("key of the subject was destroyed (SK5103)")
	// ErrKeyLength is returned for keys longer than MaxKey.
	ErrKeyLength = errors.New("subject key is too long (SK5104)")
)

// MaxKey is the longest key, in bytes.
const MaxKey = 8 << 10

// Ref names a subject: a number of a source.
type Ref struct {
	Source event.SubjectSource
	Number uint32
}
