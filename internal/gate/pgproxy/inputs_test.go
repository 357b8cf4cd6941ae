package pgproxy

import (
	"fmt"
	"strings"
	"testing"

	"sekisho/internal/lineage"
	"sekisho/internal/policy"
	"sekisho/internal/wire/pgwire"
)

// TestInputs: what code says while a statement is parsed or bound is bounded
// over everything, and that it says nothing too; errors of the server's own are
// nobody's.
func TestInputs(t *testing.T) {
	const text = "SELECT '{x}'::d[]"
	code := func(kind byte, sqlstate, where string) []byte {
		m := pgwire.AppendError(nil, pgwire.ErrorInfo{Code: sqlstate, Message: "u1@mail.example"})
		body := append([]byte(nil), m[5:len(m)-1]...)
		if where != "" {
			body = append(append(append(body, 'W'), where...), 0)
		}
		return pgwire.AppendMessage(nil, kind, append(body, 0))
	}
	const where = "PL/pgSQL function d() line 1 at RAISE"
	everything := func(reason string, rows int) []string {
		return []string{
			fmt.Sprintf("shop/public.customers name,email class=2 rows=%d unknown=0 {} %s n=1", rows, reason),
			fmt.Sprintf("shop/public.bookings booking class=2 rows=%d unknown=0 {} %s n=1", rows, reason),
		}
	}
	parse, bind, sync := pgwire.AppendParse(nil, nil, []byte(text), nil), pgwire.AppendBind(nil, nil, nil, pgwire.BindValues{}), pgwire.AppendSync(nil)
	for _, c := range []struct {
		name   string
		types  bool // there are types that run code
		inputs bool // and the statement names one
		sent   []byte
		answer []byte
		want   []string
	}{
		{"parsed", true, true, parse, short('1'), everything("function", 1)},
		{"parsed, another statement", true, false, parse, short('1'), nil},
		{"parsed, no such type", false, true, parse, short('1'), nil},
		{"refused by a check", true, true, parse, code('E', "23514", ""), everything("function", 1)},
		{"refused by a harmless check", true, false, parse, code('E', "23514", ""), nil},
		{"refused by code, as a name", true, true, parse, code('E', "42703", where), everything("function", 1)},
		{"an unknown name", true, true, parse, code('E', "42703", ""), nil},
		{"no number", false, false, parse, code('E', "22P02", ""), nil},
		{"no JSON", false, false, parse, code('E', "22P02", "JSON data, line 1: x"), nil},
		{"a type that came since", false, false, parse, code('E', "P0001", where), everything("error", 1)},
		{"a number that code refused", false, false, parse, code('E', "22023", where), everything("error", 1)},
		{"a notice", true, true, parse, cat(code('N', "00000", where), short('1')), everything("function", 2)},
		{"a notice of a type that came since", false, false, parse, cat(code('N', "00000", where), short('1')), everything("notice", 1)},
		{"a notice of the server", false, false, parse, cat(code('N', "00000", ""), short('1')), nil},
		{"bound", true, true, cat(parse, bind), cat(short('1'), short('2')), append(everything("function", 1), everything("environment", 1)...)},
		{"no parameter", false, false, cat(parse, bind), cat(short('1'), code('E', "22P02", "unnamed portal parameter $1 = 'x'")), nil},
		{"a parameter of a type that came since", false, false, cat(parse, bind), cat(short('1'), code('E', "P0001", where)), everything("error", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.an.inputs = c.types
			an := &lineage.Analysis{Columns: []lineage.Column{{}}, Bare: true}
			if c.inputs {
				an = lineage.Opaque("function")
			}
			b.an.by[text] = an
			b.same("sent", b.client(c.sent, sync), cat(c.sent, sync))
			b.same("received", b.server(c.answer, ready('I')), cat(c.answer, ready('I')))
			b.tick()
			b.wantParts(c.want...)
			if b.e.lost != "" {
				t.Errorf("lost: %s", b.e.lost)
			}
		})
	}
	t.Run("enforced", func(t *testing.T) {
		b := newBench(t, nil)
		b.deny(policy.Enforce)
		b.an.inputs = true
		b.an.by[text] = lineage.Opaque("function")
		b.client(parse, sync)
		if got := string(b.server(code('N', "00000", where), code('E', "P0001", where), ready('I'))); strings.Contains(got, "mail.example") {
			t.Errorf("received %q", got)
		}
	})
	for _, sql := range []string{"PREPARE p AS " + text, "CREATE VIEW v AS " + text, "DECLARE c CURSOR FOR " + text} {
		t.Run(sql, func(t *testing.T) {
			b := newBench(t, nil)
			b.an.inputs = true
			b.an.by[text] = lineage.Opaque("function")
			b.client(q(sql))
			b.server(done("OK"), ready('I'))
			b.tick()
			if b.parts() == "" {
				t.Error("nothing is counted")
			}
		})
	}
}
