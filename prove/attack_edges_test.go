package prove

import "fmt"

// attackEdges meet the gate's own additions, and code that runs where no name
// tells of it.
func attackEdges() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	leak := func(name, raise string) string {
		return fmt.Sprintf("CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE %s ''%%'', (SELECT string_agg(email, '','' ORDER BY id) FROM public.customers); RETURN NEW; END'; ", name, raise)
	}
	return []kind{
		{"attack: EXECUTE of what Parse named", false, func(g *gen) episode {
			s := g.name("s")
			return one(step{pipe: []message{{parse: &parse{s, "SELECT email, points FROM customers WHERE id <> $1"}}}}, say("EXECUTE "+s+"("+g.subject()+")"), step{pipe: []message{{bind: &bind{statement: s, args: []string{g.plain()}}}, {execute: &execute{}}}},
				prepared("EXECUTE "+s+"("+g.subject()+")", g.chance(50), false), say("EXPLAIN (VERBOSE, COSTS OFF) SELECT email FROM customers"))
		}},
		{"attack: the text itself", false, func(g *gen) episode {
			return one(g.either("SELECT email, current_query() FROM customers"), g.either("SELECT email, (SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()) FROM customers"))
		}},
		{"attack: column privileges", false, func(g *gen) episode {
			return w(step{outside: "REVOKE SELECT ON customers FROM app; GRANT SELECT (email, name) ON customers TO app"}, g.either("SELECT email FROM customers"), g.either("SELECT name, id FROM customers"), simple("SELECT c FROM customers c"),
				step{outside: "REVOKE SELECT (email, name) ON customers FROM app; GRANT SELECT ON customers TO app"}, g.either("SELECT email FROM customers"))
		}},
		{"attack: far row", false, func(g *gen) episode {
			return one(simple("BEGIN"), simple("DECLARE c SCROLL CURSOR FOR SELECT id, email FROM customers"), say("FETCH "+g.pick("ABSOLUTE 3", "RELATIVE 3", "LAST", "ABSOLUTE -2", "FORWARD 0")+" FROM c"), say("FETCH "+g.pick("PRIOR", "BACKWARD 1", "-1", "NEXT")+" FROM c"), simple("COMMIT"))
		}},
		{"attack: COPY into triggers", false, func(g *gen) episode {
			raise := g.pick("NOTICE", "EXCEPTION")
			return w(step{outside: leak("tell2", raise) + "CREATE TRIGGER tell2 BEFORE INSERT ON tours FOR EACH ROW EXECUTE FUNCTION tell2()"}, step{simple: "COPY tours (id, title) FROM STDIN", copyIn: "77\tx\n"}, step{outside: "DROP TRIGGER tell2 ON tours; DROP FUNCTION tell2()"}, simple("DELETE FROM tours WHERE id = 77"))
		}},
		{"attack: checked by code", false, func(g *gen) episode {
			f := g.name("f")
			return w(step{outside: fmt.Sprintf("CREATE FUNCTION %s(n int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN IF n = 78 THEN RAISE %s ''%%'', (SELECT max(email) FROM public.customers); END IF; RETURN true; END'; ALTER TABLE tours ADD CONSTRAINT chk CHECK (%s(id))", f, g.pick("NOTICE", "EXCEPTION"), f)},
				g.either("INSERT INTO tours VALUES (78, 'x', 1)"), step{outside: "ALTER TABLE tours DROP CONSTRAINT chk; DROP FUNCTION " + f + "(int)"}, simple("DELETE FROM tours WHERE id = 78"))
		}},
		{"attack: trigger that raises", false, func(g *gen) episode {
			raise := g.pick("NOTICE", "EXCEPTION", "WARNING")
			return w(step{outside: leak("tell3", raise) + "CREATE TRIGGER tell3 BEFORE UPDATE ON tours FOR EACH ROW EXECUTE FUNCTION tell3()"}, g.either("UPDATE tours SET days = 2 WHERE id = 1"), step{outside: "DROP TRIGGER tell3 ON tours; DROP FUNCTION tell3()"})
		}},
		{"attack: TRUNCATE and ANALYZE run code", false, func(g *gen) episode {
			t := g.name("t")
			return w(step{outside: leak("tell4", "NOTICE")}, simple("CREATE TABLE %s (x int)", t), simple("CREATE TRIGGER a BEFORE TRUNCATE ON %s EXECUTE FUNCTION tell4()", t), simple("TRUNCATE %s", t), simple("DROP TABLE %s", t), step{outside: "DROP FUNCTION tell4()"})
		}},
	}
}

// attackCopies write protected data in unusual ways and read it from there.
func attackCopies() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	read := func(g *gen) step { return g.either("SELECT a, b FROM shadow") }
	clear := say("DELETE FROM shadow")
	return []kind{
		{"attack: table of a prepared statement", false, func(g *gen) episode {
			t := g.name("t")
			return w(say("PREPARE q AS SELECT email AS x FROM customers"), simple("CREATE TABLE %s AS EXECUTE q", t), g.either("SELECT x FROM "+t), simple("DROP TABLE %s", t))
		}},
		{"attack: written by EXPLAIN", false, func(g *gen) episode {
			return w(say("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) INSERT INTO shadow (a) SELECT email FROM customers"), read(g), clear)
		}},
		{"attack: written under WITH", false, func(g *gen) episode {
			return w(g.either(g.pick("WITH x AS (INSERT INTO shadow (b) SELECT email FROM customers RETURNING 1) SELECT 1", "WITH x AS (SELECT email e FROM customers) INSERT INTO shadow (b) SELECT e FROM x")), read(g), clear)
		}},
		{"attack: written by COPY", false, func(g *gen) episode {
			return w(say("COPY (INSERT INTO shadow (b) SELECT email FROM customers RETURNING 1) TO STDOUT"), read(g), clear)
		}},
		{"attack: written by a rule", false, func(g *gen) episode {
			return w(say("CREATE RULE r AS ON UPDATE TO tours DO ALSO INSERT INTO shadow (a) SELECT email FROM customers"), g.either("UPDATE tours SET days = days WHERE id = 1"), say("DROP RULE r ON tours"), read(g), clear)
		}},
		{"attack: written by EXECUTE", false, func(g *gen) episode {
			s := g.name("s")
			return w(step{pipe: []message{{parse: &parse{s, "INSERT INTO shadow (a) SELECT name FROM customers"}}}}, say("EXECUTE "+s), read(g), clear)
		}},
		{"attack: a partition that was a table", false, func(g *gen) episode {
			t, p := g.name("t"), g.name("p")
			return w(simple("CREATE TABLE %s AS SELECT email AS x FROM customers", t), simple("CREATE TABLE %s (x text) PARTITION BY LIST (x)", p), simple("ALTER TABLE %s ATTACH PARTITION %s DEFAULT", p, t), g.either("SELECT x FROM "+p), simple("DROP TABLE %s", p))
		}},
		{"attack: written twice", false, func(g *gen) episode {
			t := g.name("t")
			return w(simple("CREATE TABLE %s (x text)", t), say("INSERT INTO shadow (a) SELECT email FROM customers"), simple("INSERT INTO %s SELECT a FROM shadow", t), g.either("SELECT x FROM "+t), simple("COPY %s TO STDOUT", t), simple("DROP TABLE %s", t), clear)
		}},
		{"attack: filled later", false, func(g *gen) episode {
			t := g.name("m")
			return w(simple("CREATE MATERIALIZED VIEW %s AS SELECT email AS x FROM customers WITH NO DATA", t), simple("REFRESH MATERIALIZED VIEW %s", t), g.either("SELECT x FROM "+t), simple("ALTER MATERIALIZED VIEW %s RENAME TO %sr", t, t), g.either("SELECT x FROM "+t+"r"), simple("DROP MATERIALIZED VIEW %sr", t))
		}},
		{"attack: merged and conflicted", false, func(g *gen) episode {
			return w(say("INSERT INTO tours SELECT 50, 'x', 1"), g.either("INSERT INTO tours (id, title) VALUES (50, 'y') ON CONFLICT (id) DO UPDATE SET title = (SELECT max(email) FROM customers)"), g.either("SELECT title FROM tours WHERE id = 50"), say("DELETE FROM tours WHERE id = 50"))
		}},
		{"attack: rolled back and done again", false, func(g *gen) episode {
			t := g.name("t")
			return w(say("BEGIN"), simple("CREATE TABLE %s AS SELECT email AS x FROM customers", t), simple("SELECT x FROM %s", t), say("ROLLBACK"), simple("CREATE TABLE %s AS SELECT title AS x FROM tours", t), simple("INSERT INTO %s SELECT phone FROM customers", t), g.either("SELECT x FROM "+t), simple("DROP TABLE %s", t))
		}},
	}
}
