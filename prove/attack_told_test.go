package prove

import (
	"fmt"
	"strings"
)

// attackTold write and are told, by what comes back or by the failure, what the
// server found.
func attackTold() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	outside := func(format string, args ...any) step { return step{outside: fmt.Sprintf(format, args...)} }
	copied := func(g *gen, table, row string) step {
		return step{simple: "COPY " + table + " FROM STDIN", copyIn: row + "\n"}
	}
	return []kind{
		{"attack: told, conflict that updates", false, func(g *gen) episode {
			t := g.name("t")
			who := g.mail(g.r.IntN(len(g.s.keys)))
			filled := []step{outside("CREATE TABLE %[1]s (x text UNIQUE, n int); CREATE VIEW %[1]sv AS SELECT x, n FROM %[1]s; GRANT ALL ON %[1]s, %[1]sv TO app, watch", t), settle(), aside("INSERT INTO %s SELECT email, 1 FROM customers", t), settle()}
			end := outside("DROP TABLE %s CASCADE", t)
			if g.chance(35) {
				return w(append(filled, aside("INSERT INTO %s VALUES (%s, 2), ('zz', 2) ON CONFLICT (x) DO UPDATE SET n = 7", t, who), settle(), g.either("SELECT max(n) FROM "+t+g.pick("", " WHERE n < 7")), end)...)
			}
			return w(append(filled, g.either(fmt.Sprintf(g.pick("INSERT INTO %s VALUES (%s, 2) ON CONFLICT (x) DO UPDATE SET n = 7 RETURNING n", "INSERT INTO %s VALUES (%s, 2) ON CONFLICT ON CONSTRAINT %[1]s_x_key DO UPDATE SET n = 7 RETURNING n",
				"WITH i AS (INSERT INTO %s VALUES (%s, 2) ON CONFLICT (x) DO UPDATE SET n = 7 RETURNING n) SELECT n FROM i", "INSERT INTO %sv VALUES (%s, 2) ON CONFLICT (x) DO UPDATE SET n = 7 RETURNING n", "INSERT INTO %s VALUES (%s, 2) ON CONFLICT (x) DO UPDATE SET n = 7 WHERE false RETURNING 1"), t, who)), end)...)
		}},
		{"attack: told, conflict with a person", false, func(g *gen) episode {
			i := g.r.IntN(len(g.s.keys))
			return w(simple("BEGIN"), g.either(fmt.Sprintf("INSERT INTO customers (id, email, points) VALUES (%s, %s, 2) ON CONFLICT (email) DO UPDATE SET points = 7 RETURNING %s", g.s.key(i), g.mail(i), g.pick("points", "id", "id IS NULL, points"))), simple("ROLLBACK"))
		}},
		{"attack: told, by a check", false, func(g *gen) episode {
			f := g.name("f")
			checked := fmt.Sprintf("CREATE FUNCTION %[1]s(n int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN n < 70 OR (SELECT count(*) FROM public.customers WHERE email LIKE ''%%%[2]d%%'') > 3; END'; ALTER TABLE tours ADD CONSTRAINT chk CHECK (%[1]s(id))", f, g.r.IntN(10))
			undone := "ALTER TABLE tours DROP CONSTRAINT chk; DELETE FROM tours WHERE id > 70; UPDATE tours SET id = 1 WHERE title = '札幌'; DROP FUNCTION " + f + "(int)"
			if g.chance(50) {
				checked = fmt.Sprintf("CREATE FUNCTION %[1]s(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN CASE WHEN n > 70 THEN (SELECT count(*) %% 4 FROM public.customers WHERE email > ''u%[2]d'') ELSE n END; END'; CREATE UNIQUE INDEX chk ON tours (%[1]s(id))", f, g.r.IntN(8))
				undone = strings.Replace(undone, "ALTER TABLE tours DROP CONSTRAINT chk", "DROP INDEX chk", 1)
			}
			told := g.either(g.pick("INSERT INTO tours VALUES (78, 'x', 1)", "UPDATE tours SET id = 78 WHERE id = 1", "INSERT INTO tours SELECT 78, 'x', 1", "WITH i AS (INSERT INTO tours VALUES (78, 'x', 1) RETURNING 1) SELECT 1"))
			if g.chance(40) {
				told = copied(g, "tours", "78\tx\t1")
			}
			return w(outside("%s", checked), settle(), told, outside("%s", undone), settle())
		}},
		{"attack: told, by what went with it", false, func(g *gen) episode {
			t := g.name("t")
			asks := fmt.Sprintf("INSERT INTO %sa VALUES (%s)", t, g.mail(g.r.IntN(len(g.s.keys))))
			other := fmt.Sprintf("INSERT INTO %s VALUES (%d)", t, g.r.IntN(9))
			return w(outside("CREATE TABLE %[1]sa (x text REFERENCES customers (email)); CREATE TABLE %[1]s (n int); CREATE TABLE %[1]sb (n int); INSERT INTO %[1]sb VALUES (1); GRANT ALL ON %[1]s, %[1]sa, %[1]sb TO app, watch", t), settle(),
				aside("%s", "BEGIN; "+g.pick(other+"; "+asks, asks+"; "+other, fmt.Sprintf("DELETE FROM %sb; ", t)+other+"; "+asks, "WITH i AS ("+other+" RETURNING 1) "+asks)+"; COMMIT"), settle(),
				g.either("SELECT count(*) FROM "+t), g.either("SELECT n FROM "+t+"b"), outside("DROP TABLE %[1]s, %[1]sa, %[1]sb", t))
		}},
		{"attack: told, by a copy that fails", false, func(g *gen) episode {
			t := g.name("t")
			i := g.r.IntN(len(g.s.keys))
			return w(outside("CREATE TABLE %[1]s (x text UNIQUE, n int); GRANT ALL ON %[1]s TO app, watch", t), settle(), aside("INSERT INTO %s SELECT passport, 1 FROM bookings UNION SELECT email, 2 FROM customers", t), settle(),
				copied(g, t, strings.Trim(g.mail(i), "'")+"\t3"), copied(g, t, "TK0000001\t3"), outside("DROP TABLE %s", t))
		}},
	}
}
