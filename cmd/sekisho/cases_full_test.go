package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/view/casefile"
)

// TestCasesOnFullDisk: while there is no room for the view of cases, they are shown as
// they were saved, what is of no case keeps nobody waiting, and the status says how many
// events are not in what is shown. What needs all of the ledger is refused with the
// outage as the reason.
func TestCasesOnFullDisk(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	if err := os.MkdirAll(viewDir(p.cfg.Config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := p.openView(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.openCases(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.cases.follower.Run(ctx) }()
	rec := p.ledger.Recorder("case", 0)
	open := func(id, title string) {
		t.Helper()
		if _, err := rec.Record(t.Context(), event.Durable, &event.CaseSign{Case: id, Title: title, By: "ayame", KnownAt: 1, KnownBy: "ayame", Channel: "button"}); err != nil {
			t.Fatal(err)
		}
	}
	shown := func() (titles []string) {
		t.Helper()
		text, err := p.Case(t.Context(), control.CaseQuery{Limit: 10})
		if err != nil {
			t.Fatalf("the cases: %v", err)
		}
		var lines []casefile.Line
		if err := json.Unmarshal(text, &lines); err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			titles = append(titles, l.Title)
		}
		return titles
	}
	open("c1", "before")
	if got := shown(); len(got) != 1 || got[0] != "before" {
		t.Fatalf("before: %q", got)
	}
	if _, err := p.cases.view.DB().Exec("PRAGMA max_page_count = 1"); err != nil { // not below what there is
		t.Fatal(err)
	}
	if _, err := rec.Record(t.Context(), event.Durable, &event.SourceStop{}); err != nil {
		t.Fatal(err)
	}
	if got := shown(); len(got) != 1 || p.outage() != nil {
		t.Fatalf("after an event of no case: %q, %+v", got, p.outage())
	}
	open("c2", strings.Repeat("during", 10_000))
	if got := shown(); len(got) != 1 || got[0] != "before" {
		t.Errorf("on a full disk: %d cases", len(got))
	}
	s, err := p.Status(t.Context())
	if err != nil || s.Outage == nil || s.Outage.Code != fault.LedgerFull || s.Outage.Unseen != 1 {
		t.Errorf("the status says %+v, %v", s.Outage, err)
	}
	if _, err := p.recordCase(t.Context(), &event.CaseFact{Case: "c1", Fact: "personal-data", By: "ayame"}, callerOf(t.Context(), "")); err == nil {
		t.Error("an act was recorded upon cases of before")
	}
	stop()
	if err := <-ended; !diskFull(err) {
		t.Errorf("the view ended: %v", err)
	}
	if f := fault.Faults(p.viewFault("disclosure.db", err))[0]; f.Code != fault.ViewOpen {
		t.Errorf("a view that cannot be read for another reason: %v", f)
	}
	if f := fault.Faults(p.viewFault("disclosure.db", p.cases.follower.Ended()))[0]; f.Code != fault.LedgerFull {
		t.Errorf("a view without room: %v", f)
	}
	if err := p.close(); !errors.Is(err, event.ErrStopped) {
		t.Errorf("the end: %v", err)
	}
}
