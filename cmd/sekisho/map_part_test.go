package main

import (
	"maps"
	"testing"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/element"
	"sekisho/internal/event"
)

// TestMapOfAPart: what was found in a part of a file rests there beside what was found
// before, for one subject and in the chart of all, until the file was read to its end.
func TestMapOfAPart(t *testing.T) {
	scan := func(id uint64, parts uint32, set event.Set) *event.Event {
		return &event.Event{At: time.Unix(int64(id), 0), Body: &event.HoldingScan{Scan: id, Part: 1, Parts: parts, Table: "www/a.csv", Source: "files.unknown",
			Elements: element.MaskOf(element.Email), From: int64(id) * 1e9, To: int64(id) * 1e9, Rows: 1, Subjects: set}}
	}
	one, two := event.SetOf([]uint32{1}), event.SetOf([]uint32{2})
	all := []*event.Event{scan(100, 1, one), scan(200, 2, two), scan(300, 1, two)}
	for i, want := range []struct {
		subjects uint64
		rests    map[uint32]bool
	}{{1, map[uint32]bool{1: true}}, {2, map[uint32]bool{1: true, 2: true}}, {1, map[uint32]bool{2: true}}} {
		c := newChart(&config.Loaded{Config: &config.Config{}}, time.Unix(1000, 0))
		for _, e := range all[:i+1] {
			if err := c.see(e); err != nil {
				t.Fatal(err)
			}
		}
		if n := c.at("www/a.csv").subjects(); n != want.subjects {
			t.Errorf("after %d readings: %d subjects, want %d", i+1, n, want.subjects)
		}
		for _, n := range []uint32{1, 2} {
			w := newTracer("files.unknown", n)
			for _, e := range all[:i+1] {
				if err := w.see(e); err != nil {
					t.Fatal(err)
				}
			}
			if _, rests := w.open["www/a.csv"]; rests != want.rests[n] {
				t.Errorf("after %d readings: subject %d rests %v", i+1, n, rests)
			}
		}
	}
}

// TestMapOfAPartAndNobodyKnown: records of nobody known, and their elements, count on
// while a later scan is not at its end.
func TestMapOfAPartAndNobodyKnown(t *testing.T) {
	scan := func(id uint64, parts uint32, unknown uint64, kind element.Kind) *event.Event {
		return &event.Event{At: time.Unix(int64(id), 0), Body: &event.HoldingScan{Scan: id, Part: 1, Parts: parts, Table: "www/a.csv", Source: "files.unknown",
			Elements: element.MaskOf(kind), From: int64(id) * 1e9, To: int64(id) * 1e9, Rows: 10, Unknown: unknown}}
	}
	c := newChart(&config.Loaded{Config: &config.Config{}}, time.Unix(1000, 0))
	for i, step := range []struct {
		e    *event.Event
		want map[element.Kind]uint64
	}{
		{scan(100, 1, 10, element.Email), map[element.Kind]uint64{element.Email: 10}},
		{scan(200, 2, 3, element.Phone), map[element.Kind]uint64{element.Email: 10, element.Phone: 10}},
		{scan(300, 1, 4, element.Phone), map[element.Kind]uint64{element.Phone: 4}},
	} {
		if err := c.see(step.e); err != nil {
			t.Fatal(err)
		}
		if got := c.at("www/a.csv").counts(); !maps.Equal(got, step.want) {
			t.Errorf("after %d readings: %v, want %v", i+1, got, step.want)
		}
	}
}

// TestMapOfWhatWasWritten: what gates saw written since the last scan rests there, also
// where that found nobody or there was none, records of nobody known included, until the
// next one; a change of rows that are there makes no more of them.
func TestMapOfWhatWasWritten(t *testing.T) {
	const table = event.Place("shop/public.c")
	at := func(second int64, source event.Source, b event.Body) *event.Event {
		return &event.Event{At: time.Unix(second, 0).UTC(), Source: source, Body: b}
	}
	change := func(second int64, op string, session event.Session, unknown uint64, subjects ...uint32) *event.Event {
		return at(second, "gate/shop", &event.HoldingChange{Session: session, Table: table, Source: "shop.c", Op: op, Rows: unknown + uint64(len(subjects)), Unknown: unknown, Subjects: event.SetOf(subjects)})
	}
	scan := func(second int64, unknown uint64) *event.Event {
		return at(second, "scan/shop", &event.HoldingScan{Scan: uint64(second), Part: 1, Parts: 1, Table: table, Source: "shop.c",
			Elements: element.MaskOf(element.Email), From: second * 1e9, To: second * 1e9, Rows: unknown, Unknown: unknown})
	}
	read := func(second int64, unknown uint64) *event.Event {
		e := change(second, "unknown", 0, unknown)
		e.Source = "files"
		return e
	}
	for _, c := range []struct {
		name   string
		events []*event.Event
		want   uint64
		kind   element.Kind
	}{
		{"before the first scan", []*event.Event{change(10, "insert", 1, 2, 1)}, 3, element.Unclassified},
		{"after a scan that found nobody", []*event.Event{scan(10, 0), change(20, "copy", 1, 2)}, 2, element.Email},
		{"somebody, after a scan that found nobody", []*event.Event{scan(10, 0), change(20, "insert", 1, 0, 7)}, 1, element.Email},
		{"after a scan that found records of nobody known", []*event.Event{scan(10, 5), change(20, "insert", 1, 2), change(21, "unknown", 2, 1)}, 8, element.Email},
		{"said again at the end of the transaction", []*event.Event{scan(10, 5), change(20, "insert", 1, 2), change(30, "insert", 0, 2)}, 7, element.Email},
		{"and scanned before its end", []*event.Event{change(10, "insert", 1, 2), scan(20, 5), change(30, "insert", 0, 2)}, 7, element.Email},
		{"until the next scan", []*event.Event{scan(10, 5), change(20, "insert", 1, 2), scan(30, 4)}, 4, element.Email},
		{"rows that were there", []*event.Event{scan(10, 5), change(20, "update", 1, 2), change(21, "delete", 1, 2), change(22, "truncate", 1, 1)}, 5, element.Email},
		{"what a reader found in a part", []*event.Event{scan(10, 5), read(20, 6), read(30, 6)}, 6, element.Email},
		{"what rested there and is gone", []*event.Event{scan(10, 5), scan(20, 0), change(30, "insert", 1, 1)}, 1, element.Email},
	} {
		t.Run(c.name, func(t *testing.T) {
			chart := newChart(&config.Loaded{Config: &config.Config{}}, time.Unix(1000, 0))
			for _, e := range c.events {
				if err := chart.see(e); err != nil {
					t.Fatal(err)
				}
			}
			x := chart.at(table)
			if got := x.counts(); x.subjects() != c.want || !maps.Equal(got, map[element.Kind]uint64{c.kind: c.want}) {
				t.Errorf("%d subjects, %v, want %d with %v", x.subjects(), got, c.want, c.kind)
			}
			if last := c.events[len(c.events)-1].At; len(chart.sorted()) != 1 || len(chart.ranking()) != 1 || !x.gone.IsZero() {
				t.Errorf("at %v the map shows %v, ranks %v, gone %v", last, chart.sorted(), chart.ranking(), x.gone)
			}
		})
	}
}
