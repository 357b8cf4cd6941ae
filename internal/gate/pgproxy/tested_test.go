package pgproxy

import (
	"testing"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/wire/pgwire"
)

// TestCopyThatTells: that COPY FROM failed tells of everything that its target
// holds, and when code tests the rows, that it went well tells what the code read.
func TestCopyThatTells(t *testing.T) {
	const copied = "COPY copied (x) FROM STDIN"
	bound := &lineage.Analysis{Columns: []lineage.Column{{}}, Entries: []lineage.Entry{{Rel: 1, Table: "shop/public.copied", Source: "shop.customers", Elements: element.MaskOf(element.Email),
		Reason: "predicate", Identifier: -1, Bound: []event.Place{customers, bookings}}}}
	failed := []string{"shop/public.customers name,email class=2 rows=1 unknown=0 {} error n=1", "shop/public.bookings email class=2 rows=1 unknown=0 {} error n=1"}
	wide := []string{"shop/public.customers name,email class=2 rows=0 unknown=0 {} constraint n=1", "shop/public.bookings booking class=2 rows=0 unknown=0 {} constraint n=1"}
	for _, c := range []struct {
		name   string
		code   lineage.Code
		answer []byte
		want   []string
	}{
		{"went well", lineage.Code{}, done("COPY 1"), nil},
		{"failed", lineage.Code{}, fails("23505"), failed},
		{"tested", lineage.Code{Tests: true}, done("COPY 1"), wide},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.an.by["SELECT x FROM ONLY copied"] = bound
			b.an.code = &c.code
			b.client(q(copied))
			b.server(pgwire.AppendMessage(nil, 'G', []byte{0, 0, 1, 0, 0}))
			b.client(pgwire.AppendMessage(nil, 'd', []byte("a\n")), pgwire.AppendMessage(nil, 'c', nil))
			b.server(c.answer, ready('I'))
			b.tick()
			b.wantParts(c.want...)
		})
	}
}
