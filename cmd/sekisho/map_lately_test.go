package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/element"
	"sekisho/internal/event"
)

// TestMapLately: who read a place, and that it was without a gate, count for thirty days,
// also in a process that goes on folding; of sessions those that are open are kept.
func TestMapLately(t *testing.T) {
	const table = event.Place("shop/public.c")
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	cfg := &config.Config{Databases: []config.Database{{Name: "shop"}}, Gates: []config.Gate{{Database: "shop"}}}
	c := newChart(&config.Loaded{Config: cfg}, day(1))
	see := func(at time.Time, body event.Body) {
		if err := c.see(&event.Event{At: at, Source: "gate/shop", Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	see(day(1), &event.HoldingScan{Scan: 1, Part: 1, Parts: 1, Table: table, Source: "shop.c", Elements: element.MaskOf(element.Email), To: 1, Subjects: event.SetOf([]uint32{1})})
	see(day(1), &event.Coverage{From: 1, To: day(1).UnixNano(), Places: []event.Place{"shop"}, Reason: "stopped"})
	for i := range event.Session(manyReaders) {
		see(day(1), &event.SessionOpen{Session: i, User: fmt.Sprintf("u%d", i), Address: "192.0.2.1"})
		see(day(1), &event.Crossing{Session: i, Parts: []event.Part{{Table: table, Source: "shop.c"}}})
		see(day(1), &event.SessionClose{Session: i})
	}
	if len(c.sessions) != 0 {
		t.Errorf("%d closed sessions are kept", len(c.sessions))
	}
	for _, at := range []struct {
		day  int
		want bool
	}{{2, true}, {30, true}, {32, false}, {2, false}} { // what was forgotten does not come back
		c.now = day(at.day)
		list := c.ranking()
		for _, reason := range []string{"readers", "uncovered"} {
			if len(list) != 1 || slices.Contains(list[0].Reasons, reason) != at.want {
				t.Errorf("on day %d: %+v, want %s %v", at.day, list, reason, at.want)
			}
		}
	}
}
