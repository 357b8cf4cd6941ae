package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"sekisho/internal/control"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lang"
)

// TestRebuildCheckAfterRetention: a view that still answers about what retention dropped
// since is told as such, and not as a defect; made again it is equal.
func TestRebuildCheckAfterRetention(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	p.cfg.Ledger.Retention.Keep = 1
	if err := os.MkdirAll(viewDir(p.cfg.Config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := p.openView(t.Context()); err != nil {
		t.Fatal(err)
	}
	gate := p.ledger.Recorder("gate/a", 0)
	for _, b := range []event.Body{&event.SourceStart{Start: 1, Places: []event.Place{"shop"}}, &event.SessionOpen{Session: 1, Place: "shop", User: "app", Address: "10.0.0.1"},
		&event.Crossing{Session: 1, Statement: 7, Outcome: event.OutcomeDone, From: 1, To: 1, Count: 1, Parts: []event.Part{{Table: "shop/public.c", Source: "shop.c",
			Elements: element.MaskOf(element.Email), Class: event.Exact, Rows: 1, Subjects: event.SetOf([]uint32{1})}}}} {
		if _, err := gate.Record(t.Context(), event.Durable, b); err != nil {
			t.Fatal(err)
		}
	}
	for range 60 { // more than make a wave, of which retention keeps as many as make one
		if _, err := gate.Record(t.Context(), event.Written, &event.Decision{Rule: "crs/942100"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the last sealed segment stays
		if err := p.ledger.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := gate.Record(t.Context(), event.Durable, &event.Heartbeat{Places: []event.Place{"shop"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.openCases(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.view.follower.CatchUp(t.Context()), p.cases.follower.CatchUp(t.Context())); err != nil {
		t.Fatal(err)
	}
	if done, err := p.ApplyRetention(t.Context(), control.RetentionRequest{By: "ayame"}); err != nil || done.Last == 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	run := func(c rebuildCmd) string {
		t.Helper()
		var out bytes.Buffer
		a := &app{ctx: t.Context(), config: p.file, say: texts.In(lang.English), lang: lang.English,
			env: environment{stdout: &out, stderr: &out, getenv: func(string) string { return "" }}}
		if err := c.Run(a); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		return out.String()
	}
	if said := run(rebuildCmd{Check: true}); !strings.Contains(said, "before retention dropped") {
		t.Errorf("the check says %q", said)
	}
	run(rebuildCmd{})
	if said := run(rebuildCmd{Check: true}); !strings.Contains(said, "to the byte") {
		t.Errorf("made again, the check says %q", said)
	}
}
