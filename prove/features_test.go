package prove

import "fmt"

// featureKinds go through what PostgreSQL's SQL has: each is a form in which
// protected columns can be asked for, changed, or told by a failure.
func featureKinds() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	outside := func(format string, args ...any) step { return step{outside: fmt.Sprintf(format, args...)} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	undone := func(steps ...step) episode {
		return one(append(append([]step{simple("BEGIN")}, steps...), simple("ROLLBACK"))...)
	}
	slow := func(g *gen) string {
		return "SELECT id, " + g.pick("email", "name || phone", "upper(email)") + " AS s FROM customers UNION ALL SELECT NULL, pg_sleep(600)::text"
	}
	return []kind{
		{"cancelled in the middle", false, func(g *gen) episode {
			q := step{simple: slow(g), cancel: true}
			if g.chance(50) {
				q = prepared(slow(g), g.chance(50), false)
				q.cancel = true
			}
			return one(q, g.either("SELECT id, phone FROM customers WHERE id = "+g.subject()))
		}},
		{"timed out in the middle", false, func(g *gen) episode {
			return one(simple("SET statement_timeout = 2000"), g.either(slow(g)), simple("RESET statement_timeout"), g.either("SELECT id, phone FROM customers WHERE id = "+g.subject()))
		}},
		{"savepoints", false, func(g *gen) episode {
			return undone(g.either("SELECT id, email FROM customers"), simple("SAVEPOINT a"), g.either("UPDATE customers SET email = 'x' WHERE id = "+g.subject()), simple("SELECT 1/0"), simple("ROLLBACK TO a"), g.either("SELECT id, name FROM customers"),
				simple("SAVEPOINT b"), simple("CREATE TABLE sp AS SELECT phone FROM customers"), simple("SELECT phone FROM sp"), simple("ROLLBACK TO SAVEPOINT b"), simple("RELEASE a"), g.either("SELECT phone FROM customers WHERE id = "+g.subject()))
		}},
		{"listen and notify", false, func(g *gen) episode {
			return one(simple("LISTEN ch"), simple("NOTIFY ch, 'x'"), g.either("SELECT id, email FROM customers"), simple("BEGIN; NOTIFY ch"), g.either("SELECT id, phone FROM customers"), simple("COMMIT"), simple("UNLISTEN *"))
		}},
		{"schema changed by another session between prepare and execute", false, func(g *gen) episode {
			s := g.name("s")
			run := pipe(message{bind: &bind{statement: s}}, message{execute: &execute{describe: g.chance(50)}})
			return w(pipe(message{parse: &parse{s, "SELECT title || '' AS t FROM tours ORDER BY 1"}}), run, aside("ALTER TABLE tours RENAME TO tours_old; CREATE VIEW tours AS SELECT email AS title, points AS id, 0 AS days FROM customers"), run,
				g.either("SELECT title || '' FROM tours ORDER BY 1"), aside("DROP VIEW tours; ALTER TABLE tours_old RENAME TO tours"), run)
		}},
		{"conflicts", false, func(g *gen) episode {
			return undone(g.either(fmt.Sprintf("INSERT INTO customers (id, email) VALUES (%s, 'new@mail.example') ON CONFLICT DO NOTHING RETURNING id, name", g.subject())), g.either(fmt.Sprintf("INSERT INTO tours SELECT points, name, 1 FROM customers WHERE id = %s ON CONFLICT (id) DO UPDATE SET title = excluded.title || tours.title RETURNING title", g.subject())),
				simple("INSERT INTO customers (id, email) SELECT id, email FROM customers ON CONFLICT (id) DO UPDATE SET points = excluded.points WHERE customers.points > 100 RETURNING customers.id, customers.email"))
		}},
		{"merge of rows", false, func(g *gen) episode {
			return undone(g.either("MERGE INTO tours t USING customers c ON t.id = c.points / 100 AND c.id = "+g.subject()+" WHEN MATCHED THEN UPDATE SET days = 9 WHEN NOT MATCHED AND c.id = "+g.subject()+" AND c.email LIKE 'u%' THEN INSERT VALUES (99, 'x', 1)"), simple("SELECT id, days FROM tours ORDER BY id"))
		}},
		{"changing with queries", false, func(g *gen) episode {
			return undone(g.either(g.pick("WITH d AS (DELETE FROM bookings WHERE customer_id = "+g.subject()+" RETURNING customer_id, passport) SELECT * FROM d", "WITH u AS (UPDATE customers SET points = points RETURNING id, email) SELECT "+g.pick("email", "id, email", "count(*)")+" FROM u",
				"WITH i AS (INSERT INTO visits SELECT 950, id, name FROM customers WHERE id = "+g.subject()+" RETURNING memo) SELECT memo FROM i", "WITH d AS (DELETE FROM bookings RETURNING *), t AS (SELECT customer_id FROM d WHERE passport > 'TK5') SELECT count(*) FROM t")))
		}},
		{"windows of all forms", false, func(g *gen) episode {
			return one(g.either("SELECT id, " + g.pick("lead(email) OVER (ORDER BY id)", "ntile(2) OVER (ORDER BY email)", "sum(points) OVER (PARTITION BY id)", "nth_value(name, 2) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
				"count(*) FILTER (WHERE points > 100) OVER ()", "string_agg(email, ',') OVER w", "max(email) OVER (w ROWS 1 PRECEDING)", "cume_dist() OVER (ORDER BY points)") + " FROM customers WINDOW w AS (PARTITION BY name ORDER BY id)"))
		}},
		{"sets in the select list", false, func(g *gen) episode {
			return one(g.either("SELECT " + g.pick("id, ", "") + g.pick("unnest(array[email, name])", "regexp_split_to_table(email, '@')", "generate_series(1, points / 100)", "string_to_table(email, '.')", "jsonb_object_keys(jsonb_build_object(name, 1))", "(jsonb_each_text(to_jsonb(c))).value") + " FROM customers c WHERE " + g.keyed("c.")))
		}},
		{"constructors", false, func(g *gen) episode {
			return one(g.either("SELECT " + g.pick("ROW(id, email)", "ARRAY[email, name]", "ARRAY(SELECT email FROM customers d WHERE d.points >= c.points)", "json_build_object('k', id, 'e', email)", "(SELECT jsonb_agg(b.passport) FROM bookings b WHERE b.customer_id = c.id)", "xmlforest(name, email)::text", "row(c.*)::text", "jsonb_set('{}', array['a'], to_jsonb(email))", "(ROW(id, email)).f2", "int4range(0, points)") +
				g.pick("", ", id") + " FROM customers c WHERE " + g.keyed("c.")))
		}},
		{"domains and composite types", false, func(g *gen) episode {
			d := g.name("d")
			return w(outside("CREATE DOMAIN %s AS text CHECK (VALUE LIKE '%%@%%'); CREATE TYPE %sp AS (a text, b text)", d, d), g.either("SELECT id, email::"+d+" FROM customers"), g.either("SELECT (ROW(name, email)::"+d+"p).b FROM customers WHERE id = "+g.subject()), g.either("SELECT name::"+d+" FROM customers WHERE id = "+g.subject()),
				g.either("SELECT (jsonb_populate_record(NULL::"+d+"p, jsonb_build_object('a', email))).a FROM customers"), outside("DROP TYPE %sp; DROP DOMAIN %s", d, d))
		}},
		{"generated columns", false, func(g *gen) episode {
			return w(outside("ALTER TABLE bookings ADD shout text GENERATED ALWAYS AS (upper(passport)) STORED"), settle(), g.either("SELECT shout FROM bookings"), g.either("SELECT customer_id, shout FROM bookings"), simple("COPY bookings (customer_id, passport) TO STDOUT"), outside("ALTER TABLE bookings DROP shout"), settle())
		}},
		{"foreign key failures", false, func(g *gen) episode {
			t := g.name("t")
			return w(outside("ALTER TABLE bookings ADD CONSTRAINT fk FOREIGN KEY (customer_id) REFERENCES customers; CREATE TABLE %s (m text REFERENCES customers (email)); GRANT ALL ON %s TO app", t, t), simple("BEGIN"), g.either("DELETE FROM customers WHERE id = "+g.subject()), simple("ROLLBACK"),
				g.either(fmt.Sprintf("INSERT INTO %s VALUES (%s)", t, g.mail(g.r.IntN(len(g.s.keys))))), simple("INSERT INTO %s SELECT email || '' FROM customers WHERE id = %s", t, g.subject()), simple("BEGIN"), simple("UPDATE customers SET email = 'z' WHERE id = %s", g.subject()), simple("ROLLBACK"), simple("INSERT INTO %s SELECT name FROM customers WHERE id = %s", t, g.subject()),
				outside("DROP TABLE %s; ALTER TABLE bookings DROP CONSTRAINT fk", t))
		}},
		{"foreign key as an oracle", false, func(g *gen) episode {
			t := g.name("t")
			return w(outside("CREATE TABLE %s (m text REFERENCES customers (email)); GRANT ALL ON %s TO app", t, t), g.either(fmt.Sprintf("INSERT INTO %s VALUES (%s)", t, g.mail(g.r.IntN(len(g.s.keys))))), simple("DELETE FROM %s", t), outside("DROP TABLE %s", t))
		}},
		{"check option", false, func(g *gen) episode {
			v := g.name("v")
			return w(outside("CREATE VIEW %s AS SELECT id, email, points FROM customers WHERE points > 100 WITH CHECK OPTION; GRANT ALL ON %s TO app", v, v), g.either(fmt.Sprintf("UPDATE %s SET points = 0 WHERE id = %s", v, g.subject())), g.either("SELECT id, email FROM "+v), outside("DROP VIEW %s", v))
		}},
		{"barriers", false, func(g *gen) episode {
			v := g.name("v")
			return w(outside("CREATE VIEW %s WITH (security_barrier, security_invoker) AS SELECT id, name, email FROM customers WHERE %s; GRANT SELECT ON %s TO app", v, g.predicate(""), v), g.either("SELECT id, email FROM "+v), g.either("SELECT name FROM "+v+" WHERE id = "+g.subject()), outside("DROP VIEW %s", v))
		}},
		{"system columns", false, func(g *gen) episode {
			return one(g.either(g.pick("SELECT ctid, email FROM customers", "SELECT a.ctid, b.email FROM customers a JOIN customers b ON a.ctid < b.ctid", "SELECT id, xmin = xmin, tableoid::regclass FROM customers", "SELECT email FROM customers WHERE ctid = '(0,2)'", "SELECT c.email FROM customers c WHERE ctid IN (SELECT max(ctid) FROM customers)")))
		}},
		{"functions of one's own in the way", false, func(g *gen) episode {
			return w(outside("CREATE SCHEMA own; GRANT ALL ON SCHEMA own TO app"), simple("CREATE FUNCTION own.upper(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT max(email) FROM public.customers'"), simple("SET search_path = own, pg_catalog, public"), g.either("SELECT upper(title) FROM tours WHERE id = 1"), simple("SET search_path = own, public"), g.either("SELECT own.upper(title) FROM tours WHERE id = 1"),
				simple("RESET search_path"), outside("DROP SCHEMA own CASCADE"))
		}},
		{"operators and casts of one's own", false, func(g *gen) episode {
			f := g.name("f")
			return w(simple("CREATE FUNCTION %s(tours) RETURNS text LANGUAGE sql AS 'SELECT max(email) FROM public.customers'; CREATE CAST (tours AS text) WITH FUNCTION %s(tours); CREATE FUNCTION %so(int, text) RETURNS boolean LANGUAGE sql AS 'SELECT $2 < (SELECT max(name) FROM public.customers)'; CREATE OPERATOR <~ (LEFTARG = int, RIGHTARG = text, FUNCTION = %so)", f, f, f, f),
				g.either("SELECT tours::text FROM tours WHERE id = 1"), g.either("SELECT id FROM tours WHERE id <~ title"), g.either("SELECT t."+f+" FROM tours t WHERE id = 1"), simple("DROP FUNCTION %s(tours) CASCADE", f), simple("DROP FUNCTION %so(int, text) CASCADE", f))
		}},
		{"functions in pg_temp", false, func(g *gen) episode {
			return w(simple("CREATE FUNCTION pg_temp.peek(int) RETURNS text LANGUAGE sql AS 'SELECT email FROM public.customers ORDER BY id OFFSET $1 LIMIT 1'"), g.either("SELECT pg_temp.peek(1)"), g.either("SELECT title FROM tours WHERE title < pg_temp.peek(0)"), g.either("SELECT id, name FROM customers"))
		}},
		{"standard functions", false, func(g *gen) episode {
			f := g.name("f")
			return w(outside("CREATE FUNCTION %s(k %s) RETURNS text LANGUAGE sql STABLE RETURN (SELECT email FROM public.customers WHERE id = k); CREATE FUNCTION %sr() RETURNS TABLE (a text) LANGUAGE sql BEGIN ATOMIC SELECT phone FROM public.customers; END; GRANT EXECUTE ON FUNCTION %s(%s) TO app", f, g.s.keyType, f, f, g.s.keyType), settle(),
				g.either("SELECT "+f+"("+g.subject()+")"), g.either("SELECT * FROM "+f+"r()"), g.either("SELECT id, "+f+"(id) FROM customers"), outside("DROP FUNCTION %s(%s); DROP FUNCTION %sr()", f, g.s.keyType, f))
		}},
		{"XML of cursors and schemas", false, func(g *gen) episode {
			return one(simple("BEGIN"), simple("DECLARE c CURSOR FOR SELECT id, email FROM customers"), say("SELECT cursor_to_xml('c', 2, false, true, '')"), say("FETCH 1 FROM c"), simple("COMMIT"), say(g.pick("SELECT length(schema_to_xml('public', true, false, '')::text) > 0, xpath('//email/text()', table_to_xml('customers', true, false, ''))", "SELECT query_to_xml('TABLE bookings', true, true, '')")))
		}},
		{"code of all kinds", false, func(g *gen) episode {
			p := g.name("p")
			return w(simple("CREATE PROCEDURE %s(INOUT x text) LANGUAGE plpgsql AS 'BEGIN SELECT max(email) INTO x FROM public.customers; END'", p), say("CALL "+p+"('')"), prepared("CALL "+p+"('')", true, false), say("DO $$DECLARE x text; BEGIN SELECT max(email) INTO x FROM customers; RAISE "+g.pick("WARNING", "EXCEPTION", "INFO")+" '%', x; END$$"), simple("DROP PROCEDURE %s(text)", p))
		}},
	}
}
