package main

import (
	"context"
	"testing"
	"time"

	"sekisho/internal/detect/feed"
	"sekisho/internal/event"
	"sekisho/internal/indicator"
)

// TestDetectAfterAStart: of what is older than detection remembers, only what
// stays counts: an exception does, a flow does not.
func TestDetectAfterAStart(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	rec := p.ledger.Recorder("gate/out", 0)
	record := func(bodies ...event.Body) {
		t.Helper()
		if _, err := rec.Record(t.Context(), event.Durable, bodies...); err != nil {
			t.Fatal(err)
		}
	}
	flow := func(id, host string) *event.Flow {
		return &event.Flow{ID: id, Place: "egress/out", Protocol: "connect", Client: "10.0.0.5", Host: host, Port: 443, Action: "allow", Step: "allow"}
	}
	record(&event.DetectionException{ID: "x-1", Step: "make", Dest: "excepted.example", By: "ayame", Reason: "ours"}, flow("a", "old.example"))
	if err := p.ledger.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	p.now = func() time.Time { return begun.Add(detectPast) }
	record(flow("b", "excepted.example"), flow("c", "bad.example"))

	var all []indicator.Indicator
	for _, name := range []string{"old.example", "excepted.example", "bad.example"} {
		some, problems, err := indicator.Read([]byte(name+"\n"), indicator.Options{List: "test", Until: time.Now().AddDate(1, 0, 0)})
		if err != nil || len(problems) > 0 {
			t.Fatal(err, problems)
		}
		all = append(all, some...)
	}
	set, err := indicator.New(all)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.detect(ctx, feed.New(feed.Config{Lists: set})) }()
	detected, found := map[string]int{}, 0
	for next := event.Index(0); found == 0; {
		head, err := p.ledger.Wait(t.Context(), next)
		if err != nil {
			t.Fatal(err)
		}
		next = head
		clear(detected)
		found = 0
		if err := p.ledger.ScanEvents(t.Context(), 0, func(_ event.Index, e *event.Event) error {
			switch b := e.Body.(type) {
			case *event.Detection:
				detected[b.Dest]++
			case *event.Finding:
				found++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	<-ended
	if found != 1 || len(detected) != 2 || detected["bad.example"] != 1 || detected["excepted.example"] != 1 {
		t.Errorf("%d findings, detected %v; want one finding, of bad.example", found, detected)
	}
}
