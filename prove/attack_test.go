package prove

import (
	"fmt"
	"slices"
	"strings"
)

// attackKinds try to slip past the gate: protocol sequences, side channels of
// errors and counts, keys in unusual forms, data taken out by a second session.
func attackKinds() []kind {
	return slices.Concat(attackProtocol(), attackKeys(), attackChannels(), attackSecond(), attackWrites(), attackOdd(), attackStates(), attackRewritten(), attackEdges(), attackCopies(), codeKinds(), attackShapes(), attackAhead(), attackUntried(), attackLate(), attackTyped(), attackCalls(), attackKept(), attackFollowed(), attackPhysical(), attackUnread(), attackTold())
}

// mail returns the e-mail address of a subject as the shop was generated.
func (g *gen) mail(i int) string {
	for _, row := range g.s.rows {
		if row.table == "customers" && row.subject == i {
			return row.values[2]
		}
	}
	return "NULL"
}

func say(sql string) step { return step{simple: sql} }

func pipe(m ...message) step { return step{pipe: m} }

func attackProtocol() []kind {
	return []kind{
		{"attack: cursor moved", false, func(g *gen) episode {
			return one(simple("BEGIN"), simple("DECLARE c SCROLL CURSOR FOR SELECT id FROM customers WHERE %s", g.predicate("")), simple("MOVE %s IN c", g.pick("ALL", "3", "FORWARD ALL")), simple("COMMIT"))
		}},
		{"attack: cursor scrolled", false, func(g *gen) episode {
			return one(simple("BEGIN"), simple("DECLARE c SCROLL CURSOR FOR SELECT id, email FROM %s", g.pick("customers", "contact", "roll")), simple("FETCH LAST FROM c"), simple("MOVE ABSOLUTE 3 IN c"),
				simple("FETCH BACKWARD 2 FROM c"), g.either("FETCH RELATIVE 1 FROM c"), simple("FETCH FIRST FROM c"), simple("CLOSE c"), simple("COMMIT"))
		}},
		{"attack: cursor held", false, func(g *gen) episode {
			return one(simple("BEGIN"), simple("DECLARE h CURSOR WITH HOLD FOR SELECT id, phone FROM customers"), simple("FETCH 2 FROM h"), say(g.pick("COMMIT", "COMMIT AND CHAIN")),
				simple("SELECT 1"), simple("FETCH 3 FROM h"), simple("CLOSE h"), simple("ROLLBACK"), simple("FETCH 1 FROM h"))
		}},
		{"attack: portal read by FETCH", false, func(g *gen) episode {
			return one(simple("BEGIN"), pipe(message{parse: &parse{"", "SELECT " + g.pick("email", "id, email") + " FROM customers"}}, message{bind: &bind{portal: "w", binary: g.chance(30)}}, message{execute: &execute{portal: "w", rows: 1}}),
				simple("FETCH 2 FROM w"), pipe(message{execute: &execute{portal: "w", rows: 2, describe: true}}), simple("MOVE 1 IN w"), simple("FETCH ALL IN w"), simple("COMMIT"))
		}},
		{"attack: cursor read by Execute", false, func(g *gen) episode {
			return one(say("BEGIN; DECLARE w CURSOR FOR SELECT "+g.pick("email", "id, name")+" FROM customers"), pipe(message{execute: &execute{portal: "w", rows: 2, describe: g.chance(50)}}),
				pipe(message{execute: &execute{portal: "w"}}, message{execute: &execute{portal: "w"}}), simple("COMMIT"))
		}},
		{"attack: names forgotten in vain", false, func(g *gen) episode {
			s := g.name("s")
			again := pipe(message{bind: &bind{statement: s}}, message{execute: &execute{describe: g.chance(50)}})
			return one(pipe(message{parse: &parse{s, "SELECT email FROM customers"}}), again, simple("BEGIN"), simple("SELECT 1/0"), say(g.pick("DEALLOCATE ALL", "DISCARD ALL", "DEALLOCATE "+s)), simple("ROLLBACK"), again,
				simple("BEGIN"), simple("DISCARD ALL"), simple("ROLLBACK"), again)
		}},
		{"attack: portals closed in vain", false, func(g *gen) episode {
			return one(simple("BEGIN"), pipe(message{parse: &parse{"", "SELECT email FROM customers"}}, message{bind: &bind{portal: "w"}}, message{execute: &execute{portal: "w", rows: 1}}),
				pipe(message{parse: &parse{"", "CLOSE ALL"}}, message{bind: &bind{args: []string{"1"}}}, message{execute: &execute{}}), simple("ROLLBACK"),
				simple("BEGIN"), pipe(message{parse: &parse{"", "SELECT name FROM customers"}}, message{bind: &bind{portal: "w"}}), simple("SAVEPOINT p; CLOSE ALL; ROLLBACK TO p"), pipe(message{execute: &execute{portal: "w"}}), simple("ROLLBACK"))
		}},
		{"attack: errors between", false, func(g *gen) episode {
			q := "SELECT email FROM customers WHERE id <> " + g.subject()
			return one(pipe(message{parse: &parse{"a", q}}, message{parse: &parse{"a", "SELECT 1"}}, message{bind: &bind{statement: "a"}}, message{execute: &execute{}}),
				pipe(message{bind: &bind{statement: "a"}}, message{execute: &execute{}}, message{execute: &execute{}}, message{closeIt: "P"}, message{execute: &execute{}}),
				pipe(message{closeIt: "Sa"}, message{parse: &parse{"a", "SELECT name, phone FROM customers"}}, message{bind: &bind{statement: "a", portal: "p"}}, message{flush: true}, message{execute: &execute{portal: "p", rows: 2}}, message{bind: &bind{statement: "none"}}),
				pipe(message{bind: &bind{statement: "a"}}, message{execute: &execute{describe: true}}, message{execute: &execute{portal: "p"}}), g.either(q))
		}},
		{"attack: query in an open batch", false, func(g *gen) episode {
			bad := g.pick("SELECT nonsense", "SELECT 1/0", "SELECT email FROM customers")
			return one(step{pipe: []message{{parse: &parse{"", bad}}, {bind: &bind{}}, {execute: &execute{}}, {query: "SELECT id, phone FROM customers WHERE id <> " + g.subject()}, {parse: &parse{"", "SELECT name FROM customers"}}, {bind: &bind{}}, {execute: &execute{}}}, readies: 1 + b2i(bad == "SELECT email FROM customers")}, g.either("SELECT id, name FROM customers"))
		}},
		{"attack: formats, empty and long", false, func(g *gen) episode {
			return one(pipe(message{parse: &parse{"", "SELECT id, email, points FROM customers WHERE id <> $1"}}, message{bind: &bind{args: []string{g.plain()}, formats: []int16{1, 0, 1}}}, message{execute: &execute{}}),
				pipe(message{parse: &parse{"", "SELECT email, points FROM customers"}}, message{bind: &bind{formats: []int16{0, 1}}}, message{execute: &execute{rows: 3}}, message{execute: &execute{}}),
				simple("  "), simple(";;-- nothing\n;"), pipe(message{parse: &parse{"", "/* */"}}, message{bind: &bind{}}, message{execute: &execute{describe: true}}),
				simple("SELECT email FROM customers /* %s */ WHERE id = %s;;SELECT 1", strings.Repeat("x", 300<<10), g.subject()),
				simple("SELECT name FROM customers WHERE id IN (%s)", strings.Repeat(g.subject()+", ", 3000)+g.subject()))
		}},
		{"attack: long rows", false, func(g *gen) episode {
			return one(g.either("SELECT id, repeat(coalesce(name, '-'), 20000), email FROM customers WHERE id = "+g.subject()), g.either("SELECT repeat(coalesce(email, '-'), 30000) FROM customers"),
				g.either(fmt.Sprintf("SELECT %s repeat(coalesce(phone, '-------------'), 400000), id FROM customers WHERE id = %s", g.pick("", "email, "), g.subject())))
		}},
		{"attack: long statement after an injected one", false, func(g *gen) episode {
			return one(prepared("SELECT email FROM customers", true, false), prepared("SELECT 1 AS a, 2 AS b /* "+strings.Repeat("x", 17<<20)+" */", g.chance(50), false), prepared("SELECT id, email FROM customers", true, false))
		}},
		{"attack: current of a cursor", false, func(g *gen) episode {
			e := one(simple("BEGIN"), simple("DECLARE c CURSOR FOR SELECT id FROM customers FOR UPDATE"), simple("FETCH 2 FROM c"), g.either("UPDATE customers SET points = points WHERE CURRENT OF c RETURNING "+g.pick("email", "id, email")), simple("ROLLBACK"))
			return e
		}},
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func attackKeys() []kind {
	return []kind{
		{"attack: COPY whose NULL is a key", false, func(g *gen) episode {
			return one(simple("COPY customers (id, email) TO STDOUT (NULL %s)", quote(g.plain())), simple("COPY (SELECT id, name FROM customers) TO STDOUT (FORMAT csv, NULL %s)", quote(g.plain())))
		}},
		{"attack: COPY options", false, func(g *gen) episode {
			return one(simple("COPY customers TO STDOUT (FORMAT csv, HEADER, QUOTE '''', ESCAPE '-', DELIMITER %s, FORCE_QUOTE *)", g.pick("'@'", "';'", "'C'")), simple("COPY (SELECT email || chr(10) || '\\.', id FROM customers ORDER BY id DESC LIMIT 4) TO STDOUT (FORMAT %s)", g.pick("csv", "text", "binary")),
				simple("COPY customers (email, id) TO STDOUT WITH CSV DELIMITER '.'"), simple("COPY (SELECT chr(9) || name, id FROM customers) TO STDOUT (ENCODING 'LATIN1')"), simple("COPY customers (id, phone) TO STDOUT DELIMITER AS '-' NULL AS ''"))
		}},
		{"attack: client encoding", false, func(g *gen) episode {
			set := simple("SET client_encoding = %s", g.pick("LATIN1", "WIN1252", "EUC_JP", "SJIS"))
			return one(set, g.either("SELECT id, email FROM customers"), prepared("SELECT phone FROM customers WHERE id >= "+g.subject(), true, false), simple("COPY customers (id, email) TO STDOUT"), simple("RESET client_encoding; SELECT id, phone FROM customers"),
				simple("SET client_encoding = LATIN1; SELECT id, email FROM customers WHERE id <> %s", g.subject()))
		}},
		{"attack: output styles", false, func(g *gen) episode {
			return one(simple("SET DateStyle = 'German, DMY'; SET bytea_output = escape; SET extra_float_digits = -10; SET IntervalStyle = iso_8601; SET timezone = 'Asia/Tokyo'"), g.either("SELECT id, birth, email::bytea, points / 3.0::float8, birth - date '1900-01-01' FROM customers"), simple("SET standard_conforming_strings = off; SET backslash_quote = on"),
				simple("SELECT 'a\\' FROM tours --', id, email FROM customers"), g.either("SELECT email FROM customers WHERE id = "+g.subject()))
		}},
		{"attack: key spelt otherwise", false, func(g *gen) episode {
			k := g.plain()
			forms := []string{" " + k, "+" + k, "00" + k, k + " ", k + ".0", strings.ToUpper(k), "{" + k + "}", strings.ReplaceAll(k, "-", "")}
			e := one()
			for range 4 {
				f := g.pick(forms...)
				e.steps = append(e.steps, prepared("SELECT email FROM customers WHERE id = $1", g.chance(50), false, f), simple("SELECT name FROM customers WHERE id = %s", quote(f)),
					simple("SELECT phone FROM customers WHERE id = %s::%s", quote(f), g.pick("varchar(6)", "text", "bpchar", "char(6)", "name", g.s.keyType)), simple("SELECT passport FROM bookings WHERE customer_id::text = %s", quote(f)))
			}
			return e
		}},
		{"attack: conflict on another key", false, func(g *gen) episode {
			e := one(simple("BEGIN"), g.either(fmt.Sprintf("INSERT INTO customers (id, email) VALUES (%s, %s) ON CONFLICT (email) DO UPDATE SET points = 1 RETURNING name", g.subject(), g.mail(g.r.IntN(len(g.s.keys))))), simple("ROLLBACK"), simple("BEGIN"),
				g.either(fmt.Sprintf("INSERT INTO customers (id, email) VALUES (%s, 'x') ON CONFLICT (id) DO UPDATE SET points = customers.points RETURNING email, name", g.subject())), simple("ROLLBACK"))
			return e
		}},
		{"attack: key changed on the way", false, func(g *gen) episode {
			a, b := g.r.IntN(len(g.s.keys)), g.r.IntN(len(g.s.keys))
			return one(simple("BEGIN"), simple("UPDATE bookings SET customer_id = %s WHERE customer_id = %s RETURNING customer_id, passport", g.s.key(a), g.s.key(b)), simple("ROLLBACK"), simple("BEGIN"),
				simple("DELETE FROM customers WHERE id = %s", g.s.key(a)), g.either(fmt.Sprintf("UPDATE customers SET id = %s WHERE id = %s RETURNING email", g.s.key(a), g.s.key(b))), simple("ROLLBACK"))
		}},
		{"attack: grouping sets", false, func(g *gen) episode {
			return one(g.either("SELECT id, email FROM customers GROUP BY "+g.pick("GROUPING SETS ((id, email), (email))", "ROLLUP (email, id)", "CUBE (id, email)")), g.either("SELECT id, max(email) FROM customers GROUP BY ROLLUP (id) HAVING grouping(id) = 1"),
				g.either("SELECT id, name FROM customers GROUP BY GROUPING SETS ((id), (name)) HAVING id IS NULL"))
		}},
		{"attack: unusual FROM", false, func(g *gen) episode {
			return one(g.either(g.pick("SELECT id, email FROM customers TABLESAMPLE BERNOULLI (50) REPEATABLE (7)", "SELECT c.id, x.email FROM customers c, LATERAL (SELECT email FROM customers d WHERE d.points >= c.points LIMIT 1) x",
				"SELECT u.o, u.e FROM (SELECT array_agg(email ORDER BY id) a FROM customers) s, unnest(s.a) WITH ORDINALITY u(e, o)", "SELECT r.id, r.email FROM (SELECT c FROM customers c) s, LATERAL (SELECT (s.c).*) r",
				"SELECT j.* FROM customers c, jsonb_to_record(to_jsonb(c)) AS j(id text, email text)", "SELECT c.id, e.value FROM customers c CROSS JOIN LATERAL jsonb_each_text(to_jsonb(c)) e",
				"VALUES (1, (SELECT max(email) FROM customers)), (2, 'x')", "TABLE customers", "SELECT DISTINCT ON (name) id, email FROM customers ORDER BY name, id", "SELECT int4range(points, points + 1), (id, email) FROM customers",
				"SELECT id, email FROM customers FOR UPDATE SKIP LOCKED", "SELECT x.id, x.email FROM ROWS FROM (generate_series(1, 3), generate_series(1, 2)) g(a, b) LEFT JOIN customers x ON true")))
		}},
	}
}
