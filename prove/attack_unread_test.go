package prove

import "fmt"

// attackUnread write in transactions that changed the schema before: what such
// a statement means is told by its words, and the server carries it on all the same.
func attackUnread() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	outside := func(format string, args ...any) step { return step{outside: fmt.Sprintf(format, args...)} }
	unread := func(t, sql string) step {
		return aside("BEGIN; CREATE TABLE %sz (n int); %s; COMMIT; DROP TABLE %sz", t, sql, t)
	}
	return []kind{
		{"attack: unread, carried by a foreign key", false, func(g *gen) episode {
			t := g.name("t")
			return w(outside("CREATE TABLE %[1]sb (x text UNIQUE, z text, n int); CREATE TABLE %[1]sc (y text REFERENCES %[1]sb (x) ON UPDATE CASCADE ON DELETE SET NULL, n int); GRANT ALL ON %[1]sb, %[1]sc TO app, watch", t), settle(),
				aside("INSERT INTO %[1]sb SELECT 'a', email, 1 FROM customers WHERE id = %[2]s; INSERT INTO %[1]sb VALUES ('a', 'q', 1) ON CONFLICT DO NOTHING; INSERT INTO %[1]sc VALUES ('a', 1)", t, g.subject()), settle(),
				unread(t, fmt.Sprintf(g.pick("UPDATE %[1]sb SET x = (SELECT email FROM customers WHERE id = %[2]s)", "UPDATE %[1]sb SET x = z", "UPDATE %[1]sb SET x = 'b' WHERE z > 'u3'", "DELETE FROM %[1]sb WHERE z > 'u3'", "DELETE FROM %[1]sb WHERE EXISTS (SELECT FROM customers WHERE id = %[2]s AND email > 'u3')",
					"WITH i AS (UPDATE %[1]sb SET x = z RETURNING 1) SELECT 1"), t, g.subject())), settle(),
				g.either(fmt.Sprintf(g.pick("SELECT y FROM %sc", "SELECT count(y) FROM %sc", "SELECT n FROM %sc WHERE y > 'b'"), t)), outside("DROP TABLE %[1]sc, %[1]sb", t))
		}},
		{"attack: unread, key of a person", false, func(g *gen) episode {
			t, a := g.name("t"), g.subject()
			return w(outside("CREATE TABLE %[1]s (x text REFERENCES customers (email) ON UPDATE CASCADE ON DELETE SET NULL, n int); GRANT ALL ON %[1]s TO app, watch", t), settle(),
				aside("UPDATE customers SET email = 'new' WHERE id = %s", a), aside("INSERT INTO %s SELECT 'new', 1 WHERE EXISTS (SELECT FROM customers WHERE email = 'new')", t), settle(),
				unread(t, fmt.Sprintf(g.pick("UPDATE customers SET email = phone || 'x' WHERE id = %[1]s", "DELETE FROM customers WHERE phone LIKE '%%3%%'", "UPDATE customers SET email = 'b' WHERE email = 'new' AND phone > '090-0002'"), a)), settle(),
				g.either("SELECT x FROM "+t), outside("DROP TABLE %s", t))
		}},
		{"attack: unread, own column", false, func(g *gen) episode {
			return w(unread(g.name("t"), g.pick("UPDATE bookings SET tour_id = length(passport) + ascii(right(passport, 1))", "UPDATE bookings SET tour_id = 9 WHERE passport > 'TK5'")), settle(),
				g.either(g.pick("SELECT customer_id, tour_id FROM bookings", "SELECT tour_id FROM bookings ORDER BY id")))
		}},
		{"attack: unread, sequence of a default", false, func(g *gen) episode {
			t := g.name("t")
			return w(outside("CREATE SEQUENCE %[1]ss; CREATE TABLE %[1]s (n int DEFAULT nextval('%[1]ss'), m text); CREATE VIEW %[1]sv AS SELECT n, m FROM %[1]s; GRANT ALL ON %[1]s, %[1]sv, %[1]ss TO app, watch", t), settle(),
				unread(t, "INSERT INTO "+t+g.pick("", "v")+" (m) SELECT 'x' FROM customers WHERE email LIKE '%"+fmt.Sprint(g.r.IntN(10))+"%'"), settle(), aside("DELETE FROM %s", t), settle(),
				g.either(fmt.Sprintf(g.pick("SELECT nextval('%ss')", "SELECT last_value FROM %ss", "SELECT last_value FROM pg_sequences WHERE sequencename = '%ss'"), t)), outside("DROP VIEW %[1]sv; DROP TABLE %[1]s; DROP SEQUENCE %[1]ss", t))
		}},
		{"attack: unread, behind a view", false, func(g *gen) episode {
			t := g.name("t")
			return w(outside("CREATE TABLE %[1]s (n int, m text); CREATE TABLE %[1]sb (n int); INSERT INTO %[1]sb VALUES (1); CREATE VIEW %[1]sv AS SELECT n, m FROM %[1]s; CREATE VIEW %[1]sw AS SELECT n, m FROM %[1]sv WHERE n IN (SELECT n FROM %[1]sb) WITH LOCAL CHECK OPTION; GRANT ALL ON %[1]s, %[1]sb, %[1]sv, %[1]sw TO app, watch", t), settle(),
				g.asideUnread(t, fmt.Sprintf(g.pick("INSERT INTO %[1]s%[2]s SELECT 1, email FROM customers WHERE id = %[3]s", "WITH i AS (INSERT INTO %[1]s%[2]s SELECT 1, email FROM customers WHERE id = %[3]s RETURNING 1) SELECT 1"), t, g.pick("v", "w"), g.subject())), settle(),
				g.either("SELECT m FROM "+t), outside("DROP TABLE %[1]s, %[1]sb CASCADE", t))
		}},
		{"attack: unread, several targets", false, func(g *gen) episode {
			t := g.name("t")
			return w(outside("CREATE TABLE %[1]sa (x text REFERENCES customers (email)); CREATE TABLE %[1]s (m text); GRANT ALL ON %[1]s, %[1]sa TO app, watch", t), settle(),
				g.asideUnread(t, fmt.Sprintf(g.pick("WITH i AS (INSERT INTO %[1]sa VALUES (NULL) RETURNING 1) INSERT INTO %[1]s SELECT email FROM customers WHERE id = %[2]s", "WITH i AS (INSERT INTO %[1]s SELECT email FROM customers WHERE id = %[2]s RETURNING 1) INSERT INTO %[1]sa SELECT NULL FROM i",
					"WITH i AS (INSERT INTO %[1]s SELECT email FROM customers WHERE id = %[2]s RETURNING 1) SELECT mail_of(%[2]s)", "WITH i AS (INSERT INTO %[1]s SELECT mail_of(%[2]s) RETURNING 1) SELECT 1"), t, g.subject())), settle(),
				g.either("SELECT m FROM "+t), outside("DROP TABLE %[1]s, %[1]sa", t))
		}},
		{"attack: unread, renamed in its transaction", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %[1]sa (x text UNIQUE); INSERT INTO %[1]sa VALUES ('a'); CREATE TABLE %[1]s (x text REFERENCES %[1]sa (x) ON UPDATE CASCADE); INSERT INTO %[1]s VALUES ('a'); CREATE VIEW %[1]sv AS SELECT x FROM %[1]sa", t), settle(),
				aside("%s", "BEGIN; "+fmt.Sprintf(g.pick("ALTER TABLE %[1]sa RENAME TO %[1]sb; UPDATE %[1]sb SET x = (SELECT max(email) FROM customers)", "ALTER VIEW %[1]sv RENAME TO %[1]sb; UPDATE %[1]sb SET x = (SELECT max(email) FROM customers)",
					"CREATE TABLE %[1]sz AS SELECT email FROM customers; ALTER TABLE %[1]sa RENAME TO %[1]sb; WITH i AS (UPDATE %[1]sb SET x = (SELECT max(email) FROM %[1]sz) RETURNING 1) SELECT 1"), t)+"; COMMIT"), settle(),
				g.either(g.pick("SELECT x FROM ", "SELECT count(*) FROM "+t+" WHERE x > 'u5'; SELECT x FROM ")+t), aside("DROP TABLE IF EXISTS %[1]s, %[1]sa, %[1]sb, %[1]sz CASCADE; DROP VIEW IF EXISTS %[1]sv, %[1]sb", t))
		}},
		{"attack: unread, made in its transaction", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("%s", "BEGIN; "+fmt.Sprintf(g.pick("CREATE TABLE %[1]s AS SELECT email, 'x' AS x FROM customers; UPDATE %[1]s SET x = email", "CREATE TABLE %[1]sa (x text UNIQUE); INSERT INTO %[1]sa VALUES ('a'); CREATE TABLE %[1]s (x text REFERENCES %[1]sa (x) ON UPDATE CASCADE); INSERT INTO %[1]s VALUES ('a'); UPDATE %[1]sa SET x = (SELECT max(email) FROM customers)",
				"CREATE TABLE %[1]s (x text); ALTER TABLE %[1]s RENAME TO %[1]sb; CREATE VIEW %[1]sa AS SELECT x FROM %[1]sb; ALTER TABLE %[1]sb RENAME TO %[1]s; INSERT INTO %[1]sa SELECT email FROM customers", "CREATE TABLE %[1]s (x text); CREATE VIEW %[1]sa AS SELECT x FROM %[1]s; INSERT INTO %[1]sa SELECT email FROM customers"), t)+"; COMMIT"), settle(),
				g.either(g.pick("SELECT x FROM ", "SELECT count(DISTINCT x) FROM ")+t), aside("DROP TABLE %[1]s CASCADE; DROP TABLE IF EXISTS %[1]sa CASCADE", t))
		}},
	}
}

// asideUnread runs sql in another session, or in a transaction that changed the schema.
func (g *gen) asideUnread(t, sql string) step {
	if g.chance(50) {
		return step{aside: sql}
	}
	return step{aside: fmt.Sprintf("BEGIN; CREATE TABLE %sz (n int); %s; COMMIT; DROP TABLE %sz", t, sql, t)}
}
