package pgproxy

import "sync/atomic"

// Common is what the gates of one process know together of one database: what
// one of them tainted, or let change the schema, the others must not read
// unseen. The zero value is ready; gates take it at New. Gates of different
// processes know nothing of each other.
type Common struct {
	epoch    atomic.Uint64 // counts schema changes
	around   atomic.Uint64 // counts those that were seen without having passed
	changing atomic.Int32  // sessions with uncommitted schema changes
	calm     calm

	laundering laundering
	signals    signals
	locks      locks
	hours      hourly // what each user got
	protected  taintSet
	standing   taintSet // recorded: what code may write at any time
	twoPhase   pendingTaints
	// protecting is closed when the last taints handed to protect are dealt with;
	// twoPhase.mu guards it.
	protecting chan struct{}
	underway   [][]Taint // of which twoPhase.mu guards the list too
}
