package prove

import "fmt"

// attackKept keep protected data where a command that returns no row puts it: in
// settings, and in relations that have another name or place than its text says.
func attackKept() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	outside := func(format string, args ...any) step { return step{outside: fmt.Sprintf(format, args...)} }
	const most = "(SELECT max(email) FROM public.customers)"
	return []kind{
		{"attack: kept, setting of a function", false, func(g *gen) episode {
			f := g.name("f")
			return w(aside(g.pick("DO $$BEGIN END$$; SELECT set_config('plpgsql.variable_conflict', %[2]s, false); CREATE FUNCTION %[1]s() RETURNS text LANGUAGE sql SET plpgsql.variable_conflict FROM CURRENT AS $$SELECT current_setting('plpgsql.variable_conflict')$$", "CREATE FUNCTION %[1]s() RETURNS text LANGUAGE sql AS $$SELECT current_setting('plpgsql.variable_conflict')$$; DO $$BEGIN END$$; SELECT set_config('plpgsql.variable_conflict', %[2]s, false); ALTER FUNCTION %[1]s() SET plpgsql.variable_conflict FROM CURRENT"), f,
				"(SELECT CASE WHEN email LIKE 'u%' THEN 'use_column' ELSE 'error' END FROM customers WHERE id = "+g.subject()+")"), settle(),
				g.either(g.pick("SELECT "+f+"()", "SELECT proconfig::text FROM pg_proc WHERE proname = '"+f+"'", "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = '"+f+"'")), aside("DROP FUNCTION %s()", f))
		}},
		{"attack: kept, setting that a default reads", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s (n int, x text DEFAULT current_setting('own.x', true))", t), settle(), aside("SELECT set_config('own.x', %s, false); %s", most, fmt.Sprintf(g.pick("INSERT INTO %s (n) VALUES (1)", "INSERT INTO %s VALUES (1, DEFAULT)", "INSERT INTO %s DEFAULT VALUES", "ALTER TABLE %s ADD y text; INSERT INTO %[1]s (y) VALUES ('z')", "INSERT INTO %[1]s VALUES (1, 'x'); UPDATE %[1]s SET x = DEFAULT"), t)), settle(),
				g.either("SELECT x FROM "+t), aside("DROP TABLE %s", t))
		}},
		{"attack: kept, setting that a new column reads", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s (n int, y text); INSERT INTO %s VALUES (1)", t, t), settle(), aside("SELECT set_config('own.x', %s, false); ALTER TABLE %s %s", most, t, g.pick("ADD x text DEFAULT current_setting('own.x')", "ALTER y TYPE text USING current_setting('own.x'); ALTER TABLE "+t+" RENAME y TO x")), settle(), g.either("SELECT x FROM "+t), aside("DROP TABLE %s", t))
		}},
		{"attack: kept, setting that a partition reads", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s (x text) PARTITION BY LIST (x); SELECT set_config('own.x', %s, false); CREATE TABLE %sa PARTITION OF %s FOR VALUES IN (current_setting('own.x'))", t, most, t, t), settle(), g.either("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = '"+t+"a'"), aside("DROP TABLE %s", t))
		}},
		{"attack: kept, temporary without the word", false, func(g *gen) episode {
			return w(say(g.pick("CREATE TABLE pg_temp.tours AS SELECT email AS title, 1 AS id FROM customers", "SELECT email AS title, 1 AS id INTO pg_temp.tours FROM customers", "CREATE VIEW pg_temp.tours AS SELECT email AS title, 1 AS id FROM customers", "CREATE TEMP VIEW tours AS SELECT email AS title, 1 AS id FROM customers",
				"SET search_path = pg_temp, public; CREATE TABLE tours AS SELECT email AS title, 1 AS id FROM customers", "CREATE TEMP TABLE k AS SELECT email FROM customers; CREATE VIEW pg_temp.tours AS SELECT email AS title, 1 AS id FROM k", "CREATE TABLE pg_temp.tours (title text, id int); INSERT INTO pg_temp.tours SELECT email, 1 FROM customers")),
				g.either(g.pick("SELECT title FROM tours", "SELECT id FROM tours WHERE title > 'u5'", "SELECT title || '' FROM tours ORDER BY 1")), simple("DISCARD ALL"), g.either("SELECT title FROM tours ORDER BY id"))
		}},
		{"attack: kept, rows of a domain", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE DOMAIN %[1]sd AS text; CREATE TABLE %[1]s (x %[1]sd); INSERT INTO %[1]s SELECT email FROM customers", t), settle(), simple(g.pick("ALTER DOMAIN %[1]sd ADD CHECK (VALUE < '～')", "ALTER DOMAIN %[1]sd SET NOT NULL", "ALTER DOMAIN %[1]sd ADD CHECK (VALUE LIKE 'u%%')", "ALTER DOMAIN %[1]sd ADD CONSTRAINT k CHECK (VALUE > '!5') NOT VALID; ALTER DOMAIN %[1]sd VALIDATE CONSTRAINT k"), t), aside("DROP DOMAIN %sd CASCADE", t), aside("DROP TABLE %s", t))
		}},
		{"attack: kept, table that becomes a view", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %[1]s (x text); CREATE RULE \"_RETURN\" AS ON SELECT TO %[1]s DO INSTEAD SELECT email AS x FROM customers", t), settle(), g.either("SELECT x FROM "+t), outside("DROP VIEW %s", t), settle())
		}},
		{"attack: kept, names exchanged", false, func(g *gen) episode {
			t := g.name("t")
			return w(g.either("SELECT title FROM tours ORDER BY id"), aside("BEGIN; CREATE TABLE %[1]s AS SELECT 1 AS id, email AS title, 1 AS days FROM customers; ALTER TABLE tours RENAME TO %[1]so; ALTER TABLE %[1]s RENAME TO tours; COMMIT", t), g.either("SELECT title FROM tours ORDER BY title"), settle(), g.either("SELECT title FROM tours ORDER BY title"), aside("BEGIN; DROP TABLE tours; ALTER TABLE %so RENAME TO tours; COMMIT", t), settle())
		}},
		{"attack: kept, schema of the role's name", false, func(g *gen) episode {
			t := g.name("t")
			return w(outside("CREATE SCHEMA app AUTHORIZATION app; GRANT USAGE ON SCHEMA app TO watch"), settle(), aside(g.pick("CREATE TABLE %[1]s AS SELECT email AS x FROM customers", "SELECT email AS x INTO %[1]s FROM customers", "BEGIN; CREATE TABLE %[1]so AS SELECT email AS x FROM customers; ALTER TABLE %[1]so RENAME TO %[1]s; COMMIT"), t), settle(), g.either("SELECT x FROM "+g.pick("app.", "")+t), outside("DROP SCHEMA app CASCADE"), settle())
		}},
		{"attack: kept, statistics of expressions", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %[1]s AS SELECT email AS x FROM customers; CREATE STATISTICS s%[1]s ON (lower(x)), (left(x, 3)) FROM %[1]s; ANALYZE %[1]s", t), settle(), g.either(g.pick("SELECT most_common_vals::text, null_frac FROM pg_stats_ext_exprs", "SELECT histogram_bounds::text FROM pg_stats_ext_exprs", "SELECT null_frac FROM pg_stats_ext_exprs", "SELECT avg_width FROM pg_stats WHERE tablename = '"+t+"'", "SELECT n_distinct FROM pg_stats WHERE tablename LIKE 't%'")), simple("EXPLAIN SELECT 1 FROM %s WHERE lower(x) = 'u1.1@mail.example'", t), aside("DROP TABLE %s", t))
		}},
	}
}
