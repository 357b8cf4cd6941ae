package prove

import "fmt"

// attackChannels read protected data where no row carries it: errors, counts,
// notices, rules and policies.
func attackChannels() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	return []kind{
		{"attack: index errors", false, func(g *gen) episode {
			return one(say(g.pick("CREATE INDEX ON roll ((email::int))", "CREATE UNIQUE INDEX ON roll (left(email, 2))", "CREATE INDEX ON mails ((email::date))")))
		}},
		{"attack: schema change errors", false, func(g *gen) episode {
			t := g.name("t")
			return w(step{aside: fmt.Sprintf("CREATE TABLE %s AS SELECT email AS x, name AS y FROM customers", t)},
				simple(g.pick("ALTER TABLE %s ALTER x TYPE int USING x::int", "ALTER TABLE %s ADD CHECK (y = '佐藤一郎')", "ALTER TABLE %s ADD FOREIGN KEY (y) REFERENCES customers (email)"), t), step{aside: "DROP TABLE " + t})
		}},
		{"attack: constraint that holds or not", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s AS SELECT email AS x, name AS y, points AS p FROM customers", t), settle(),
				simple(g.pick("ALTER TABLE %s ADD CHECK (y <> '～zz1@z.example' AND p > -1)", "ALTER TABLE %s ALTER x SET NOT NULL", "CREATE UNIQUE INDEX ON %s (coalesce(left(x, 3), 'u0.'))", "ALTER TABLE %s ADD CONSTRAINT c CHECK (p >= 0)", "ALTER TABLE %s ALTER p TYPE smallint USING (1000 / (p + 5))::smallint"), t), aside("DROP TABLE %s", t))
		}},
		{"attack: deferred constraint", false, func(g *gen) episode {
			t := g.name("t")
			ins := "INSERT INTO " + t + " SELECT email FROM customers WHERE id <> " + g.subject()
			return w(simple("CREATE TABLE %s (m text UNIQUE DEFERRABLE INITIALLY DEFERRED)", t), simple("BEGIN"), say(ins), say(ins), say(g.pick("COMMIT", "SET CONSTRAINTS ALL IMMEDIATE")), simple("ROLLBACK"),
				pipe(message{parse: &parse{"", ins}}, message{bind: &bind{}}, message{execute: &execute{}}, message{bind: &bind{}}, message{execute: &execute{}}), simple("DROP TABLE %s", t))
		}},
		{"attack: deferred trigger of another", false, func(g *gen) episode {
			return w(step{outside: "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', (SELECT string_agg(email, '','' ORDER BY id) FROM public.customers); RETURN NULL; END'; CREATE CONSTRAINT TRIGGER tell AFTER UPDATE ON tours DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell()"},
				simple("BEGIN"), simple("UPDATE tours SET days = days WHERE id = 1"), say(g.pick("COMMIT", "SET CONSTRAINTS ALL IMMEDIATE")), simple("ROLLBACK"), step{outside: "DROP TRIGGER tell ON tours; DROP FUNCTION tell()"})
		}},
		{"attack: deferred trigger at Sync", false, func(g *gen) episode {
			return w(step{outside: "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''%'', (SELECT string_agg(email, '','' ORDER BY id) FROM public.customers); RETURN NULL; END'; CREATE CONSTRAINT TRIGGER tell AFTER UPDATE ON tours DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell()"},
				prepared("UPDATE tours SET days = days WHERE id = 1", true, false), step{outside: "DROP TRIGGER tell ON tours; DROP FUNCTION tell()"})
		}},
		{"attack: rule", false, func(g *gen) episode {
			return w(step{outside: "CREATE RULE r AS ON UPDATE TO tours DO INSTEAD SELECT email FROM customers"}, g.either("UPDATE tours SET days = 1"), step{outside: "DROP RULE r ON tours"},
				step{outside: "CREATE RULE r AS ON INSERT TO tours DO ALSO SELECT email FROM customers"}, simple("INSERT INTO tours VALUES (9, 'x', 1)"), step{outside: "DROP RULE r ON tours"}, simple("DELETE FROM tours WHERE id = 9"))
		}},
		{"attack: row security", false, func(g *gen) episode {
			return w(step{outside: "ALTER TABLE bookings ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON bookings USING (passport > 'TK5' OR price > 3000)"}, g.either("SELECT id, tour_id FROM bookings"), simple("SELECT count(*) FROM bookings"),
				step{outside: "DROP POLICY p ON bookings; ALTER TABLE bookings DISABLE ROW LEVEL SECURITY"})
		}},
		{"attack: definer", false, func(g *gen) episode {
			f := g.name("f")
			return w(step{outside: fmt.Sprintf("CREATE FUNCTION %s(n int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER IMMUTABLE AS 'BEGIN IF n = 1 THEN RAISE NOTICE ''%%'', (SELECT max(email) FROM public.customers); END IF; RETURN n; END'; CREATE VIEW v%s AS SELECT days FROM tours WHERE %s(id) > 0", f, f, f)},
				g.either("SELECT days FROM tours WHERE id = "+f+"(1)"), simple("EXPLAIN (COSTS OFF) SELECT %s(1)", f), simple("CREATE INDEX ON tours (%s(id))", f), simple("ALTER TABLE tours ADD CHECK (%s(id) > 0) ", f), simple("VACUUM tours"),
				step{outside: fmt.Sprintf("GRANT SELECT ON v%s TO app", f)}, simple("SELECT days FROM v%s", f), step{outside: fmt.Sprintf("DROP FUNCTION %s(int) CASCADE", f)})
		}},
		{"attack: new partition and child", false, func(g *gen) episode {
			return w(g.either("SELECT customer_id, memo FROM visits"), step{outside: "CREATE TABLE visits_new (LIKE visits); INSERT INTO visits_new SELECT 2000, customer_id, memo FROM visits WHERE id < 4; ALTER TABLE visits ATTACH PARTITION visits_new FOR VALUES FROM (2000) TO (3000); GRANT SELECT ON visits_new TO app, watch; CREATE TABLE heirs () INHERITS (customers); GRANT SELECT ON heirs TO app, watch; INSERT INTO heirs SELECT * FROM ONLY customers WHERE points > 100"},
				g.either("SELECT memo FROM visits_new"), g.either("SELECT email FROM heirs"), g.either("SELECT customer_id, memo FROM visits"), simple("SELECT id, email FROM customers"), step{outside: "ALTER TABLE visits DETACH PARTITION visits_new; DROP TABLE visits_new, heirs"})
		}},
		{"attack: rolled back settings", false, func(g *gen) episode {
			q := "SELECT email || '' FROM customers WHERE id = " + g.subject()
			return one(simple("BEGIN"), simple("SAVEPOINT a"), simple("SET LOCAL search_path = other"), g.either(q), simple("ROLLBACK TO a"), g.either(q), simple("SET search_path = other"), simple("SELECT 1/0"), simple("ROLLBACK"), g.either(q),
				simple("SET search_path = other; SELECT 1/0"), g.either(q), simple("BEGIN; SET search_path = other; COMMIT AND CHAIN; %s", q), simple("ROLLBACK"), g.either(q), simple("RESET ALL"), g.either(q))
		}},
		{"attack: startup options", false, func(g *gen) episode {
			e := one(g.either("SELECT email || '' FROM customers WHERE id = "+g.subject()), g.either("SELECT id, name FROM customers"), simple("DISCARD ALL"), g.either("SELECT name || '' FROM customers"))
			e.startup = map[string]string{"options": g.pick("-c search_path=other", "-c search_path=other,public -c standard_conforming_strings=off", "-c client_encoding=LATIN1")}
			return e
		}},
	}
}

// attackSecond lets one session put protected data somewhere and another take
// it out.
func attackSecond() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	return []kind{
		{"attack: second, insert select", false, func(g *gen) episode {
			return w(aside("INSERT INTO shadow (a, b) SELECT name, email FROM customers"), g.either("SELECT a, b FROM shadow"), aside("DELETE FROM shadow"))
		}},
		{"attack: second, table of a prepared statement", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("PREPARE s AS SELECT email AS x FROM customers"+"; CREATE TABLE %s AS EXECUTE s", t), g.either("SELECT x FROM "+t), aside("DROP TABLE %s", t))
		}},
		{"attack: second, renamed", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s AS SELECT email AS x FROM customers", t), aside("ALTER TABLE %s RENAME TO %sr", t, t), aside("ALTER TABLE %sr RENAME x TO z", t), g.either("SELECT z FROM "+t+"r"), aside("DROP TABLE %sr", t))
		}},
		{"attack: second, copied by ALTER", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s AS SELECT email AS x, 'a'::text AS y, 1 AS n FROM customers", t), aside("ALTER TABLE %s ALTER y TYPE text USING x, ALTER n TYPE int USING length(x)", t), g.either("SELECT y, n FROM "+t), aside("DROP TABLE %s", t))
		}},
		{"attack: second, inherited", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s AS SELECT email AS x FROM customers; CREATE TABLE %sp (x text)", t, t), aside("ALTER TABLE %s INHERIT %sp", t, t), g.either("SELECT x FROM "+t+"p"), aside("DROP TABLE %sp CASCADE", t), aside("DROP TABLE IF EXISTS %s", t))
		}},
		{"attack: second, code", false, func(g *gen) episode {
			return w(aside("DO $$BEGIN EXECUTE 'INSERT INTO shadow (a) SELECT email FROM customers'; END$$"), g.either("SELECT a FROM shadow"), aside("DELETE FROM shadow"))
		}},
		{"attack: second, large object", false, func(g *gen) episode {
			return w(aside("SELECT lo_from_bytea(4243, (SELECT convert_to(string_agg(email, ','), 'UTF8') FROM customers))"), simple("SELECT convert_from(lo_get(4243), 'UTF8')"), aside("SELECT lo_unlink(4243)"))
		}},
		{"attack: second, quick disconnect", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("BEGIN; CREATE TABLE %s AS SELECT email AS x FROM customers; INSERT INTO shadow (b) SELECT phone FROM customers; COMMIT", t), g.either("SELECT x FROM "+t), g.either("SELECT b FROM shadow"), aside("DROP TABLE %s; DELETE FROM shadow", t))
		}},
		{"attack: second, foreign table", false, func(g *gen) episode {
			return w(step{outside: "CREATE EXTENSION postgres_fdw; DO $$BEGIN EXECUTE format('CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host ''127.0.0.1'', port %L, dbname %L)', current_setting('port'), current_database()); END$$; " +
				"CREATE USER MAPPING FOR app SERVER loop OPTIONS (user 'app', password_required 'false'); CREATE FOREIGN TABLE far (email text, name text) SERVER loop OPTIONS (schema_name 'public', table_name '" + g.pick("contact", "customers") + "'); GRANT SELECT ON far TO app"},
				g.either("SELECT "+g.pick("email", "name", "1")+" FROM far"), g.either("SELECT title FROM tours WHERE EXISTS (SELECT FROM far WHERE email LIKE 'u%')"), step{outside: "DROP EXTENSION postgres_fdw CASCADE"})
		}},
		{"attack: second, dblink", false, func(g *gen) episode {
			return w(step{outside: "CREATE EXTENSION dblink; GRANT EXECUTE ON FUNCTION dblink_connect_u(text, text) TO app"},
				step{simple: "SELECT dblink_connect_u('c', format('host=127.0.0.1 user=app port=%s dbname=%s', current_setting('port'), current_database()))"},
				g.either("SELECT e FROM dblink('c', 'SELECT email FROM customers') AS t(e text)"), step{simple: "SELECT dblink_exec('c', 'UPDATE tours SET title = (SELECT max(email) FROM customers) WHERE id = 1')"},
				g.either("SELECT title FROM tours WHERE id = 1"), step{simple: "SELECT dblink_disconnect('c')"}, step{outside: "DROP EXTENSION dblink; UPDATE tours SET title = '札幌' WHERE id = 1"})
		}},
		{"attack: second, notify", false, func(g *gen) episode {
			return w(simple("LISTEN ch"), aside("SELECT pg_notify('ch', email) FROM customers WHERE id = %s", g.subject()), simple("SELECT 1"), simple("UNLISTEN *"))
		}},
	}
}
