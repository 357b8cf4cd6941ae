package pgproxy

import "testing"

// Locks of a transaction that is prepared count until somebody ends it by its
// name; when it could not be prepared, until it is over.
func TestLocksOfPreparedTransactions(t *testing.T) {
	b := newBench(t, nil)
	held := func(when string, want bool) {
		t.Helper()
		if got := b.g.locks.since(b.g.locks.turn.Load(), customers); got != want || want != (b.g.locks.all.Load() > 0) {
			t.Errorf("%s: held %v, %d transactions", when, got, b.g.locks.all.Load())
		}
	}
	locks := func() {
		b.e.env.dirty, b.e.env.askTemp = false, false // as its probe would find it
		b.say("BEGIN", 'T')
		b.e.holds(customers)
	}
	for _, end := range []string{"COMMIT PREPARED", "ROLLBACK PREPARED"} {
		locks()
		b.tag("PREPARE TRANSACTION 'a'", "PREPARE TRANSACTION")
		b.e.env.dirty, b.e.env.askTemp = false, false
		b.say("SELECT 1", 'I')
		held("prepared", true)
		b.e.env.dirty, b.e.env.askTemp = false, false
		b.tag(end+" 'other'", end)
		held("another was ended", true)
		b.e.env.dirty, b.e.env.askTemp = false, false
		b.client(q(end + " 'a'"))
		b.server(fails("55006"), ready('I'))
		held("it could not be ended", true)
		b.e.env.dirty, b.e.env.askTemp = false, false
		b.tag(end+" 'a'", end)
		held(end, false)
	}
	locks()
	b.tag("PREPARE TRANSACTION 'a'", "ROLLBACK")
	held("it had failed", false)
	locks()
	b.client(q("PREPARE TRANSACTION 'a'"))
	b.server(fails("42710"), ready('I'))
	held("an error", false)
	locks()
	b.client(q("PREPARE TRANSACTION 'a'"))
	held("not answered yet", true)
	b.e.close("gone")
	held("the session ended before the answer", true)
}

// What was under way when others let go of their locks may have met them; what
// begins later may not.
func TestLocksThatWereLetGo(t *testing.T) {
	var l locks
	l.all.Add(1)
	place := l.hold(customers)
	during := l.turn.Load()
	l.letGo(place)
	l.all.Add(-1)
	if !l.since(during, customers) || !l.since(during, "") || l.since(during, "shop/other") {
		t.Error("locks that were let go of before the answer came are not seen, or elsewhere")
	}
	if l.since(l.turn.Load(), customers) {
		t.Error("locks that were let go of before the question are seen")
	}
}
