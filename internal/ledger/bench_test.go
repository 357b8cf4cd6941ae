package ledger

import (
	"sync"
	"testing"

	"sekisho/internal/element"
	"sekisho/internal/event"
)

func benchLedger(b *testing.B) *Ledger {
	b.Helper()
	cfg := internalConfig(b)
	mustInit(b, cfg)
	return mustOpen(b, cfg)
}

func benchBody() event.Body {
	return &event.Crossing{
		Session: 1<<32 | 7, Statement: 7, Intent: 42, Outcome: event.OutcomeDone, From: 1763773200123456789, To: 1763773200123456799, Count: 2,
		Parts: []event.Part{{Table: "shop/public.customers", Source: "shop.customers", Elements: element.MaskOf(element.Name, element.Email),
			Class: event.Exact, Rows: 1, Subjects: event.Set{{First: 4711, Last: 4711}}}},
	}
}

// BenchmarkWritten is one event at level Written: what a gate waits for.
func BenchmarkWritten(b *testing.B) {
	rec := benchLedger(b).Recorder("gate/bench", 0)
	body := benchBody()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rec.Submit(event.Written, nil, body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDurable is one event at level Durable, with 256 on the way.
func BenchmarkDurable(b *testing.B) {
	rec := benchLedger(b).Recorder("gate/bench", 0)
	body := benchBody()
	slots := make(chan struct{}, 256)
	var all sync.WaitGroup
	b.ReportAllocs()
	for b.Loop() {
		slots <- struct{}{}
		all.Add(1)
		if _, err := rec.Submit(event.Durable, func(error) { <-slots; all.Done() }, body); err != nil {
			b.Fatal(err)
		}
	}
	all.Wait()
}

// BenchmarkScanEvents is one event read from sealed segments.
func BenchmarkScanEvents(b *testing.B) {
	l := benchLedger(b)
	rec := l.Recorder("gate/bench", 0)
	const n = 50_000
	for range n {
		if _, err := rec.Submit(event.Durable, nil, benchBody()); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Seal(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	read := 0
	for b.Loop() {
		err := l.ScanEvents(b.Context(), 0, func(event.Index, *event.Event) error { read++; return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(read), "ns/event")
}

// BenchmarkEvidence is the proof of ten events of one sealed segment.
func BenchmarkEvidence(b *testing.B) {
	l := benchLedger(b)
	rec := l.Recorder("gate/bench", 0)
	for range 50_000 {
		if _, err := rec.Submit(event.Durable, nil, benchBody()); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Seal(b.Context()); err != nil {
		b.Fatal(err)
	}
	indexes := []event.Index{1, 5, 700, 701, 702, 9000, 20_000, 30_000, 40_000, 49_999}
	for b.Loop() {
		if _, err := l.Reader.Evidence(b.Context(), indexes); err != nil {
			b.Fatal(err)
		}
	}
}
