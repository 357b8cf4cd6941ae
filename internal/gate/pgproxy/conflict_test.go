package pgproxy

import (
	"testing"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
)

// TestSkipped: a count of ON CONFLICT DO NOTHING that is not what was offered tells
// of rows that are there, and so does an error of a write into a relation that
// protected data was copied to.
func TestSkipped(t *testing.T) {
	const insert = "INSERT INTO copied VALUES ('a') ON CONFLICT DO NOTHING"
	write := lineage.Write{Table: "shop/public.copied", Op: "insert", Skips: true, Offered: 1, Held: element.MaskOf(element.Email), HeldBy: []event.Place{"shop/public.customers"}}
	for _, c := range []struct {
		name    string
		offered int
		answer  []byte
		want    []string
	}{
		{"all came in", 1, done("INSERT 0 1"), nil},
		{"left out", 1, done("INSERT 0 0"), []string{"shop/public.customers email class=2 rows=0 unknown=0 {} conflict n=1"}},
		{"not known", 0, done("INSERT 0 1"), []string{"shop/public.customers email class=2 rows=0 unknown=0 {} conflict n=1"}},
		{"error", 1, fails("23505"), []string{"shop/public.customers email class=2 rows=1 unknown=0 {} error n=1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			w := write
			w.Offered = c.offered
			b.an.by[insert] = &lineage.Analysis{Bare: true, Writes: []lineage.Write{w}}
			b.client(q(insert))
			b.server(c.answer, ready('I'))
			b.tick()
			b.wantParts(c.want...)
		})
	}
}
