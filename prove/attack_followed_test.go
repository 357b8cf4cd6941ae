package prove

import "fmt"

// attackFollowed write where protected data decides, and have the server carry
// it on: by foreign keys, conflicts, and sequences.
func attackFollowed() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	outside := func(format string, args ...any) step { return step{outside: fmt.Sprintf(format, args...)} }
	return []kind{
		{"attack: followed, value by a foreign key", false, func(g *gen) episode {
			t, a, b := g.name("t"), g.subject(), g.subject()
			return w(outside("CREATE TABLE %[1]s (x text REFERENCES customers (email) ON UPDATE CASCADE ON DELETE SET NULL, n int); CREATE TABLE %[1]sb (x text UNIQUE, n int); CREATE TABLE %[1]sc (y text REFERENCES %[1]sb (x) ON UPDATE CASCADE, n int); GRANT ALL ON %[1]s, %[1]sb, %[1]sc TO app, watch", t), settle(),
				aside("UPDATE customers SET email = 'new' WHERE id = %s", a), aside("INSERT INTO %s VALUES ('new', 1)", t), aside("INSERT INTO %[1]sb VALUES ('a', 1); INSERT INTO %[1]sc VALUES ('a', 1)", t), settle(),
				aside(g.pick("UPDATE customers SET email = (SELECT max(phone) FROM customers) WHERE email = 'new'%[1].0s", "UPDATE customers SET email = phone || 'x' WHERE id = %[2]s", "UPDATE customers SET email = 'b' WHERE email = 'new' AND (SELECT count(*) FROM customers WHERE phone LIKE '%%5%%') > 2%[1].0s", "DELETE FROM customers WHERE email = 'new' AND phone LIKE '%%3%%'%[1].0s", "DO $$BEGIN UPDATE customers SET email = phone || 'x' WHERE email = 'new'; END$$%[1].0s",
					"UPDATE %[1]sb SET x = (SELECT email FROM customers WHERE id = %[3]s)", "UPDATE %[1]sb SET x = 'b' WHERE EXISTS (SELECT FROM customers WHERE id = %[3]s AND email > 'u3')", "INSERT INTO %[1]sb VALUES ('a', 1) ON CONFLICT (x) DO UPDATE SET x = (SELECT email FROM customers WHERE id = %[3]s)"), t, a, b), settle(),
				g.either(fmt.Sprintf(g.pick("SELECT y FROM %sc", "SELECT count(y) FROM %sc", "SELECT n FROM %sc WHERE y > 'b'", "SELECT x FROM %s"), t)), outside("DROP TABLE %[1]s, %[1]sc, %[1]sb", t))
		}},
		{"attack: followed, sequence of a default", false, func(g *gen) episode {
			t := g.name("t")
			return w(outside("CREATE SEQUENCE %[1]ss; CREATE TABLE %[1]s (n int DEFAULT nextval('%[1]ss'), m text); CREATE TABLE %[1]sb (n int DEFAULT nextval('%[1]ss'), m text); CREATE VIEW %[1]sv AS SELECT n, m FROM %[1]s; CREATE VIEW %[1]sw AS SELECT n, m FROM %[1]sb; GRANT ALL ON %[1]s, %[1]sb, %[1]sv, %[1]sw, %[1]ss TO app, watch", t), settle(),
				aside("BEGIN; INSERT INTO %s %s; ROLLBACK", t+g.pick("", "", "v"), g.pick("(m) SELECT 'x' FROM customers WHERE ", "(m) SELECT tour_id::text FROM bookings JOIN customers c ON c.id = customer_id WHERE ")+"email LIKE '%"+fmt.Sprint(g.r.IntN(10))+"%'"), settle(),
				g.either(fmt.Sprintf(g.pick("INSERT INTO %sb (m) VALUES ('y') RETURNING n", "SELECT last_value FROM %ss", "SELECT last_value FROM pg_sequences WHERE sequencename = '%ss'", "WITH i AS (INSERT INTO %sb (n, m) VALUES (DEFAULT, 'y') RETURNING n) SELECT n FROM i", "INSERT INTO %sw (m) VALUES ('y') RETURNING n"), t)), outside("DROP VIEW %[1]sv, %[1]sw; DROP TABLE %[1]s, %[1]sb; DROP SEQUENCE %[1]ss", t))
		}},
		{"attack: followed, conflict with copied rows", false, func(g *gen) episode {
			t := g.name("t")
			who := g.mail(g.r.IntN(len(g.s.keys)))
			return w(outside("CREATE TABLE %[1]s (x text UNIQUE, n int); CREATE TABLE %[1]sb (x text REFERENCES %[1]s (x)); GRANT ALL ON %[1]s, %[1]sb TO app, watch", t), settle(),
				aside("INSERT INTO %s SELECT email, 1 FROM customers", t), settle(),
				g.either(fmt.Sprintf(g.pick("INSERT INTO %s VALUES (%s, 2)", "INSERT INTO %s VALUES (%s, 2) ON CONFLICT DO NOTHING", "INSERT INTO %s VALUES ('a', 2), (%s, 2) ON CONFLICT (x) DO NOTHING", "INSERT INTO %s VALUES (%s, 2) ON CONFLICT (x) DO NOTHING RETURNING n", "WITH i AS (INSERT INTO %s VALUES (%s, 2) ON CONFLICT DO NOTHING RETURNING n) SELECT count(*) FROM i",
					"INSERT INTO %s SELECT %s, 2 ON CONFLICT DO NOTHING", "INSERT INTO %sb VALUES (%s)", "UPDATE %s SET x = %s WHERE x = 'a'", "INSERT INTO customers SELECT id, name, %[2]s FROM customers c WHERE '%[1]s' = '' ON CONFLICT DO NOTHING"), t, who)),
				outside("DROP TABLE %[1]sb, %[1]s", t))
		}},
		{"attack: followed, over two keys", false, func(g *gen) episode {
			t, f := g.name("t"), g.name("f")
			fired, read := "CREATE FUNCTION %[3]s() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN RETURN NULL; END$f$", g.pick("SELECT x FROM %sc", "SELECT count(*) FROM %sc", "SELECT count(x) FROM %sc", "SELECT k FROM %sb WHERE x > 'b'")
			if g.chance(25) {
				fired, read = "CREATE FUNCTION %[3]s() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN INSERT INTO %[1]sd VALUES (NEW.x); RETURN NULL; END$f$; CREATE TRIGGER %[3]s AFTER UPDATE ON %[1]sc FOR EACH ROW EXECUTE FUNCTION %[3]s()", "SELECT x FROM %sd"
			}
			return w(outside("CREATE TABLE %[1]s (x text UNIQUE); CREATE TABLE %[1]sb (k int, x text UNIQUE REFERENCES %[1]s (x) ON UPDATE CASCADE ON DELETE CASCADE); CREATE TABLE %[1]sc (x text DEFAULT 'd' REFERENCES %[1]sb (x) ON UPDATE CASCADE ON DELETE %[2]s); CREATE TABLE %[1]sd (x text); GRANT ALL ON %[1]s, %[1]sb, %[1]sc, %[1]sd TO app, watch;"+fired, t, g.pick("SET NULL", "CASCADE", "SET DEFAULT"), f), settle(),
				aside("INSERT INTO %[1]s VALUES ('a'), ('d'); INSERT INTO %[1]sb VALUES (1, 'a'), (2, 'd'); INSERT INTO %[1]sc VALUES ('a')", t), settle(),
				aside(g.pick("UPDATE %[1]s SET x = (SELECT email FROM customers WHERE id = %[2]s) WHERE x = 'a'", "DELETE FROM %[1]s WHERE x = 'a' AND EXISTS (SELECT FROM customers WHERE id = %[2]s AND email > 'u3')"), t, g.subject()), settle(),
				g.either(fmt.Sprintf(read, t)), outside("DROP TABLE %[1]sd, %[1]sc, %[1]sb, %[1]s; DROP FUNCTION %[2]s()", t, f))
		}},
	}
}
