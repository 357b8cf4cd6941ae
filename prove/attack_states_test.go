package prove

import "fmt"

// attackStates put protected data where no table is: sequences, locks, texts of
// the catalogue, planner statistics, two-phase transactions.
func attackStates() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	outside := func(format string, args ...any) step { return step{outside: fmt.Sprintf(format, args...)} }
	const forget = "SET allow_system_table_mods = on; DELETE FROM pg_statistic WHERE starelid = 'customers'::regclass; UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid = 'customers'::regclass; RESET allow_system_table_mods"
	return []kind{
		{"attack: second, sequence", false, func(g *gen) episode {
			return w(outside("CREATE SEQUENCE letter; GRANT ALL ON letter TO app"), aside("SELECT setval('letter', 1 + (SELECT coalesce(sum(points), 0) FROM customers)::bigint)"),
				g.either(g.pick("SELECT last_value FROM letter", "SELECT nextval('letter')", "SELECT last_value FROM pg_sequences WHERE sequencename = 'letter'", "SELECT pg_sequence_last_value('letter')")), outside("DROP SEQUENCE letter"))
		}},
		{"attack: second, sequence behind a column", false, func(g *gen) episode {
			return w(outside("CREATE TABLE numbered (n serial, x int); GRANT ALL ON numbered TO app; GRANT ALL ON numbered_n_seq TO app"), aside("SELECT setval('numbered_n_seq', 1 + (SELECT count(*) FROM customers WHERE %s))", g.predicate("")),
				g.either("INSERT INTO numbered (x) VALUES (1) RETURNING n"), g.either("SELECT n FROM numbered"), outside("DROP TABLE numbered"))
		}},
		{"attack: second, sequence drawn by a condition", false, func(g *gen) episode {
			return w(outside("CREATE SEQUENCE letter; GRANT ALL ON letter TO app"), aside("SELECT nextval('letter') FROM customers WHERE %s", g.predicate("")), g.either("SELECT last_value FROM letter"), outside("DROP SEQUENCE letter"))
		}},
		{"attack: sequence that outlives a failure", false, func(g *gen) episode {
			return w(outside("CREATE SEQUENCE letter; GRANT ALL ON letter TO app"), aside("SELECT setval('letter', 1 + points), 1 / (points - points) FROM customers WHERE id = %s", g.subject()), g.either("SELECT last_value FROM letter"), outside("DROP SEQUENCE letter"))
		}},
		{"attack: sequence set by code that fails", false, func(g *gen) episode {
			return w(outside("CREATE SEQUENCE letter; GRANT ALL ON letter TO app; CREATE FUNCTION failing(t text) RETURNS int LANGUAGE plpgsql AS $f$BEGIN EXECUTE t; RETURN 1 / 0; END$f$"), settle(),
				aside("SELECT failing('SELECT setval(''letter'', 1 + coalesce(sum(points), 0)::bigint) FROM public.customers')"),
				g.either(g.pick("SELECT last_value FROM letter", "SELECT nextval('letter')")), outside("DROP SEQUENCE letter; DROP FUNCTION failing(text)"))
		}},
		{"attack: locks", false, func(g *gen) episode {
			return one(simple("SELECT pg_advisory_lock(%s) FROM customers", g.pick("points", "length(email)")), g.either(g.pick("SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY 1", "SELECT pg_advisory_unlock(100), pg_advisory_unlock(400)")), simple("SELECT pg_advisory_unlock_all()"))
		}},
		{"attack: second, comment by code", false, func(g *gen) episode {
			return w(aside("DO $$BEGIN EXECUTE format('COMMENT ON TABLE tours IS %%L', (SELECT string_agg(email, ',') FROM customers)); END$$"), g.either("SELECT obj_description('tours'::regclass, 'pg_class')"), g.either("SELECT description FROM pg_description WHERE objoid = 'tours'::regclass"), outside("COMMENT ON TABLE tours IS NULL"))
		}},
		{"attack: second, definition by code", false, func(g *gen) episode {
			x := g.name("x")
			return w(aside("DO $$BEGIN EXECUTE format(%s, (SELECT string_agg(email, ',') FROM customers)); END$$", g.pick("'CREATE FUNCTION "+x+"() RETURNS text LANGUAGE sql AS %L'", "'CREATE VIEW "+x+" AS SELECT %L::text AS a'", "'CREATE TYPE "+x+" AS ENUM (%L)'", "'CREATE TABLE "+x+" (a text DEFAULT %L)'")),
				g.either("SELECT prosrc FROM pg_proc WHERE proname = '"+x+"'"), g.either("SELECT pg_get_viewdef(oid) FROM pg_class WHERE relname = '"+x+"' AND relkind = 'v'"), g.either("SELECT enumlabel FROM pg_enum"),
				g.either("SELECT column_default FROM information_schema.columns WHERE table_name = '"+x+"'"), outside("DROP FUNCTION IF EXISTS %s()", x), outside("DROP VIEW IF EXISTS %s", x+"_"),
				outside("DO $$BEGIN EXECUTE (SELECT 'DROP ' || CASE relkind WHEN 'v' THEN 'VIEW ' ELSE 'TABLE ' END || oid::regclass FROM pg_class WHERE relname = '%s' AND relkind IN ('v','r')); EXCEPTION WHEN null_value_not_allowed THEN NULL; END$$; DROP TYPE IF EXISTS %s", x, x))
		}},
		{"attack: second, routine that writes", false, func(g *gen) episode {
			f := g.name("f")
			return w(aside("CREATE FUNCTION %s(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN UPDATE tours SET title = (SELECT max(email) FROM public.customers) WHERE id = 1; RETURN n; END'", f), aside("UPDATE tours SET days = days WHERE id = %s(1)", f),
				g.either("SELECT title FROM tours WHERE id = 1"), outside("DROP FUNCTION %s(int); UPDATE tours SET title = '札幌' WHERE id = 1", f))
		}},
		{"attack: second, DO that fails after a commit", false, func(g *gen) episode {
			return w(aside("DO $$BEGIN UPDATE tours SET title = (SELECT max(email) FROM customers) WHERE id = 1; COMMIT; RAISE EXCEPTION 'no'; END$$"), g.either("SELECT title FROM tours WHERE id = 1"), aside("UPDATE tours SET title = '札幌' WHERE id = 1"))
		}},
		{"attack: statistics", false, func(g *gen) episode {
			return w(outside("ANALYZE customers"), g.either("SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats WHERE tablename = 'customers'"), g.either("SELECT null_frac, n_distinct FROM pg_stats WHERE tablename = 'customers' AND attname IN ('phone', 'points')"),
				simple("EXPLAIN SELECT 1 FROM customers WHERE %s", g.predicate("")), simple("EXPLAIN SELECT name FROM customers GROUP BY name"), outside(forget))
		}},
		{"attack: second, sizes", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s AS SELECT email FROM customers, generate_series(1, 500)", t),
				g.either(fmt.Sprintf(g.pick("SELECT pg_relation_size('%s')", "SELECT title FROM tours WHERE pg_total_relation_size('%s') > 100000", "SELECT pg_size_pretty(pg_table_size('%s'))"), t)),
				outside("VACUUM ANALYZE %s", t), g.either(fmt.Sprintf("SELECT relpages, reltuples FROM pg_class WHERE relname = '%s'", t)), outside("DROP TABLE %s", t))
		}},
		{"attack: more statistics", false, func(g *gen) episode {
			return w(outside("CREATE STATISTICS names (mcv, ndistinct) ON name, points FROM customers; ANALYZE customers"), g.either("SELECT most_common_vals::text, n_distinct::text FROM pg_stats_ext"),
				g.either("SELECT m.values::text FROM pg_statistic_ext_data d, pg_mcv_list_items(d.stxdmcv) m"), outside("DROP STATISTICS names; "+forget))
		}},
		{"attack: second, prepared transaction", false, func(g *gen) episode {
			t, x := g.name("t"), g.name("x")
			return w(aside("BEGIN; CREATE TABLE %s AS SELECT email AS x FROM customers; INSERT INTO shadow (a) SELECT phone FROM customers; PREPARE TRANSACTION '%s'", t, x), simple("SELECT a FROM shadow"), settle(),
				g.either(fmt.Sprintf("COMMIT PREPARED '%s'", x)), g.either("SELECT x FROM "+t), settle(), g.either("SELECT x FROM "+t), g.either("SELECT a FROM shadow"), aside("DROP TABLE %s", t), aside("DELETE FROM shadow"))
		}},
		{"attack: prepared transaction", false, func(g *gen) episode {
			x := g.name("x")
			return w(simple("BEGIN"), g.either("UPDATE customers SET points = points WHERE id = "+g.subject()+" RETURNING id, email"), g.either("SELECT id, phone FROM customers"), simple("PREPARE TRANSACTION '%s'", x), g.either("SELECT id, name FROM customers"),
				simple("%s PREPARED '%s'", g.pick("COMMIT", "ROLLBACK"), x), g.either("SELECT email FROM customers WHERE id = "+g.subject()))
		}},
		{"attack: names of others", false, func(g *gen) episode {
			return w(simple("SELECT set_config('application_name', (SELECT max(email) FROM customers), false)"), g.either("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"), simple("SHOW application_name"))
		}},
	}
}

// attackRewritten look at what the gate itself put into statements.
func attackRewritten() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	return []kind{
		{"attack: table of what Parse named", false, func(g *gen) episode {
			s, t := g.name("s"), g.name("t")
			return w(pipe(message{parse: &parse{s, "SELECT email FROM customers"}}), say(fmt.Sprintf("CREATE %sTABLE %s AS EXECUTE %s", g.pick("", "TEMP "), t, s)), simple("SELECT * FROM %s", t), pipe(message{bind: &bind{statement: s}}, message{execute: &execute{describe: true}}), simple("DROP TABLE %s", t))
		}},
		{"attack: plan of what Parse named", false, func(g *gen) episode {
			s := g.name("s")
			return one(pipe(message{parse: &parse{s, "SELECT email, points FROM customers"}}), g.either("EXPLAIN ("+g.pick("VERBOSE, COSTS OFF", "ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF", "VERBOSE")+") EXECUTE "+s), pipe(message{bind: &bind{statement: s}}, message{execute: &execute{describe: true}}))
		}},
		{"attack: texts of prepared statements", false, func(g *gen) episode {
			s, v := g.name("s"), g.name("v")
			return w(step{outside: fmt.Sprintf("CREATE VIEW %s AS SELECT statement FROM pg_prepared_statements; GRANT SELECT ON %s TO app", v, v)}, pipe(message{parse: &parse{s, "SELECT email FROM customers"}}), g.either("SELECT * FROM "+g.pick(v, "(SELECT statement FROM pg_prepared_statements) q")+" WHERE statement LIKE '%email%' AND statement NOT LIKE '%prepared%'"),
				pipe(message{bind: &bind{statement: s}}, message{execute: &execute{}}), step{outside: "DROP VIEW " + v})
		}},
		{"attack: EXECUTE with several formats", false, func(g *gen) episode {
			s := g.name("s")
			return one(pipe(message{parse: &parse{s, "SELECT email, points FROM customers"}}), pipe(message{parse: &parse{"", "EXECUTE " + s}}, message{bind: &bind{formats: []int16{0, 1}}}, message{execute: &execute{describe: true}}),
				pipe(message{parse: &parse{"e" + s, "EXECUTE " + s}}, message{bind: &bind{statement: "e" + s, formats: []int16{1}}}, message{execute: &execute{rows: 2}}, message{execute: &execute{}}))
		}},
		{"attack: more statements than are remembered", false, func(g *gen) episode {
			if g.n++; !g.chance(50) { // many messages: every other time
				return one(g.either("SELECT email FROM customers"))
			}
			var m []message
			for i := range 20_050 {
				m = append(m, message{parse: &parse{fmt.Sprint("m", i), "SELECT 1"}})
			}
			m = append(m, message{parse: &parse{"late", "SELECT email FROM customers"}})
			return one(step{pipe: m}, pipe(message{bind: &bind{statement: "late"}}, message{execute: &execute{describe: true}}), pipe(message{bind: &bind{statement: "m7"}}, message{execute: &execute{}}), g.either("SELECT name FROM customers"))
		}},
		{"attack: more portals than are remembered", false, func(g *gen) episode {
			m := []message{{parse: &parse{"q", "SELECT email FROM customers"}}}
			for i := range 5_050 {
				m = append(m, message{bind: &bind{statement: "q", portal: fmt.Sprint("p", i)}})
			}
			m = append(m, message{execute: &execute{portal: "p3", describe: true}}, message{execute: &execute{portal: "p5049", describe: g.chance(50)}})
			return one(step{pipe: m}, g.either("SELECT name FROM customers"))
		}},
	}
}
