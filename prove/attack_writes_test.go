package prove

import "fmt"

// attackWrites put protected data where the configuration says that there is
// none, or in another person's row, and let another session read it.
func attackWrites() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	undo := aside("DELETE FROM bookings WHERE id = 900")
	return []kind{
		{"attack: second, harmless column", false, func(g *gen) episode {
			return w(aside("INSERT INTO bookings (id, customer_id, passport, tour_id) SELECT 900, %s, 'x', points FROM customers WHERE id = %s", g.subject(), g.subject()),
				g.either("SELECT tour_id FROM bookings WHERE id = 900"), g.either("SELECT count(*) FROM bookings WHERE tour_id > 100"), undo)
		}},
		{"attack: second, harmless column updated", false, func(g *gen) episode {
			return w(aside("INSERT INTO bookings VALUES (900, %s, 'x', 1, 1)", g.subject()), aside("UPDATE bookings SET tour_id = (%s) WHERE id = 900",
				g.pick("SELECT points FROM customers WHERE id = "+g.subject(), "SELECT count(*) FROM customers WHERE email LIKE 'u%'", "SELECT max(length(email)) FROM customers")),
				g.either("SELECT id, tour_id FROM bookings WHERE id = 900"), undo)
		}},
		{"attack: second, another's row", false, func(g *gen) episode {
			return w(aside("INSERT INTO bookings (id, customer_id, passport) SELECT 900, %s, email FROM customers WHERE id = %s", g.subject(), g.subject()),
				g.either("SELECT customer_id, passport FROM bookings WHERE id = 900"), g.either("SELECT passport FROM bookings WHERE customer_id = "+g.subject()+" AND id = 900"), simple("COPY bookings TO STDOUT"), undo)
		}},
		{"attack: second, another's row updated", false, func(g *gen) episode {
			return w(aside("INSERT INTO bookings VALUES (900, %s, 'x', 1, 1)", g.subject()),
				aside(g.pick("UPDATE bookings b SET passport = c.email FROM customers c WHERE b.id = 900 AND c.id = %s", "UPDATE bookings SET (tour_id, passport) = (SELECT points, phone FROM customers WHERE id = %s) WHERE id = 900",
					"MERGE INTO bookings b USING customers c ON b.id = 900 AND c.id = %s WHEN MATCHED THEN UPDATE SET passport = c.name"), g.subject()),
				g.either("SELECT customer_id, passport, tour_id FROM bookings WHERE id = 900"), undo)
		}},
		{"attack: second, a view in between", false, func(g *gen) episode {
			v := g.name("v")
			return w(step{outside: fmt.Sprintf("CREATE VIEW %s AS SELECT id, customer_id, passport, tour_id FROM bookings; GRANT ALL ON %s TO app", v, v)},
				aside("INSERT INTO %s SELECT 900, %s, email, 1 FROM customers WHERE id = %s", v, g.subject(), g.subject()), g.either("SELECT customer_id, passport FROM "+g.pick(v, "bookings")+" WHERE id = 900"),
				aside("UPDATE %s SET tour_id = (SELECT max(points) FROM customers) WHERE id = 900", v), g.either("SELECT tour_id FROM bookings WHERE id = 900"), undo, step{outside: "DROP VIEW " + v})
		}},
		{"attack: second, another key", false, func(g *gen) episode {
			return w(aside("INSERT INTO bookings (id, customer_id, passport) SELECT 900, id, email FROM customers WHERE id = %s", g.subject()), aside("UPDATE bookings SET customer_id = %s WHERE id = 900", g.subject()),
				g.either("SELECT customer_id, passport FROM bookings WHERE id = 900"), undo)
		}},
		{"attack: second, chosen rows", false, func(g *gen) episode {
			return w(aside("INSERT INTO shadow (a) SELECT 'x' FROM customers WHERE %s", g.predicate("")), g.either("SELECT "+g.pick("count(*)", "a", "1")+" FROM shadow"), aside("DELETE FROM shadow"))
		}},
		{"attack: second, chosen rows of a table", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s AS SELECT 1 AS one FROM customers WHERE %s", t, g.predicate("")), g.either("SELECT "+g.pick("count(*)", "one")+" FROM "+t), aside("DROP TABLE %s", t))
		}},
		{"attack: second, chosen rows of a view", false, func(g *gen) episode {
			t := g.name("m")
			return w(aside("CREATE MATERIALIZED VIEW %s AS SELECT %s FROM customers WHERE %s", t, g.pick("id", "1 AS id"), g.predicate("")), g.either("SELECT "+g.pick("count(*)", "id")+" FROM "+t), aside("DROP MATERIALIZED VIEW %s", t))
		}},
		{"attack: second, changed where others decide", false, func(g *gen) episode {
			return w(aside("UPDATE tours SET days = 77 WHERE id = 1 AND EXISTS (SELECT FROM customers WHERE id = %s AND %s)", g.subject(), g.predicate("")), g.either("SELECT days FROM tours WHERE id = 1"), aside("UPDATE tours SET days = 2 WHERE id = 1"))
		}},
		{"attack: second, deleted where others decide", false, func(g *gen) episode {
			return w(aside("INSERT INTO shadow (a) VALUES ('x')"), aside("DELETE FROM shadow WHERE (SELECT count(*) FROM customers WHERE %s) > 2", g.predicate("")), g.either("SELECT "+g.pick("a", "count(*)")+" FROM shadow"), aside("DELETE FROM shadow"))
		}},
		{"attack: second, two origins", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s AS SELECT email AS x FROM customers", t), aside("INSERT INTO %s SELECT memo FROM visits WHERE id = 1", t), g.either("SELECT x FROM "+t), aside("DROP TABLE %s", t))
		}},
		{"attack: second, keyed table and a stranger", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s AS SELECT id, email FROM customers WHERE false", t), aside("INSERT INTO %s SELECT %s, email FROM customers WHERE id = %s", t, g.subject(), g.subject()), g.either("SELECT id, email FROM "+t), aside("DROP TABLE %s", t))
		}},
		{"attack: second, made again under its name", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s AS SELECT id, email FROM customers", t), g.either("SELECT id, email FROM "+t), aside("DROP TABLE %s", t),
				aside("CREATE TABLE %s AS SELECT d.id, c.email FROM customers c, customers d WHERE d.id = %s", t, g.subject()), g.either("SELECT id, email FROM "+t), aside("DROP TABLE %s", t))
		}},
		{"attack: second, code on a known table", false, func(g *gen) episode {
			return w(aside("DO $$BEGIN EXECUTE 'UPDATE tours SET title = (SELECT max(email) FROM customers) WHERE id = 1'; END$$"), g.either("SELECT title FROM tours WHERE id = 1"), aside("UPDATE tours SET title = '札幌' WHERE id = 1"))
		}},
		{"attack: second, code on another's row", false, func(g *gen) episode {
			return w(aside("DO $$BEGIN INSERT INTO bookings (id, customer_id, passport, tour_id) SELECT 900, '%s', email, points FROM customers WHERE id = '%s'; END$$", g.plain(), g.plain()),
				g.either("SELECT "+g.pick("customer_id, passport", "tour_id", "id, tour_id")+" FROM bookings WHERE id = 900"), undo)
		}},
		{"attack: second, routine made for it", false, func(g *gen) episode {
			f := g.name("f")
			return w(aside("CREATE FUNCTION %s() RETURNS int LANGUAGE sql AS 'UPDATE tours SET title = (SELECT max(email) FROM customers) WHERE id = 1; SELECT 1'", f), aside("SELECT %s()", f), g.either("SELECT title FROM tours WHERE id = 1"),
				aside("UPDATE tours SET title = '札幌' WHERE id = 1; DROP FUNCTION %s()", f))
		}},
		{"attack: second, renamed in the open", false, func(g *gen) episode {
			t := g.name("t")
			return w(step{outside: fmt.Sprintf("CREATE TABLE %s (id int, x text); GRANT ALL ON %s TO app; ALTER TABLE %s OWNER TO app", t, t, t)}, aside("INSERT INTO %s SELECT 1, email FROM customers", t), g.either("SELECT x FROM "+t),
				aside("ALTER TABLE %s RENAME TO %sr", t, t), say("SELECT 1"), settle(), g.either("SELECT x FROM "+t+"r"), aside("ALTER TABLE %sr SET SCHEMA public", t), settle(), g.either("SELECT count(x) FROM "+t+"r"), aside("DROP TABLE %sr", t))
		}},
		{"attack: the protected table renamed", false, func(g *gen) episode {
			return w(step{outside: "ALTER TABLE bookings RENAME TO journeys"}, settle(), g.either("SELECT passport FROM journeys"), g.either("SELECT customer_id, passport FROM journeys"), step{outside: "ALTER TABLE journeys RENAME TO bookings"}, settle(), g.either("SELECT customer_id, passport FROM bookings"))
		}},
		{"attack: columns renamed", false, func(g *gen) episode {
			return w(g.either("SELECT tour_id FROM bookings"), step{outside: "ALTER TABLE bookings RENAME tour_id TO tour; ALTER TABLE bookings RENAME passport TO tour_id"}, settle(), g.either("SELECT tour_id FROM bookings"), g.either("SELECT customer_id, tour_id FROM bookings"),
				step{outside: "ALTER TABLE bookings RENAME tour_id TO passport; ALTER TABLE bookings RENAME tour TO tour_id"}, settle(), g.either("SELECT customer_id, passport FROM bookings"))
		}},
		{"attack: key renamed", false, func(g *gen) episode {
			t := g.name("t")
			return w(step{outside: fmt.Sprintf("ALTER TABLE visits RENAME customer_id TO %s; ALTER TABLE visits ADD customer_id %s", t, g.s.keyType)}, aside("UPDATE visits SET customer_id = %s", g.subject()), settle(), g.either("SELECT customer_id, memo FROM visits"),
				step{outside: fmt.Sprintf("ALTER TABLE visits DROP customer_id; ALTER TABLE visits RENAME %s TO customer_id", t)}, settle())
		}},
		{"attack: partition taken off", false, func(g *gen) episode {
			return w(step{outside: "ALTER TABLE visits DETACH PARTITION visits_low"}, settle(), g.either("SELECT memo FROM visits_low"), step{outside: "ALTER TABLE visits ATTACH PARTITION visits_low FOR VALUES FROM (0) TO (5)"}, settle())
		}},
		{"attack: second, a partition's other row", false, func(g *gen) episode {
			return w(aside("INSERT INTO visits_low (id, customer_id, memo) SELECT 4, %s, email FROM customers WHERE id = %s", g.subject(), g.subject()), g.either("SELECT customer_id, memo FROM "+g.pick("visits", "visits_low")+" WHERE id = 4 AND memo LIKE '%@%'"), aside("DELETE FROM visits WHERE memo LIKE '%%@%%'"))
		}},
		{"attack: second, a partition that was tainted", false, func(g *gen) episode {
			t := g.name("t")
			return w(step{outside: fmt.Sprintf("CREATE TABLE %s (LIKE visits); GRANT ALL ON %s TO app, watch", t, t)}, aside("INSERT INTO %s SELECT 2000, %s, email FROM customers WHERE id = %s", t, g.subject(), g.subject()),
				step{outside: fmt.Sprintf("ALTER TABLE visits ATTACH PARTITION %s FOR VALUES FROM (2000) TO (3000)", t)}, settle(), g.either("SELECT customer_id, memo FROM visits WHERE id = 2000"), step{outside: "DROP TABLE " + t}, settle())
		}},
		{"attack: second, through a temporary table", false, func(g *gen) episode {
			return w(aside("CREATE TEMP TABLE tt AS SELECT email, id FROM customers; %s", g.pick("UPDATE tours SET title = (SELECT max(email) FROM tt) WHERE id = 1", "UPDATE tours SET title = tt.email FROM tt WHERE tours.id = 1 AND tt.id = "+g.subject(), "EXPLAIN (ANALYZE) UPDATE tours SET title = (SELECT min(email) FROM tt) WHERE id = 1")),
				g.either("SELECT title FROM tours WHERE id = 1"), aside("UPDATE tours SET title = '札幌' WHERE id = 1"))
		}},
		{"attack: second, through a function of the schema", false, func(g *gen) episode {
			return w(aside("%sUPDATE tours SET title = mail_of('%s') WHERE id = 1", g.pick("", "PREPARE s AS ", "BEGIN; "), g.plain()), aside("UPDATE tours SET title = mail_of('%s') WHERE id = 1", g.plain()), g.either("SELECT title FROM tours WHERE id = 1"), aside("UPDATE tours SET title = '札幌' WHERE id = 1"))
		}},
		{"attack: second, moved by ALTER", false, func(g *gen) episode {
			t := g.name("t")
			return w(aside("CREATE TABLE %s AS SELECT email AS x, 'a'::text AS y FROM customers", t), aside("ALTER TABLE %s ALTER y TYPE text USING x", t), settle(), g.either("SELECT y FROM "+t), aside("DROP TABLE %s", t))
		}},
	}
}
