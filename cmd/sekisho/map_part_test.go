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
			w := &tracer{out: whereabouts{Source: "files.unknown", Number: n}, sessions: map[sessionKey]*event.SessionOpen{}, open: map[event.Place]*rest{},
				scans: map[event.Place]*tracedScan{}, passed: map[passageKey]*passage{}}
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
