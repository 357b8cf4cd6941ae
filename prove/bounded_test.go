package prove

import "fmt"

// boundedKinds are the classes that can only be bounded: truth must lie inside.
func boundedKinds() []kind {
	sql := func(f func(g *gen) string) func(g *gen) episode {
		return func(g *gen) episode { return one(g.either(f(g))) }
	}
	return []kind{
		{"self-join, one key", false, sql(func(g *gen) string {
			return "SELECT a.id, b." + g.pick("email", "name", "phone") + " FROM customers a JOIN customers b ON " +
				g.pick("b.id > a.id", "b.id <> a.id", "b.name = a.name AND b.id <> a.id")
		})},
		{"predicate", false, sql(func(g *gen) string {
			return "SELECT " + g.pick("id", "id, email", "1", g.columns("")) + " FROM customers WHERE " + g.predicate("")
		})},
		{"predicate and key", false, sql(func(g *gen) string {
			return "SELECT id, name FROM customers WHERE id = " + g.subject() + g.pick(" AND ", " OR ") + g.predicate("")
		})},
		{"aggregate", false, sql(func(g *gen) string {
			return g.pick("SELECT max(email), min(name) FROM customers", "SELECT count(phone) FROM customers", "SELECT sum(points) FROM customers WHERE "+g.keyed(""),
				"SELECT string_agg(email, ',') FROM customers", "SELECT name, count(*) FROM customers GROUP BY name", "SELECT json_agg(c) FROM customers c",
				"SELECT id, max(email) FROM customers GROUP BY id", "SELECT count(*) FILTER (WHERE points > 100) FROM customers", "SELECT avg(points) OVER () FROM customers",
				"SELECT array_agg(passport ORDER BY id) FROM bookings", "SELECT name FROM customers GROUP BY name HAVING count(*) > 1")
		})},
		{"order and limit", false, sql(func(g *gen) string {
			return "SELECT id, " + g.columns("") + " FROM customers ORDER BY " + g.pick("email", "name DESC", "points NULLS FIRST", "2") + g.pick("", " LIMIT 3", " LIMIT 2 OFFSET 1")
		})},
		{"offset", false, sql(func(g *gen) string {
			return "SELECT id, email FROM customers ORDER BY id LIMIT " + g.pick("2", "3", "ALL") + " OFFSET " + g.pick("1", "2", "4")
		})},
		{"window", false, sql(func(g *gen) string {
			return g.pick("SELECT id, email, row_number() OVER (ORDER BY id) FROM customers", "SELECT id, lag(email) OVER (ORDER BY id) FROM customers",
				"SELECT id, first_value(name) OVER () FROM customers", "SELECT id, rank() OVER (ORDER BY points) FROM customers")
		})},
		{"set operation", false, sql(func(g *gen) string {
			op := g.pick(" UNION ", " UNION ALL ", " EXCEPT ", " INTERSECT ")
			if g.chance(50) {
				return "SELECT id, name FROM customers" + g.pick(" WHERE points > 100", "") + op + "SELECT id, name FROM contact WHERE " + g.keyed("")
			}
			return "SELECT " + g.pick("name", "email", "phone") + " FROM customers" + g.pick(" WHERE points > 100", "") + op + "SELECT " + g.pick("name FROM customers WHERE "+g.keyed(""), "email FROM contact")
		})},
		{"semi-join", false, sql(func(g *gen) string {
			return "SELECT " + g.pick("c.id, c.name", "c.name") + " FROM customers c WHERE " + g.pick("", "NOT ") +
				g.pick("EXISTS (SELECT 1 FROM bookings b WHERE b.customer_id > c.id AND b.price > 3000)", "c.id IN (SELECT customer_id FROM bookings WHERE passport LIKE 'TK1%')",
					"EXISTS (SELECT FROM customers d WHERE d.name = c.name AND d.id <> c.id)", "EXISTS (SELECT FROM visits v WHERE v.customer_id = c.id)")
		})},
		{"scalar subquery", false, sql(func(g *gen) string {
			return "SELECT id, (SELECT " + g.pick("max(email)", "min(name)") + " FROM customers d WHERE d.id " + g.pick("<>", ">", "<") + " c.id) FROM customers c"
		})},
		{"parameter decides the column", false, func(g *gen) episode {
			return one(prepared("SELECT CASE WHEN $1 = 'x' THEN email ELSE 'no' END FROM customers WHERE id = "+g.subject(), g.chance(50), false, g.pick("x", "y")),
				prepared("SELECT CASE WHEN $1::int = 1 THEN c.email ELSE d.email END FROM customers c, customers d WHERE c.id = "+g.subject()+" AND d.id = "+g.subject(), true, false, g.pick("1", "2")))
		}},
		{"whole row", false, sql(func(g *gen) string {
			return g.pick("SELECT c FROM customers c", "SELECT id, c FROM customers c", "SELECT row_to_json(c) FROM customers c WHERE id = "+g.subject(), "SELECT (c).email FROM customers c", "SELECT c::text FROM contact c")
		})},
		{"function", false, sql(func(g *gen) string {
			return g.pick("SELECT mail_of("+g.subject()+")", "SELECT * FROM everyone()", "SELECT id, mail_of(id) FROM customers", "SELECT title FROM tours WHERE mail_of("+g.subject()+") LIKE 'u%'")
		})},
		{"XML and catalogue", false, sql(func(g *gen) string {
			return g.pick("SELECT query_to_xml('SELECT email FROM customers', true, false, '')", "SELECT table_to_xml('customers', true, false, '')",
				"SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'customers'", "SELECT ts_stat::text FROM ts_stat('SELECT to_tsvector(email) FROM customers')")
		})},
		{"search path", false, func(g *gen) episode {
			n := g.name("p")
			p := step{pipe: []message{{parse: &parse{n, "SELECT id, name FROM customers"}}, {bind: &bind{statement: n}}, {execute: &execute{describe: true}}}}
			again := step{pipe: []message{{bind: &bind{statement: n}}, {execute: &execute{describe: g.chance(50)}}}}
			return one(p, g.either("SET search_path = "+g.pick("other", "other, public", "pg_temp, other")), again, simple("SELECT name FROM customers"), simple("RESET search_path; SELECT email FROM customers WHERE id = %s", g.subject()))
		}},
		{"search path, expressions only", false, func(g *gen) episode {
			// The result looks the same whichever table it is read from.
			q := "SELECT " + g.pick("lower(email) || ''", "coalesce(name, '-')", "md5(email)") + " FROM customers WHERE id = " + g.subject()
			e := one(g.either("SELECT days FROM tours"), g.either("SET search_path = other"), g.either(q))
			if g.chance(50) {
				e.steps = append(e.steps, g.either("SET search_path = public"), g.either(q))
			}
			return e
		}},
		{"search path by function", false, func(g *gen) episode {
			return one(simple("SELECT set_config('search_path', 'other', false)"), g.either("SELECT id, name FROM customers"), simple("SELECT email FROM public.customers"))
		}},
		{"temporary table in the way", false, func(g *gen) episode {
			return one(simple("CREATE TEMP TABLE customers AS SELECT id, email AS name FROM public.customers"), g.either("SELECT id, name FROM customers"), g.either("SELECT name FROM customers"), simple("DROP TABLE pg_temp.customers"))
		}},
		{"explain", false, sql(func(g *gen) string {
			return "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM customers WHERE " + g.predicate("")
		})},
		{"error in the middle", false, func(g *gen) episode {
			k := g.subject()
			return one(g.either("SELECT id, name, 1 / (CASE WHEN id = "+k+" THEN 0 ELSE 1 END) FROM customers"), g.either("SELECT email::int FROM customers WHERE id = "+k),
				step{pipe: []message{{parse: &parse{"", "SELECT id, email FROM customers"}}, {bind: &bind{}}, {execute: &execute{rows: 2}}, {parse: &parse{"", "SELECT nonsense"}}, {bind: &bind{}}, {execute: &execute{}}}},
				g.either("SELECT id, phone FROM customers"))
		}},
		{"constraint errors", false, func(g *gen) episode {
			e := one(g.either("UPDATE customers SET id = NULL WHERE id = "+g.subject()), g.either("INSERT INTO customers (id, email) SELECT id, email FROM customers WHERE id = "+g.subject()))
			return e
		}},
		{"do and call", false, func(g *gen) episode {
			return one(simple("DO $$BEGIN RAISE NOTICE '%%', (SELECT string_agg(email, ' ') FROM customers); END$$"))
		}},
		{"recursive", false, sql(func(g *gen) string {
			return "WITH RECURSIVE w(i, m) AS (SELECT id, email FROM customers WHERE id = " + g.subject() + " UNION ALL SELECT c.id, w.m || c.email FROM w JOIN customers c ON c.id > w.i) SELECT " + g.pick("i, m", "m") + " FROM w LIMIT 20"
		})},
		{"full join", false, sql(func(g *gen) string {
			return "SELECT " + g.pick("id", "c.id") + ", c.email, v.memo FROM customers c FULL JOIN (SELECT customer_id AS id, memo FROM visits) v USING (id)"
		})},
		{"cross join and values", false, sql(func(g *gen) string {
			return fmt.Sprintf("SELECT v.x, c.name FROM (VALUES (1), (2)) v(x), customers c WHERE c.id %s %s", g.pick("<", ">", "="), g.subject())
		})},
		{"outer join, one key", false, sql(func(g *gen) string {
			return "SELECT c.id, b.passport FROM bookings b " + g.pick("LEFT", "FULL", "RIGHT") + " JOIN customers c ON c.id = b.customer_id AND c.points > 100"
		})},
		{"random", false, func(g *gen) episode { return g.random(2) }},
		{"random again", false, func(g *gen) episode { return g.random(3) }},
	}
}

// launderKinds write protected data somewhere and read it from there.
func launderKinds() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	return []kind{
		{"insert select", false, func(g *gen) episode {
			return w(g.either("INSERT INTO shadow (a, b) SELECT name, "+g.pick("email", "upper(email)", "phone")+" FROM customers WHERE "+g.keyed("")), g.either("SELECT a, b FROM shadow"), simple("DELETE FROM shadow"))
		}},
		{"create table as", false, func(g *gen) episode {
			t := g.name("t")
			return w(simple("CREATE %sTABLE %s AS SELECT %s AS x FROM customers", g.pick("", "TEMP ", "UNLOGGED "), t, g.pick("email", "name || phone", "points")), g.either("SELECT x FROM "+t), simple("SELECT count(x) FROM %s", t), simple("DROP TABLE %s", t))
		}},
		{"select into", false, func(g *gen) episode {
			t := g.name("t")
			return w(simple("SELECT email AS x INTO %s%s FROM customers", g.pick("", "TEMP "), t), g.either("SELECT * FROM "+t), simple("DROP TABLE %s", t))
		}},
		{"materialised view", false, func(g *gen) episode {
			return w(simple("REFRESH MATERIALIZED VIEW roll"), g.either("SELECT name, email FROM roll"), g.either("SELECT id, email FROM roll WHERE id = "+g.subject()), g.either("SELECT * FROM mails"))
		}},
		{"trigger", false, func(g *gen) episode {
			n := 500 + g.r.IntN(400)
			return w(g.either(fmt.Sprintf("INSERT INTO visits VALUES (%d, %s, 'x')", n, g.subject())), g.either("SELECT a, b FROM shadow"), simple("DELETE FROM visits WHERE id = %d", n), simple("DELETE FROM shadow"))
		}},
		{"setting", false, func(g *gen) episode {
			return w(simple("SELECT set_config('shop.x', (SELECT string_agg(email, ',') FROM customers), false)"), simple("SHOW shop.x"), simple("SELECT current_setting('shop.x')"))
		}},
		{"setting, quietly", false, func(g *gen) episode {
			return w(simple("DO $$BEGIN PERFORM set_config('shop.y', (SELECT string_agg(email, ',') FROM customers), false); END$$"), simple("SHOW shop.y"))
		}},
		{"notify", false, func(g *gen) episode {
			return w(simple("LISTEN ch"), simple("SELECT pg_notify('ch', (SELECT email FROM customers WHERE id = %s))", g.subject()), simple("SELECT 1"))
		}},
		{"update from", false, func(g *gen) episode {
			return w(simple("UPDATE tours SET title = coalesce((SELECT email FROM customers WHERE id = %s), 'x') WHERE id = 1", g.subject()), g.either("SELECT title FROM tours ORDER BY id"), simple("UPDATE tours SET title = '札幌' WHERE id = 1"))
		}},
		{"view made on the way", false, func(g *gen) episode {
			v := g.name("v")
			return w(simple("CREATE VIEW %s AS SELECT email AS title, 1 AS id FROM customers", v), g.either("SELECT title FROM "+v), simple("DROP VIEW %s", v))
		}},
		{"renamed inside a transaction", false, func(g *gen) episode {
			return w(g.either("SELECT title, id FROM tours"), simple("BEGIN"), simple("ALTER TABLE tours RENAME TO tours_old"), simple("CREATE VIEW tours AS SELECT email AS title, points AS id, 0 AS days FROM customers"),
				g.either("SELECT title, id FROM tours"), simple("ROLLBACK"), g.either("SELECT title, id FROM tours"))
		}},
		{"schema changed around the gate", false, func(g *gen) episode {
			q := "SELECT title, id FROM tours"
			return w(g.either(q), step{outside: "ALTER TABLE tours RENAME TO tours_old; CREATE VIEW tours AS SELECT email AS title, points AS id, 0 AS days FROM customers; GRANT SELECT ON tours TO app"},
				g.either(q), step{outside: "DROP VIEW tours; ALTER TABLE tours_old RENAME TO tours"}, g.either(q))
		}},
		{"function made on the way", false, func(g *gen) episode {
			f := g.name("f")
			return w(simple("CREATE FUNCTION %s() RETURNS text LANGUAGE sql AS 'SELECT max(email) FROM public.customers'", f), g.either("SELECT "+f+"()"), simple("DROP FUNCTION %s()", f))
		}},
		{"large object", false, func(g *gen) episode {
			return w(simple("SELECT lo_from_bytea(4242, (SELECT convert_to(string_agg(email, ','), 'UTF8') FROM customers))"), simple("SELECT convert_from(lo_get(4242), 'UTF8')"), simple("SELECT lo_unlink(4242)"))
		}},
		{"merge", false, func(g *gen) episode {
			return w(simple("MERGE INTO shadow s USING customers c ON s.a = c.name WHEN NOT MATCHED THEN INSERT (a, b) VALUES (c.name, c.email)"), g.either("SELECT b FROM shadow"), simple("DELETE FROM shadow"))
		}},
	}
}
