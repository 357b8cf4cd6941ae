package pgproxy

import (
	"testing"

	"sekisho/internal/roll"
)

// A transaction may have been prepared although its client was gone before it
// could be told: what it locked counts, and what it changed rests, from when
// somebody ends it.
func TestPreparedForNobody(t *testing.T) {
	for name, change := range map[string]func(*Settings){"followed": nil, "not followed": func(s *Settings) { s.Working = nil }} {
		t.Run(name, func(t *testing.T) {
			common := new(Common)
			share := func(s *Settings) {
				s.Common = common
				if change != nil {
					change(s)
				}
			}
			a := newAfterlife(t, share, [][]roll.Process{working, absent}...)
			a.say("BEGIN", 'T')
			a.e.holds(customers)
			a.e.change(inserted(7))
			a.told()
			a.client(q("PREPARE TRANSACTION 'a'"))
			a.ends()
			held := func(when string, want bool) {
				t.Helper()
				if got := a.g.locks.since(a.g.locks.turn.Load(), customers); got != want || want != (a.g.locks.all.Load() > 0) {
					t.Errorf("%s: held %v, %d transactions", when, got, a.g.locks.all.Load())
				}
			}
			held("when its process is gone", true)
			b := newBench(t, share)
			b.tag("ROLLBACK PREPARED 'other'", "ROLLBACK PREPARED")
			held("another was ended", true)
			b.e.env.dirty, b.e.env.askTemp = false, false
			b.client(q("COMMIT PREPARED 'a'"))
			b.told()
			b.e.clock += 10 * second
			b.server(done("COMMIT PREPARED"), ready('I'))
			b.wantTold("when somebody commits it",
				"unknown shop/public.customers {} unknown=1", "unknown shop/public.bookings {} unknown=1",
				"unknown shop/public.bookings {} unknown=1", "insert shop/public.customers {7} unknown=0", "unknown shop/public.customers {} unknown=1")
			held("it was committed", false)
		})
	}
}

// What an earlier run left at work may have locked any row, and tells of what it
// read in notifications.
func TestLeftAtWork(t *testing.T) {
	common := new(Common)
	b := newBench(t, func(s *Settings) { s.Common = common })
	unlocked := common.Locked()
	if !b.g.locks.since(b.g.locks.turn.Load(), customers) || b.g.locks.all.Load() != 1 {
		t.Error("rows that may be locked count as free")
	}
	turn := b.g.locks.turn.Load()
	unlocked()
	if !b.g.locks.since(turn, customers) || b.g.locks.since(b.g.locks.turn.Load(), customers) || b.g.locks.all.Load() != 0 {
		t.Error("rows whose locks are gone count as locked, or as free before that")
	}
	common.Signals(9, 5)
	if since, ok := b.g.signals.of(9); !ok || since != 5 {
		t.Errorf("what process 9 notifies: %d, %v", since, ok)
	}
}
