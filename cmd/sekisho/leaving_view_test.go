package main

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// TestLeavingByTheView: a question is answered from the view, with what the ledger
// says; where flows contradict themselves, the ledger is read.
func TestLeavingByTheView(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	if err := os.MkdirAll(viewDir(p.cfg.Config), 0o700); err != nil {
		t.Fatal(err)
	}
	views := newStage(context.WithoutCancel(t.Context()))
	if err := p.startLeaving(t.Context(), views); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := views.stop(); err != nil {
			t.Error(err)
		}
	})
	rec := p.ledger.Recorder("gate/out", 0)
	record := func(bodies ...event.Body) {
		t.Helper()
		if _, err := rec.Record(t.Context(), event.Durable, bodies...); err != nil {
			t.Fatal(err)
		}
	}
	record(&event.SourceStart{Start: 1, Places: []event.Place{"egress/out"}},
		&event.Flow{ID: "a", Place: "egress/out", Client: "10.0.0.5", Host: "bank.example", Action: "allow", Step: "allow"},
		&event.Flow{ID: "b", Place: "egress/out", Client: "10.0.0.6", Host: "cloud.example", Action: "report", Step: "mode"},
		&event.FlowEnd{ID: "b", Sent: 77, Received: 5, Nanos: 1}, &event.FlowEnd{ID: "a", Sent: 9, Received: 5, Nanos: 1})
	q := scope.Query{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}
	ask := func(want bool, other uint64) {
		t.Helper()
		lines, byView := scope.Result{Query: q, From: q.From, To: q.To}, scope.Result{Query: q, From: q.From, To: q.To}
		_, sure, err := p.leftBy(t.Context(), q, leavingFrame(&lines))
		if err != nil || sure != want {
			t.Fatalf("the view is sure: %t, %v; want %t", sure, err, want)
		}
		if used, err := p.leavingProved(t.Context(), &lines); err != nil || len(used) == 0 {
			t.Fatalf("from the ledger: %d lines, %v", len(used), err)
		}
		if err := p.leaving(t.Context(), &byView); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(lines.Leaving, byView.Leaving); d != "" || lines.Leaving.Other.Sent != other {
			t.Errorf("%d bytes to others, want %d; -ledger +view:\n%s", lines.Leaving.Other.Sent, other, d)
		}
	}
	ask(true, 77)
	record(&event.Flow{ID: "c", Place: "egress/out", Client: "10.0.0.6", Host: "cloud.example", Action: "report", Step: "mode"},
		&event.FlowBytes{ID: "c", Sent: 23, Nanos: 1}, &event.FlowEnd{ID: "c", Sent: 20, Nanos: 2})
	ask(false, 100)
}
