package prove

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// gen draws episodes for one shop.
type gen struct {
	r *rand.Rand
	s *shop
	n int // makes names unique

	odd int // of oddQuestions, the last one asked
}

func (g *gen) pick(list ...string) string { return list[g.r.IntN(len(list))] }
func (g *gen) chance(percent int) bool    { return g.r.IntN(100) < percent }
func (g *gen) subject() string            { return g.s.key(g.r.IntN(len(g.s.keys))) }
func (g *gen) name(prefix string) string  { g.n++; return fmt.Sprintf("%s%d", prefix, g.n) }

// plain returns the key without quotes, as a text parameter.
func (g *gen) plain() string { return g.s.keys[g.r.IntN(len(g.s.keys))] }

// columns returns one to four protected columns of customers.
func (g *gen) columns(alias string) string {
	all := []string{"name", "email", "phone", "birth", "points"}
	g.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:1+g.r.IntN(4)]
	for i := range all {
		all[i] = alias + all[i]
	}
	return strings.Join(all, ", ")
}

// expression returns an expression over one protected column of customers.
func (g *gen) expression(alias string) string {
	return strings.ReplaceAll(g.pick(
		"upper(@email)", "@name || '様'", "coalesce(@phone, '-')", "substr(@email, 1, 3)", "@points + 1",
		"CASE WHEN @points > 100 THEN @email ELSE @name END", "extract(year FROM @birth)", "md5(@email)",
		"@email IS NULL", "length(@name)", "(@birth - 1)::text", "@email COLLATE \"C\"", "array[@name, @phone]",
		"row_to_json(row(@name, @email))", "nullif(@name, '')", "concat(@name, @email)", "@email::varchar(5)",
	), "@", alias)
}

// keyed returns a condition on the key alone.
func (g *gen) keyed(alias string) string {
	switch g.r.IntN(6) {
	case 0:
		return "true"
	case 1:
		return alias + "id <> " + g.subject()
	case 2:
		return alias + "id >= " + g.subject()
	case 3:
		return alias + "id < " + g.subject()
	case 4:
		return alias + "id IN (" + g.subject() + ", " + g.subject() + ")"
	}
	return alias + "id BETWEEN " + g.subject() + " AND " + g.subject()
}

// predicate returns a condition that reads protected columns of customers.
func (g *gen) predicate(alias string) string {
	return strings.ReplaceAll(g.pick(
		"@email LIKE 'u1%'", "@points > 100", "@birth < '1975-01-01'", "@phone IS NULL", "@name = '佐藤一郎'",
		"@email = 'nobody@mail.example'", "length(@name) > 3", "@email ~ '^!'", "@points IS NOT NULL", "@name IN ('佐藤一郎', '鈴木花子')",
	), "@", alias)
}

// either sends the statement as a simple query or through the extended protocol.
func (g *gen) either(sql string) step {
	if g.chance(50) {
		return step{simple: sql}
	}
	return prepared(sql, g.chance(60), g.chance(30))
}

// kind is one class of episodes.
type kind struct {
	class string
	sharp bool // the ladder attributes it: confirmed = truth = reachable is expected
	make  func(g *gen) episode
}

func one(steps ...step) episode { return episode{steps: steps} }

func kinds() []kind {
	all := append(sharpKinds(), boundedKinds()...)
	all = append(all, featureKinds()...)
	all = append(all, launderKinds()...)
	return append(all, attackKinds()...)
}

// sharpKinds are the classes that the attribution ladder can attribute.
func sharpKinds() []kind {
	return []kind{
		{"key column", true, func(g *gen) episode {
			return one(g.either("SELECT id, " + g.columns("") + " FROM customers WHERE " + g.keyed("")))
		}},
		{"star", true, func(g *gen) episode {
			return one(g.either(g.pick("SELECT * FROM customers", "TABLE customers", "SELECT c.* FROM customers AS c") + g.pick("", "", " LIMIT 3")))
		}},
		{"key literal", true, func(g *gen) episode {
			return one(g.either("SELECT " + g.columns("") + " FROM customers WHERE id = " + g.subject()))
		}},
		{"key parameter", true, func(g *gen) episode {
			return one(prepared("SELECT "+g.columns("c.")+" FROM customers c WHERE c.id = $1", g.chance(50), g.chance(40), g.plain()))
		}},
		{"key parameter expression", true, func(g *gen) episode {
			return one(prepared("SELECT "+g.expression("")+" FROM customers WHERE $1 = id", g.chance(50), false, g.plain()))
		}},
		{"expression with key", true, func(g *gen) episode {
			return one(g.either("SELECT id, " + g.expression("") + ", " + g.expression("") + " FROM customers WHERE " + g.keyed("")))
		}},
		{"join on key", true, func(g *gen) episode {
			return one(g.either("SELECT c.id, " + g.columns("c.") + ", b.passport FROM customers c " +
				g.pick("JOIN", "LEFT JOIN") + " bookings b ON b.customer_id = c.id WHERE " + g.keyed("c.")))
		}},
		{"foreign key column", true, func(g *gen) episode {
			return one(g.either("SELECT b.customer_id, b.passport, t.title FROM bookings b JOIN tours t ON t.id = b.tour_id" + g.pick("", " WHERE b.id < 5")))
		}},
		{"two persons, both keys", true, func(g *gen) episode {
			return one(g.either("SELECT a.id, a.name, b.id, b.email FROM customers a JOIN customers b ON b.id > a.id WHERE a.id = " + g.subject()))
		}},
		{"view with key", true, func(g *gen) episode {
			return one(g.either(g.pick(
				"SELECT * FROM contact WHERE "+g.keyed(""), "SELECT cid, mail FROM contact2", "SELECT id, passport, title FROM travel",
				"SELECT t.id, t.name FROM travel t WHERE t.id = "+g.subject(), "SELECT mail FROM contact2 WHERE cid = "+g.subject())))
		}},
		{"injected key", true, func(g *gen) episode {
			return one(g.either("SELECT " + g.columns("k.") + ", " + g.expression("k.") + " FROM customers k WHERE " + g.keyed("k.") + g.pick("", " LIMIT 4", " ORDER BY id")))
		}},
		{"injected key in a join", true, func(g *gen) episode {
			return one(g.either("SELECT b.passport, c.name FROM bookings b JOIN customers c ON c.id = b.customer_id"))
		}},
		{"identifier", true, func(g *gen) episode {
			return one(g.either("SELECT email FROM addressless"))
		}},
		{"subquery and CTE", true, func(g *gen) episode {
			return one(g.either(g.pick(
				"SELECT * FROM (SELECT id, "+g.columns("")+" FROM customers) q WHERE "+g.keyed("q."),
				"WITH q AS (SELECT id, email AS m FROM customers) SELECT m, id FROM q",
				"WITH q AS MATERIALIZED (SELECT id, name FROM customers WHERE "+g.keyed("")+") SELECT q.*, 1 FROM q",
				"SELECT c.id, l.passport FROM customers c, LATERAL (SELECT passport FROM bookings WHERE customer_id = c.id) l",
				"SELECT DISTINCT id, name FROM customers")))
		}},
		{"cursor", true, func(g *gen) episode {
			c := g.name("c")
			sql := "SELECT id, " + g.columns("") + " FROM customers"
			return one(simple("BEGIN"), simple("DECLARE %s CURSOR FOR %s", c, sql), simple("FETCH %d FROM %s", 1+g.r.IntN(4), c),
				g.either("FETCH "+g.pick("NEXT", "2", "ALL")+" FROM "+c), simple("CLOSE %s", c), simple("COMMIT"))
		}},
		{"copy", true, func(g *gen) episode {
			return one(simple("COPY %s TO STDOUT%s", g.pick("customers", "customers (id, name, email)", "bookings (customer_id, passport)",
				"(SELECT id, email FROM customers WHERE "+g.keyed("")+")", "(SELECT passport, customer_id FROM bookings)"),
				g.pick("", " (FORMAT csv)", " (FORMAT csv, HEADER, FORCE_QUOTE *)", " (FORMAT binary)", " WITH (DELIMITER '|')")))
		}},
		{"prepared and executed again", true, func(g *gen) episode {
			n := g.name("p")
			e := one(step{pipe: []message{{parse: &parse{n, "SELECT name, email FROM customers WHERE id = $1"}}}})
			for range 2 + g.r.IntN(3) {
				e.steps = append(e.steps, step{pipe: []message{{bind: &bind{statement: n, args: []string{g.plain()}, binary: g.chance(30)}}, {execute: &execute{describe: g.chance(50)}}}})
			}
			return e
		}},
		{"SQL prepared", true, func(g *gen) episode {
			n := g.name("s")
			return one(simple("PREPARE %s (%s) AS SELECT id, email FROM customers WHERE id <> $1", n, g.s.keyType), simple("EXECUTE %s (%s)", n, g.subject()), simple("DEALLOCATE %s", n))
		}},
		{"portal suspended", true, func(g *gen) episode {
			m := []message{{parse: &parse{"", "SELECT id, name, phone FROM customers"}}, {bind: &bind{portal: "w", binary: g.chance(30)}}}
			for range 1 + g.r.IntN(4) {
				m = append(m, message{execute: &execute{portal: "w", rows: uint32(1 + g.r.IntN(3)), describe: g.chance(30)}})
			}
			return one(step{pipe: m})
		}},
		{"pipeline", true, func(g *gen) episode {
			var m []message
			for range 2 + g.r.IntN(3) {
				m = append(m, message{parse: &parse{"", g.pick("SELECT email FROM customers WHERE id = ", "SELECT id, name FROM customers WHERE id > ") + "$1"}},
					message{bind: &bind{args: []string{g.plain()}}}, message{execute: &execute{describe: g.chance(50)}})
			}
			return one(step{pipe: m})
		}},
		{"several statements", true, func(g *gen) episode {
			return one(simple("SELECT 1; SELECT id, email FROM customers WHERE id = %s; SELECT title FROM tours; SELECT passport, customer_id FROM bookings WHERE customer_id = %s", g.subject(), g.subject()))
		}},
		{"returning", true, func(g *gen) episode {
			e := one(g.either("UPDATE customers SET points = points WHERE id = " + g.subject() + " RETURNING id, email, name"))
			e.writes = true
			return e
		}},
		{"partition", true, func(g *gen) episode {
			return one(g.either("SELECT customer_id, memo FROM " + g.pick("visits", "visits_low", "visits_high") + g.pick("", " WHERE id <> 3")))
		}},
		{"no crossing", true, func(g *gen) episode {
			e := one(g.either(g.pick("SELECT 1", "SELECT title FROM tours", "SELECT id FROM customers WHERE "+g.keyed(""), "SELECT count(*) FROM customers", "SHOW server_version_num")))
			e.bare = true
			return e
		}},
	}
}
