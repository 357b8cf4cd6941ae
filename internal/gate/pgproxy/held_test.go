package pgproxy_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Who has something under way with which no other gate could go on is named, as long
// as it has: not who rests, also in a transaction, nor who reads.
func TestHeld(t *testing.T) {
	w := keeps(t, briefly(nil))
	held := func() map[int]bool {
		out := map[int]bool{}
		first := w.gate.Held(t.Context())
		for id, at := range w.gate.Held(t.Context()) {
			if was, ok := first[id]; ok && was == at {
				out[int(uint32(id))] = true
			}
		}
		return out
	}
	if n := len(w.gate.Held(t.Context())); n != 0 {
		t.Errorf("%d of no sessions are held", n)
	}
	rests, open, reads, writes := w.connect(""), w.connect(""), w.connect(""), w.connect("")
	begin(t, open, &pgproto3.Query{String: "BEGIN; UPDATE customers SET plan = 'gold' WHERE id = 1000"})
	lines(t, open, 1)
	begin(t, reads, &pgproto3.Query{String: "SELECT email, id FROM customers WHERE " + slowly})
	begin(t, writes, &pgproto3.Query{String: "UPDATE customers SET plan = plan WHERE id = 1000"})
	w.until("who writes is held", func() bool { return len(held()) > 0 })
	stopped, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
	defer cancel()
	<-stopped.Done()
	if n := len(w.gate.Held(stopped)); n == 0 {
		t.Error("sessions that do not answer are not held")
	}
	begin(t, open, &pgproto3.Query{String: "COMMIT"})
	lines(t, open, 1)
	lines(t, writes, 1)
	w.until("nobody is held", func() bool { return len(held()) == 0 })
	lines(t, reads, 1)
	begin(t, rests, &pgproto3.Query{String: "SELECT 1"})
	lines(t, rests, 1)
}

// Sessions that end while they are asked are not waited for.
func TestHeldWhileTheyEnd(t *testing.T) {
	w := keeps(t, briefly(nil))
	for range 40 {
		c := w.connect("")
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			_ = c.Close(context.Background())
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		w.gate.Held(ctx)
		if ctx.Err() != nil {
			t.Error("a session that has ended did not answer")
		}
		cancel()
		<-gone
	}
}
