package pgproxy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
)

// TestKeptMidway: a transaction that began before an upgrade is committed after it,
// as if there had been none: the rows, what is recorded, savepoints, and a failed one.
func TestKeptMidway(t *testing.T) {
	before := []string{"BEGIN", "UPDATE customers SET plan = 'gold' WHERE id = 70", "SELECT email FROM customers WHERE id = 5",
		"SAVEPOINT s", "DELETE FROM bookings WHERE id = 12", "UPDATE customers SET plan = 'lost' WHERE id = 71",
		"INSERT INTO goods SELECT id + 1000, email FROM customers WHERE id = 8"}
	after := []string{"SELECT phone FROM customers WHERE id = 6", "ROLLBACK TO s", "UPDATE customers SET plan = 'gold' WHERE id = 72",
		"SELECT name FROM customers WHERE id = 7", "COMMIT", "SELECT name FROM customers WHERE plan = 'gold' ORDER BY id"}
	run := func(upgrade bool) (rows []string, recorded string) {
		w := keeps(t, nil)
		c := w.connect("default_query_exec_mode=exec")
		for _, sql := range before {
			rows = append(rows, rowsOf(t, c, sql)...)
		}
		next := w
		if upgrade {
			next = w.follow(2, nil)
			if n := len(next.gate.Sessions()); n != 1 {
				t.Fatalf("%d sessions", n)
			}
			if _, _, n := next.gate.Changes(w.database, "shop/public.customers"); n != 1 {
				t.Errorf("%d transactions that may write to the table, want the one that was kept", n)
			}
		}
		for _, sql := range after {
			rows = append(rows, rowsOf(t, c, sql)...)
		}
		if _, unclear, n := next.gate.Changes(w.database, "shop/public.customers"); n != 0 || upgrade != (unclear > 0) {
			t.Errorf("upgrade %v: %d under way in the end, %d unclear", upgrade, n, unclear)
		}
		next.stop()
		for _, k := range next.gate.Kept() {
			k.Close()
		}
		bodies, _ := w.rec.all()
		for _, b := range bodies { // one bucket or two
			if h, ok := b.(*event.HoldingChange); ok {
				h.Rows, h.Unknown = 0, min(h.Unknown, 1)
			}
		}
		return rows, strings.Join(fold(bodies), "\n")
	}
	rows, recorded := run(false)
	got, also := run(true)
	if !slices.Equal(rows, got) || len(rows) != 5 {
		t.Errorf("with an upgrade %q, without %q", got, rows)
	}
	if recorded != also {
		t.Errorf("recorded with an upgrade:\n%s\nwithout:\n%s", also, recorded)
	}
}

// TestKeptFailed: a transaction that has failed is still failed after an upgrade. Nobody
// waits for the end of the drain when only such sessions are left.
func TestKeptFailed(t *testing.T) {
	w := keeps(t, func(c *pgproxy.Config, _ *pgproxy.Settings) { c.DrainTimeout = time.Hour })
	c := w.connect("default_query_exec_mode=exec")
	for _, sql := range []string{"BEGIN", "SAVEPOINT s"} {
		rowsOf(t, c, sql)
	}
	if _, code := simple(t, c, "SELECT 1/0"); code != "22012" {
		t.Fatal(code)
	}
	next := w.follow(2, nil)
	if _, code := simple(t, c, "SELECT 1"); code != "25P02" {
		t.Errorf("SQLSTATE %s in a failed transaction", code)
	}
	for _, sql := range []string{"ROLLBACK TO s", "SELECT email FROM customers WHERE id = 3", "COMMIT"} {
		rowsOf(t, c, sql)
	}
	next.stop()
	if got := folded(w, 0); got != "customers email exact {3}" {
		t.Errorf("recorded:\n%s", got)
	}
}

// TestKeptCursors: cursors and portals that are open in a transaction go on after an
// upgrade, without the columns that the gate added, and what they give is bounded.
func TestKeptCursors(t *testing.T) {
	w := keeps(t, nil)
	c := w.connect("default_query_exec_mode=exec")
	for _, sql := range []string{"BEGIN", "DECLARE plain CURSOR FOR SELECT id, email FROM customers WHERE id < 10 ORDER BY id", "DECLARE added SCROLL CURSOR FOR SELECT email FROM customers ORDER BY id"} {
		rowsOf(t, c, sql)
	}
	fe := c.PgConn().Frontend()
	read := func() (rows []string) {
		t.Helper()
		if err := fe.Flush(); err != nil {
			t.Fatal(err)
		}
		for {
			m, err := fe.Receive()
			if err != nil {
				t.Fatal(err)
			}
			switch m := m.(type) {
			case *pgproto3.DataRow:
				if len(m.Values) != 1 {
					t.Errorf("a row of %d columns", len(m.Values))
				}
				rows = append(rows, string(m.Values[0]))
			case *pgproto3.ErrorResponse:
				t.Errorf("%s %s", m.Code, m.Message)
			case *pgproto3.ReadyForQuery:
				return rows
			}
		}
	}
	fe.SendParse(&pgproto3.Parse{Query: "SELECT name FROM customers ORDER BY id"})
	fe.SendBind(&pgproto3.Bind{DestinationPortal: "p"})
	fe.SendExecute(&pgproto3.Execute{Portal: "p", MaxRows: 2})
	fe.SendSync(&pgproto3.Sync{})
	if got := read(); !slices.Equal(got, []string{"名前1", "名前2"}) {
		t.Fatalf("%q", got)
	}
	bodies, _ := w.rec.all()
	from := len(bodies)
	next := w.follow(2, nil)
	if got := rowsOf(t, c, "FETCH 2 FROM plain"); !slices.Equal(got, []string{"1|u1@example.jp", "2|u2@example.jp"}) {
		t.Errorf("%q", got)
	}
	if got := rowsOf(t, c, "FETCH 1 FROM added"); !slices.Equal(got, []string{"u1@example.jp"}) {
		t.Errorf("%q", got)
	}
	fe.SendExecute(&pgproto3.Execute{Portal: "p", MaxRows: 2})
	fe.SendSync(&pgproto3.Sync{})
	if got := read(); !slices.Equal(got, []string{"名前3", "名前4"}) {
		t.Errorf("%q", got)
	}
	rowsOf(t, c, "COMMIT")
	if _, code := simple(t, c, "FETCH 1 FROM plain"); code != "34000" {
		t.Errorf("SQLSTATE %s after the transaction", code)
	}
	next.stop()
	if got := folded(w, from); !strings.Contains(got, "customers name,phone,email bounded: cursor") {
		t.Errorf("recorded:\n%s", got)
	}
}

// TestKeptDescribed: what was bound and not executed ended with its transaction, and
// keeps nobody from being kept.
func TestKeptDescribed(t *testing.T) {
	w := keeps(t, nil)
	c := w.connect("default_query_exec_mode=exec")
	fe := c.PgConn().Frontend()
	fe.SendParse(&pgproto3.Parse{Query: "SELECT name FROM customers WHERE id = 3"})
	fe.SendBind(&pgproto3.Bind{})
	fe.SendDescribe(&pgproto3.Describe{ObjectType: 'P'})
	fe.SendSync(&pgproto3.Sync{})
	if err := fe.Flush(); err != nil {
		t.Fatal(err)
	}
	for ready := false; !ready; {
		m, err := fe.Receive()
		if err != nil {
			t.Fatal(err)
		}
		_, ready = m.(*pgproto3.ReadyForQuery)
	}
	next := w.follow(2, nil)
	if got := rowsOf(t, c, "SELECT name FROM customers WHERE id = 3"); !slices.Equal(got, []string{"名前3"}) || len(next.gate.Sessions()) != 1 {
		t.Errorf("%q", got)
	}
}

// TestKeptLocksAndSchema: what others must know of a transaction holds when they go
// on, whoever is taken up first, and at another gate of the same database.
func TestKeptLocksAndSchema(t *testing.T) {
	w := keeps(t, nil)
	var all []*pgx.Conn
	for range 4 {
		all = append(all, w.connect("default_query_exec_mode=exec"))
	}
	for _, sql := range []string{"BEGIN", "SELECT id FROM customers WHERE email LIKE 'u7%' FOR UPDATE"} {
		rowsOf(t, all[2], sql)
	}
	for _, sql := range []string{"BEGIN", "CREATE TABLE notes (body text)"} {
		rowsOf(t, all[3], sql)
	}
	pids := map[uint32]bool{}
	for _, s := range w.gate.Sessions() {
		pids[s.ServerPID] = true
	}
	w.stop()
	kept := w.gate.Kept()
	if len(kept) != 4 {
		t.Fatalf("%d sessions", len(kept))
	}
	for i := range kept {
		if !pids[kept[i].ServerPID()] {
			t.Errorf("process %d of the server served none of them", kept[i].ServerPID())
		}
	}
	common := new(pgproxy.Common)
	next := w.followKept(2, func(_ *pgproxy.Config, s *pgproxy.Settings) { s.Common = common }, kept)
	if !next.gate.Changing(next.database) {
		t.Error("nobody knows of the change of the schema that is under way")
	}
	other := newWorldIn(t, w.server, w.database, func(c *pgproxy.Config, s *pgproxy.Settings) {
		s.Common, c.Recorders = common, []event.Recorder{w.rec}
	})
	for _, c := range []*pgx.Conn{all[0], other.connect("default_query_exec_mode=exec")} {
		rowsOf(t, all[3], "SELECT 1")
		rowsOf(t, c, "SELECT id, plan FROM customers WHERE id < 3 FOR UPDATE SKIP LOCKED")
	}
	rowsOf(t, all[3], "COMMIT")
	next.until("the change is over", func() bool { return !next.gate.Changing(next.database) })
	before, _ := w.rec.all()
	rowsOf(t, all[1], "SELECT id, plan FROM customers WHERE id < 3 FOR UPDATE SKIP LOCKED")
	next.until("what is locked is told", func() bool { return strings.Contains(folded(w, len(before)), "bounded: locks") })
	rowsOf(t, all[2], "COMMIT")
	before, _ = w.rec.all()
	rowsOf(t, all[1], "SELECT id, email FROM customers WHERE id < 3 FOR UPDATE SKIP LOCKED")
	next.stop()
	other.stop()
	if got := folded(w, len(before)); got != "customers email exact {1-2}" {
		t.Errorf("after the locks, recorded:\n%s", got)
	}
}
