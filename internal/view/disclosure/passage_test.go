package disclosure_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/disclosure"
	"sekisho/internal/view/viewtest"
	"sekisho/proof/scope"
)

// TestPassages: the exact crossings of a source, with who passed; bounded ones
// are counted, other sources, places and times are not there.
func TestPassages(t *testing.T) {
	var l viewtest.Ledger
	seq := event.Seq(0)
	begin := time.Date(2016, 1, 4, 2, 0, 0, 0, time.UTC).UnixNano()
	add := func(at int64, b event.Body) {
		seq++
		l.Add("gate/shop", seq, at, 0, b)
	}
	cross := func(at int64, session event.Session, table event.Place, source event.SubjectSource, class event.Class, first uint32) {
		p := event.Part{Table: table, Source: source, Elements: element.MaskOf(element.Name), Class: class, Rows: 2}
		if class == event.Exact {
			p.Subjects = event.Set{{First: first, Last: first + 1}}
		}
		add(at, &event.Crossing{Session: session, Statement: 1, Outcome: event.OutcomeDone, From: at, To: at, Count: 1, Parts: []event.Part{p}})
	}
	add(begin, &event.SourceStart{Start: 1, Places: []event.Place{"shop"}})
	add(begin, &event.SessionOpen{Session: 1, Place: "shop", User: "app", Address: "192.0.2.1"})
	cross(begin+1e9, 1, "shop/notes", "customers", event.Exact, 10)
	cross(begin+2e9, 2, "shop/notes", "customers", event.Exact, 20) // nobody said who that is
	cross(begin+3e9, 1, "shop/notes", "customers", event.Bounded, 0)
	cross(begin+4e9, 1, "shop/notes", "staff", event.Exact, 30)
	cross(begin+5e9, 1, "hotel/guests", "customers", event.Exact, 40)
	cross(begin+3600e9, 1, "shop/notes", "customers", event.Exact, 50)
	add(begin+3601e9, &event.Heartbeat{Places: []event.Place{"shop"}})
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
	var got []disclosure.Passage
	q := scope.Query{Places: []string{"shop"}, From: event.Time(begin), To: event.Time(begin + 60e9)}
	untold, err := v.Passages(t.Context(), q, "customers", func(p disclosure.Passage) {
		p.Members = slices.Clone(p.Members)
		got = append(got, p)
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b disclosure.Passage) int { return strings.Compare(b.User, a.User) })
	want := []disclosure.Passage{{"shop/notes", "app", "192.0.2.1", begin + 1e9, begin + 1e9, event.Set{{First: 10, Last: 11}}},
		{"shop/notes", "", "", begin + 2e9, begin + 2e9, event.Set{{First: 20, Last: 21}}}}
	if diff := cmp.Diff(want, got); diff != "" || untold != 1 {
		t.Errorf("%d untold, want 1; %s", untold, diff)
	}
}
