package disclosure

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/proof/scope"
)

// Subject 2 rests in a table until the sixth second. What was written from its
// rows before outlives it, and the scan after it, until somebody's word says
// that there is nothing; that word holds for what is read later.
func TestTaintOutlivesScans(t *testing.T) {
	const shop, table = event.Place("shop"), event.Place("shop/public.c")
	at := func(second float64) int64 { return base + int64(second*1e9) }
	const ever = -1.0
	taint := func(place event.Place, own bool) *event.Taint {
		return &event.Taint{Table: place, From: []event.Place{place}, Source: "shop.c", Elements: element.MaskOf(element.Email), Reason: "update", Own: own}
	}
	older := func(x *event.Taint, second float64) *event.Taint {
		x.Since = at(second)
		return x
	}
	for _, c := range []struct {
		name    string
		taint   *event.Taint
		cleared *event.Cleared
		by      event.Source
		read    float64
		wrote   float64 // when the taint was recorded; 0: 5
		since   float64 // what is read rested from then on; 0: from when it is read
		want    string
	}{
		{name: "nothing written", taint: nil, read: 15, want: "1,3"},
		{name: "nothing written, rows of an older snapshot", read: 15, since: 5.5, want: "1-3"},
		{name: "nothing written, rows of a newer snapshot", read: 15, since: 13.5, want: "1,3"},
		{name: "nothing written, rows of any time", read: 15, since: ever, want: "1-3"},
		{name: "by unknown code, anywhere, and rows of any time", taint: taint(shop, false), read: 15, since: ever, want: "1-3"},
		{name: "into rows of others", taint: taint(table, false), read: 15, want: "1-3"},
		{name: "into rows of others, later", taint: taint(table, false), wrote: 14, read: 15, want: "1,3"},
		{name: "into rows of others, later, of an older snapshot", taint: older(taint(table, false), 5.5), wrote: 14, read: 15, want: "1-3"},
		{name: "into rows of others, later, of a newer snapshot", taint: older(taint(table, false), 13.5), wrote: 14, read: 15, want: "1,3"},
		{name: "into rows of others, of an older snapshot, after it was read", taint: older(taint(table, false), 5.5), wrote: 17, read: 15, want: "1,3"},
		{name: "into rows of the same subjects", taint: taint(table, true), read: 15, want: "1,3"},
		{name: "by a trigger, into rows of the same subjects", taint: &event.Taint{Table: table, From: []event.Place{table}, Own: true, Standing: true}, read: 15, want: "1-3"},
		{name: "by unknown code, anywhere", taint: taint(shop, false), read: 15, want: "1-3"},
		{name: "which somebody cleared", taint: taint(shop, false), cleared: &event.Cleared{Places: []event.Place{shop}, By: "ayame"}, by: "gate/a", read: 15, want: "1,3"},
		{name: "which somebody cleared after it was read", taint: taint(shop, false), cleared: &event.Cleared{Places: []event.Place{shop}, By: "ayame"}, by: "gate/a", read: 12, want: "1-3"},
		{name: "which another gate takes back for itself", taint: taint(shop, false), cleared: &event.Cleared{Places: []event.Place{shop}}, by: "gate/b", read: 15, want: "1-3"},
		{name: "which the gate takes back itself", taint: taint(shop, false), cleared: &event.Cleared{Places: []event.Place{shop}}, by: "gate/a", read: 15, want: "1,3"},
		{name: "what a person says of the database is not said of a table", taint: taint(table, false), cleared: &event.Cleared{Places: []event.Place{shop}, By: "ayame"}, by: "gate/a", read: 15, want: "1-3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := new(memory)
			scan := func(number uint64, from float64, set ...uint32) {
				m.add("scan/shop", at(from+1), 0, &event.HoldingScan{Scan: number, Part: 1, Parts: 1, Table: table, Source: "shop.c",
					Elements: element.MaskOf(element.Email), From: at(from), To: at(from + 1), Rows: uint64(len(set)), Subjects: event.SetOf(set)})
			}
			m.add("gate/a", at(0), 0, &event.SourceStart{Start: 1, Places: []event.Place{shop}})
			m.add("gate/a", at(0), 0, &event.SessionOpen{Session: 1, Place: shop, User: "app", Address: "10.0.0.1"})
			scan(1, 1, 1, 2, 3)
			if c.taint != nil && c.wrote == 0 {
				m.add("gate/a", at(5), 0, c.taint)
			}
			m.add("gate/a", at(6), 0, &event.HoldingChange{Session: 1, Table: table, Source: "shop.c", Op: "delete", Rows: 1, Subjects: event.SetOf([]uint32{2})})
			scan(2, 10, 1, 3)
			if c.cleared != nil {
				m.add(c.by, at(13.5), 0, c.cleared)
			}
			if c.wrote != 0 {
				m.add("gate/a", at(c.wrote), 0, c.taint)
			}
			since := int64(0)
			switch c.since {
			case 0:
			case ever:
				since = 1
			default:
				since = at(c.since)
			}
			m.add("gate/a", at(c.read), 0, &event.Crossing{Session: 1, Statement: 7, Outcome: event.OutcomeDone, From: at(c.read), To: at(c.read), Since: since, Count: 1,
				Parts: []event.Part{{Table: table, Source: "shop.c", Elements: element.MaskOf(element.Email), Class: event.Bounded, Reason: "carried", Rows: 1}}})
			scan(3, 18, 1, 3)
			m.add("gate/a", at(19.5), 0, &event.SourceStop{})
			q := scope.Query{From: time.Unix(0, at(c.read-0.5)), To: time.Unix(0, at(c.read+0.5)), Silence: time.Minute}
			_, sets, err := scope.Evaluate(m.lines, q)
			if err != nil {
				t.Fatal(err)
			}
			if got := sets[scope.Reachable]["shop.c"].String(); got != c.want {
				t.Errorf("package scope: reachable %s, want %s", got, c.want)
			}
			v, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "v.db"), Silence: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			f, err := view.Follow(context.Background(), "disclosure", m, v)
			if err == nil {
				err = f.CatchUp(context.Background())
			}
			if err != nil {
				t.Fatal(err)
			}
			a, err := v.Scope(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(a.Subjects(scope.Reachable)["shop.c"].Append(nil))); diff != "" {
				t.Errorf("view: reachable (-want +got)\n%s", diff)
			}
		})
	}
}

// Unknown code may have written anything anywhere, again and again, in a
// database of many tables. Each table's holdings are those of all others then,
// and following that table by table, taint by taint, would not end.
func TestUnknownCodeAmongManyTables(t *testing.T) {
	const tables, runs = 300, 12
	m := new(memory)
	at := func(second float64) int64 { return base + int64(second*1e9) }
	email := element.MaskOf(element.Email)
	m.add("gate/a", at(0), 0, &event.SourceStart{Start: 1, Places: []event.Place{"shop"}})
	m.add("gate/a", at(0), 0, &event.SessionOpen{Session: 1, Place: "shop", User: "app", Address: "10.0.0.1"})
	m.add("scan/shop", at(2), 0, &event.HoldingScan{Scan: 1, Part: 1, Parts: 1, Table: "shop/public.c", Source: "shop.c", Elements: email,
		From: at(1), To: at(2), Rows: 3, Subjects: event.SetOf([]uint32{1, 2, 3})})
	name := func(i int) event.Place { return event.Place(fmt.Sprintf("shop/public.t%d", i%tables)) }
	for i := range tables {
		for j, from := range []event.Place{"shop/public.c", name(i + 1), name(i)} {
			m.add("gate/a", at(3+float64(i)/1000), 0, &event.Taint{Table: name(i), From: []event.Place{from}, Elements: email, Reason: "insert", Own: j == 2})
		}
	}
	for i := range runs {
		m.add("gate/a", at(4+float64(i)), 0, &event.Taint{Table: "shop", From: []event.Place{"shop"}, Elements: email, Reason: "code"})
	}
	m.add("gate/a", at(20), 0, &event.Crossing{Session: 1, Statement: 7, Outcome: event.OutcomeDone, From: at(20), To: at(20), Count: 1,
		Parts: []event.Part{{Table: name(7), Elements: email, Class: event.Bounded, Reason: "carried", Rows: 1}}})
	m.add("gate/a", at(21), 0, &event.SourceStop{})
	q := scope.Query{From: time.Unix(0, at(19)), To: time.Unix(0, at(21)), Silence: time.Minute}
	_, sets, err := scope.Evaluate(m.lines, q)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "v.db"), Silence: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	f, err := view.Follow(t.Context(), "disclosure", m, v)
	if err == nil {
		err = f.CatchUp(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	a, err := v.Scope(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for class, got := range map[string]string{"package scope": sets[scope.Reachable]["shop.c"].String(), "view": string(a.Subjects(scope.Reachable)["shop.c"].Append(nil))} {
		if got != "1-3" {
			t.Errorf("%s: reachable %q, want 1-3", class, got)
		}
	}
}
