package pgproxy

import (
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/policy"
	"sekisho/internal/wire/pgwire"
)

// Only a statement that does nothing but read, and that no policy counts or masks,
// is let go of while it runs.
func TestInside(t *testing.T) {
	const read = "SELECT id, name, email FROM customers"
	const update = "UPDATE customers SET email = NULL"
	of := func(b *bench) *execution { return b.e.queue.front().query.steps[0].exec }
	for name, tt := range map[string]struct {
		sql    string
		change func(b *bench)
		want   bool
	}{
		"reads":          {read, nil, true},
		"writes":         {update, nil, false},
		"locks":          {read, func(b *bench) { b.e.holds(customers) }, false},
		"not analysed":   {"SELECT f()", nil, false},
		"defines":        {"PREPARE p AS SELECT 1; " + read, nil, false},
		"two":            {read, func(b *bench) { b.client(q(read)) }, false},
		"half a message": {read, func(b *bench) { b.client([]byte{'Q', 0}) }, false},
		"half a row":     {read, func(b *bench) { b.server([]byte{'D', 0}) }, true},
		"capped":         {read, func(b *bench) { of(b).limits.on = true }, false},
		"masked":         {read, func(b *bench) { of(b).masks = []policy.Method{1} }, false},
		"failed":         {read, func(b *bench) { b.server(pgwire.AppendError(nil, pgwire.ErrorInfo{Severity: "ERROR", Code: "22012"})) }, false},
		"lost":           {read, func(b *bench) { b.e.lost = "test" }, false},
		"cut":            {read, func(b *bench) { b.e.cutting = &refusal{} }, false},
	} {
		b := newBench(t, nil)
		b.an.by[read] = exactByColumn()
		b.an.by[update] = &lineage.Analysis{Bare: true, Writes: []lineage.Write{{Rel: relCustomers, Table: customers, Op: "update", Sets: []string{"email"}}}}
		b.client(q(tt.sql))
		if b.e.queue.empty() {
			t.Fatalf("%s: it was not sent", name)
		}
		if tt.change != nil {
			tt.change(b)
		}
		if got := b.e.inside(); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		if b.e.atRest() {
			t.Errorf("%s: it is at rest", name)
		}
	}
}

// A statement that is carried over two upgrades is bounded also when no row of it
// comes, over everything, before its answer passes; its client's next message waits,
// and is read as ever.
func TestCarriedWithoutRows(t *testing.T) {
	const read = "SELECT id, name, email FROM customers"
	for _, last := range [][]byte{done("SELECT 0"), pgwire.AppendError(nil, pgwire.ErrorInfo{Severity: "ERROR", Code: "22012"})} {
		b := newBench(t, nil)
		b.an.by[read] = exactByColumn()
		b.client(q(read))
		b.server(last[:3])
		n := b.goesOn(nil)
		if !n.e.inside() {
			t.Fatal("it is carried once only")
		}
		n = n.goesOn(nil)
		n.client(q(read))
		if !n.e.clientHeld.has || n.e.atRest() || !n.e.unfinished() {
			t.Errorf("held %v, at rest %v, unfinished %v", n.e.clientHeld.has, n.e.atRest(), n.e.unfinished())
		}
		n.server(last[3:])
		var of []event.Place
		for _, body := range n.rec.bodies {
			if i, ok := body.(*event.Intent); ok {
				for _, p := range i.Parts {
					if p.Class != event.Bounded || p.Reason != "upgrade" {
						t.Errorf("%+v", p)
					}
					of = append(of, p.Table)
				}
			}
		}
		if len(of) != len(n.g.Protected) {
			t.Errorf("before it passes, recorded of %q", of)
		}
		n.server(ready('I'))
		n.e.closeBuckets(event.OutcomeBucket)
		parts := 0
		for _, body := range n.rec.bodies {
			if c, ok := body.(*event.Crossing); ok {
				parts += len(c.Parts)
			}
		}
		if parts != len(n.g.Protected) {
			t.Errorf("%d parts crossed, want %d", parts, len(n.g.Protected))
		}
		if n.e.carried != nil || n.e.clientHeld.has && n.e.waitClient == waitReplies {
			t.Error("it did not end")
		}
	}
}
