package disclosure

import (
	"path/filepath"
	"testing"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/proof/scope"
)

// Rows that a gate saw changed without telling whose they are, and that a scan before
// what was read cannot have shown, are rows without a number of what is reachable and of
// what was ever held; those that the next scan has not seen are told of beside.
func TestChangedRowsOfNobodyKnown(t *testing.T) {
	const shop, table = event.Place("shop"), event.Place("shop/public.c")
	at := func(second float64) int64 { return base + int64(second*1e9) }
	for _, c := range []struct {
		name           string
		changed        float64
		again          bool // there is a scan after it was read
		nobody, untold uint64
	}{
		{"since the last scan", 10, false, 3, 3},
		{"between two scans", 10, true, 3, 0},
		{"before the last scan", 1, false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := new(memory)
			scan := func(number uint64, from float64) {
				m.add("scan/shop", at(from+1), 0, &event.HoldingScan{Scan: number, Part: 1, Parts: 1, Table: table, Source: "shop.c",
					Elements: element.MaskOf(element.Email), From: at(from), To: at(from + 1), Rows: 1, Subjects: event.SetOf([]uint32{1})})
			}
			m.add("gate/a", at(0), 0, &event.SourceStart{Start: 1, Places: []event.Place{shop}})
			m.add("gate/a", at(0), 0, &event.SessionOpen{Session: 1, Place: shop, User: "app", Address: "10.0.0.1"})
			changed := &event.HoldingChange{Session: 1, Table: table, Source: "shop.c", Op: "insert", Rows: 3, Unknown: 3}
			m.add("gate/a", at(c.changed), 0, changed)
			scan(1, 5)
			m.add("gate/a", at(15), 0, &event.Crossing{Session: 1, Statement: 7, Outcome: event.OutcomeDone, From: at(15), To: at(15), Count: 1,
				Parts: []event.Part{{Table: table, Source: "shop.c", Elements: element.MaskOf(element.Email), Class: event.Bounded, Reason: "carried", Rows: 1}}})
			if c.again {
				scan(2, 20)
			}
			m.add("gate/a", at(25), 0, &event.SourceStop{})
			q := scope.Query{From: time.Unix(0, at(14.5)), To: time.Unix(0, at(15.5)), Silence: time.Minute}
			defined, _, err := scope.Evaluate(m.lines, q)
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
			for who, r := range map[string]*scope.Result{"package scope": defined, "view": &a.Result} {
				if got := r.Reachable.WithoutNumber; got != c.nobody || r.EverHeld.WithoutNumber != c.nobody || r.Reachable.Records != 1+c.nobody {
					t.Errorf("%s: %d reachable and %d ever held without a number, %d records, want %d, %[2]d, %d", who, got, r.EverHeld.WithoutNumber, r.Reachable.Records, c.nobody, 1+c.nobody)
				}
				if h := r.Coverage.Holdings; len(h) != 1 || h[0].ChangedUnknown != c.untold {
					t.Errorf("%s: holdings %+v, want %d changed rows of nobody known", who, h, c.untold)
				}
			}
		})
	}
}
