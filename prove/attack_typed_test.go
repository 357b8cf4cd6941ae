package prove

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// typed is a statement with parameters of declared types, each in text or binary.
func (g *gen) typed(sql string, binary bool, params ...param) step {
	m := pgtype.NewMap()
	p, b := message{parse: &parse{"", sql}}, &bind{binary: binary}
	for _, v := range params {
		format, value := int16(0), []byte(v.value)
		if t, ok := m.TypeForOID(v.oid); ok && g.chance(60) {
			if known, err := t.Codec.DecodeValue(m, v.oid, 0, value); err == nil { // else only the server knows what it means
				if binary, err := m.Encode(v.oid, 1, known, nil); err == nil {
					format, value = 1, binary
				}
			}
		}
		p.types, b.argFormats, b.args = append(p.types, v.oid), append(b.argFormats, format), append(b.args, string(value))
	}
	return step{pipe: []message{p, {bind: b}, {execute: &execute{describe: g.chance(50)}}}}
}

type param struct {
	oid   uint32
	value string // as text
}

// attackTyped ask with parameters, and for results, of other types than text and
// the key's.
func attackTyped() []kind {
	texts := []uint32{pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.NameOID, pgtype.UnknownOID}
	numbers := []uint32{pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID, pgtype.Float8OID, pgtype.Float4OID, pgtype.OIDOID}
	return []kind{
		{"attack: key of another type", false, func(g *gen) episode {
			columns := g.pick("email", "id, name", "upper(email)", "phone, points")
			e := one()
			for range 3 {
				k := g.plain()
				switch g.s.keyType {
				case "int", "bigint":
					oid := numbers[g.r.IntN(len(numbers))]
					cast := "id"
					if oid == pgtype.OIDOID {
						cast = "id::bigint::oid"
					}
					e.steps = append(e.steps, g.typed("SELECT "+columns+" FROM customers WHERE "+cast+" = $1", false, param{oid, k}),
						simple("SELECT %s FROM customers WHERE id = %s%s", columns, k, g.pick(".0", ".00", "::numeric", "::numeric(20,3)", "::float8", "e0")))
				case "uuid":
					spelt := g.pick(k, strings.ToUpper(k), "{"+k+"}", strings.ReplaceAll(k, "-", ""))
					e.steps = append(e.steps, g.typed("SELECT "+columns+" FROM customers WHERE id = $1", false, param{pgtype.UUIDOID, spelt}), simple("SELECT %s FROM customers WHERE id = %s", columns, quote(spelt)))
				default:
					e.steps = append(e.steps, g.typed("SELECT "+columns+" FROM customers WHERE id = $1", false, param{texts[g.r.IntN(len(texts))], g.pick(k, k+" ", k+"   ")}),
						simple("SELECT %s FROM customers WHERE id = %s::%s", columns, quote(k+g.pick("", " ")), g.pick("bpchar", "char(30)", "citext", "varchar(4)", "name")),
						simple("SELECT %s FROM customers WHERE id::%s = %s", columns, g.pick("citext", "bpchar", "text"), quote(g.pick(strings.ToUpper(k), strings.ToLower(k), k+" "))))
				}
			}
			return e
		}},
		{"attack: key in an array", false, func(g *gen) episode {
			list, oid := `{"`+g.plain()+`","`+g.plain()+`"}`, uint32(pgtype.TextArrayOID)
			switch g.s.keyType {
			case "int":
				oid = pgtype.Int4ArrayOID
			case "bigint":
				oid = pgtype.Int8ArrayOID
			case "uuid":
				oid = pgtype.UUIDArrayOID
			}
			list = strings.ReplaceAll(list, ` "ß`, ` \\"ß`)
			return one(g.typed("SELECT "+g.pick("email", "id, name", "phone")+" FROM customers WHERE "+g.pick("id = ANY($1)", "id = $1[1]", "NOT id = ANY($1)", "ARRAY[id] <@ $1", "id IN (SELECT unnest($1))"), g.chance(30), param{oid, list}))
		}},
		{"attack: parameters of other types", false, func(g *gen) episode {
			asked := []step{
				g.typed("SELECT email FROM customers WHERE birth < $1", g.chance(50), param{pgtype.DateOID, "1975-01-01"}),
				g.typed("SELECT id, birth FROM customers WHERE birth::timestamptz < $1", g.chance(50), param{pgtype.TimestamptzOID, "1975-01-01 00:00:00+09"}),
				g.typed("SELECT points, email FROM customers WHERE points > $1", g.chance(50), param{pgtype.NumericOID, "99.5"}),
				g.typed("SELECT name FROM customers WHERE points = ANY($1)", g.chance(50), param{pgtype.Int4ArrayOID, "{100,300}"}),
				g.typed("SELECT id FROM customers WHERE email::bytea > $1", g.chance(50), param{pgtype.ByteaOID, `\x7533`}),
				g.typed("SELECT phone FROM customers WHERE (points > 100) = $1", g.chance(50), param{pgtype.BoolOID, "t"}),
				g.typed("SELECT id FROM customers WHERE to_jsonb(name) = $1", g.chance(50), param{pgtype.JSONBOID, `"佐藤一郎"`}),
				g.typed("SELECT ($1::jsonb || to_jsonb(c)) FROM customers c", g.chance(50), param{pgtype.JSONBOID, `{"a": 1}`}),
				g.typed("SELECT count(*) FROM customers WHERE email = ANY($1)", g.chance(50), param{pgtype.TextArrayOID, "{nobody@mail.example,u1.1@mail.example}"}),
				g.typed("SELECT email FROM customers WHERE points * interval '1 day' > $1", g.chance(50), param{pgtype.IntervalOID, "90 days"}),
			}
			g.r.Shuffle(len(asked), func(i, j int) { asked[i], asked[j] = asked[j], asked[i] })
			return one(asked[:3]...)
		}},
		{"attack: results of other types", false, func(g *gen) episode {
			return one(g.typed("SELECT "+g.pick("id, ", "")+g.pick("birth, points::numeric", "email::bytea, points::int8", "ARRAY[name, phone], points > 100", "to_jsonb(email), birth::timestamptz", "points::float8, birth::timestamp", "md5(email)::uuid, points::int2", "ROW(name, points), int4range(points, points + 1)", "id::text, email")+" FROM customers WHERE points >= $1", g.chance(70), param{pgtype.Int8OID, "0"}))
		}},
	}
}

// Functions of PostgreSQL's own, by number (pg_proc.dat).
const (
	funcQueryToXML = 2924
	funcSetConfig  = 2078
	funcCurrent    = 2077
	funcLength     = 1317
)

// attackCalls send FunctionCall, and have the server report settings.
func attackCalls() []kind {
	w := func(steps ...step) episode { return episode{steps: steps, writes: true} }
	aside := func(format string, args ...any) step { return step{aside: fmt.Sprintf(format, args...)} }
	on := func(m message) step { return step{pipe: []message{m}, noSync: true} }
	fetch := func(g *gen, sql string) message {
		return message{call: &call{function: funcQueryToXML, args: []string{sql, "f", "f", ""}, binary: g.chance(50)}}
	}
	set := func(name, value string) message {
		return message{call: &call{function: funcSetConfig, args: []string{name, value, "f"}}}
	}
	most := "(SELECT max(email) FROM customers)"
	return []kind{
		{"attack: function call that reads", false, func(g *gen) episode {
			q := "SELECT " + g.pick("email", "id, name", "count(phone)") + " FROM customers" + g.pick("", " WHERE id = "+g.subject())
			return one(on(fetch(g, q)), g.either("SELECT id, phone FROM customers WHERE id = "+g.subject()), simple("BEGIN"), on(fetch(g, "SELECT max(email) FROM customers")), on(fetch(g, "SELECT 1/0")), on(fetch(g, q)), simple("ROLLBACK"), on(fetch(g, "SELECT 1")))
		}},
		{"attack: function call in an open batch", false, func(g *gen) episode {
			bad := g.pick("SELECT 1/0", "SELECT name FROM customers")
			return one(step{pipe: []message{{parse: &parse{"", bad}}, {bind: &bind{}}, {execute: &execute{}}, fetch(g, "SELECT email FROM customers"), {parse: &parse{"", "SELECT phone FROM customers"}}, {bind: &bind{}}, {execute: &execute{}}}, readies: 1 + b2i(bad != "SELECT 1/0")}, g.either("SELECT id, name FROM customers"))
		}},
		{"attack: search path by function call", false, func(g *gen) episode {
			return one(g.either("SELECT id, email FROM customers"), on(set("search_path", "other, public")), g.either("SELECT id, email FROM customers"), on(set("search_path", "public")), g.either("SELECT "+g.pick("id, name", "phone", "count(email)")+" FROM customers"))
		}},
		{"attack: setting read by function call", false, func(g *gen) episode {
			return w(simple("SELECT set_config('own.x', %s, false) IS NULL", most), on(message{call: &call{function: funcCurrent, args: []string{"own.x"}}}), on(message{call: &call{function: funcLength, args: []string{"x"}}}))
		}},
		{"attack: setting that the server reports", false, func(g *gen) episode {
			name := g.pick("application_name", "application_name", "DateStyle")
			value := most
			if name == "DateStyle" {
				value = "(SELECT CASE WHEN " + g.predicate("") + " THEN 'German' ELSE 'ISO' END FROM customers WHERE id = " + g.subject() + ")"
			}
			how := g.pick("SELECT set_config('"+name+"', "+value+", false) IS NULL", "DO $$BEGIN PERFORM set_config('"+name+"', "+value+", false); END$$", "SELECT 1 FROM (SELECT set_config('"+name+"', "+value+", false)) q")
			return w(g.either(how), simple("BEGIN; SET LOCAL %s = %s", name, g.pick("DEFAULT", "'ISO'")), say(g.pick("COMMIT", "ROLLBACK")), simple("RESET %s", name))
		}},
		{"attack: setting that the server reports again", false, func(g *gen) episode {
			f := g.name("f")
			return w(aside("CREATE FUNCTION %s() RETURNS text LANGUAGE sql AS $$SELECT set_config('application_name', (SELECT max(email) FROM public.customers), false)$$", f), settle(), g.either("SELECT "+f+"() IS NULL"), simple("BEGIN"), simple("SET application_name = 'x'"), simple("SELECT 1/0"), simple("ROLLBACK"),
				simple("BEGIN"), simple("SET LOCAL application_name = 'y'"), g.either("COMMIT"), simple("DISCARD ALL"), aside("DROP FUNCTION %s()", f))
		}},
	}
}
