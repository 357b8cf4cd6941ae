package prove

import "fmt"

// attackAhead sends statements before the server has come to them. What they
// mean is decided when it does: another session changes it meanwhile.
func attackAhead() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	const (
		swap = "BEGIN; ALTER TABLE tours RENAME TO tours_old; CREATE VIEW tours AS SELECT email AS title, points AS id, 0 AS days FROM customers; COMMIT"
		back = "BEGIN; DROP VIEW tours; ALTER TABLE tours_old RENAME TO tours; COMMIT"
	)
	sleeping := func(meanwhile string, ahead ...step) step {
		return step{simple: "SELECT pg_sleep(600)", cancel: true, ahead: ahead, meanwhile: meanwhile}
	}
	title := func(g *gen) string {
		return "SELECT " + g.pick("title || ''", "count(title)", "lower(title)", "string_agg(title, ',' ORDER BY title)") + " FROM tours"
	}
	return []kind{
		{"attack: ahead of a schema change", false, func(g *gen) episode {
			return w(sleeping(swap, g.either(title(g))), aside(back), settle())
		}},
		{"attack: ahead of a schema change, cursor", false, func(g *gen) episode {
			declare := simple("DECLARE c CURSOR WITH HOLD FOR SELECT title || '' FROM tours")
			if g.chance(50) {
				declare = prepared("DECLARE c CURSOR WITH HOLD FOR SELECT title || '' FROM tours", g.chance(50), false)
			}
			return w(sleeping(swap, declare), g.either("FETCH 3 FROM c"), simple("CLOSE c"), aside(back), settle())
		}},
		{"attack: ahead of a schema change, portal", false, func(g *gen) episode {
			s := g.name("s")
			return w(pipe(message{parse: &parse{s, title(g)}}), sleeping(swap, pipe(message{bind: &bind{statement: s}}, message{execute: &execute{rows: uint32(g.r.IntN(3)), describe: g.chance(50)}})), aside(back), settle())
		}},
		{"attack: described ahead of a schema change", false, func(g *gen) episode {
			// Only COPY's query is without locks between Describe and Execute.
			copied := message{parse: &parse{"", "COPY (" + title(g) + ") TO STDOUT"}}
			return w(step{described: []message{copied, {bind: &bind{}}}, meanwhile: swap, pipe: []message{{execute: &execute{}}}}, aside(back), settle())
		}},
		{"attack: ahead of a schema change, error", false, func(g *gen) episode {
			return w(sleeping(swap, g.either("SELECT title::int FROM tours")), aside(back), settle())
		}},
		{"attack: ahead of a schema change, written on", false, func(g *gen) episode {
			t := g.name("t")
			write, read := g.pick("INSERT INTO shadow (a) SELECT title FROM tours", "MERGE INTO shadow s USING tours t ON s.a = t.title WHEN NOT MATCHED THEN INSERT (a) VALUES (t.title)"), "SELECT a FROM shadow"
			if g.chance(40) {
				write, read = "CREATE TABLE "+t+" AS SELECT title AS a FROM tours", "SELECT a FROM "+t
			}
			return w(sleeping(swap, g.either(write)), aside(back), settle(), g.either(read), aside("DELETE FROM shadow"), aside("DROP TABLE %s", t))
		}},
		{"attack: ahead of a taint", false, func(g *gen) episode {
			what := g.pick("a", "count(*)", "max(a)")
			e := w(sleeping("INSERT INTO shadow (a) SELECT email FROM customers", g.either("SELECT "+what+" FROM shadow")), aside("DELETE FROM shadow"))
			e.bare = what == "count(*)" // of a whole copy, as of the whole table
			return e
		}},
		{"existence through writes", false, func(g *gen) episode {
			t := g.name("t")
			write := g.pick("INSERT INTO %s SELECT 'x' FROM customers", "INSERT INTO %s SELECT 'x' FROM customers WHERE id = "+g.subject(), "INSERT INTO %s SELECT count(*)::text FROM bookings",
				"INSERT INTO %s SELECT 'x' WHERE EXISTS (SELECT FROM customers WHERE id = "+g.subject()+")", "MERGE INTO %s s USING customers c ON s.x = 'none' WHEN NOT MATCHED THEN INSERT VALUES ('x')", "INSERT INTO %s SELECT c.id::text FROM customers c JOIN bookings b ON b.customer_id = c.id ORDER BY 1") // the order in which rows lie is not what this is about
			e := w(step{outside: fmt.Sprintf("CREATE TABLE %[1]s (x text); GRANT ALL ON %[1]s TO app", t)}, settle(), aside(write, t), g.either("SELECT "+g.pick("count(*)", "x")+" FROM "+t), step{outside: "DROP TABLE " + t})
			e.bare = true // that somebody is there is no crossing, asked directly or of what was written
			return e
		}},
		{"attack: function replaced while it runs", false, func(g *gen) episode {
			f := g.name("f")
			replace := aside("CREATE OR REPLACE FUNCTION %s(t text) RETURNS text LANGUAGE plpgsql AS $f$BEGIN RETURN t || (SELECT max(email) FROM public.customers); END$f$", f)
			read := []step{simple("DECLARE c CURSOR FOR SELECT %s(title) FROM tours", f), simple("FETCH 1 FROM c"), replace, g.either("FETCH 2 FROM c")}
			if g.chance(50) {
				read = []step{pipe(message{parse: &parse{"", "SELECT " + f + "(title) FROM tours"}}, message{bind: &bind{portal: "w"}}, message{execute: &execute{portal: "w", rows: 1}}), replace, pipe(message{execute: &execute{portal: "w", rows: 2}})}
			}
			steps := append([]step{aside("CREATE FUNCTION %s(t text) RETURNS text LANGUAGE plpgsql AS $f$BEGIN RETURN upper(t); END$f$", f), settle(), simple("BEGIN")}, read...)
			return w(append(steps, simple("COMMIT"), aside("DROP FUNCTION %s(text)", f))...)
		}},
		{"attack: ahead of code", false, func(g *gen) episode {
			return w(sleeping("DO $$BEGIN EXECUTE 'INSERT INTO shadow (a) SELECT email FROM customers'; END$$", g.either("SELECT "+g.pick("a", "count(*)", "max(a)")+" FROM shadow")), aside("DELETE FROM shadow"))
		}},
	}
}
