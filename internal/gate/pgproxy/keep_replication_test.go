package pgproxy_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/policy"
)

// streams begins to stream, and awaits reads until a message holds a text. Of a
// physical stream every byte must come, once (XLogData; PostgreSQL, "Streaming
// Replication Protocol").
func streams(t *testing.T, conn *pgconn.PgConn, command string) (awaits func(text string)) {
	t.Helper()
	conn.Frontend().SendQuery(&pgproto3.Query{String: command})
	if err := conn.Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
	next := uint64(0)
	return func(text string) {
		t.Helper()
		for {
			switch m, err := conn.Frontend().Receive(); d := m.(type) {
			case *pgproto3.CopyData:
				if strings.Contains(command, "PHYSICAL") && d.Data[0] == 'w' {
					at := binary.BigEndian.Uint64(d.Data[1:])
					if next != 0 && at != next {
						t.Fatalf("the stream goes on at %x, want %x", at, next)
					}
					next = at + uint64(len(d.Data)-25)
				}
				if strings.Contains(string(d.Data), text) {
					return
				}
			case *pgproto3.ErrorResponse:
				t.Fatalf("%s: %s", text, d.Message)
			case nil:
				t.Fatalf("%s: %v", text, err)
			}
		}
	}
}

// recordBegan is long before anything streams.
const recordBegan = 1_600_000_000_000_000_000

// Replication connections go on over two upgrades: what they stream before, meanwhile
// and after is bounded over everybody who was ever held, and SQL that one carried
// keeps the database suspected.
func TestReplicationKept(t *testing.T) {
	for _, strict := range []bool{false, true} {
		keep := func(c *pgproxy.Config, s *pgproxy.Settings) {
			c.Keep = func() bool { return true }
			c.Began = recordBegan
			s.Strict = strict
		}
		w := replicating(t, keep)
		logical := w.streamer()
		if _, err := logical.Exec(t.Context(), "SELECT pg_catalog.set_config('search_path', '', false)").ReadAll(); err != nil { // as libpq's clients
			t.Fatal(err)
		}
		if _, err := logical.Exec(t.Context(), "CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL test_decoding").ReadAll(); err != nil {
			t.Skipf("SKIPPED: no test_decoding: %v", err)
		}
		decoded := streams(t, logical, "START_REPLICATION SLOT s LOGICAL 0/0")
		physical, err := pgconn.Connect(t.Context(), w.dsn("replication=true"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = physical.Close(context.Background()) })
		at, err := physical.Exec(t.Context(), "IDENTIFY_SYSTEM").ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		written := streams(t, physical, fmt.Sprintf("START_REPLICATION PHYSICAL %s TIMELINE %s", at[0].Rows[0][2], at[0].Rows[0][1]))
		both := func(text string) {
			t.Helper()
			if err := w.server.Exec(t.Context(), "shop", fmt.Sprintf("UPDATE customers SET name = '%s' WHERE id = 1", text)); err != nil {
				t.Fatal(err)
			}
		}
		for start := uint32(2); start < 4; start++ {
			before, meanwhile, after := fmt.Sprintf("before%d", start), fmt.Sprintf("meanwhile%d", start), fmt.Sprintf("after%d", start)
			both(before)
			decoded(before)
			written(before)
			w.stop()
			kept := w.gate.Kept()
			if len(kept) != 2 {
				t.Fatalf("%d sessions are kept, want 2", len(kept))
			}
			for _, k := range kept { // SQL may be under way in the one
				if pid := k.ServerPID(); pid != 0 && pid != physical.PID() {
					t.Errorf("nothing is under way at %d", pid)
				}
			}
			both(meanwhile)
			bodies, _ := w.rec.all()
			w = w.followKept(start, keep, kept)
			if _, _, inFlight := w.gate.Changes("shop", "shop/public.customers"); inFlight != 1 {
				t.Errorf("%d in flight, want 1 of SQL", inFlight)
			}
			both(after)
			decoded(meanwhile)
			decoded(after)
			written(after) // perhaps in one message
			w.until("what they stream is bounded", func() bool {
				return strings.Count(folded(w, len(bodies)), "bounded: replication") == 2
			})
		}
		w.stop()
		for _, k := range w.gate.Kept() {
			k.Close()
		}
		bodies, _ := w.rec.all()
		for _, b := range bodies {
			if c, ok := b.(*event.Crossing); ok && c.Since != recordBegan {
				t.Errorf("what is streamed may have rested since %d, want since the record began", c.Since)
			}
		}
		if n := len(slices.DeleteFunc(bodies, func(b event.Body) bool { x, ok := b.(*event.Taint); return !ok || x.Table != "shop" })); n != 3 {
			t.Errorf("SQL tainted the database %d times, want once a run", n)
		}
	}
}

// A replication connection that the policy in force refuses is not taken up.
func TestReplicationKeptAndRefused(t *testing.T) {
	keep := func(c *pgproxy.Config, _ *pgproxy.Settings) { c.Keep = func() bool { return true } }
	w := replicating(t, keep)
	conn := w.streamer()
	if _, err := conn.Exec(t.Context(), "IDENTIFY_SYSTEM").ReadAll(); err != nil {
		t.Fatal(err)
	}
	w.stop()
	kept := w.gate.Kept()
	if len(kept) != 1 {
		t.Fatalf("%d sessions are kept, want 1", len(kept))
	}
	next := newWorldIn(t, w.server, w.database, func(c *pgproxy.Config, s *pgproxy.Settings) {
		keep(c, s)
		c.Start, c.Resume, c.Recorders = 2, kept, []event.Recorder{w.rec}
		c.Rules = &pgproxy.Rules{Policy: compiled(t, &policy.Source{Generation: 1}), Mode: policy.Enforce}
	})
	if _, err := conn.Exec(t.Context(), "IDENTIFY_SYSTEM").ReadAll(); err == nil {
		t.Error("it goes on")
	}
	next.stop()
	bodies, _ := w.rec.all()
	if !slices.ContainsFunc(bodies, func(b event.Body) bool { d, ok := b.(*event.Decision); return ok && d.Action == "refuse" }) {
		t.Error("the refusal is not recorded")
	}
}
