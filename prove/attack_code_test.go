package prove

import (
	"fmt"
	"strings"
)

// codeKinds run code: of the schema, of the client. What the gate can read of
// it must not blunt the rest; what it cannot read bounds everything.
func codeKinds() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	outside := func(format string, args ...any) step { return step{outside: fmt.Sprintf(format, args...)} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	undo := aside("UPDATE tours SET title = '札幌', days = 2 WHERE id = 1; DELETE FROM shadow; DELETE FROM bookings WHERE id >= 900; DELETE FROM visits WHERE id >= 900")
	// Where rows lie depends on what was written before, in each copy otherwise.
	sharp := func(g *gen) step {
		return g.either("SELECT id, " + g.columns("") + " FROM customers WHERE " + g.keyed("") + " ORDER BY id")
	}
	reads := func(g *gen) []step {
		return []step{g.either("SELECT title FROM tours WHERE id = 1"), g.either("SELECT days FROM tours WHERE id = 1"), g.either("SELECT a FROM shadow"), g.either("SELECT count(*) FROM shadow"),
			g.either("SELECT id, tour_id FROM bookings ORDER BY id"), g.either("SELECT customer_id, passport FROM bookings ORDER BY id")}
	}
	laundered := func(g *gen, before, steps []step, after ...step) episode {
		all := append(append(before, settle()), steps...)
		all = append(append(all, settle()), reads(g)...)
		return w(append(append(all, undo), after...)...)
	}
	trigger := func(g *gen, when, body string) (before []step, after step) {
		f := g.name("tg")
		return []step{outside("CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS $f$%s$f$; CREATE TRIGGER %s %s EXECUTE FUNCTION %s()", f, body, f, when, f)}, outside("DROP FUNCTION %s() CASCADE", f)
	}
	return []kind{
		{"code that reads nobody", true, func(g *gen) episode {
			return w(aside("%s", g.pick("DO $$BEGIN UPDATE tours SET days = days + 0; END$$", "DO $$DECLARE n int; BEGIN SELECT count(*) INTO n FROM tours; IF n > 0 THEN INSERT INTO shadow (a) VALUES ('x'); END IF; END$$",
				"DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_class WHERE relname = 'nothing') THEN CREATE TABLE IF NOT EXISTS nothing (a int); END IF; END$$")), settle(), sharp(g), undo)
		}},
		{"code that copies elsewhere", true, func(g *gen) episode {
			return w(aside("DO $$BEGIN INSERT INTO shadow (a) SELECT email FROM customers; %s END$$", g.pick("", "UPDATE shadow SET b = a;")), settle(), sharp(g), g.either("SELECT id, title FROM tours"), undo)
		}},
		{"trigger that copies elsewhere", true, func(g *gen) episode {
			return w(aside("INSERT INTO visits VALUES (900, %s, 'x')", g.subject()), settle(), sharp(g), g.either("SELECT id, title FROM tours"), undo)
		}},
		{"helper function", true, func(g *gen) episode {
			f := g.name("shout")
			return w(outside("CREATE FUNCTION %s(t text) RETURNS text LANGUAGE plpgsql AS $f$DECLARE r text; BEGIN IF t IS NULL THEN RETURN '-'; END IF; r := upper(trim(both ' ' from t)); RETURN r || '!'; END$f$", f), settle(),
				g.either("SELECT id, "+f+"(email) FROM customers WHERE "+g.keyed("")+" ORDER BY id"), outside("DROP FUNCTION %s(text)", f))
		}},
		{"stamping trigger", true, func(g *gen) episode {
			before, after := trigger(g, "BEFORE UPDATE ON bookings FOR EACH ROW", "BEGIN NEW.tour_id := 2; RETURN NEW; END")
			return w(append(before, settle(), aside("UPDATE bookings SET price = price WHERE id < 0"), settle(), sharp(g), after)...)
		}},
		{"attack: code, trigger after", false, func(g *gen) episode {
			before, after := trigger(g, "AFTER UPDATE ON bookings FOR EACH "+g.pick("ROW", "STATEMENT"), "BEGIN "+g.pick("UPDATE public.tours SET title = (SELECT max(email) FROM public.customers) WHERE id = 1;", "INSERT INTO shadow (a) SELECT email FROM customers;",
				`/* a -- */ UPDATE ONLY "tours" AS t SET days = (SELECT sum(points) FROM "customers") WHERE t.id = 1; -- b
`, "UPDATE bookings SET passport = (SELECT max(email) FROM customers) WHERE id = 900 AND pg_trigger_depth() < 2;",
				"DELETE FROM shadow WHERE (SELECT count(*) FROM customers WHERE email LIKE 'u%') > 3;", "IF (SELECT max(points) FROM customers) > 300 THEN UPDATE tours SET days = 40 WHERE id = 1; END IF;",
				"EXECUTE 'UPDATE tours SET title = (SELECT max(email) FROM customers) WHERE id = 1';")+" RETURN NULL; END")
			return laundered(g, append([]step{aside("INSERT INTO bookings VALUES (900, %s, 'x', 1, 1)", g.booked())}, before...), []step{aside("INSERT INTO shadow (a) VALUES ('x')"), aside("UPDATE bookings SET price = price WHERE id = 900")}, after)
		}},
		{"attack: code, trigger before", false, func(g *gen) episode {
			before, after := trigger(g, "BEFORE UPDATE OR INSERT ON bookings FOR EACH ROW", "DECLARE x int; BEGIN "+g.pick("NEW.tour_id := (SELECT max(points) FROM customers);", "NEW.tour_id = length(NEW.passport);", "SELECT max(email) INTO NEW.passport FROM customers;", "SELECT max(points) INTO x FROM customers; NEW.tour_id := x;",
				"IF NEW.passport > 'TK5' THEN NEW.tour_id := 3; END IF;", "NEW := jsonb_populate_record(NEW, jsonb_build_object('tour_id', (SELECT sum(points) FROM customers)));", "IF (SELECT sum(points) FROM customers) > 900 THEN RETURN NULL; END IF; NEW.tour_id := 1;")+" RETURN NEW; END")
			return laundered(g, before, []step{aside("INSERT INTO bookings VALUES (900, %s, 'x', 1, 1)", g.booked()), aside("UPDATE bookings SET price = price WHERE id = 900")}, after)
		}},
		{"attack: code, function's value", false, func(g *gen) episode {
			return laundered(g, nil, []step{aside("INSERT INTO bookings VALUES (900, %s, 'x', 1, 1)", g.booked()), aside(g.pick("UPDATE bookings SET passport = mail_of(%s) WHERE id = 900", "INSERT INTO bookings VALUES (901, (SELECT id FROM customers LIMIT 1), mail_of(%s), 1, 1)", "UPDATE bookings SET tour_id = length(mail_of(%s)) WHERE id = 900"), g.subject())})
		}},
		{"attack: code, default", false, func(g *gen) episode {
			t := g.name("d")
			return w(outside("CREATE TABLE %s (n int, m text DEFAULT mail_of(%s)); GRANT ALL ON %s TO app", t, g.subject(), t), settle(), aside("INSERT INTO %s (n) VALUES (1)", t), settle(), g.either("SELECT m FROM "+t), outside("DROP TABLE %s", t))
		}},
		{"attack: code, COPY fires it", false, func(g *gen) episode {
			row := "900\t" + strings.ReplaceAll(g.plain(), "\t", "\\t") + "\tx\n"
			return w(step{simple: "COPY visits FROM STDIN", copyIn: row}, settle(), g.either("SELECT a, b FROM shadow"), undo)
		}},
		{"attack: code, procedure", false, func(g *gen) episode {
			p := g.name("p")
			return laundered(g, []step{outside("CREATE PROCEDURE %s(k int) LANGUAGE plpgsql AS $f$BEGIN UPDATE tours SET title = (SELECT max(email) FROM customers) WHERE id = k; %s END$f$", p, g.pick("", "COMMIT;"))},
				[]step{aside("CALL %s(1)", p)}, outside("DROP PROCEDURE %s(int)", p))
		}},
		{"attack: code, functions in functions", false, func(g *gen) episode {
			f, h := g.name("f"), g.name("h")
			return laundered(g, []step{outside("CREATE FUNCTION %s(m text) RETURNS void LANGUAGE sql AS $f$UPDATE tours SET title = m WHERE id = 1$f$; CREATE FUNCTION %s() RETURNS int LANGUAGE plpgsql AS $f$BEGIN PERFORM %s(max(email)) FROM customers; RETURN 1; END$f$", f, h, f)},
				[]step{aside("%s", g.pick("SELECT "+h+"()", "SELECT "+f+"(email) FROM customers", "SELECT title FROM tours WHERE id = "+h+"()", "PREPARE s AS SELECT "+h+"(); EXECUTE s", "DO $$BEGIN PERFORM "+h+"(); END$$"))}, outside("DROP FUNCTION %s(text), %s()", f, h))
		}},
		{"attack: code, through a view", false, func(g *gen) episode {
			v := g.name("v")
			before, after := trigger(g, "INSTEAD OF INSERT ON "+v+" FOR EACH ROW", "BEGIN UPDATE tours SET title = NEW.m WHERE id = 1; RETURN NEW; END")
			return laundered(g, append([]step{outside("CREATE VIEW %s AS SELECT 1 AS n, 'x'::text AS m; GRANT ALL ON %s TO app", v, v)}, before...), []step{aside("INSERT INTO %s SELECT 1, email FROM customers WHERE id = %s", v, g.subject())}, after, outside("DROP VIEW %s", v))
		}},
		{"attack: code, cascade", false, func(g *gen) episode {
			t := g.name("c")
			before, after := trigger(g, "AFTER DELETE ON "+t+"b FOR EACH ROW", "BEGIN UPDATE tours SET title = (SELECT max(email) FROM customers) WHERE id = 1; RETURN NULL; END")
			return laundered(g, append([]step{outside("CREATE TABLE %sa (n int PRIMARY KEY); CREATE TABLE %sb (n int REFERENCES %sa ON DELETE CASCADE); INSERT INTO %sa VALUES (1); INSERT INTO %sb VALUES (1); GRANT ALL ON %sa, %sb TO app", t, t, t, t, t, t, t)}, before...),
				[]step{aside("DELETE FROM %sa", t)}, after, outside("DROP TABLE %sb, %sa", t, t))
		}},
		{"attack: code, index and domain", false, func(g *gen) episode {
			f := g.name("f")
			make := "CREATE FUNCTION " + f + "i() RETURNS int LANGUAGE plpgsql VOLATILE AS $f$BEGIN UPDATE tours SET title = (SELECT max(email) FROM customers) WHERE id = 1; RETURN 1; END$f$; CREATE FUNCTION " + f + "(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $f$BEGIN RETURN n * " + f + "i(); END$f$;"
			if g.chance(50) {
				return laundered(g, []step{outside("%s CREATE TABLE %st (n int); INSERT INTO %st VALUES (1); ALTER TABLE %st OWNER TO app", make, f, f, f)}, []step{aside("CREATE INDEX ON %st (%s(n))", f, f)}, outside("DROP TABLE %st; DROP FUNCTION %s(int), %si()", f, f, f))
			}
			return laundered(g, []step{outside("%s CREATE DOMAIN %sd AS int CHECK (%s(VALUE) > 0)", make, f, f)}, []step{aside("SELECT 1::%sd", f)}, outside("DROP DOMAIN %sd; DROP FUNCTION %s(int), %si()", f, f, f))
		}},
		{"attack: code, event trigger", false, func(g *gen) episode {
			f := g.name("e")
			return laundered(g, []step{outside("CREATE FUNCTION %s() RETURNS event_trigger LANGUAGE plpgsql AS $f$BEGIN UPDATE public.tours SET title = (SELECT max(email) FROM public.customers) WHERE id = 1; END$f$; CREATE EVENT TRIGGER %s ON ddl_command_end EXECUTE FUNCTION %s()", f, f, f)},
				[]step{aside("CREATE TABLE %st (n int)", f)}, outside("DROP EVENT TRIGGER %s; DROP FUNCTION %s(); DROP TABLE %st", f, f, f))
		}},
		{"attack: code, helper's default", false, func(g *gen) episode {
			f := g.name("f")
			return w(outside("CREATE FUNCTION %sq() RETURNS text LANGUAGE sql STABLE AS $f$SELECT max(email) FROM public.customers$f$; CREATE FUNCTION %s(t text DEFAULT %sq()) RETURNS text LANGUAGE %s", f, f, f, g.pick("sql IMMUTABLE RETURN t", "plpgsql IMMUTABLE AS $f$BEGIN RETURN t; END$f$")), settle(),
				g.either("SELECT "+f+"()"), outside("DROP FUNCTION %s(text), %sq()", f, f))
		}},
		{"attack: code, written and read in one text", false, func(g *gen) episode {
			return w(simple("%s", g.pick("INSERT INTO shadow (a) SELECT email FROM customers; SELECT a FROM shadow", "DO $$BEGIN INSERT INTO shadow (a) SELECT email FROM customers; END$$; SELECT a FROM shadow", "UPDATE tours SET title = (SELECT max(email) FROM customers) WHERE id = 1; SELECT title FROM tours WHERE id = 1",
				"BEGIN; INSERT INTO shadow (a) SELECT email FROM customers; SELECT a FROM shadow; ROLLBACK", "INSERT INTO visits VALUES (900, (SELECT id FROM customers LIMIT 1), 'x'); SELECT a, b FROM shadow")), undo)
		}},
		{"attack: code, sequence behind a column", false, func(g *gen) episode {
			t := g.name("q")
			return w(outside("CREATE TABLE %s (n %s, x int); GRANT ALL ON %s TO app; GRANT ALL ON %s_n_seq TO app", t, g.pick("serial", "int GENERATED BY DEFAULT AS IDENTITY"), t, t), settle(), aside("INSERT INTO %s (x) SELECT 1 FROM customers WHERE %s", t, g.predicate("")), aside("DELETE FROM %s", t), settle(),
				g.either(g.pick("SELECT last_value FROM "+t+"_n_seq", "INSERT INTO "+t+" (x) VALUES (1) RETURNING n", "SELECT nextval('"+t+"_n_seq')", "SELECT last_value FROM pg_sequences WHERE sequencename = '"+t+"_n_seq'", "WITH i AS (INSERT INTO "+t+" (x) VALUES (1) RETURNING n) SELECT n FROM i")),
				g.either("SELECT n FROM "+t), outside("DROP TABLE %s", t))
		}},
	}
}

// booked returns the key of a subject who has a booking.
func (g *gen) booked() string {
	for _, row := range g.s.rows {
		if row.table == "bookings" {
			return g.s.key(row.subject)
		}
	}
	return g.subject()
}
