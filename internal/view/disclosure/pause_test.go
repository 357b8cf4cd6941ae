package disclosure

import (
	"path/filepath"
	"testing"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/viewtest"
	"sekisho/proof/scope"
)

// TestTrailsLetFold: while the trails of many hours are read, the view is folded
// after each of them; what was folded meanwhile is not in the answer, and a
// session that got a name meanwhile is still in it.
func TestTrailsLetFold(t *testing.T) {
	const hours = 5
	begin := time.Date(2016, 1, 4, 2, 0, 0, 0, time.UTC).UnixNano()
	var l viewtest.Ledger
	seq := event.Seq(0)
	add := func(at int64, b event.Body) {
		seq++
		l.Add("gate/shop", seq, at, 0, b)
	}
	cross := func(at int64, session event.Session, table event.Place, rows uint64) {
		add(at, &event.Crossing{Session: session, Statement: event.StatementID(session), Outcome: event.OutcomeDone, From: at, To: at, Count: 1,
			Parts: []event.Part{{Table: table, Source: "customers", Elements: element.MaskOf(element.Email), Class: event.Exact, Rows: rows, Subjects: event.Set{{First: 1, Last: uint32(rows)}}}}})
	}
	add(begin, &event.SourceStart{Start: 1, Places: []event.Place{"shop"}})
	add(begin, &event.SessionOpen{Session: 1, Place: "shop", User: "app"})
	for h := range int64(hours) {
		cross(begin+h*hourNS+1e9, 1, "shop/customers", 2)
	}
	cross(begin+hourNS*(hours-1)+2e9, 2, "shop/customers", 9) // nobody said who that is
	v, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "view.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	fold := func() {
		t.Helper()
		w, err := view.Follow(t.Context(), "disclosure", l, v)
		if err == nil {
			err = w.CatchUp(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fold()
	at := begin + (hours-1)*hourNS + 3e9
	n := 0
	v.paused = func() {
		switch n++; n {
		case 1: // a new client of the same name, new places, more rows
			add(at, &event.SessionOpen{Session: 2, Place: "shop", User: "app", Address: "192.0.2.7"})
			add(at, &event.SessionOpen{Session: 3, Place: "shop", User: "app"})
			cross(at, 3, "shop/members", 4)
			cross(at, 1, "shop/customers", 100)
		default:
			add(at+int64(n), &event.Heartbeat{Places: []event.Place{"shop"}})
		}
		fold()
	}
	all, more, err := v.Trails(t.Context(), scope.Query{Users: []string{"app"}}, 10)
	if err != nil || more != 0 || len(all) != 2 {
		t.Fatalf("%+v, %d more, %v", all, more, err)
	}
	if x := all[0]; x.session == all[1].session || x.Rows+all[1].Rows != 2*hours+9 {
		t.Errorf("%+v, want what had passed when it was asked", all)
	}
	if n != hours {
		t.Errorf("it was folded %d times, want after each of %d hours", n, hours)
	}
	v.paused = nil
	if again, _, err := v.Trails(t.Context(), scope.Query{Users: []string{"app"}}, 10); err != nil || len(again) != 3 || again[0].Rows != 100+2*hours {
		t.Errorf("asked again: %+v, %v", again, err)
	}
}
