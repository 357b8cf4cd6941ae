package pgproxy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/policy"
)

// capped is a policy with one rule that allows within caps.
func capped(rule policy.RuleSource) *policy.Source {
	rule.Name, rule.Elements, rule.Action, rule.Bulk = "capped", []string{"*"}, "allow", "allow"
	return &policy.Source{Generation: 1, Default: "deny", Rules: []policy.RuleSource{rule}}
}

// TestCaps passes each cap: what is left of it passes, the next row does not.
func TestCaps(t *testing.T) {
	const one = "SELECT id, email FROM customers WHERE id = %d"
	for _, c := range []struct {
		name    string
		rule    policy.RuleSource
		clients int    // the statements go through so many sessions in turn
		sql     string // with the number of the statement
		passes  int    // statements that do
	}{
		{"rows of a session", policy.RuleSource{Rows: &policy.CapsSource{Session: limit(3)}}, 1, one, 3},
		{"rows of an hour", policy.RuleSource{Rows: &policy.CapsSource{Hour: limit(4)}}, 2, one, 4},
		{"persons of a session", policy.RuleSource{Subjects: &policy.CapsSource{Session: limit(2)}}, 1, one, 2},
		{"persons of an hour", policy.RuleSource{Subjects: &policy.CapsSource{Hour: limit(3)}}, 2, one, 3},
		{"persons of a session, the same again", policy.RuleSource{Subjects: &policy.CapsSource{Session: limit(1)}}, 1, "SELECT id, email, %d FROM customers WHERE id = 7", 5},
		{"rows whose persons are unknown", policy.RuleSource{UnattributableRows: limit(2)}, 1, "SELECT DISTINCT lower(email) FROM customers WHERE id <= %d", 2},
		{"rows too long to be held", policy.RuleSource{Rows: &policy.CapsSource{Session: limit(2)}}, 1, "SELECT id, email, repeat('x', 5000000) FROM customers WHERE id = %d", 2},
		{"COPY of rows too long", policy.RuleSource{Rows: &policy.CapsSource{Session: limit(2)}}, 1, "COPY (SELECT id, email, repeat('x', 5000000) FROM customers WHERE id = %d) TO STDOUT", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := enforcing(t, capped(c.rule))
			conns := []*pgconn.PgConn{w.connect("").PgConn(), w.connect("").PgConn()}
			for i := 1; i <= 5; i++ {
				sql := fmt.Sprintf(c.sql, i)
				err := conns[i%c.clients].Exec(t.Context(), sql).Close()
				var pe *pgconn.PgError
				switch refused := errors.As(err, &pe) && pe.Code == "42501"; {
				case err != nil && !refused:
					t.Errorf("%s: %v", sql, err)
				case refused != (i > c.passes):
					t.Errorf("%s: refused=%v, want %d to pass", sql, refused, c.passes)
				}
			}
		})
	}
}

// TestCapsAfterAnUpgrade: what a user got before an upgrade counts for the hour after
// it, in the session that went on and in others.
func TestCapsAfterAnUpgrade(t *testing.T) {
	for name, rule := range map[string]policy.RuleSource{"rows": {Rows: &policy.CapsSource{Hour: limit(4)}}, "persons": {Subjects: &policy.CapsSource{Hour: limit(4)}}} {
		rules := func(c *pgproxy.Config, _ *pgproxy.Settings) {
			c.Rules = &pgproxy.Rules{Policy: compiled(t, capped(rule)), Mode: policy.Enforce}
		}
		w := keeps(t, rules)
		conns := []*pgx.Conn{w.connect(""), w.connect("")}
		for i := 1; i <= 6; i++ {
			if i == 3 || i == 4 {
				w = w.follow(uint32(i), rules)
			}
			if _, code := simple(t, conns[i%2], fmt.Sprintf("SELECT id, email FROM customers WHERE id = %d", i)); (code == "42501") != (i > 4) {
				t.Errorf("%s %d: SQLSTATE %q", name, i, code)
			}
		}
	}
}

// TestPersonsOfAStatement ends a statement at the row of one person too many.
func TestPersonsOfAStatement(t *testing.T) {
	for name, more := range map[string]string{"rows": "", "rows too long to be held": ", repeat('x', 5000000)"} {
		w := enforcing(t, capped(policy.RuleSource{Subjects: &policy.CapsSource{Statement: limit(2)}}))
		rows, code := simple(t, w.connect(""), "SELECT id, email"+more+" FROM customers WHERE id IN (3, 4, 5, 6) ORDER BY id")
		// Whose a long row is shows when it has passed: it is the last one.
		want, set := 2, "{3-4}"
		if more != "" {
			want, set = 3, "{3-5}"
		}
		if code != "42501" || len(rows) != want {
			t.Errorf("%s: %d rows, code %q", name, len(rows), code)
		}
		w.want("customers exact " + set)
	}
}

// TestReportModeOnlyTells lets pass what enforce mode refuses, and tells it.
func TestReportModeOnlyTells(t *testing.T) {
	src := &policy.Source{Generation: 4, Default: "deny"}
	p := compiled(t, src)
	w := newWorld(t, func(c *pgproxy.Config, _ *pgproxy.Settings) {
		c.Rules = &pgproxy.Rules{Policy: p, Mode: policy.Report}
	})
	conn := w.connect("")
	if rows, code := simple(t, conn, "SELECT email FROM customers WHERE id = 3"); code != "" || len(rows) != 1 {
		t.Errorf("%q %q", rows, code)
	}
	var told []*event.Decision
	bodies, _ := w.rec.all()
	for _, b := range bodies {
		if d, ok := b.(*event.Decision); ok {
			told = append(told, d)
		}
	}
	if len(told) != 1 || told[0].Action != "report" || told[0].Policy != string(p.Digest()) || told[0].Rule == "" || told[0].ID == "" {
		t.Errorf("decisions: %+v", told)
	}
}

// TestNoticesAreRedacted raises a value in a notice.
func TestNoticesAreRedacted(t *testing.T) {
	const make = `CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN RAISE NOTICE 'it is %', NEW.email; RETURN NEW; END$f$;
CREATE TRIGGER tell BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION tell()`
	for mode, hidden := range map[policy.Mode]bool{policy.Enforce: true, policy.Observe: false} {
		w := newWorld(t, func(c *pgproxy.Config, _ *pgproxy.Settings) {
			c.Rules = &pgproxy.Rules{Policy: compiled(t, capped(policy.RuleSource{})), Mode: mode}
		})
		if err := w.server.Exec(t.Context(), w.database, make); err != nil {
			t.Fatal(err)
		}
		out := w.run("psql", "-Atc", "UPDATE customers SET name = name WHERE id = 3")
		if strings.Contains(out, "u3@example.jp") == hidden || !strings.Contains(out, "NOTICE") || !strings.Contains(out, "UPDATE 1") {
			t.Errorf("%v: %s", mode, out)
		}
		if parts := w.summary(); !strings.Contains(parts, "bounded") {
			t.Errorf("%v: what a notice told was not recorded: %s", mode, parts)
		}
	}
}
