package pgproxy_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
	"sekisho/internal/policy"
)

// replicating starts a world whose server streams changes to app.
func replicating(t *testing.T, change func(*pgproxy.Config, *pgproxy.Settings)) *world {
	t.Helper()
	server := pgservertest.Start(t, pgserver.Config{Settings: map[string]string{"wal_level": "logical", "max_wal_senders": "4"}})
	if err := server.CreateDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), "shop", schema+"; ALTER ROLE app REPLICATION"); err != nil {
		t.Fatal(err)
	}
	return newWorldOn(t, server, change)
}

func (w *world) streamer() *pgconn.PgConn {
	w.t.Helper()
	conn, err := pgconn.Connect(w.t.Context(), w.dsn("replication=database"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// What a logical connection streams passes unchanged and is bounded over all
// protected tables.
func TestLogicalReplication(t *testing.T) {
	for _, strict := range []bool{false, true} {
		w := replicating(t, func(_ *pgproxy.Config, s *pgproxy.Settings) { s.Strict = strict })
		conn := w.streamer()
		if _, err := conn.Exec(t.Context(), "CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL test_decoding").ReadAll(); err != nil {
			t.Skipf("SKIPPED: no test_decoding: %v", err)
		}
		conn.Frontend().SendQuery(&pgproto3.Query{String: "START_REPLICATION SLOT s LOGICAL 0/0"})
		if err := conn.Frontend().Flush(); err != nil {
			t.Fatal(err)
		}
		if err := w.server.Exec(t.Context(), "shop", "UPDATE customers SET name = 'streamed' WHERE id = 1"); err != nil {
			t.Fatal(err)
		}
		for seen := false; !seen; {
			m, err := conn.Frontend().Receive()
			if err != nil {
				t.Fatal(err)
			}
			d, ok := m.(*pgproto3.CopyData)
			seen = ok && strings.Contains(string(d.Data), "streamed")
		}
		w.want("bookings bounded replication {}", "customers bounded replication {}")
		bodies, _ := w.rec.all()
		for _, b := range bodies {
			if taint, ok := b.(*event.Taint); ok {
				t.Errorf("strict %v: the replication protocol laundered %+v", strict, taint)
			}
		}
	}
}

// A copy of the whole server is bounded too, and no session that a database
// counts.
func TestPhysicalReplication(t *testing.T) {
	w := replicating(t, nil)
	dir := filepath.Join(t.TempDir(), "copy")
	w.run("pg_basebackup", "-D", dir, "-X", "fetch", "--checkpoint=fast", "--no-sync")
	if _, err := os.Stat(filepath.Join(dir, "PG_VERSION")); err != nil {
		t.Error(err)
	}
	if n := w.gate.Carried(); n.Established != 0 {
		t.Errorf("%d sessions carried, want none that a database counts", n.Established)
	}
	w.want("bookings bounded replication {}", "customers bounded replication {}")
}

// SQL over such a connection may have copied anything.
func TestSQLOverReplication(t *testing.T) {
	w := replicating(t, nil)
	conn := w.streamer()
	if _, err := conn.Exec(t.Context(), "SHOW work_mem").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT pg_catalog.set_config('search_path', '', false);").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if _, unclear, inFlight := w.gate.Changes("shop", "shop/public.customers"); inFlight != 0 || unclear != 0 {
		t.Errorf("a command of the protocol, and what clients of it begin with: %d unclear, %d in flight, want none", unclear, inFlight)
	}
	if _, err := conn.Exec(t.Context(), "CREATE TEMPORARY TABLE t AS SELECT * FROM public.customers").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if _, _, inFlight := w.gate.Changes("shop", "shop/public.customers"); inFlight != 1 {
		t.Errorf("SQL: %d in flight, want 1", inFlight)
	}
	w.stop()
	bodies, _ := w.rec.all()
	tainted := false
	for _, b := range bodies {
		taint, ok := b.(*event.Taint)
		tainted = tainted || ok && taint.Table == "shop"
	}
	if !tainted {
		t.Error("no taint of the database")
	}
}

// What a client of PostgreSQL itself says on a logical connection is no SQL of which
// nobody knows what it does; the same before something else is.
func TestOwnClientsOverReplication(t *testing.T) {
	tainted := func(w *world) bool {
		bodies, _ := w.rec.all()
		return slices.ContainsFunc(bodies, func(b event.Body) bool { _, ok := b.(*event.Taint); return ok })
	}
	w := replicating(t, nil)
	w.run("pg_recvlogical", "--dbname", "shop", "--slot=own", "--plugin=pgoutput", "--create-slot")
	w.run("pg_recvlogical", "--dbname", "shop", "--slot=own", "--drop-slot")
	if tainted(w) {
		t.Error("pg_recvlogical laundered")
	}
	for _, more := range []string{"SELECT pg_catalog.set_config('search_path', '', false); SELECT 1", "SELECT pg_catalog.set_config('search_path', (SELECT name FROM customers LIMIT 1), false);"} {
		w := replicating(t, nil)
		if _, err := w.streamer().Exec(t.Context(), more).ReadAll(); err != nil {
			t.Fatal(err)
		}
		w.stop()
		if !tainted(w) {
			t.Errorf("%s: no taint", more)
		}
	}
}

// The policy decides at the login, and its refusal names the event.
func TestReplicationRefused(t *testing.T) {
	for _, tt := range []struct {
		mode     policy.Mode
		channels []policy.ChannelSource
		refused  bool
		action   string
	}{
		{policy.Enforce, nil, true, "refuse"},
		{policy.Report, nil, false, "report"},
		{policy.Observe, nil, false, ""},
		{policy.Enforce, []policy.ChannelSource{{Name: "standby", Who: policy.Who{Users: []string{"app"}}, Channel: "replication"}}, false, ""},
		{policy.Enforce, []policy.ChannelSource{{Name: "standby", Who: policy.Who{Users: []string{"other"}}, Channel: "replication"}}, true, "refuse"},
	} {
		src := &policy.Source{Generation: 1, Channels: tt.channels}
		w := newWorld(t, func(c *pgproxy.Config, _ *pgproxy.Settings) {
			c.Rules = &pgproxy.Rules{Policy: compiled(t, src), Mode: tt.mode}
		})
		_, err := pgconn.Connect(t.Context(), w.dsn("replication=database"))
		var refusal *pgconn.PgError
		refused := errors.As(err, &refusal) && strings.Contains(refusal.Message, "the gate's policy refuses replication")
		if refused != tt.refused {
			t.Errorf("mode %v: %v, want refused %v", tt.mode, err, tt.refused)
		}
		bodies, _ := w.rec.all()
		action, id := "", ""
		for _, b := range bodies {
			if d, ok := b.(*event.Decision); ok {
				action, id = d.Action, d.ID
			}
		}
		if action != tt.action {
			t.Errorf("mode %v: decision %q, want %q", tt.mode, action, tt.action)
		}
		if refused && (refusal.Code != "42501" || !strings.Contains(refusal.Detail, id) || id == "") {
			t.Errorf("refused with %s %q, want 42501 and the event %q", refusal.Code, refusal.Detail, id)
		}
	}
}
