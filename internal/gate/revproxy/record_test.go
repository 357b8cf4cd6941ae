package revproxy

import (
	"slices"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// A gap names the places under which something passed unrecorded, also those that
// have been taken out when it can be told.
func TestGapNamesPlacesTakenOut(t *testing.T) {
	w := newWorld(t, nil, func(c *Config) { c.FailOpen = true })
	w.rec.FailAfter(0, event.ErrFull, false)
	if status, _, err := w.get(t, "/"); err != nil || status != 200 {
		t.Fatalf("%d, %v", status, err)
	}
	if err := w.set(func(s *Settings) { s.Hosts[0].Place = "web/new" }); err != nil {
		t.Fatal(err)
	}
	if status, _, err := w.get(t, "/"); err != nil || status != 200 {
		t.Fatalf("%d, %v", status, err)
	}
	if err := w.set(func(s *Settings) { s.Hosts[0].Place = "web/newest" }); err != nil {
		t.Fatal(err)
	}
	w.rec.FailAfter(0, nil, false)
	if status, _, err := w.get(t, "/"); err != nil || status != 200 {
		t.Fatalf("%d, %v", status, err)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	gaps := eventtest.Of[*event.Gap](w.rec)
	if len(gaps) != 1 || !slices.Equal(gaps[0].Places, []event.Place{"web/shop", "web/new"}) {
		t.Errorf("%+v, want one gap of web/shop and web/new", gaps)
	}
}

// A gap after which nobody comes is told when the gate ends.
func TestGapIsToldAtTheEnd(t *testing.T) {
	w := newWorld(t, nil, func(c *Config) { c.FailOpen = true })
	w.rec.FailAfter(0, event.ErrFull, false)
	if status, _, err := w.get(t, "/"); err != nil || status != 200 {
		t.Fatalf("%d, %v", status, err)
	}
	if !eventually(func() bool { return w.gate.Metrics().Open == 0 }) {
		t.Fatal("the exchange does not end")
	}
	w.rec.FailAfter(0, nil, false)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if gaps := eventtest.Of[*event.Gap](w.rec); len(gaps) != 1 || !slices.Equal(gaps[0].Places, []event.Place{"web/shop"}) {
		t.Errorf("%+v, want one gap of web/shop", gaps)
	}
}
