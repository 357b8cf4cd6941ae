package pgproxy_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"sekisho/internal/datamap"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/pgserver"
	"sekisho/internal/roll"
)

// TestServerOutlivesClients has clients go away, and the gate end them, in the
// middle of statements that a real server finishes all the same.
func TestServerOutlivesClients(t *testing.T) {
	server := sharedServer(t)
	database := fmt.Sprintf("shop%d", databases.Add(1))
	if err := server.Clone(t.Context(), "shop", database); err != nil {
		t.Fatal(err)
	}
	dsn, control := server.SocketDSN(pgserver.Superuser, database), &datamap.Control{}
	w := newWorldIn(t, server, database, func(_ *pgproxy.Config, s *pgproxy.Settings) {
		s.Working = func(ctx context.Context) ([]roll.Process, error) { return datamap.Processes(ctx, dsn, control) }
	})
	admin, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(context.Background()) }()
	until := func(what string, done func() bool) {
		t.Helper()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(30 * time.Second); !done(); <-tick.C {
			if time.Now().After(deadline) {
				t.Fatal("waited too long for " + what)
			}
		}
	}
	ask := func(sql string, args ...any) (n int) {
		t.Helper()
		if err := admin.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	open := func() uint64 {
		_, _, n := w.gate.Changes(database, "shop/public.customers")
		return n
	}
	for i, c := range []struct {
		sql    string
		killed bool // by the gate
		wrote  bool
	}{
		{"UPDATE customers SET plan = 'a' WHERE id = 1; SELECT pg_advisory_xact_lock(7)", false, true},
		{"COPY customers (id, name) FROM STDIN; SELECT pg_advisory_xact_lock(7)", false, true},
		{"UPDATE customers SET plan = 'b' WHERE id = 1; SELECT pg_advisory_xact_lock(7)", true, true},
		{"SELECT pg_advisory_xact_lock(7)", false, false},
	} {
		ask("SELECT 1 FROM pg_advisory_lock(7)")
		r := w.raw()
		r.send(&pgproto3.Query{String: c.sql})
		if i == 1 {
			r.until("G")
			r.send(&pgproto3.CopyData{Data: []byte("900001\tx\n")}, &pgproto3.CopyDone{})
		}
		const waits = "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE usename = 'app' AND datname = current_database() AND wait_event = 'advisory'"
		until("the lock", func() bool { return ask(waits) != 0 })
		pid := uint32(ask(waits))
		if c.killed {
			w.gate.End(func(s pgproxy.Session) bool { return s.ServerPID == pid })
		} else {
			_ = r.conn.Close() // without a word
		}
		until("the session's end", func() bool { return len(w.gate.Sessions()) == 0 })
		for range 3 {
			if n := open(); (n > 0) != c.wrote || w.gate.Presence(pid) != roll.Serving {
				t.Errorf("%s: %d in flight, presence %v while the server works", c.sql, n, w.gate.Presence(pid))
			}
			ask("SELECT 1 FROM pg_sleep(0.1)")
		}
		ask("SELECT 1 FROM pg_advisory_unlock(7)")
		until("the end of it", func() bool { return open() == 0 && w.gate.Presence(pid) != roll.Serving })
		if n := ask("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", pid); n != 0 {
			t.Errorf("%s: let go of while the process is there", c.sql)
		}
		_ = r.conn.Close()
	}
	if n := ask("SELECT count(*) FROM customers WHERE plan = 'b' OR id = 900001"); n != 2 {
		t.Errorf("the server finished %d of two writes", n)
	}
}
