package disclosure_test

import (
	"testing"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/disclosure"
	"sekisho/internal/view/viewtest"
	"sekisho/proof/scope"
)

// TestTrails: what passed is told by session and statement; a session that
// nobody named stays in a question about an actor.
func TestTrails(t *testing.T) {
	var l viewtest.Ledger
	seq := event.Seq(0)
	begin := time.Date(2016, 1, 4, 2, 0, 0, 0, time.UTC).UnixNano()
	add := func(at int64, b event.Body) {
		seq++
		l.Add("gate/shop", seq, at, 0, b)
	}
	cross := func(at int64, session event.Session, statement event.StatementID, rows uint64) {
		add(at, &event.Crossing{Session: session, Statement: statement, Outcome: event.OutcomeDone, From: at, To: at, Count: 1,
			Parts: []event.Part{{Table: "shop/customers", Source: "customers", Elements: element.MaskOf(element.Email), Class: event.Exact, Rows: rows, Subjects: event.Set{{First: 1, Last: uint32(rows)}}}}})
	}
	add(begin, &event.SourceStart{Start: 1, Places: []event.Place{"shop"}})
	add(begin, &event.SessionOpen{Session: 1, Place: "shop", User: "app", Address: "192.0.2.1"})
	add(begin, &event.SessionOpen{Session: 3, Place: "shop", User: "clerk", Address: "192.0.2.3"})
	add(begin, &event.Statement{Statement: 7, Text: "SELECT email FROM customers WHERE id = $1"})
	cross(begin+1e9, 1, 7, 2)
	cross(begin+2e9, 1, 7, 3)
	cross(begin+3e9, 2, 8, 9) // nobody said who that is, nor what it asked
	cross(begin+4e9, 3, 7, 1)
	add(begin+5e9, &event.Heartbeat{Places: []event.Place{"shop"}})
	f, err := openIn(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	v := f.(*disclosure.View)
	defer v.Close()
	w, err := view.Follow(t.Context(), "disclosure", l, v)
	if err == nil {
		err = w.CatchUp(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	q := scope.Query{From: time.Unix(0, begin), To: time.Unix(0, begin+10e9), Users: []string{"app"}}
	all, more, err := v.Trails(t.Context(), q, 10)
	if err != nil || more != 0 || len(all) != 2 {
		t.Fatalf("%+v, %d more, %v", all, more, err)
	}
	if x := all[0]; x.Session != 2 || x.User != "" || x.Rows != 9 || x.Statement != "" || x.Gate != "gate/shop" {
		t.Errorf("the session nobody named: %+v", x)
	}
	if x := all[1]; x.Session != 1 || x.User != "app" || x.Address != "192.0.2.1" || x.Rows != 5 || x.Times != 2 || x.Statement != "SELECT email FROM customers WHERE id = $1" || x.Table != "shop/customers" || x.Class != event.Exact {
		t.Errorf("the actor's: %+v", x)
	}
	if all, more, err = v.Trails(t.Context(), q, 1); err != nil || more != 1 || len(all) != 1 || all[0].Rows != 9 {
		t.Errorf("bounded: %+v, %d more, %v", all, more, err)
	}
}
