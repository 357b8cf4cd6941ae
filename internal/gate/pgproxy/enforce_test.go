package pgproxy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/policy"
	"sekisho/internal/policy/cut"
	"time"
)

func compiled(t testing.TB, src *policy.Source) *policy.Policy {
	t.Helper()
	p, err := policy.Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func limit(n uint64) *uint64 { return &n }

// enforcing starts a world whose policy refuses.
func enforcing(t testing.TB, src *policy.Source) *world {
	return newWorld(t, func(c *pgproxy.Config, _ *pgproxy.Settings) {
		c.Rules = &pgproxy.Rules{Policy: compiled(t, src), Mode: policy.Enforce}
	})
}

func (w *world) connect(more string) *pgx.Conn {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.dsn(more))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// simple runs statements by the simple protocol and returns what came, one
// string a row, and the SQLSTATE of the error.
func simple(t testing.TB, conn *pgx.Conn, sql string) (rows []string, code string) {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	for _, r := range results {
		for _, row := range r.Rows {
			var cells []string
			for _, v := range row {
				if v == nil {
					cells = append(cells, "NULL")
				} else {
					cells = append(cells, string(v))
				}
			}
			rows = append(rows, strings.Join(cells, "|"))
		}
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		code = pe.Code
	} else if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows, code
}

func decisions(w *world) (out []string) {
	bodies, _ := w.rec.all()
	for _, b := range bodies {
		if d, ok := b.(*event.Decision); ok {
			out = append(out, d.Action+" "+d.Rule)
		}
	}
	return out
}

func TestEnforceRefusesAndTheSessionGoesOn(t *testing.T) {
	w := enforcing(t, &policy.Source{Generation: 1, Default: "deny"})
	for _, mode := range []string{"simple_protocol", "cache_statement", "exec"} {
		conn := w.connect("default_query_exec_mode=" + mode)
		for range 2 {
			var s string
			err := conn.QueryRow(t.Context(), "SELECT email FROM customers WHERE id = $1", 1).Scan(&s)
			var pe *pgconn.PgError
			if !errors.As(err, &pe) || pe.Code != "42501" || !strings.Contains(pe.Hint, "event") {
				t.Errorf("%s: got %q, %v", mode, s, err)
			}
			if err := conn.QueryRow(t.Context(), "SELECT title FROM goods WHERE id = $1", 2).Scan(&s); err != nil || s != "item 2" {
				t.Errorf("%s: after a refusal: %q, %v", mode, s, err)
			}
		}
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = tx.Exec(t.Context(), "SELECT email FROM customers")
		if conn.PgConn().TxStatus() != 'E' {
			t.Errorf("%s: a refused statement leaves the transaction in state %c, want E", mode, conn.PgConn().TxStatus())
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Errorf("%s: rollback: %v", mode, err)
		}
	}
	if got := decisions(w); len(got) != 9 {
		t.Errorf("%d decision events for 9 refusals: %q", len(got), got)
	}
	if parts := w.parts(); len(parts) != 0 {
		t.Errorf("refused statements crossed: %s", w.summary())
	}
}

func TestRowCapCutsAndTheSessionGoesOn(t *testing.T) {
	w := enforcing(t, &policy.Source{Generation: 1, Default: "deny", Rules: []policy.RuleSource{{
		Name: "few", Elements: []string{"*"}, Action: "allow", Bulk: "allow", Rows: &policy.CapsSource{Statement: limit(10)}}}})
	conn := w.connect("")
	for _, sql := range []string{
		"SELECT id, email FROM customers ORDER BY id",
		"SELECT id, email, pg_sleep(0.001) FROM customers ORDER BY id",
	} {
		rows, code := simple(t, conn, sql)
		if code != "42501" {
			t.Errorf("%s: %d rows, code %q", sql, len(rows), code)
		}
		if rows, code := simple(t, conn, "SELECT email FROM customers WHERE id = 5"); code != "" || len(rows) != 1 || rows[0] != "u5@example.jp" {
			t.Errorf("after the cut: %q %q", rows, code)
		}
	}
	var n int
	r, err := conn.Query(t.Context(), "SELECT id, email FROM customers WHERE id > $1 ORDER BY id", 100)
	if err != nil {
		t.Fatal(err)
	}
	for r.Next() {
		n++
	}
	var pe *pgconn.PgError
	if !errors.As(r.Err(), &pe) || pe.Code != "42501" || n != 10 {
		t.Errorf("extended: %d rows, %v", n, r.Err())
	}
	var s string
	if err := conn.QueryRow(t.Context(), "SELECT email FROM customers WHERE id = $1", 6).Scan(&s); err != nil || s != "u6@example.jp" {
		t.Errorf("after the cut: %q, %v", s, err)
	}
	w.want("customers exact {1-10,101-110}") // the row that exceeds the cap does not pass
}

func TestMaskedColumns(t *testing.T) {
	w := enforcing(t, &policy.Source{Generation: 1, Default: "deny", Rules: []policy.RuleSource{{
		Name: "masked", Elements: []string{"*"}, Action: "allow", Bulk: "allow", Mask: map[string]string{"email": "stars", "phone": "last4"}}}})
	conn := w.connect("")
	rows, code := simple(t, conn, "SELECT id, email, phone, name FROM customers WHERE id = 5")
	if code != "" || fmt.Sprint(rows) != "[5|****|****0905|名前5]" && fmt.Sprint(rows) != "[5|****|****|名前5]" {
		t.Errorf("rows %q %q", rows, code)
	}
	if rows, _ := simple(t, conn, "SELECT email || 'x', name FROM customers WHERE id = 5"); len(rows) != 1 || strings.Contains(rows[0], "u5") {
		t.Errorf("an expression of a masked column: %q", rows)
	}
}

func TestErrorsAreRedacted(t *testing.T) {
	w := enforcing(t, &policy.Source{Generation: 1, Default: "allow"})
	if err := w.server.Exec(t.Context(), w.database, `CREATE FUNCTION raises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.name LIKE 'raise %' THEN RAISE '% exists', NEW.email USING ERRCODE = substr(NEW.name, 7); END IF; RETURN NEW; END $$;
CREATE TRIGGER raises BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION raises()`); err != nil {
		t.Fatal(err)
	}
	conn := w.connect("")
	for _, sql := range []string{
		"SELECT email::int FROM customers WHERE id = 3",
		"INSERT INTO customers (id, name, email) VALUES (4000, 'x', 'u3@example.jp')",
		"UPDATE customers SET name = NULL WHERE id = 3",
		// Code may give what it raises any SQLSTATE.
		"UPDATE customers SET name = 'raise 45000' WHERE id = 3",
		"UPDATE customers SET name = 'raise 42703' WHERE id = 3",
		"UPDATE customers SET name = 'raise 40001' WHERE id = 3",
	} {
		_, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
		var pe *pgconn.PgError
		if !errors.As(err, &pe) {
			t.Fatalf("%s: %v", sql, err)
		}
		if all := fmt.Sprintf("%+v", pe); strings.Contains(all, "u3@") || strings.Contains(all, "名前") {
			t.Errorf("%s: values in the error: %s", sql, all)
		}
	}
}

// channels are statements that carry rows by other ways than a result whose
// lineage is known.
var channels = []string{
	"SELECT * FROM leak()",
	"DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers LIMIT 1); END $$",
	"COPY customers TO '/tmp/sekisho-channel'",
	"COPY customers TO PROGRAM 'cat >/dev/null'",
	"SELECT most_common_vals FROM pg_stats",
	"SELECT pg_notify('k', email) FROM customers",
	"SELECT set_config('x.y', string_agg(email, ','), false) FROM customers",
	"SELECT pg_read_file('PG_VERSION')",
	"SELECT lo_get(0)",
}

// TestChannelsAreRefused refuses them with SQLSTATE, hint and the id of an
// event that names rule and digest.
func TestChannelsAreRefused(t *testing.T) {
	p := compiled(t, &policy.Source{Generation: 1, Default: "allow"})
	w := newWorld(t, func(c *pgproxy.Config, _ *pgproxy.Settings) {
		c.Rules = &pgproxy.Rules{Policy: p, Mode: policy.Enforce}
	})
	conn := w.connect("")
	var hints []string
	refused := func(what string, err error) {
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || pe.Code != "42501" || pe.Hint == "" {
			t.Errorf("%s: %v", what, err)
			return
		}
		hints = append(hints, pe.Hint)
	}
	for _, sql := range channels {
		_, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
		refused(sql, err)
	}
	front := conn.PgConn().Frontend()
	front.Send(&pgproto3.FunctionCall{Function: 1598, ArgFormatCodes: []uint16{0}, ResultFormatCode: 0}) // random()
	if err := front.Flush(); err != nil {
		t.Fatal(err)
	}
	for done := false; !done; {
		m, err := front.Receive()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			refused("fastpath", pgconn.ErrorResponseToPgError(m))
		case *pgproto3.ReadyForQuery:
			done = true
		}
	}
	w.stop()
	bodies, _ := w.rec.all()
	n := 0
	for _, b := range bodies {
		d, ok := b.(*event.Decision)
		if !ok {
			continue
		}
		if d.Rule == "" || d.Policy != string(p.Digest()) || n >= len(hints) || !strings.Contains(hints[n], d.ID) {
			t.Errorf("decision %d: %+v", n, d)
		}
		n++
	}
	if n != len(channels)+1 {
		t.Errorf("%d decisions for %d refusals", n, len(channels)+1)
	}
}

// TestChannelsAreBoundedInObserveMode lets them pass, each bounded.
func TestChannelsAreBoundedInObserveMode(t *testing.T) {
	w := newWorld(t, nil)
	codes := map[event.Session]string{}
	of := map[event.Session]string{}
	for i, sql := range channels {
		id := event.Session(1<<32 | (i + 1)) // sessions are numbered from the start's number on
		of[id] = sql
		_, codes[id] = simple(t, w.connect(""), sql)
	}
	w.stop()
	bounded := map[event.Session]int{}
	bodies, _ := w.rec.all()
	for _, b := range bodies {
		switch b := b.(type) {
		case *event.Crossing:
			for _, p := range b.Parts {
				if bounded[b.Session]++; p.Class == event.Exact {
					t.Errorf("%s: exact: %+v", of[b.Session], p)
				}
			}
		case *event.Decision:
			t.Errorf("%s: a decision in observe mode: %+v", of[b.Session], b)
		}
	}
	for id, sql := range of {
		if codes[id] != "" { // the server's own refusal: app is no superuser, and there is no large object 0
			if codes[id] != "42501" && codes[id] != "42704" {
				t.Errorf("%s: %q", sql, codes[id])
			}
			continue
		}
		if bounded[id] == 0 {
			t.Errorf("%s passed and left no trace", sql)
		}
	}
}

func TestPolicySwapsInOpenSessions(t *testing.T) {
	w := enforcing(t, &policy.Source{Generation: 1, Default: "allow"})
	conn := w.connect("")
	if _, code := simple(t, conn, "SELECT email FROM customers WHERE id = 1"); code != "" {
		t.Fatal(code)
	}
	w.gate.SetRules(&pgproxy.Rules{Policy: compiled(t, &policy.Source{Generation: 2, Default: "deny"}), Mode: policy.Enforce})
	if _, code := simple(t, conn, "SELECT email FROM customers WHERE id = 1"); code != "42501" {
		t.Errorf("the new policy does not hold: %q", code)
	}
}

func TestCutEndsASession(t *testing.T) {
	w := newWorld(t, nil)
	conn := w.connect("")
	if n := w.gate.End(func(s pgproxy.Session) bool { return s.User == "app" }); n != 1 {
		t.Fatalf("%d sessions were told", n)
	}
	_, err := conn.Exec(t.Context(), "SELECT 1")
	for err == nil {
		_, err = conn.Exec(t.Context(), "SELECT 1")
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code != "57P01" {
		t.Errorf("the session ended with %v", err)
	}
	w.stop()
	if s := w.gate.Sessions(); len(s) != 0 {
		t.Errorf("sessions %v", s)
	}
}

// A cut in force ends the sessions that it matches before Cut returns, and no
// new one begins until it is taken back.
func TestCutInForce(t *testing.T) {
	w := newWorld(t, nil)
	w.connect("")
	put := func(generation uint64, entries ...cut.Entry) int {
		t.Helper()
		set, err := cut.New(generation, entries)
		if err != nil {
			t.Fatal(err)
		}
		n, err := w.gate.Cut(t.Context(), set)
		if err != nil || w.gate.Generation() != generation {
			t.Fatalf("generation %d: %v", w.gate.Generation(), err)
		}
		return n
	}
	until := time.Now().Add(time.Hour).UnixNano()
	if n := put(1, cut.Entry{ID: "c1", Kind: cut.User, Target: "somebody_else", Until: until}); n != 0 || len(w.gate.Sessions()) != 1 {
		t.Fatalf("another's cut ended %d", n)
	}
	if n := put(2, cut.Entry{ID: "c2", Kind: cut.User, Target: "app", Until: until}); n != 1 || len(w.gate.Sessions()) != 0 {
		t.Fatalf("ended %d, %d are open", n, len(w.gate.Sessions()))
	}
	_, err := pgx.Connect(t.Context(), w.dsn(""))
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "57P01" || !strings.Contains(pe.Message, "cut") {
		t.Fatalf("a session began under a cut: %v", err)
	}
	put(3)
	if _, code := simple(t, w.connect(""), "SELECT 1"); code != "" {
		t.Errorf("after the cut: %s", code)
	}
}
