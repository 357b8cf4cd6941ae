package pgproxy_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
)

// crossings runs statements in one session of their own and returns what was
// recorded of it, folded and sorted.
func (w *world) crossings(mode string, statements ...string) []string {
	w.t.Helper()
	cfg, err := pgx.ParseConfig(w.dsn("default_query_exec_mode=" + mode))
	if err != nil {
		w.t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	before, _ := w.rec.all()
	for _, s := range statements {
		if mode == "simple_protocol" {
			_, err = conn.PgConn().Exec(w.t.Context(), s).ReadAll()
		} else {
			var rows pgx.Rows
			if rows, err = conn.Query(w.t.Context(), s); err == nil {
				for rows.Next() {
				}
				err = rows.Err()
			}
		}
		if err != nil {
			w.t.Logf("%s: %v", s, err)
		}
	}
	if err := conn.Close(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return w.since(len(before))
}

// since waits for the end of the session opened last and returns its crossings.
func (w *world) since(from int) []string {
	var session event.Session
	for {
		bodies, more := w.rec.all()
		for _, b := range bodies {
			if o, ok := b.(*event.SessionOpen); ok {
				session = o.Session
			}
		}
		if i := slices.IndexFunc(bodies, func(b event.Body) bool {
			c, ok := b.(*event.SessionClose)
			return ok && c.Session == session
		}); i >= 0 {
			return fold(bodies[from : i+1])
		}
		select {
		case <-more:
		case <-w.t.Context().Done():
			w.t.Fatal("the session never ended")
		}
	}
}

// fold sums the crossings' parts by table, class and reason.
func fold(bodies []event.Body) []string {
	sets := map[string]event.Set{}
	for _, b := range bodies {
		switch b := b.(type) {
		case *event.Crossing:
			for _, p := range b.Parts {
				key := strings.TrimPrefix(string(p.Table), "shop/public.") + " " + p.Elements.String() + " " + []string{"", "exact", "bounded", "aggregate"}[p.Class]
				if p.Reason != "" {
					key += ": " + p.Reason
				}
				if p.Unknown > 0 {
					key += fmt.Sprintf(" unknown=%d", p.Unknown)
				}
				sets[key] = union(sets[key], p.Subjects)
			}
		case *event.HoldingChange:
			key := fmt.Sprintf("%s %s rows=%d unknown=%d", strings.TrimPrefix(string(b.Table), "shop/public."), b.Op, b.Rows, b.Unknown)
			sets[key] = union(sets[key], b.Subjects)
		case *event.Taint:
			sets["taint "+strings.TrimPrefix(string(b.Table), "shop/public.")+" "+b.Elements.String()] = nil
		case *event.Finding:
			sets["finding "+b.Code] = nil
		}
	}
	var out []string
	for k, s := range sets {
		out = append(out, k+" {"+string(s.Append(nil))+"}")
	}
	slices.Sort(out)
	return out
}

func TestLadderOnARealServer(t *testing.T) {
	w := newWorld(t, nil)
	var out strings.Builder
	for _, c := range []struct {
		name string
		sql  []string
	}{
		{"key column", []string{"SELECT id, email FROM customers WHERE id < 4"}},
		{"alias and order", []string{"SELECT c.id AS x, c.name FROM customers c WHERE c.id < 3 ORDER BY c.id DESC"}},
		{"where key", []string{"SELECT email FROM customers WHERE id = 5"}},
		{"where key, no row", []string{"SELECT email FROM customers WHERE id = 99999"}},
		{"key only", []string{"SELECT id, plan FROM customers WHERE id < 10"}},
		{"no key", []string{"SELECT email FROM customers LIMIT 3"}},
		{"predicate", []string{"SELECT count(*) FROM customers WHERE email LIKE 'zz%'"}},
		{"aggregate", []string{"SELECT max(email) FROM customers"}},
		{"self-join", []string{"SELECT a.id, b.email FROM customers a JOIN customers b ON b.id = a.id + 1 WHERE a.id < 3"}},
		{"join on the key", []string{"SELECT c.id, c.name, b.passport FROM customers c JOIN bookings b ON b.customer_id = c.id WHERE c.id = 7"}},
		{"left join", []string{"SELECT g.id, c.id, c.email FROM goods g LEFT JOIN customers c ON c.id = g.id * 100 WHERE g.id < 12"}},
		{"view", []string{"SELECT * FROM contacts WHERE id = 8"}},
		{"cte", []string{"WITH x AS (SELECT id, email FROM customers WHERE id < 3) SELECT * FROM x"}},
		{"union", []string{"SELECT id, email FROM customers WHERE id = 1 UNION ALL SELECT id, name FROM customers WHERE id = 2"}},
		{"expression", []string{"SELECT id, upper(email) || '!' FROM customers WHERE id = 4"}},
		{"whole row", []string{"SELECT c FROM customers c WHERE id = 4"}},
		{"function", []string{"SELECT * FROM leak()"}},
		{"catalogue", []string{"SELECT most_common_vals FROM pg_stats WHERE tablename = 'customers'"}},
		{"unprotected", []string{"SELECT * FROM goods"}},
		{"other schema", []string{"SET search_path = other, public", "SELECT id, email FROM customers LIMIT 2"}},
		{"other schema in one message", []string{"SET search_path = other, public; SELECT id, email FROM customers LIMIT 2"}},
		{"cursor", []string{"BEGIN; DECLARE k CURSOR FOR SELECT id, email FROM customers WHERE id < 6", "FETCH 2 FROM k", "FETCH 2 FROM k", "COMMIT"}},
		{"prepare", []string{"PREPARE p AS SELECT email FROM customers WHERE id = $1", "EXECUTE p(6)", "EXECUTE p(3 + 4)", "DEALLOCATE p"}},
		{"multi", []string{"SELECT email FROM customers WHERE id = 1; SELECT title FROM goods WHERE id = 1; SELECT email FROM customers WHERE id = 2"}},
		{"explain", []string{"EXPLAIN SELECT * FROM customers WHERE email = 'a'"}},
		{"copy table", []string{"COPY goods TO STDOUT", "COPY customers (id, email) TO STDOUT"}},
		{"update by key", []string{"UPDATE customers SET plan = 'x' WHERE id = 9"}},
		{"update many", []string{"UPDATE customers SET plan = 'y' WHERE id BETWEEN 20 AND 22"}},
		{"insert", []string{"INSERT INTO customers (id, name) VALUES (2001, 'n')", "DELETE FROM customers WHERE id = 2001"}},
		{"insert many", []string{"INSERT INTO customers (id, name) VALUES (2002, 'n'), (2003, 'm')", "DELETE FROM customers WHERE id > 2001"}},
		{"returning", []string{"UPDATE customers SET plan = 'z' WHERE id = 11 RETURNING id, email"}},
		{"error tells", []string{"SELECT email::int FROM customers WHERE id = 3"}},
		{"after do", []string{"DO $$ BEGIN NULL; END $$", "SELECT id, email FROM customers WHERE id = 2"}},
		{"temporary", []string{"CREATE TEMP TABLE mine AS SELECT id, email FROM customers WHERE id < 3", "SELECT * FROM mine", "SELECT id, name FROM customers WHERE id = 5", "SELECT * FROM goods"}},
		{"setting", []string{"SELECT set_config('x.y', string_agg(email, ','), false) FROM customers", "SHOW x.y"}},
		{"notify", []string{"LISTEN k", "SELECT pg_notify('k', email) FROM customers WHERE id = 1", "SELECT 1"}},
		{"do", []string{"DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers LIMIT 1); END $$", "SELECT id, email FROM customers WHERE id = 3", "DO $$ BEGIN EXECUTE 'SELECT 1'; END $$"}},
		{"after code", []string{"SELECT id, email FROM customers WHERE id = 2", "SELECT now() > '2000-01-01'"}},
	} {
		got := map[string]string{}
		for _, mode := range []string{"simple_protocol", "exec", "cache_statement"} {
			if mode != "simple_protocol" && (strings.Contains(c.sql[0], "; ") || strings.HasPrefix(c.sql[0], "COPY")) {
				continue
			}
			got[mode] = strings.Join(w.crossings(mode, c.sql...), "\n\t")
		}
		fmt.Fprintf(&out, "%s:\n\t%s\n", c.name, got["simple_protocol"])
		for _, mode := range []string{"exec", "cache_statement"} {
			if g, ok := got[mode]; ok && g != got["simple_protocol"] {
				fmt.Fprintf(&out, "%s, %s:\n\t%s\n", c.name, mode, g)
			}
		}
	}
	golden(t, "testdata/ladder.golden", out.String())
}

var update = flag.Bool("update", false, "write golden files anew")

// golden compares got with a file, or writes the file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestContentNamesWhatNobodyClassified(t *testing.T) {
	w := newWorld(t, func(_ *pgproxy.Config, s *pgproxy.Settings) {
		s.Classifier = func(v []byte) element.Mask {
			if bytes.Contains(v, []byte("@")) {
				return element.MaskOf(element.Email)
			}
			return 0
		}
	})
	simple(t, w.connect(""), "CREATE TABLE notes AS SELECT 'write to u1@example.jp'::text AS note")
	simple(t, w.connect(""), "SELECT note FROM notes")
	w.stop()
	bodies, _ := w.rec.all()
	var got []string
	for _, b := range bodies {
		if f, ok := b.(*event.Finding); ok {
			got = append(got, f.Code+" "+string(f.Place)+" "+f.Detail)
		}
	}
	if want := []string{"SK3108 shop/public.notes ", "SK3107 shop/public.notes email"}; !slices.Equal(got, want) {
		t.Errorf("findings %q, want %q", got, want)
	}
}
