package disclosure

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sekisho/internal/event"
	"sekisho/internal/view"
)

// TestChangedPlaces compares the view with the evaluator over ledgers in which
// gates give signs of life often and their places begin and end while they run.
func TestChangedPlaces(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		m := drawLives(rt)
		v := open(rt, fmt.Sprintf("%s/%d.db", dir, n))
		defer v.Close()
		for end := 0; end < len(m.lines); {
			end = rapid.IntRange(end+1, len(m.lines)).Draw(rt, "batch")
			f, err := view.Follow(context.Background(), "disclosure", &memory{lines: m.lines[:end]}, v)
			if err != nil {
				rt.Fatal(err)
			}
			if err := f.CatchUp(context.Background()); err != nil {
				rt.Fatal(err)
			}
		}
		for range 3 {
			compare(rt, v, m, drawQuery(rt, m))
		}
	})
}

// drawLives makes a ledger of two gates that mostly live, and of what rested
// behind them.
func drawLives(t *rapid.T) *memory {
	m := new(memory)
	at := base
	for i, table := range []event.Place{"shop/public.c", "hr/public.staff"} {
		m.add("scan/shop", at, 0, &event.HoldingScan{Scan: uint64(i + 1), Part: 1, Parts: 1, Table: table, Source: sourceOf(table),
			Elements: masks[0], From: at - 2e9, To: at, Rows: 2, Subjects: event.SetOf([]uint32{1, 2})})
	}
	start := uint32(1)
	for _, src := range gates {
		m.add(src, at, 0, &event.SourceStart{Start: start, Places: drawPlaces(t, "places at first")})
	}
	named := []event.Place{"hr", "shop/public.c"}
	for range rapid.IntRange(1, 60).Draw(t, "events") {
		at += rapid.SampledFrom([]int64{0, 1e9, 1e9, 2e9, 3e9, 12e9}).Draw(t, "step")
		when := at - rapid.SampledFrom([]int64{0, 0, 0, 0, 0, 0, 0, 5e9}).Draw(t, "set back")
		ce := time.Duration(rapid.SampledFrom([]int64{0, 0, 1e6, 2e9}).Draw(t, "clock"))
		src := rapid.SampledFrom(gates).Draw(t, "gate")
		switch rapid.IntRange(0, 11).Draw(t, "kind") {
		case 0:
			start++
			m.add(src, when, ce, &event.SourceStart{Start: start, Places: drawPlaces(t, "places")})
		case 1:
			m.add(src, when, ce, &event.SourceStop{})
		case 2, 3, 4:
			m.add(src, when, ce, &event.PlacesChanged{Begun: drawPlaces(t, "begun"), Ended: drawPlaces(t, "ended")})
		default:
			m.add(src, when, ce, &event.Heartbeat{Places: named})
		}
	}
	return m
}
