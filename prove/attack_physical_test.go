package prove

import "fmt"

// attackPhysical read off a relation without personal data which of its rows
// protected data chose: by who locked them, and by where they lie.
func attackPhysical() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	made := func(t string) step {
		return aside("CREATE TABLE %s (id int, n int); INSERT INTO %s SELECT i, 0 FROM generate_series(0, 12) i", t, t)
	}
	const theirs = "c.email LIKE 'u' || t.id || '.%%'"
	return []kind{
		{"attack: physical, who was locked", false, func(g *gen) episode {
			t := g.name("t")
			return w(made(t), settle(), aside(g.pick("SELECT 1 FROM %s t JOIN customers c ON "+theirs+" FOR UPDATE OF t", "SELECT 1 FROM %s t WHERE EXISTS (SELECT FROM customers c WHERE "+theirs+") FOR SHARE",
				"WITH x AS (SELECT t.n FROM %s t JOIN customers c ON "+theirs+" FOR NO KEY UPDATE OF t) SELECT count(*) FROM x", "SELECT 1 FROM (SELECT * FROM %s FOR KEY SHARE) t JOIN customers c ON "+theirs), t), settle(),
				g.either(fmt.Sprintf(g.pick("SELECT id, xmax::text <> '0' FROM %s ORDER BY id", "SELECT count(*) FROM %s WHERE xmax::text <> '0'", "SELECT id FROM %s WHERE xmax <> '0'::xid ORDER BY id"), t)), aside("DROP TABLE %s", t))
		}},
		{"attack: physical, who was locked behind a view", false, func(g *gen) episode {
			t := g.name("t")
			return w(made(t), aside("CREATE VIEW %sv AS SELECT id, n FROM %s", t, t), settle(), aside("SELECT 1 FROM %sv t JOIN customers c ON "+theirs+" FOR UPDATE OF t", t), settle(),
				g.either(fmt.Sprintf("SELECT id, xmax::text <> '0' FROM %s ORDER BY id", t)), aside("DROP TABLE %s CASCADE", t))
		}},
		{"attack: physical, whose row was locked", false, func(g *gen) episode {
			return w(aside("SELECT 1 FROM bookings b JOIN customers c ON c.email LIKE 'u' || b.id || '.%%' FOR UPDATE OF b"), settle(), g.either(g.pick("SELECT customer_id, xmax::text <> '0' FROM bookings ORDER BY id", "SELECT customer_id FROM bookings WHERE xmax::text <> '0' ORDER BY id")))
		}},
		{"attack: physical, where rows lie", false, func(g *gen) episode {
			t := g.name("t")
			return w(made(t), settle(), aside(g.pick("UPDATE %s t SET n = n WHERE EXISTS (SELECT FROM customers c WHERE "+theirs+")", "UPDATE %s t SET n = 0 FROM customers c WHERE "+theirs,
				"WITH x AS (UPDATE %s t SET n = 0 FROM customers c WHERE "+theirs+" RETURNING 1) SELECT count(*) FROM x", "MERGE INTO %s t USING customers c ON "+theirs+" WHEN MATCHED THEN UPDATE SET n = 0",
				"BEGIN; UPDATE %s t SET n = n WHERE EXISTS (SELECT FROM customers c WHERE "+theirs+"); ROLLBACK; VACUUM"), t), settle(),
				g.either(fmt.Sprintf(g.pick("SELECT id FROM %s", "SELECT id FROM %s LIMIT 3", "SELECT id, ctid FROM %s ORDER BY id", "SELECT id FROM %s TABLESAMPLE BERNOULLI (50) REPEATABLE (7)", "SELECT string_agg(id::text, ',') FROM %s"), t)), aside("DROP TABLE %s", t))
		}},
		{"attack: physical, where rows lie behind a view", false, func(g *gen) episode {
			t := g.name("t")
			return w(made(t), aside(g.pick("CREATE VIEW %sv AS SELECT id, n FROM %[1]s", "CREATE VIEW %sv AS SELECT id, n FROM %[1]s t WHERE EXISTS (SELECT FROM customers c WHERE "+theirs+")"), t), settle(),
				aside("UPDATE %sv t SET n = n WHERE EXISTS (SELECT FROM customers c WHERE "+theirs+")", t), settle(), g.either("SELECT id FROM "+t), aside("DROP TABLE %s CASCADE", t))
		}},
		{"attack: physical, moved by code", false, func(g *gen) episode {
			t := g.name("t")
			return w(made(t), settle(), aside("DO $$BEGIN "+g.pick("UPDATE %s t SET n = n WHERE EXISTS (SELECT FROM customers c WHERE "+theirs+")", "PERFORM 1 FROM %s t JOIN customers c ON "+theirs+" FOR UPDATE OF t", "EXECUTE 'UPDATE %s t SET n = n FROM customers c WHERE c.email LIKE ''u'' || t.id || ''.%%%%'''")+"; END$$", t), settle(),
				g.either(g.pick("SELECT id, ctid FROM ", "SELECT id, xmax::text <> '0' FROM ", "SELECT id FROM ")+t), aside("DROP TABLE %s", t))
		}},
	}
}
