package webui

import (
	"context"
	"time"

	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
)

// cuts are those of a firm with one gate that does not answer.
func (f *firm) allCuts() control.Cuts {
	return control.Cuts{Generation: 3, Took: 7 * time.Millisecond, Entries: []event.CutEntry{{ID: nasty, Kind: "name", Target: nasty, Until: f.now.Add(time.Hour).UnixNano(), Case: "c1"}},
		Gates: []control.CutGate{{Gate: nasty, Generation: 3, Closed: 4, At: f.now}, {Gate: "far", Red: true, Why: nasty}}, Unrecorded: nasty}
}

func (f *firm) Egress(context.Context) (*office.Egress, error) {
	cuts := f.allCuts()
	return &office.Egress{Configured: true, Generation: 2, Digest: nasty, Roles: []string{nasty}, Gates: []office.ExitGate{{Name: nasty, Listen: nasty, Kind: "proxy"}},
		Exits: []office.Exit{{Name: nasty, Interface: nasty, Owner: nasty}}, Ways: []office.Way{{Way: nasty, Interface: nasty, At: f.now}},
		Flows: []office.Flow{{At: f.now, ID: nasty, Client: nasty, User: nasty, Host: nasty, Port: 443, Action: "refuse", Rule: nasty, Reason: nasty, Outcome: nasty}},
		Goals: []office.Goal{{Role: nasty, Host: nasty, Action: nasty, Flows: 1, Last: f.now}}, Looked: 1, Since: f.now,
		Findings: []office.Finding{{At: f.now, Code: nasty, Title: nasty, Place: nasty, Detail: nasty}}, Cuts: &cuts}, f.fail()
}

func (f *firm) ExplainExit(context.Context, office.ExitQuestion) (*office.ExitAnswer, error) {
	return &office.ExitAnswer{Action: "refuse", Step: nasty, Rule: nasty, Reason: nasty, Role: nasty, Mode: nasty, Passed: []office.Miss{{Rule: nasty, Because: nasty}}}, f.fail()
}

func (f *firm) PreviewExit(context.Context) (*office.ExitPreview, error) {
	return &office.ExitPreview{Problems: nastyProblems, Judged: 3, Changes: []office.ExitChange{{Role: nasty, Host: nasty, Was: "allow", Now: "refuse", Rule: nasty}}}, f.fail()
}

func (f *firm) OrderCut(_ context.Context, r control.CutOrder) (control.Cuts, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders = append(f.orders, r)
	return f.allCuts(), f.fail()
}

func (f *firm) LiftCut(_ context.Context, r control.CutLift) (control.Cuts, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lifts = append(f.lifts, r)
	return f.allCuts(), f.fail()
}
