package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/internal/view"
	"sekisho/internal/view/leaving"
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

// TestLeavingAfterRetention: what retention drops is dropped by the view too, in the
// running process and at the next start: it answers as the ledger, and holds what a
// rebuild would.
func TestLeavingAfterRetention(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	p.cfg.Ledger.Retention.Keep = 1
	if err := os.MkdirAll(viewDir(p.cfg.Config), 0o700); err != nil {
		t.Fatal(err)
	}
	start := func() *stage {
		t.Helper()
		views := newStage(context.WithoutCancel(t.Context()))
		if err := p.startLeaving(t.Context(), views); err != nil {
			t.Fatal(err)
		}
		return views
	}
	stop := func(views *stage) {
		t.Helper()
		if err := errors.Join(views.stop(), p.gone.close()); err != nil {
			t.Fatal(err)
		}
	}
	rec := p.ledger.Recorder("gate/out", 0)
	record := func(bodies ...event.Body) {
		t.Helper()
		if _, err := rec.Record(t.Context(), event.Durable, bodies...); err != nil {
			t.Fatal(err)
		}
	}
	passed := func(id string, sent uint64) {
		record(&event.Flow{ID: id, Place: "egress/out", Client: "10.0.0.6", Host: "cloud.example", Action: "report", Step: "mode"}, &event.FlowEnd{ID: id, Sent: sent, Received: 5, Nanos: 1})
	}
	q := scope.Query{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}
	same := func(when string, want uint64) {
		t.Helper()
		var lines scope.Result
		lines.Query, lines.From, lines.To = q, q.From, q.To
		if _, err := p.leavingProved(t.Context(), &lines); err != nil {
			t.Fatal(err)
		}
		var left *scope.Leaving
		for sure := false; !sure; { // while it is made anew the ledger is read
			var err error
			if left, sure, err = p.leftBy(t.Context(), q, leavingFrame(&lines)); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(lines.Leaving, left); d != "" || left.Other.Sent != want {
			t.Errorf("%s: %d bytes, want %d; -ledger +view:\n%s", when, left.Other.Sent, want, d)
		}
		f := p.gone.now.Load()
		first, err := p.ledger.First()
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := leaving.Open(t.Context(), filepath.Join(t.TempDir(), "fresh.db"), first)
		if err != nil {
			t.Fatal(err)
		}
		defer fresh.Close()
		if err := view.Check(t.Context(), "leaving", p.ledger, f.view, fresh); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	drop := func() {
		t.Helper()
		if err := p.ledger.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		record(&event.Heartbeat{Places: []event.Place{"egress/out"}})
		if err := p.ledger.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	views := start()
	record(&event.SourceStart{Start: 1, Places: []event.Place{"egress/out"}})
	passed("a", 77)
	same("before", 77)
	drop()
	before := p.gone.now.Load()
	if done, err := p.ApplyRetention(t.Context(), control.RetentionRequest{By: "ayame"}); err != nil || done.Last == 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	<-before.over.Done()
	for p.gone.now.Load() == before {
		runtime.Gosched()
	}
	passed("b", 5)
	same("after it was dropped", 5)
	stop(views)
	drop()
	if done, err := p.ledger.Retain(t.Context(), ledger.RetentionPolicy{Name: "test", MaxAge: 1}); err != nil || done == nil {
		t.Fatalf("%+v, %v", done, err)
	}
	views = start()
	passed("c", 3)
	same("after a start", 3)
	stop(views)
}
