package main

import (
	"testing"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/element"
	"sekisho/internal/event"
)

// TestMapOfWhatWasWrittenDuringAScan: a scan reads a snapshot of its beginning, so what a
// gate saw written since then rests there beside what the scan found: in the map and in
// where one subject rests. What was written before is the scan's to tell.
func TestMapOfWhatWasWrittenDuringAScan(t *testing.T) {
	const table = event.Place("shop/public.c")
	change := func(second int64, op string, unknown uint64, subjects ...uint32) *event.Event {
		return &event.Event{At: time.Unix(second, 0).UTC(), Source: "gate/shop", Body: &event.HoldingChange{Session: 1, Table: table, Source: "shop.c", Op: op,
			Rows: unknown + uint64(len(subjects)), Unknown: unknown, Subjects: event.SetOf(subjects)}}
	}
	scan := func(from, to int64, parts uint32, subjects ...uint32) *event.Event {
		return &event.Event{At: time.Unix(to, 0).UTC(), Source: "scan/shop", Body: &event.HoldingScan{Scan: uint64(to), Part: 1, Parts: parts, Table: table, Source: "shop.c",
			Elements: element.MaskOf(element.Email), From: from * 1e9, To: to * 1e9, Rows: uint64(len(subjects)), Subjects: event.SetOf(subjects)}}
	}
	for _, c := range []struct {
		name   string
		events []*event.Event
		want   uint64 // at the place
		rests  bool   // subject 7
	}{
		{"during a scan", []*event.Event{change(20, "insert", 0, 7), scan(10, 30, 1, 1)}, 2, true},
		{"during a scan that found nobody", []*event.Event{change(20, "insert", 0, 7), scan(10, 30, 1)}, 1, true},
		{"a changed row during a scan", []*event.Event{change(20, "update", 0, 7), scan(10, 30, 1, 1)}, 2, true},
		{"records of nobody known", []*event.Event{change(20, "insert", 4), change(21, "copy", 2), scan(10, 30, 1, 1)}, 7, false},
		{"seen by the scan", []*event.Event{change(20, "insert", 0, 7), scan(10, 30, 1, 1, 7)}, 2, true},
		{"before the scan", []*event.Event{change(5, "insert", 3, 7), scan(10, 30, 1, 1)}, 1, false},
		{"just before the scan, when a statement may not have ended", []*event.Event{change(10, "insert", 0, 7), scan(10, 30, 1, 1)}, 2, true},
		{"until the next scan", []*event.Event{change(20, "insert", 3, 7), scan(10, 30, 1, 1), scan(40, 50, 1, 1)}, 1, false},
		{"also over a reading in part", []*event.Event{change(20, "insert", 0, 7), scan(10, 25, 2), scan(11, 30, 1, 1)}, 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			chart := newChart(&config.Loaded{Config: &config.Config{}}, time.Unix(1000, 0))
			traced := newTracer("shop.c", 7)
			for _, e := range c.events {
				if err := chart.see(e); err != nil {
					t.Fatal(err)
				}
				if err := traced.see(e); err != nil {
					t.Fatal(err)
				}
			}
			x := chart.at(table)
			if n := x.subjects(); n != c.want || x.counts()[element.Email]+x.counts()[element.Unclassified] != c.want || !x.gone.IsZero() {
				t.Errorf("%d subjects, %v, gone %v, want %d", n, x.counts(), x.gone, c.want)
			}
			if _, rests := traced.open[table]; rests != c.rests {
				t.Errorf("subject 7 rests there: %v, want %v", rests, c.rests)
			}
		})
	}
}

// TestWhatIsKeptForTheNextScanIsBounded: many seconds of writing are joined, and nothing
// of them is lost.
func TestWhatIsKeptForTheNextScanIsBounded(t *testing.T) {
	const table, seconds = event.Place("shop/public.c"), 5 * maxWritten
	chart := newChart(&config.Loaded{Config: &config.Config{}}, time.Unix(1e6, 0))
	for i := range int64(seconds) {
		e := &event.Event{At: time.Unix(100+i, 0).UTC(), Source: "gate/shop", Body: &event.HoldingChange{Session: 1, Table: table, Source: "shop.c", Op: "insert",
			Rows: 2, Unknown: 1, Subjects: event.SetOf([]uint32{uint32(i)})}}
		if err := chart.see(e); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(chart.at(table).sources["shop.c"].since); n > maxWritten {
		t.Errorf("%d moments are kept, at most %d are to be", n, maxWritten)
	}
	scan := func(id uint64, from int64) *event.Event {
		return &event.Event{At: time.Unix(1e6, 0), Source: "scan/shop", Body: &event.HoldingScan{Scan: id, Part: 1, Parts: 1, Table: table, Source: "shop.c",
			Elements: element.MaskOf(element.Email), From: from, To: 1e15}}
	}
	for _, c := range []struct {
		e    *event.Event
		want uint64
	}{{scan(1, 0), 2 * seconds}, {scan(2, 1e15), 0}} {
		if err := chart.see(c.e); err != nil {
			t.Fatal(err)
		}
		if n := chart.at(table).subjects(); n != c.want {
			t.Errorf("beside a scan of %d: %d, want %d", c.e.Body.(*event.HoldingScan).From, n, c.want)
		}
	}
}
