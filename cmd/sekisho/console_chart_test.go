package main

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	consoleoffice "sekisho/internal/console/office"
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

// TestChartReaders: who read a place counts for a month, and what could not be read
// stays so, in the room as in the map of a command.
func TestChartReaders(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	_, err := p.ledger.Recorder("gate/shop-db", 0).Record(t.Context(), event.Durable, &event.SessionOpen{Session: 1, User: "app", Place: "shop"},
		&event.Crossing{Session: 1, Outcome: event.OutcomeDone, From: 1, To: 2, Count: 1, Parts: []event.Part{{Table: "shop/public.customers", Source: "shop.customers",
			Elements: element.MaskOf(element.Email), Class: event.Exact, Rows: 1, Subjects: event.Set{{First: 1, Last: 1}}}}},
		&event.Finding{Code: placeUnread, Title: "a file was not read in full", Place: "www/half.zip"}, &event.Finding{Code: "SK3405", Title: "upstream does not answer", Place: "web/shop"})
	if err != nil {
		t.Fatal(err)
	}
	begin := p.now()
	for _, tt := range []struct {
		later time.Duration
		want  int
	}{{0, 1}, {lately - time.Hour, 1}, {lately + time.Hour, 0}} {
		p.now = func() time.Time { return begin.Add(tt.later) }
		c := &console{process: p}
		if _, err := c.Chart(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.wait.Wait()
		got := 0
		if x := c.charts.chart.places["shop/public.customers"]; x != nil {
			got = len(x.readers)
		}
		if got != tt.want {
			t.Errorf("%v later: %d readers, want %d", tt.later, got, tt.want)
		}
		if x := c.charts.chart.places["www/half.zip"]; x == nil || !x.unread || c.charts.chart.places["web/shop"] != nil {
			t.Errorf("%v later: what could not be read is %+v", tt.later, c.charts.chart.places)
		}
	}
}

// TestMapElsewhere: what a console answers to `map show` and `map risk` elsewhere is
// what these commands read of the ledger, the newest events included.
func TestMapElsewhere(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	c := &console{process: p}
	t.Cleanup(c.wait.Wait)
	if all, err := c.Mapped(t.Context()); err != nil || len(all.Places) != 0 || all.Drift == nil {
		t.Errorf("of a ledger without holdings: %+v, %v", all, err)
	}
	record := func(bodies ...event.Body) {
		t.Helper()
		if _, err := p.ledger.Recorder("scan/shop", 0).Record(t.Context(), event.Durable, bodies...); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 40 {
		at := p.now().UnixNano()
		record(&event.HoldingScan{Scan: 1, Parts: 1, Part: 1, Table: event.Place(fmt.Sprintf("www/old/%d.csv", i)), Source: "shop.customers", Elements: element.MaskOf(element.Email), From: at, To: at,
			Rows: uint64(i + 1), Subjects: event.Set{{First: 1, Last: uint32(i + 1)}}},
			&event.Drift{Database: "shop", At: at, Count: i})
		fresh := newChart(p.cfg, p.now())
		if err := eachEvent(t.Context(), p.ledger.Reader, func(k event.Kind) bool { return chartKinds[k] }, fresh.see); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Mapped(t.Context()); err != nil || !reflect.DeepEqual(got, fresh.mapped()) || len(got.Places) != i+1 || got.Drift[0].Count != i {
			t.Fatalf("after %d: %+v, %v", i+1, got, err)
		}
		if got, err := c.Ranking(t.Context(), consoleoffice.RankRequest{Top: 30}); err != nil || !reflect.DeepEqual(got, fresh.ranked(30)) || len(got.List)+got.More != i+1 || len(got.List) > 30 {
			t.Fatalf("after %d: %+v, %v", i+1, got, err)
		}
	}
}
