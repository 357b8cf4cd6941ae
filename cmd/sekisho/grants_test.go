package main

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/policy"
)

// steps is a Recorder that keeps break-glass events.
type steps struct {
	event.Recorder
	all []*event.BreakGlass
	err error
}

func (s *steps) Record(_ context.Context, _ event.Level, bodies ...event.Body) (event.Seq, error) {
	if s.err != nil {
		return 0, s.err
	}
	for _, b := range bodies {
		s.all = append(s.all, b.(*event.BreakGlass))
	}
	return 1, nil
}

func glassPolicy(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Compile(&policy.Source{Generation: 1, BreakGlass: &policy.BreakGlassSource{
		Requesters: []string{"ayame", "botan"}, Approvers: []string{"botan"}, Longest: "1h"}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGrantLife(t *testing.T) {
	now := time.Unix(1_800_000_000, 0).UTC()
	rec := &steps{}
	g := &grants{rec: rec, now: func() time.Time { return now }}
	p := glassPolicy(t)
	ask := control.GrantRequest{By: "ayame", User: "support", Database: "shop", Tables: []string{"public.customers"},
		Elements: []string{"passport"}, Purpose: "lost", For: 30 * time.Minute}
	one, err := g.request(t.Context(), p, ask)
	if err != nil || one.State != requested || len(g.inForce(p)) != 0 {
		t.Fatalf("request: %+v, %v", one, err)
	}
	if _, err := g.decide(t.Context(), p, control.GrantDecision{ID: one.ID, By: "ayame", Step: "approve"}); fault.Faults(err)[0].Code != fault.GrantRefused {
		t.Errorf("own approval: %v", err)
	}
	now = now.Add(time.Minute)
	one, err = g.decide(t.Context(), p, control.GrantDecision{ID: one.ID, By: "botan", Step: "approve"})
	if err != nil || one.State != approved || !one.Until.Equal(now.Add(30*time.Minute)) || len(g.inForce(p)) != 1 {
		t.Fatalf("approval: %+v, %v", one, err)
	}
	// A restart reads the same from the ledger.
	again := &grants{rec: rec, now: g.now}
	again.restore(rec.all)
	if diff := cmp.Diff(g.list(), again.list()); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(g.inForce(p), again.inForce(p)); diff != "" {
		t.Errorf("in force after a restart (-want +got):\n%s", diff)
	}
	now = now.Add(30 * time.Minute)
	if len(g.inForce(p)) != 0 || g.list()[0].State != ended {
		t.Errorf("after its time: %+v", g.list())
	}
	if _, err := g.decide(t.Context(), p, control.GrantDecision{ID: one.ID, By: "botan", Step: "end"}); err == nil {
		t.Error("a grant that is over was ended")
	}
}

func TestGrantRefusals(t *testing.T) {
	rec := &steps{}
	g := &grants{rec: rec, now: time.Now}
	p := glassPolicy(t)
	good := control.GrantRequest{By: "ayame", User: "support", Database: "shop", Elements: []string{"passport"}, Purpose: "lost", For: time.Minute}
	for name, change := range map[string]func(*control.GrantRequest){
		"a stranger":  func(r *control.GrantRequest) { r.By = "x" },
		"too long":    func(r *control.GrantRequest) { r.For = 2 * time.Hour },
		"no time":     func(r *control.GrantRequest) { r.For = 0 },
		"no element":  func(r *control.GrantRequest) { r.Elements = []string{"passprt"} },
		"no purpose":  func(r *control.GrantRequest) { r.Purpose = "" },
		"no database": func(r *control.GrantRequest) { r.Database = "" },
	} {
		bad := good
		change(&bad)
		if _, err := g.request(t.Context(), p, bad); err == nil || fault.Faults(err)[0].Code != fault.GrantRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := g.request(t.Context(), policy.Open(), good); err == nil {
		t.Error("a policy without break_glass let somebody ask")
	}
	// What is not recorded does not happen.
	rec.err = event.ErrStopped
	if _, err := g.request(t.Context(), p, good); err == nil || len(g.list()) != 0 {
		t.Errorf("unrecorded request: %v, %v", err, g.list())
	}
	if len(rec.all) != 0 {
		t.Errorf("recorded %d steps", len(rec.all))
	}
}
