package prove

import (
	"fmt"
	"strings"
)

// attackUntried evaluate expressions where a command, not a query, does it:
// arguments, bounds of partitions, defaults; and ask what tells of a row
// without showing it.
func attackUntried() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	outside := func(format string, args ...any) step { return step{outside: fmt.Sprintf(format, args...)} }
	return []kind{
		{"attack: argument of EXECUTE", false, func(g *gen) episode {
			s := g.name("s")
			call := fmt.Sprintf("%s%s(mail_of(%s))", g.pick("EXECUTE ", "EXECUTE ", "EXPLAIN (COSTS OFF) EXECUTE "), s, g.subject())
			if g.chance(30) {
				return one(pipe(message{parse: &parse{s, "SELECT title || $1::text FROM tours"}}), g.either(call))
			}
			return one(say("PREPARE "+s+"(text) AS SELECT title FROM tours WHERE title "+g.pick("<", ">", "||")+" $1::text "+g.pick("", "IS NOT NULL")), g.either(call), say("DEALLOCATE "+s), say("PREPARE "+s+"(text) AS SELECT $1"), g.either(call))
		}},
		{"attack: table of EXECUTE's argument", false, func(g *gen) episode {
			s, t := g.name("s"), g.name("t")
			return w(aside("PREPARE %s(text) AS SELECT $1 AS x; CREATE TABLE %s AS EXECUTE %s(mail_of(%s))", s, t, s, g.subject()), settle(), g.either("SELECT x FROM "+t), aside("DROP TABLE %s", t))
		}},
		{"attack: written by EXECUTE's argument", false, func(g *gen) episode {
			s := g.name("s")
			return w(aside("PREPARE %s(text) AS INSERT INTO shadow (a) VALUES ($1); EXECUTE %s(mail_of(%s))", s, s, g.subject()), settle(), g.either("SELECT a FROM shadow"), aside("DELETE FROM shadow"))
		}},
		{"attack: bound of a partition", false, func(g *gen) episode {
			t := g.name("p")
			return w(outside("CREATE TABLE %s (x text) PARTITION BY LIST (x); ALTER TABLE %s OWNER TO app", t, t), settle(), aside("CREATE TABLE %sa PARTITION OF %s FOR VALUES IN (mail_of(%s))", t, t, g.subject()), settle(),
				g.either("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = '"+t+"a'"), g.either("SELECT pg_get_partition_constraintdef(oid) FROM pg_class WHERE relname = '"+t+"a'"), outside("DROP TABLE %s CASCADE", t))
		}},
		{"attack: column whose default was evaluated", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s (n int); INSERT INTO %s VALUES (1), (2)", t, t), settle(), aside("ALTER TABLE %s ADD COLUMN x text DEFAULT mail_of(%s)", t, g.subject()), settle(),
				g.either(g.pick("SELECT x FROM "+t, "SELECT attmissingval::text FROM pg_attribute WHERE attrelid = '"+t+"'::regclass AND attname = 'x'")), aside("DROP TABLE %s", t))
		}},
		{"attack: type changed by code", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s (n int, x text); INSERT INTO %s VALUES (1, 'y')", t, t), settle(), aside("ALTER TABLE %s ALTER x TYPE text USING mail_of(%s)", t, g.subject()), settle(), g.either("SELECT x FROM "+t), aside("DROP TABLE %s", t))
		}},
		{"attack: COPY where", false, func(g *gen) episode {
			return w(step{simple: fmt.Sprintf("COPY shadow (a) FROM STDIN WHERE mail_of(%s) %s", g.subject(), g.pick("LIKE 'u%'", "> 'u5'", "IS NULL")), copyIn: "x\n"}, settle(), g.either("SELECT count(*) FROM shadow"), aside("DELETE FROM shadow"))
		}},
		{"attack: argument of CALL", false, func(g *gen) episode {
			p := g.name("p")
			return w(aside("CREATE PROCEDURE %s(INOUT x text) LANGUAGE plpgsql AS $$BEGIN x := x || '!'; END$$", p), settle(), g.either(fmt.Sprintf("CALL %s(mail_of(%s))", p, g.subject())), aside("DROP PROCEDURE %s(text)", p))
		}},
		{"attack: figures of a verbose command", false, func(g *gen) episode {
			t := g.name("t")
			return w(say("CREATE TABLE "+t+" AS SELECT email FROM customers, generate_series(1, 500)"), settle(), say("ANALYZE VERBOSE "+t), say("DROP TABLE "+t))
		}},
		{"attack: figures of another's verbose command", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s AS SELECT email FROM customers, generate_series(1, 500); ALTER TABLE %s OWNER TO app", t, t), settle(), say("ANALYZE VERBOSE "+t), aside("DROP TABLE %s", t))
		}},
		{"attack: order of an index", false, func(g *gen) episode {
			scan := say("SET enable_seqscan = off; SET enable_bitmapscan = off")
			return one(scan, g.either("SELECT "+g.pick("email", "upper(email)", "1")+" FROM customers LIMIT 2"), simple("BEGIN"), simple("DECLARE c CURSOR FOR SELECT email FROM customers"), simple("FETCH 2 FROM c"), simple("COMMIT"),
				pipe(message{parse: &parse{"", "SELECT email FROM customers"}}, message{bind: &bind{portal: "w"}}, message{execute: &execute{portal: "w", rows: 2}}))
		}},
		{"attack: order of an index on what is harmless", false, func(g *gen) episode {
			return w(outside("CREATE INDEX scratch ON bookings (tour_id, passport)"), settle(), say("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off"),
				g.either("SELECT "+g.pick("customer_id, id", "id", "customer_id, passport")+" FROM bookings WHERE tour_id = 2 LIMIT 1"), g.either("SELECT customer_id FROM bookings WHERE tour_id > 1 LIMIT 2"), outside("DROP INDEX scratch"))
		}},
		{"attack: order of all rows", false, func(g *gen) episode {
			i := g.name("i")
			return w(outside("CREATE INDEX %s ON customers (name, phone)", i), settle(), say("SET enable_seqscan = off; SET enable_bitmapscan = off"), g.either("SELECT "+g.pick("name", "phone", "phone, upper(name)")+" FROM customers"), g.either("SELECT phone FROM customers LIMIT 3"), g.either("SELECT name FROM contact"), outside("DROP INDEX %s", i), settle())
		}},
		{"attack: plans told by the server", false, func(g *gen) episode {
			return one(say("SET client_min_messages = log; SET debug_pretty_print = off; SET "+g.pick("debug_print_parse", "debug_print_rewritten", "debug_print_plan")+" = on"), g.either("SELECT email FROM customers"), say("RESET ALL"))
		}},
		{"attack: place of an error", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s (n int)", t), settle(), g.either("SELECT c.email FROM customers c CROSS JOIN "+t), outside("DROP TABLE %s", t), g.either("SELECT c.email FROM customers c CROSS JOIN "+t), g.either("SELECT c.email FROM customers c CROSS JOIN "+t))
		}},
		{"attack: policy that reads the text", false, func(g *gen) episode {
			return w(outside("ALTER TABLE bookings ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON bookings USING (length(current_query()) %% 2 = id %% 2)"), settle(), g.either("SELECT passport FROM bookings"), g.either("SELECT passport  FROM bookings"), prepared("SELECT passport FROM bookings", true, false),
				outside("DROP POLICY p ON bookings; ALTER TABLE bookings DISABLE ROW LEVEL SECURITY"), settle())
		}},
		{"attack: function that reads the text", false, func(g *gen) episode {
			f := g.name("f")
			return w(outside("CREATE FUNCTION %s(t text) RETURNS text LANGUAGE %s", f, g.pick("plpgsql AS $f$BEGIN RETURN t || current_query(); END$f$", "sql RETURN t || current_query()", "sql AS $f$SELECT t || current_query()$f$")), settle(), g.either("SELECT email, "+f+"('x') FROM customers"), outside("DROP FUNCTION %s(text)", f))
		}},
		{"attack: view that reads the text", false, func(g *gen) episode {
			v := g.name("v")
			return w(outside("CREATE VIEW %s AS SELECT id, email, length(current_query()) AS n FROM customers; GRANT SELECT ON %s TO app", v, v), settle(), g.either("SELECT email, n FROM "+v), g.either("SELECT email FROM "+v+" WHERE n > 20"), outside("DROP VIEW %s", v))
		}},
		{"attack: many at once", false, func(g *gen) episode {
			q := func() []message {
				return []message{{parse: &parse{"", "SELECT " + g.pick("email", "id, name", "title FROM tours, customers; --", "phone") + " FROM customers"}}, {bind: &bind{formats: []int16{0}}}, {execute: &execute{rows: uint32(g.r.IntN(3)), describe: g.chance(50)}}, {flush: g.chance(50), closeIt: ""}}
			}
			var m []message
			for range 6 {
				for _, x := range q() {
					if x.parse != nil || x.bind != nil || x.execute != nil || x.flush {
						m = append(m, x)
					}
				}
			}
			return one(step{pipe: m}, g.either("SELECT id, name FROM customers"))
		}},
		{"attack: rules that answer", false, func(g *gen) episode {
			v := g.name("v")
			return w(outside("CREATE VIEW %s AS SELECT 1 AS n; CREATE RULE a AS ON INSERT TO %s DO INSTEAD SELECT email FROM customers; CREATE RULE b AS ON UPDATE TO %s DO INSTEAD (INSERT INTO shadow (a) SELECT phone FROM customers; SELECT name FROM customers WHERE id = %s); CREATE RULE c AS ON DELETE TO %s DO INSTEAD UPDATE tours SET days = 3 WHERE id = 1 RETURNING days; GRANT ALL ON %s TO app", v, v, v, g.subject(), v, v), settle(),
				g.either("INSERT INTO "+v+" VALUES (1)"), g.either("UPDATE "+v+" SET n = 2"), g.either("SELECT a FROM shadow"), g.either("DELETE FROM "+v+" RETURNING *"), outside("DROP VIEW %s; DELETE FROM shadow; UPDATE tours SET days = 2 WHERE id = 1", v))
		}},
		{"attack: conditional rule", false, func(g *gen) episode {
			return w(outside("CREATE RULE r AS ON UPDATE TO tours WHERE EXISTS (SELECT FROM customers WHERE %s) DO INSTEAD NOTHING", g.predicate("")), settle(), g.either("UPDATE tours SET days = 7 WHERE id = 1"), g.either("SELECT days FROM tours WHERE id = 1"), outside("DROP RULE r ON tours; UPDATE tours SET days = 2 WHERE id = 1"))
		}},
		{"attack: row that a cursor froze", false, func(g *gen) episode {
			return w(simple("BEGIN"), say("DECLARE c CURSOR WITH HOLD FOR SELECT "+g.pick("max(email)", "string_agg(name, ',' ORDER BY id)", "count(phone)")+" FROM customers"), say("COMMIT"), simple("FETCH ALL FROM c"), simple("CLOSE c"))
		}},
		{"attack: ranges, composites and paths", false, func(g *gen) episode {
			return one(g.either(strings.ReplaceAll(g.pick("SELECT range_merge(int4range(points, points + 1), int4range(0, 1)) FROM customers", "SELECT multirange(int4range(points, points + 9))::text, id FROM customers", "SELECT (c).email, (ROW(c.*)::customers).phone FROM customers c", "SELECT to_jsonb(c) #>> '{email}' FROM customers c WHERE id = #K",
				"SELECT jsonb_path_exists(to_jsonb(c), '$.points ? (@ > 100)') FROM customers c", "SELECT to_jsonb(c) @> '{\"points\": 100}' FROM customers c", "SELECT (xpath('//email/text()', query))[1]::text FROM (SELECT xmlelement(name r, xmlelement(name email, email)) AS query FROM customers) q",
				"SELECT string_to_array(email, '.') && array['u1'], id FROM customers", "SELECT unnest(array_agg(email)) FROM customers GROUP BY id", "SELECT t.* FROM customers c, LATERAL unnest(ARRAY[c.email, c.name], ARRAY[c.points]) WITH ORDINALITY t(a, b, n) WHERE c.id = @",
				"SELECT count(*) OVER (PARTITION BY points), id FROM customers", "SELECT id FROM customers GROUP BY GROUPING SETS ((id), ()) ORDER BY id", "SELECT id, percent_rank() OVER (ORDER BY points) FROM customers", "SELECT hypothetical FROM (SELECT dense_rank(150) WITHIN GROUP (ORDER BY points) AS hypothetical FROM customers) q"), "#K", g.subject())))
		}},
	}
}
