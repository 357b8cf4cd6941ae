package main

import (
	"testing"

	"sekisho/internal/element"
	"sekisho/internal/event"
)

// TestConsoleChart: the room's map is the ledger's, and goes on with what comes.
func TestConsoleChart(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	c := &console{process: p}
	ctx := t.Context()
	rec := p.ledger.Recorder("scan/shop", 0)
	scan := func(id uint64, place event.Place, last uint32) {
		t.Helper()
		b := &event.HoldingScan{Scan: id, Parts: 1, Table: place, Source: "shop.customers", Elements: element.MaskOf(element.Email), From: p.now().UnixNano(), To: p.now().UnixNano(), Rows: uint64(last)}
		if last > 0 {
			b.Subjects = event.Set{{First: 1, Last: last}}
		}
		if _, err := rec.Record(ctx, event.Durable, b); err != nil {
			t.Fatal(err)
		}
	}
	read := func() {
		t.Helper()
		if _, err := c.Chart(ctx); err != nil {
			t.Fatal(err)
		}
		c.wait.Wait()
	}
	scan(1, "shop/public.customers", 30)
	scan(2, "www/old/list.csv", 5)
	read()
	chart, err := c.Chart(ctx)
	if err != nil || len(chart.Places) != 2 || chart.Places[0].Subjects != 30 || len(chart.Risks) != 2 || chart.Risks[0].Advice == "" {
		t.Fatalf("%+v, %v", chart, err)
	}
	scan(3, "www/old/list.csv", 0)
	read()
	if chart, err = c.Chart(ctx); err != nil || len(chart.Places) != 2 || chart.Places[1].Gone.IsZero() || len(chart.Risks) != 1 {
		t.Errorf("after it was deleted: %+v, %v", chart, err)
	}
}
