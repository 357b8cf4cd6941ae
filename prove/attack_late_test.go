package prove

import "fmt"

// attackLate use what sessions see of each other while they are open (locks,
// names), what keeps a session's settings, and code that no statement names.
func attackLate() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	outside := func(format string, args ...any) step { return step{outside: fmt.Sprintf(format, args...)} }
	hold := func(format string, args ...any) step { return step{hold: fmt.Sprintf(format, args...)} }
	spy := func(name, args, returns, value string) string {
		return "CREATE FUNCTION " + name + "(" + args + ") RETURNS " + returns + " LANGUAGE plpgsql AS $f$BEGIN " + value + " END$f$"
	}
	return []kind{
		{"attack: late, rows that others locked", false, func(g *gen) episode {
			k := g.subject()
			lock := g.pick("SELECT id FROM tours WHERE EXISTS (SELECT FROM customers WHERE id = "+k+" AND email LIKE 'u%') FOR "+g.pick("UPDATE", "SHARE", "NO KEY UPDATE", "KEY SHARE"), "UPDATE tours SET days = days WHERE EXISTS (SELECT FROM customers WHERE id = "+k+" AND email LIKE 'u%')",
				"SELECT t.id FROM tours t JOIN customers c ON t.id = 2 AND c.email LIKE 'u%' AND c.id = "+k+" FOR UPDATE OF t")
			return w(hold("BEGIN; %s", lock), g.either("SELECT id FROM tours ORDER BY id FOR UPDATE "+g.pick("SKIP LOCKED", "NOWAIT")))
		}},
		{"attack: late, waits for others' locks", false, func(g *gen) episode {
			return w(hold("BEGIN; SELECT id FROM tours WHERE EXISTS (SELECT FROM customers WHERE id = %s AND email LIKE 'u%%') FOR UPDATE", g.subject()), simple("SET lock_timeout = 50"), g.either(g.pick("SELECT id FROM tours FOR UPDATE", "UPDATE tours SET days = days", "DELETE FROM tours WHERE id = 9 OR id = 1")), simple("RESET lock_timeout"))
		}},
		{"attack: late, protected rows that others locked", false, func(g *gen) episode {
			return w(hold("BEGIN; %s", g.pick("SELECT id FROM customers WHERE email LIKE 'u%' FOR UPDATE", "UPDATE customers SET points = points WHERE email LIKE 'u%'", "DELETE FROM customers WHERE points > 100")), g.either("SELECT id FROM customers ORDER BY id FOR UPDATE "+g.pick("SKIP LOCKED", "NOWAIT")))
		}},
		{"attack: late, others' advisory locks", false, func(g *gen) episode {
			return w(hold("%s", g.pick("SELECT pg_advisory_lock(length(email)) FROM customers WHERE id = "+g.subject(), "SELECT pg_advisory_lock(7) FROM customers WHERE id = "+g.subject()+" AND email LIKE 'u%'", "SELECT CASE WHEN email LIKE 'u%' THEN pg_try_advisory_lock(7) END FROM customers WHERE id = "+g.subject(), "SELECT id FROM customers WHERE id = "+g.subject()+" AND email LIKE 'u%' AND pg_try_advisory_lock_shared(1, 7)")),
				g.either(g.pick("SELECT n, pg_try_advisory_lock(n) FROM generate_series(1, 60) n", "SELECT objid, mode FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")), simple("SELECT pg_advisory_unlock_all()"))
		}},
		{"attack: late, others' locks by a choice", false, func(g *gen) episode {
			k := g.subject()
			return w(hold("BEGIN; %s", g.pick("SELECT CASE WHEN email LIKE 'u%' THEN pg_try_advisory_lock(7) END FROM customers WHERE id = "+k, "SELECT COALESCE(NULLIF(email LIKE 'u%', true), pg_try_advisory_lock(7)) FROM customers WHERE id = "+k, "SELECT email LIKE 'u%' AND pg_try_advisory_lock(7) FROM customers WHERE id = "+k, "SELECT id FROM customers WHERE id = "+k+" ORDER BY email LIKE 'u%' OR pg_try_advisory_lock(7)")),
				g.either("SELECT objid, mode FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"))
		}},
		{"attack: late, tables that others locked", false, func(g *gen) episode {
			return w(hold("BEGIN; DO $$BEGIN IF (SELECT email LIKE 'u%%' FROM customers WHERE id = %s) THEN LOCK TABLE tours; END IF; END$$", g.subject()), g.either(g.pick("SELECT relation::regclass::text, mode FROM pg_locks WHERE relation = 'tours'::regclass AND mode LIKE 'Access%'", "LOCK TABLE tours NOWAIT")))
		}},
		{"attack: late, notified or not", false, func(g *gen) episode {
			k := g.subject()
			return w(simple("LISTEN ch"), aside("%s", g.pick("SELECT pg_notify('ch', '') FROM customers WHERE id = "+k+" AND email LIKE 'u%'", "SELECT CASE WHEN email LIKE 'u%' THEN pg_notify('ch', '') END FROM customers WHERE id = "+k, "DO $$BEGIN IF (SELECT email LIKE 'u%' FROM customers WHERE id = "+k+") THEN NOTIFY ch; END IF; END$$",
				"SELECT pg_notify(CASE WHEN email LIKE 'u%' THEN 'ch' ELSE 'other' END, NULL) FROM customers WHERE id = "+k)), simple("SELECT 1"), simple("UNLISTEN *"))
		}},
		{"attack: late, notified by a trigger", false, func(g *gen) episode {
			f := g.name("f")
			return w(outside("%s; CREATE TRIGGER t AFTER UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION %s()", spy(f, "", "trigger", g.pick("NOTIFY ch;", "PERFORM pg_notify('ch', '');")+" RETURN NULL;"), "tours", f), settle(), simple("LISTEN ch"),
				aside("UPDATE tours SET days = days WHERE id = 1 AND EXISTS (SELECT FROM customers WHERE id = %s AND email LIKE 'u%%')", g.subject()), simple("SELECT 1"), simple("UNLISTEN *"), outside("DROP TRIGGER t ON tours; DROP FUNCTION %s()", f), settle())
		}},
		{"attack: late, errors that code gives a state of its own", false, func(g *gen) episode {
			f := g.name("f")
			raise := "RAISE '%', (SELECT email FROM public.customers WHERE id = " + g.subject() + ") USING ERRCODE = '" + g.pick("U0001", "45000", "42703", "55000", "40001", "57014", "0A000") + "'; RETURN NULL;"
			return w(outside("%s; CREATE TRIGGER t BEFORE UPDATE ON tours FOR EACH ROW EXECUTE FUNCTION %s()", spy(f, "", "trigger", raise), f), settle(),
				g.either("UPDATE tours SET days = days WHERE id = 1"), g.either("UPDATE tours SET days = days RETURNING id"), outside("DROP TRIGGER t ON tours; DROP FUNCTION %s()", f), settle())
		}},
		{"attack: late, names of other sessions", false, func(g *gen) episode {
			return w(hold("SELECT set_config('application_name', (SELECT email FROM customers WHERE id = %s), false)", g.subject()), g.either("SELECT application_name FROM pg_stat_activity WHERE application_name <> '' AND application_name NOT LIKE 'sekisho%' AND datname = current_database() AND pid <> pg_backend_pid() ORDER BY 1"))
		}},
		{"attack: late, numbers of large objects", false, func(g *gen) episode {
			return w(aside("%s", g.pick("SELECT lo_create(2000000000 + points) FROM customers WHERE id = "+g.subject(), "SELECT lo_creat(-1) FROM customers WHERE id = "+g.subject()+" AND email LIKE 'u%'", "SELECT CASE WHEN email LIKE 'u%' THEN lo_create(2000000001) END FROM customers WHERE id = "+g.subject())), g.either(g.pick("SELECT count(*) FROM pg_largeobject_metadata", "SELECT lo_get(2000000001)", "SELECT oid FROM pg_largeobject_metadata WHERE oid BETWEEN 2000000000 AND 2001000000")), outside("SELECT lo_unlink(oid) FROM pg_largeobject_metadata"))
		}},
		{"attack: late, cursor of a function", false, func(g *gen) episode {
			f := g.name("f")
			return w(outside("%s", spy(f, "c refcursor", "refcursor", "OPEN c "+g.pick("", "SCROLL ")+"FOR SELECT email, id FROM public.customers; RETURN c;")), settle(), simple("BEGIN"), g.either("SELECT "+f+"('w')"), g.either("FETCH "+g.pick("ALL", "2", "FORWARD 1")+" FROM w"), simple("MOVE 1 IN w"), pipe(message{execute: &execute{portal: "w", rows: 2, describe: true}}), simple("COMMIT"), outside("DROP FUNCTION %s(refcursor)", f))
		}},
		{"attack: late, function with settings of its own", false, func(g *gen) episode {
			f := g.name("f")
			return w(outside("CREATE FUNCTION %s() RETURNS SETOF text LANGUAGE %s", f, g.pick("sql SET search_path = public AS 'SELECT email FROM customers ORDER BY id'", "plpgsql AS $f$BEGIN SET LOCAL search_path = public; RETURN QUERY SELECT email FROM customers ORDER BY id; END$f$", "plpgsql AS $f$BEGIN PERFORM set_config('search_path', 'public', false); RETURN; END$f$")), settle(),
				simple("SET search_path = other"), simple("BEGIN"), g.either("SELECT public."+f+"()"), g.either("SELECT email || '' FROM customers ORDER BY id"), simple("COMMIT"), g.either("SELECT email || '' FROM customers ORDER BY id"), simple("RESET search_path"), outside("DROP FUNCTION %s()", f))
		}},
		{"attack: late, aggregate of one's own", false, func(g *gen) episode {
			f := g.name("f")
			return w(outside("%s; CREATE AGGREGATE %sa(text) (sfunc = %s, stype = text, initcond = '')", spy(f, "a text, b text", "text", "RETURN a || (SELECT max(email) FROM public.customers);"), f, f), settle(), g.either("SELECT "+f+"a(title) FROM tours"), g.either("SELECT "+f+"a(title) OVER (ORDER BY id) FROM tours"), outside("DROP FUNCTION %s(text, text) CASCADE", f))
		}},
		{"attack: late, domain inside a type", false, func(g *gen) episode {
			d := g.name("d")
			ask := fmt.Sprintf(g.pick("SELECT jsonb_populate_record(NULL::%sc, '{\"a\": \"x\"}')", "SELECT * FROM json_to_recordset('[{\"a\": \"x\"}]') AS j(a %s)", "SELECT ARRAY['x']::%s[]", "SELECT '{x}'::%s[]", "SELECT ('(' || title || ',1)')::%sc FROM tours", "SELECT title::%s FROM tours", "SELECT '(x,1)'::%sc", "SELECT array_fill('x'::%s, ARRAY[2])", "SELECT NULL::%s"), d)
			how := []step{simple("%s", ask), prepared(ask, g.chance(50), false)} // a binary row has the number of its type in it
			raise := "IF v = 'x' THEN RAISE NOTICE '%%', (SELECT string_agg(email, ',' ORDER BY id) FROM public.customers); END IF; RETURN (SELECT email LIKE 'u%%' FROM public.customers WHERE id = " + g.subject() + ");"
			return w(outside(spy("%sf", "v text", "boolean", raise)+"; CREATE DOMAIN %s AS text CHECK (%sf(VALUE)); CREATE TYPE %sc AS (a %s, b int)", d, d, d, d, d), settle(),
				how[g.r.IntN(2)], outside("DROP TYPE %sc; DROP DOMAIN %s CASCADE; DROP FUNCTION %sf(text) CASCADE", d, d, d))
		}},
		{"attack: late, domain in what is not executed", false, func(g *gen) episode {
			d := g.name("d")
			raise := g.pick("", "IF v = 'x' AND random() >= 0 THEN RAISE NOTICE '%%', (SELECT max(email) FROM public.customers); END IF; ", "IF (SELECT max(email) FROM public.customers) > v THEN RAISE '%%', v USING ERRCODE = '42703'; END IF; ") + "RETURN (SELECT email LIKE 'u%%' FROM public.customers WHERE id = " + g.subject() + ");"
			text := fmt.Sprintf(g.pick("SELECT '{x}'::%s[]", "SELECT '(x,1)'::%sc", "INSERT INTO %sk VALUES ('{x}')", "SELECT 1 FROM tours WHERE '{x}'::%s[] IS NULL"), d)
			bound := fmt.Sprintf(g.pick("SELECT $1::%s[]", "SELECT cardinality($1::%s[])", "INSERT INTO %sk VALUES ($1)"), d)
			ask := []step{
				pipe(message{parse: &parse{"", text}}), pipe(message{parse: &parse{"", bound}}, message{bind: &bind{args: []string{"{x}"}}}),
				simple("PREPARE p AS %s", text), simple("CREATE VIEW %sv AS SELECT '{x}'::%s[]", d, d), simple("BEGIN; DECLARE c CURSOR FOR SELECT '{x}'::%s[]; COMMIT", d), simple("EXPLAIN (COSTS off) %s", text),
			}[g.r.IntN(6)]
			return w(outside(spy("%sf", "v text", "boolean", raise)+"; CREATE DOMAIN %s AS text CHECK (%sf(VALUE)); CREATE TYPE %sc AS (a %s, b int); CREATE TABLE %sk (a %s[]); GRANT ALL ON %sk TO app", d, d, d, d, d, d, d, d), settle(),
				ask, simple("ROLLBACK"), simple("DEALLOCATE ALL"), outside("DROP DOMAIN %s CASCADE; DROP FUNCTION %sf(text) CASCADE; DROP VIEW IF EXISTS %sv; DROP TABLE %sk; DROP TYPE %sc", d, d, d, d, d))
		}},
		{"attack: late, instead of a view", false, func(g *gen) episode {
			v := g.name("v")
			return w(outside("%s; CREATE VIEW %s AS SELECT id, title FROM tours; CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %sf(); GRANT ALL ON %s TO app", spy(v+"f", "", "trigger", "NEW.title := (SELECT max(email) FROM public.customers); RETURN NEW;"), v, v, v, v), settle(),
				g.either("INSERT INTO "+v+" VALUES (1, 'x') RETURNING "+g.pick("*", "title", "upper(title)")), g.either("UPDATE "+v+" SET title = 'y' WHERE id = 1 RETURNING title"), g.either("WITH q AS (UPDATE "+v+" SET id = 1 RETURNING title) SELECT title FROM q"), outside("DROP VIEW %s; DROP FUNCTION %sf()", v, v))
		}},
		{"attack: late, routed to a partition", false, func(g *gen) episode {
			t := g.name("t")
			return w(outside("CREATE TABLE %s (n int, x text) PARTITION BY LIST (n); CREATE TABLE %sa PARTITION OF %s FOR VALUES IN (1); CREATE TABLE %sd PARTITION OF %s DEFAULT; %s; CREATE TRIGGER t BEFORE INSERT ON %sd FOR EACH ROW EXECUTE FUNCTION %sf(); GRANT ALL ON %s, %sa, %sd TO app", t, t, t, t, t, spy(t+"f", "", "trigger", "NEW.x := (SELECT max(email) FROM public.customers); RETURN NEW;"), t, t, t, t, t), settle(),
				g.either(g.pick("INSERT INTO "+t+" VALUES (1, 'a'), (2, 'b') RETURNING x", "WITH i AS (INSERT INTO "+t+" SELECT 2, 'q' RETURNING x) SELECT x FROM i")), g.either("SELECT x FROM "+g.pick(t, t+"d")), outside("DROP TABLE %s; DROP FUNCTION %sf()", t, t))
		}},
		{"attack: late, refreshed while it is read", false, func(g *gen) episode {
			v := g.name("v")
			return w(aside("CREATE MATERIALIZED VIEW %s AS SELECT id, email || '' AS m FROM customers; CREATE UNIQUE INDEX ON %s (id)", v, v), settle(), g.either("SELECT m FROM "+v), aside("REFRESH MATERIALIZED VIEW CONCURRENTLY %s", v), g.either("SELECT m FROM "+v+" ORDER BY m LIMIT 1"), simple("SELECT m, id FROM %s", v), aside("DROP MATERIALIZED VIEW %s", v))
		}},
		{"attack: late, queries in texts", false, func(g *gen) episode {
			return one(g.either(g.pick("SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', email) FROM customers') ORDER BY 1", "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, plainto_tsquery(''simple'', email) FROM customers ORDER BY id')", "SELECT query_to_xml('SELECT email FROM customers', true, false, '')::text", "SELECT database_to_xml(true, false, '')::text LIKE '%u%'")))
		}},
		{"attack: late, fetched backwards", false, func(g *gen) episode {
			c := g.pick("", "WITH HOLD ")
			return one(simple("BEGIN"), simple("DECLARE c SCROLL CURSOR %sFOR SELECT %s FROM customers", c, g.pick("email", "id, email", "upper(name)")), simple("MOVE FORWARD ALL IN c"), g.either("FETCH "+g.pick("-2", "BACKWARD ALL", "ABSOLUTE -1", "RELATIVE -3", "PRIOR", "ABSOLUTE 0", "BACKWARD 0")+" FROM c"), g.either("FETCH "+g.pick("NEXT", "RELATIVE 0", "FORWARD -1")+" FROM c"), simple("COMMIT"))
		}},
		{"attack: late, cast of one's own", false, func(g *gen) episode {
			f := g.name("f")
			return w(outside("CREATE TYPE %st AS (a int); %s; CREATE CAST (int AS %st) WITH FUNCTION %s(int) AS %s", f, spy(f, "n int", f+"t", "RAISE NOTICE '%', (SELECT string_agg(email, ',' ORDER BY id) FROM public.customers); RETURN ROW(n)::"+f+"t;"), f, f, g.pick("IMPLICIT", "ASSIGNMENT")), outside("CREATE TABLE %sk (x %st); GRANT ALL ON %sk TO app", f, f, f), settle(),
				g.either(fmt.Sprintf(g.pick("SELECT 1::%st", "INSERT INTO %[1]sk VALUES (1)", "INSERT INTO %[1]sk SELECT days FROM tours RETURNING x", "SELECT CASE WHEN days > 0 THEN days::%st END FROM tours"), f)), outside("DROP TABLE %sk; DROP TYPE %st CASCADE", f, f))
		}},
	}
}
