package pgproxy_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"sekisho/internal/gate/pgproxy"
)

// While a gate is quiet, what a client says waits in its socket and is answered when
// it may speak again, or by the next gate: a statement that writes does not begin, so
// it cannot be ended. Who is in a transaction goes on until the gate is closed.
func TestQuiet(t *testing.T) {
	w := keeps(t, briefly(nil))
	update := &pgproto3.Query{String: "UPDATE customers SET plan = plan WHERE id = 1000"}
	say := func(c *pgx.Conn, m pgproto3.FrontendMessage) { t.Helper(); begin(t, c, m) }
	nobody := func(when string) {
		t.Helper()
		for range 20 { // each time every session answers
			if held := w.gate.Held(t.Context()); len(held) > 0 {
				t.Fatalf("%s: %d sessions are held: %v", when, len(held), held)
			}
		}
	}
	somebody := func(when string) {
		t.Helper()
		w.until(when, func() bool { return len(w.gate.Held(t.Context())) == 1 })
	}
	rests, open := w.connect(""), w.connect("")
	say(open, &pgproto3.Query{String: "BEGIN; UPDATE customers SET plan = 'gold' WHERE id = 1000"})
	lines(t, open, 1)

	w.gate.SetQuiet(pgproxy.Closing)
	nobody("closing")  // all have heard it
	say(rests, update) // it would wait for the row
	nobody("closing, and somebody speaks")
	say(open, &pgproto3.Query{String: "COMMIT; BEGIN; UPDATE customers SET plan = 'gold' WHERE id = 1000"})
	lines(t, open, 1)
	w.gate.SetQuiet(pgproxy.Open)
	somebody("what was said begins")
	say(open, &pgproto3.Query{String: "COMMIT"})
	lines(t, open, 1)
	if got := lines(t, rests, 1); !slices.Contains(got, "UPDATE 1") {
		t.Errorf("the statement that waited says %q", got)
	}

	// In a transaction as well, and over the end of the gate.
	say(rests, &pgproto3.Query{String: "BEGIN; UPDATE customers SET plan = 'gold' WHERE id = 901"})
	lines(t, rests, 1)
	say(open, &pgproto3.Query{String: "BEGIN; UPDATE customers SET plan = 'gold' WHERE id = 1000"})
	lines(t, open, 1)
	w.gate.SetQuiet(pgproxy.Closed)
	nobody("closed")
	say(rests, update)
	nobody("closed, and somebody speaks")
	w = w.follow(2, briefly(nil))
	somebody("what was said begins at the next gate")
	say(open, &pgproto3.Query{String: "COMMIT"})
	lines(t, open, 1)
	if got := lines(t, rests, 1); !slices.Contains(got, "UPDATE 1") {
		t.Errorf("the statement that waited says %q", got)
	}

	// Who comes while the gate is closed is taken in, and begins nothing either.
	say(open, &pgproto3.Query{String: "BEGIN; UPDATE customers SET plan = 'gold' WHERE id = 902"})
	lines(t, open, 1)
	w.gate.SetQuiet(pgproxy.Closed)
	comes := w.connect("")
	say(comes, &pgproto3.Query{String: "UPDATE customers SET plan = plan WHERE id = 902"})
	w.until("who came rests", func() bool { return len(w.gate.Held(t.Context())) == 0 })
	nobody("closed, and somebody came")
	w.gate.SetQuiet(pgproxy.Open)
	somebody("who came begins")
	say(open, &pgproto3.Query{String: "COMMIT"})
	lines(t, open, 1)
	lines(t, comes, 1)
}

// A session that waits for others in a transaction is silent only when nothing is under
// way in it: what it is in the middle of comes to its end.
func TestQuietInTheMiddle(t *testing.T) {
	w := keeps(t, briefly(nil))
	c, other := w.connect(""), w.connect("")
	begin(t, other, &pgproto3.Query{String: "BEGIN; UPDATE customers SET plan = 'gold' WHERE id = 1000"})
	lines(t, other, 1)
	begin(t, c, &pgproto3.Parse{Query: "UPDATE customers SET plan = plan WHERE id = 1000"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Flush{})
	w.until("the statement waits", func() bool { return len(w.gate.Held(t.Context())) == 1 })
	w.gate.SetQuiet(pgproxy.Closing)
	begin(t, c, &pgproto3.Sync{}) // without it the cycle does not end
	begin(t, other, &pgproto3.Query{String: "COMMIT"})
	lines(t, other, 1)
	lines(t, c, 1)
	w.gate.SetQuiet(pgproxy.Closed)
	w.until("all are silent", func() bool { return len(w.gate.Held(t.Context())) == 0 })
	w.gate.SetQuiet(pgproxy.Closing)
	w.gate.SetQuiet(pgproxy.Open)
	begin(t, c, &pgproto3.Query{String: "SELECT 1"})
	lines(t, c, 1)
}
