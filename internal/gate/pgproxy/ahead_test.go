package pgproxy

import (
	"strings"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/wire/pgwire"
)

// longRow is a row of three columns whose last one is too long to be held, in
// two pieces: as its first bytes come, and as the rest does.
func longRow(key string) (first, rest []byte) {
	whole := row(key, "a", strings.Repeat("x", maxHeldMessage+1))
	return whole[:maxHeldMessage/2], whole[maxHeldMessage/2:]
}

// TestLongRowAcrossBuckets closes a bucket in the middle of a row that passes in
// pieces: its intent stays open until it is known whose the row is.
func TestLongRowAcrossBuckets(t *testing.T) {
	begun := func(t *testing.T) (*bench, []byte) {
		b := newBench(t, nil)
		b.an.by[selectAll] = exactByColumn()
		b.client(q(selectAll))
		first, rest := longRow("7")
		b.server(desc(descCustomers...), row("3", "a", "b"), first)
		b.tick()
		for _, body := range b.rec.bodies {
			if c, ok := body.(*event.Crossing); ok && !c.More {
				t.Errorf("the intent was completed in the middle of a row: %+v", c)
			}
		}
		return b, rest
	}
	t.Run("to its end", func(t *testing.T) {
		b, rest := begun(t)
		b.server(rest, done("SELECT 2"), ready('I'))
		b.tick()
		b.wantParts("shop/public.customers name,email class=1 rows=1 unknown=0 {3}  n=1", "shop/public.customers name,email class=1 rows=1 unknown=0 {7}  n=0")
	})
	t.Run("cut", func(t *testing.T) {
		b, _ := begun(t)
		b.e.close("client left")
		b.wantParts("shop/public.customers name,email class=1 rows=1 unknown=0 {3}  n=1", "shop/public.customers name,email class=2 rows=1 unknown=0 {} key not read n=0")
	})
	t.Run("COPY, cut", func(t *testing.T) {
		b := newBench(t, nil)
		b.an.by[selectAll] = exactByColumn()
		b.client(q("COPY (" + selectAll + ") TO STDOUT"))
		data := pgwire.AppendMessage(nil, 'd', []byte("7\ta\t"+strings.Repeat("x", maxHeldMessage+1)+"\n"))
		b.server(pgwire.AppendMessage(nil, 'H', []byte{0, 0, 3, 0, 0, 0, 0, 0, 0}), data[:maxHeldMessage/2])
		b.tick()
		b.e.close("client left")
		b.wantParts("shop/public.customers name,email class=2 rows=1 unknown=0 {} key not read n=0")
	})
}

// TestMoment changes the schema between the moment when the gate decides what a
// statement means and the server's first answer, and after it.
func TestMoment(t *testing.T) {
	const harmless = "SELECT title || '' FROM tours"
	free := &lineage.Analysis{Columns: []lineage.Column{{}}, Bare: true, Stored: true}
	column := pgwire.Field{Name: []byte("?column?"), Type: 25, Size: -1, Modifier: -1}
	wide := []string{
		"shop/public.customers name,email class=2 rows=1 unknown=0 {} @ n=1",
		"shop/public.bookings booking class=2 rows=1 unknown=0 {} @ n=1",
	}
	for _, c := range []struct {
		name   string
		before func(*bench) // after it was sent, before the first answer
		middle func(*bench) // between two rows
		calls  bool         // it calls a function of somebody's own
		reason string       // of the bounded parts; "": it is no crossing
	}{
		{"nothing happens", func(*bench) {}, func(*bench) {}, false, ""},
		{"another session changes the schema", func(b *bench) { b.g.reg.schemaChanging() }, func(*bench) {}, false, "schema change"},
		{"and has ended", func(b *bench) { b.g.reg.schemaChanging(); b.g.reg.schemaChanged() }, func(*bench) {}, false, "schema change"},
		{"another session runs code", func(b *bench) { b.g.laundering.running.Add(1) }, func(*bench) {}, false, "code ran"},
		{"later than its first answer", func(*bench) {}, func(b *bench) { b.g.reg.schemaChanging() }, false, ""},
		{"later, and functions may be replaced", func(*bench) {}, func(b *bench) { b.g.reg.schemaChanging() }, true, "schema change"},
		{"around the gate", func(*bench) {}, func(b *bench) { b.g.reg.around.Add(1) }, false, "schema changed around the gate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			a := *free
			a.Calls = c.calls
			b.an.by[harmless] = &a
			b.client(q(harmless))
			c.before(b)
			b.server(desc(column))
			c.middle(b)
			b.server(row("x"), done("SELECT 1"), ready('I'))
			b.tick()
			if c.reason == "" {
				b.wantParts()
				return
			}
			b.wantParts(strings.ReplaceAll(strings.Join(wide, "\n"), "@", c.reason))
		})
	}
}

// TestMomentOfOwnChange: what a session changes itself is no doubt about what it
// sends afterwards.
func TestMomentOfOwnChange(t *testing.T) {
	b := newBench(t, nil)
	b.an.by[selectAll] = exactByColumn()
	b.client(q("CREATE TABLE x (n int)"))
	b.server(done("CREATE TABLE"), ready('I'))
	b.client(q(selectAll))
	b.server(desc(descCustomers...), row("7", "a", "b"), done("SELECT 1"), ready('I'))
	b.tick()
	b.wantParts("shop/public.customers name,email class=1 rows=1 unknown=0 {7}  n=1")
}
