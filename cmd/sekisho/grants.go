package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/policy"
)

// grants holds break-glass requests and what became of them. The ledger is
// their truth: every step is an event, and a restart reads them back.
type grants struct {
	rec event.Recorder
	now func() time.Time

	mu  sync.Mutex
	all []*grant
}

// grant is one request. Before the approval, length is how long it shall last;
// after it, until is set.
type grant struct {
	id, state             string
	user, database        string
	tables                []string
	elements              element.Mask
	purpose, by, approver string
	length                time.Duration
	from, until           time.Time
}

// The states of a grant.
const (
	requested = "requested"
	approved  = "approved"
	refused   = "refused"
	ended     = "ended"
)

// restore takes the steps of the past.
func (g *grants) restore(steps []*event.BreakGlass) {
	for _, s := range steps {
		one := g.find(s.Grant)
		switch {
		case s.Step == "request" && one == nil:
			one = &grant{id: s.Grant, state: requested, user: s.User, elements: s.Elements, purpose: s.Purpose, by: s.By}
			one.database, one.tables = fromPlaces(s.Places)
			one.length = time.Duration(s.Until)
			g.all = append(g.all, one)
		case one == nil:
		case s.Step == "approve":
			one.state, one.approver, one.until = approved, s.By, event.Time(s.Until)
			one.from = one.until.Add(-one.length)
		case s.Step == "refuse":
			one.state, one.approver = refused, s.By
		case s.Step == "end":
			one.state, one.until = ended, event.Time(s.Until)
		}
	}
}

func (g *grants) find(id string) *grant {
	for _, one := range g.all {
		if one.id == id {
			return one
		}
	}
	return nil
}

// places is how a grant's tables stand in the event: "shop/public.customers",
// or the database alone.
func (one *grant) places() []event.Place {
	if len(one.tables) == 0 {
		return []event.Place{event.Place(one.database)}
	}
	var out []event.Place
	for _, t := range one.tables {
		out = append(out, event.Place(one.database+"/"+t))
	}
	return out
}

func fromPlaces(places []event.Place) (database string, tables []string) {
	for _, p := range places {
		db, table, found := strings.Cut(string(p), "/")
		database = db
		if found {
			tables = append(tables, table)
		}
	}
	return database, tables
}

// body is the event of a step. A request has no end yet: until then Until is
// the length of time asked for, in nanoseconds.
func (one *grant) body(step, by string) *event.BreakGlass {
	until := int64(one.length)
	if !one.until.IsZero() {
		until = one.until.UnixNano()
	}
	return &event.BreakGlass{Grant: one.id, Step: step, By: by, User: one.user, Elements: one.elements,
		Places: one.places(), Until: until, Purpose: one.purpose}
}

// request records a request and returns it.
func (g *grants) request(ctx context.Context, p *policy.Policy, r control.GrantRequest) (control.Grant, error) {
	var mask element.Mask
	for _, name := range r.Elements {
		k, ok := element.ParseKind(name)
		if !ok {
			return control.Grant{}, refuseGrant(&policy.Error{What: fmt.Sprintf("%q is no element", name), Try: "name elements such as passport"})
		}
		mask |= element.MaskOf(k)
	}
	switch {
	case !p.MayRequest(r.By):
		return control.Grant{}, refuseGrant(&policy.Error{What: "this person may not ask for exceptional access", Try: "have a person of break_glass.requesters ask"})
	case r.For <= 0 || r.For > p.Longest():
		return control.Grant{}, refuseGrant(&policy.Error{What: "the time asked for is longer than the policy allows", Try: "ask for at most " + p.Longest().String()})
	case mask == 0 || r.User == "" || r.Database == "" || control.Blank(r.Purpose):
		return control.Grant{}, refuseGrant(&policy.Error{What: "a grant needs a user, a database, elements and a purpose", Try: "name all four"})
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	one := &grant{id: fmt.Sprintf("bg-%d", len(g.all)+1), state: requested, user: r.User, database: r.Database,
		tables: r.Tables, elements: mask, purpose: r.Purpose, by: r.By, length: r.For}
	if _, err := g.rec.Record(ctx, event.Durable, one.body("request", r.By)); err != nil {
		return control.Grant{}, err
	}
	g.all = append(g.all, one)
	return one.report(g.now()), nil
}

// decide records a decision and returns the grant.
func (g *grants) decide(ctx context.Context, p *policy.Policy, r control.GrantDecision) (control.Grant, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.find(r.ID)
	now := g.now()
	open := one != nil && (one.state == requested && r.Step != "end" || one.state == approved && r.Step == "end" && now.Before(one.until))
	if !open {
		return control.Grant{}, fault.New(fault.GrantUnknown, "grant", r.ID)
	}
	next := *one
	next.approver = r.By
	switch r.Step {
	case "approve":
		next.state, next.from, next.until = approved, now, now.Add(one.length)
		if err := p.CheckGrant(next.policy()); err != nil {
			return control.Grant{}, refuseGrant(err)
		}
	case "refuse":
		next.state = refused
	case "end":
		next.state, next.until, next.approver = ended, now, one.approver
	default:
		return control.Grant{}, fault.New(fault.GrantUnknown, "grant", r.ID)
	}
	if _, err := g.rec.Record(ctx, event.Durable, next.body(r.Step, r.By)); err != nil {
		return control.Grant{}, err
	}
	*one = next
	return one.report(now), nil
}

func refuseGrant(e *policy.Error) error {
	return fault.New(fault.GrantRefused, "problem", e.What, "hint", e.Try)
}

// policy is the grant as policies know it.
func (one *grant) policy() policy.Grant {
	return policy.Grant{ID: one.id, User: one.user, Database: one.database, Tables: one.tables, Elements: one.elements,
		Requester: one.by, Approver: one.approver, From: one.from, Until: one.until, Purpose: one.purpose}
}

// report is the grant as people see it.
func (one *grant) report(now time.Time) control.Grant {
	out := control.Grant{ID: one.id, State: one.state, User: one.user, Database: one.database, Tables: one.tables,
		Purpose: one.purpose, By: one.by, Approver: one.approver, Until: one.until}
	for _, k := range one.elements.Kinds() {
		out.Elements = append(out.Elements, k.String())
	}
	if one.state == approved && !now.Before(one.until) {
		out.State = ended
	}
	return out
}

func (g *grants) list() []control.Grant {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]control.Grant, 0, len(g.all))
	for _, one := range g.all {
		out = append(out, one.report(g.now()))
	}
	return out
}

// inForce returns the grants that the policy p still allows.
func (g *grants) inForce(p *policy.Policy) []policy.Grant {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []policy.Grant
	for _, one := range g.all {
		if one.state == approved && g.now().Before(one.until) && p.CheckGrant(one.policy()) == nil {
			out = append(out, one.policy())
		}
	}
	return slices.Clip(out)
}
