package webui

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/draft"
	"sekisho/proof/scope"
)

// nasty is what somebody who can write into an event would try: a label, a
// user, a host, a statement.
const nasty = `"><script>alert(1)</script><img src=x onerror=alert(1)>'` + "\u2028" + `{{.}}javascript:alert(1)`

// nastyProblems are why nothing is taken.
var nastyProblems = control.ProblemsOf(fault.New(fault.PolicyInvalid, "place", nasty, "problem", nasty, "hint", nasty).At(nasty, 4, nasty))

// firm is an office whose every text is hostile.
type firm struct {
	mu         sync.Mutex
	now        time.Time
	bodies     []event.Body
	cuts       []control.CutRequest
	cases      []control.CaseRequest
	looks      []office.LookRequest
	orders     []control.CutOrder
	lifts      []control.CutLift
	sites      []control.WebRequest
	answers    []office.GroupDecision
	drafts     []string
	excepts    []office.ExceptRequest
	authorised []office.AuthoriseRequest
	reviews    []office.FieldReview
	notices    []casefile.Notice // what c1 has besides
	entries    []casefile.Entry
	broken     bool // everything fails
}

var errBroken = errors.New("the disk of " + nasty + " is full")

func (f *firm) fail() error {
	if f.broken {
		return errBroken
	}
	return nil
}

func (f *firm) Status(context.Context) (control.Status, error) {
	return control.Status{Version: "test", Tenant: "agency", Head: 7, Gates: []control.GateStatus{{Name: nasty, Database: nasty, Listen: nasty, Mode: nasty, Bypass: true}}}, f.fail()
}

func (f *firm) Sessions(context.Context) ([]control.Session, error) {
	return []control.Session{{Gate: nasty, Session: 7, User: nasty, Address: nasty, Label: nasty, Since: f.now}}, f.fail()
}

func (f *firm) Cut(_ context.Context, r control.CutRequest) (control.CutReceipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cuts = append(f.cuts, r)
	return control.CutReceipt{Sessions: []event.Session{r.Session}}, f.fail()
}

func (f *firm) Bypass(context.Context, control.BypassRequest) (control.BypassStatus, error) {
	return control.BypassStatus{}, f.fail()
}

func (f *firm) Scan(context.Context, string) ([]control.ScanResult, error) { return nil, f.fail() }

func (f *firm) Grants(context.Context) ([]control.Grant, error) {
	return []control.Grant{{ID: nasty, State: "requested", User: nasty, Database: nasty, Purpose: nasty, By: nasty, Until: f.now}}, f.fail()
}

func (f *firm) RequestGrant(context.Context, control.GrantRequest) (control.Grant, error) {
	return control.Grant{}, f.fail()
}

func (f *firm) DecideGrant(context.Context, control.GrantDecision) (control.Grant, error) {
	return control.Grant{}, f.fail()
}

func (f *firm) ReloadPolicy(context.Context) (control.PolicyStatus, error) {
	return control.PolicyStatus{Changed: true}, f.fail()
}

func (f *firm) RecordCase(_ context.Context, _ string, r control.CaseRequest) (control.CaseReceipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cases = append(f.cases, r)
	return control.CaseReceipt{Case: "c1"}, f.fail()
}

func (f *firm) Case(_ context.Context, q control.CaseQuery) (json.RawMessage, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	if q.ID == "" {
		return json.Marshal([]casefile.Line{{ID: "c1", State: "incident", Class: nasty, Title: nasty, Opened: f.now.UnixNano()}})
	}
	if q.ID != "c1" {
		return nil, fault.New(fault.CaseRefused, "problem", "there is no case "+q.ID)
	}
	a := f.aCase()
	a.Case.Notices = append(a.Case.Notices, f.notices...)
	a.Case.Log = append(a.Case.Log, f.entries...)
	return json.Marshal(a)
}

func (f *firm) aCase() desk.Answer {
	at := f.now.UnixNano()
	return desk.Answer{
		Case: &casefile.Case{ID: "c1", State: "incident", Class: "outbound", Title: nasty, Opened: at, KnownAt: at,
			Signs: []event.CaseSign{{Case: "c1", Title: nasty, KnownBy: nasty, KnownAt: at}}, Tasks: []casefile.Task{{ID: nasty, Title: nasty, Owner: nasty, State: "open", Due: at}},
			Facts:   []casefile.Fact{{CaseFact: event.CaseFact{Fact: nasty, KnownBy: nasty, KnownAt: at}}},
			Actions: []event.CaseAction{{Do: nasty, Target: nasty, By: nasty, Step: "receipt", Result: nasty}},
			Scopes: []casefile.Scope{{CaseScope: event.CaseScope{Version: 1, Stated: nasty, Confirmed: 1, Reachable: 2, EverHeld: 3}},
				{CaseScope: event.CaseScope{Version: 2, Query: `{"places":["shop"]}`, Digest: "sha256:abc", Position: 9, Confirmed: 1, Reachable: 5, EverHeld: 12}, At: at}},
			Notices:   []casefile.Notice{{CaseNotice: event.CaseNotice{Step: "sent", Rank: "duty", To: "sora"}}, {CaseNotice: event.CaseNotice{Step: "sent", Rank: "csirt", To: nasty}}, {CaseNotice: event.CaseNotice{Step: "ack", To: nasty}}},
			Hosts:     []string{nasty},
			Evidence:  []event.CaseEvidence{{Evidence: nasty, Step: "preserved", Host: "h", Form: nasty, SHA256: nasty, Kept: nasty, By: nasty}, {Evidence: nasty, Step: "handed", To: nasty, At: at}},
			Decisions: []casefile.Decision{{CaseDecision: event.CaseDecision{Subject: nasty, Choice: nasty, Reason: nasty, By: nasty, ReviewAt: at}}},
			Drafts:    map[string]*casefile.Draft{"web": {Kind: "web", State: "written", Writer: nasty, Slots: map[string]string{"cause": nasty}}},
			Log:       []casefile.Entry{{At: at, By: nasty, What: nasty, Text: nasty}}},
		Clocks: []desk.Clock{{Rule: nasty, LawJA: nasty, LawEN: nasty, To: nasty, Kind: nasty, Sure: "A", Start: f.now, Due: f.now.Add(time.Hour)}},
		Red:    []string{nasty}, Missing: []string{nasty},
	}
}

func (f *firm) result() *scope.Result {
	r := &scope.Result{From: f.now.Add(-time.Hour), To: f.now,
		Confirmed: scope.Figure{Count: scope.Count{Subjects: 3}, Elements: map[string]uint64{nasty: 3}, Tables: map[string]scope.Count{nasty: {Subjects: 3}}},
		Reachable: scope.Figure{Count: scope.Count{Subjects: 5}, Elements: map[string]uint64{nasty: 5}, Tables: map[string]scope.Count{nasty: {Subjects: 5}}},
		EverHeld:  scope.Figure{Count: scope.Count{Subjects: 9}, Elements: map[string]uint64{nasty: 9}, Tables: map[string]scope.Count{nasty: {Subjects: 9}}},
		Coverage: scope.Coverage{Reporting: 1, Known: 2, Gates: []scope.Gate{{Source: "gate/" + nasty, Reporting: false, Last: f.now}, {Source: "gate/x", Reporting: true}},
			Uncovered: []scope.Interval{{Place: nasty, From: f.now, To: f.now, Reason: nasty}}, Bounded: []scope.Bound{{Table: nasty, Reason: nasty}}}}
	return r
}

func (f *firm) Scope(_ context.Context, r control.ScopeRequest, w io.Writer) error {
	if err := f.fail(); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(f.result())
}

func (f *firm) Peek(context.Context, scope.Query) (*scope.Result, error) { return f.result(), f.fail() }

func (f *firm) Leaving(context.Context, scope.Query) (*scope.Leaving, error) {
	return &scope.Leaving{Verdict: "open", Because: []string{"not watched", "uncovered", "unknown exit", "no end"}, Destinations: []scope.Destination{{Host: nasty, Flows: 1, Sent: 9}}}, f.fail()
}
func (f *firm) Shared(context.Context, scope.Query, scope.Query) (office.Shared, error) {
	return office.Shared{Confirmed: 1, Reachable: 2, EverHeld: 3}, f.fail()
}
func (f *firm) Look(_ context.Context, r office.LookRequest) (*office.LookAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks = append(f.looks, r)
	return &office.LookAnswer{Rows: []office.LookRow{{Class: "confirmed", Source: nasty, Key: nasty}}, All: 200, Lost: 1}, f.fail()
}

func (f *firm) Draft(_ context.Context, r office.DraftRequest) (*office.DraftAnswer, error) {
	return &office.DraftAnswer{SHA256: "sum", Document: &draft.Document{Kind: r.Kind, Title: nasty, To: nasty, Notes: []string{nasty}, Lang: lang.Japanese, Scope: 2,
		Parts: []draft.Part{{Heading: nasty, Rows: []draft.Row{{Label: nasty, Value: nasty}}}}}}, f.fail()
}

func (f *firm) Events(context.Context, office.EventQuery) (*office.EventPage, error) {
	return &office.EventPage{Lines: []office.EventLine{{Index: 1, At: f.now, Source: nasty, Kind: nasty, Session: 7, Body: nasty}}, Next: 1, Kinds: []string{"crossing"}}, f.fail()
}

func (f *firm) Wait(ctx context.Context, _ event.Index) (event.Index, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func (f *firm) Map(context.Context) ([]office.Database, error) {
	return []office.Database{{Name: nasty, Tables: []office.Table{{Place: nasty, Key: nasty, Columns: []office.Column{{Name: nasty, Element: "email"}}, Scanned: true}}}}, f.fail()
}

func (f *firm) Policy(context.Context) (*office.Policy, error) {
	return &office.Policy{Text: nasty, Grant: time.Hour, File: &office.PolicyFile{Digest: "x", Problems: nastyProblems, Diff: []office.DiffLine{{Mark: '+', Text: nasty}, {Mark: '-', Text: nasty}, {Mark: ' ', Text: nasty}}}}, f.fail()
}

func (f *firm) Ledger(context.Context) (*office.Ledger, error) {
	return &office.Ledger{Key: nasty, Checkpoint: nasty, Sources: []office.Source{{Name: nasty, Silent: true}}, Gaps: []office.Gap{{Places: []event.Place{nasty}, Reason: nasty}},
		Months: []office.Month{{Month: nasty}}, Witnesses: []office.Witness{{Name: nasty, URL: nasty}, {Signed: true}},
		First: 5, Keep: time.Hour, Retention: office.Retention{Due: 2, Last: 9, Next: f.now}, Check: &office.Check{By: nasty, Ended: f.now, Problems: []string{nasty}}}, f.fail()
}

func (f *firm) Verify(context.Context, string) error { return f.fail() }

func (f *firm) Record(_ context.Context, by event.Source, bodies ...event.Body) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bodies = append(f.bodies, bodies...)
	return nil
}
