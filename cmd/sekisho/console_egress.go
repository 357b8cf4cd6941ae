package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub/frame"
	"sekisho/internal/policy/exit"
)

const (
	// maxFlows bounds the flows that one page reads, flowsShown those it lists.
	maxFlows, flowsShown = 2000, 50
	goalsShown           = 30
	findingsShown        = 20
)

// Egress implements office.Outside.
func (c *console) Egress(ctx context.Context) (*consoleoffice.Egress, error) {
	out := &consoleoffice.Egress{Configured: c.cfg.Egress != nil}
	if e := c.cfg.Egress; e != nil {
		for _, g := range e.Gates {
			if g.Listen != "" {
				out.Gates = append(out.Gates, consoleoffice.ExitGate{Name: g.Name, Listen: g.Listen, Kind: "proxy"})
			}
			if g.Transparent != "" {
				out.Gates = append(out.Gates, consoleoffice.ExitGate{Name: g.Name, Listen: g.Transparent, Kind: "transparent"})
			}
		}
		for _, r := range e.Resolvers {
			out.Gates = append(out.Gates, consoleoffice.ExitGate{Name: r.Name, Listen: r.Listen, Kind: "resolver"})
		}
	}
	if p := c.exit.Load(); p != nil {
		out.Generation, out.Digest, out.Roles = p.Generation(), string(p.Digest()), p.Roles()
	}
	for _, e := range c.cfg.Exits {
		out.Exits = append(out.Exits, consoleoffice.Exit{Name: e.Name, Interface: e.Interface, Next: e.Next, Outside: e.Outside, Gate: e.Gate, Owner: e.Owner})
	}
	out.Ways, out.Findings = c.recent.outside()
	c.recent.flows(out)
	if c.cut.cuts == nil {
		if c.cut.site != nil {
			out.Hub = c.cut.site.Member().Hub
		}
		return out, nil
	}
	cuts, err := c.Cuts(ctx)
	out.Cuts = &cuts
	return out, err
}

// outside returns the ways out that nobody wrote down, and findings about what
// leaves, the newest first.
func (r *recent) outside() (ways []consoleoffice.Way, findings []consoleoffice.Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for w, at := range r.ways {
		ways = append(ways, consoleoffice.Way{Way: w.Way, Interface: w.Interface, Next: w.Next, Address: w.Address, At: at})
	}
	slices.SortFunc(ways, func(a, b consoleoffice.Way) int {
		return cmp.Or(cmp.Compare(a.Way, b.Way), cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Next, b.Next), cmp.Compare(a.Address, b.Address), a.At.Compare(b.At))
	})
	for i := len(r.findings) - 1; i >= 0 && len(findings) < findingsShown; i-- {
		if f := r.findings[i]; len(f.Code) > 3 && f.Code[:3] == "SK3" {
			findings = append(findings, f)
		}
	}
	return ways, findings
}

type goalKey struct {
	role, host, action string
	port               uint16
}

// clientOf names a client by its address, and by the remote process whose gate saw
// it: two sites may use the same addresses.
func clientOf(e *event.Event, address string) string {
	return frame.Of(address, frame.SiteOf(string(e.Source)))
}

// flows fills in the newest flows with what came of them.
func (r *recent) flows(out *consoleoffice.Egress) {
	ends := map[string]*event.FlowEnd{}
	goals := map[goalKey]*consoleoffice.Goal{}
	out.Since, _ = r.newest(2*maxFlows, func(e *event.Event) bool {
		f, ok := e.Body.(*event.Flow)
		if !ok {
			end := e.Body.(*event.FlowEnd)
			ends[end.ID] = end
			return true
		}
		row := consoleoffice.Flow{At: e.At, ID: f.ID, Client: clientOf(e, f.Client), User: f.User, Role: f.Role, Host: f.Host, Protocol: f.Protocol, Port: f.Port,
			Action: f.Action, Step: f.Step, Rule: f.Rule, Reason: f.Reason}
		if end := ends[f.ID]; end != nil {
			row.Sent, row.Received, row.Outcome = end.Sent, end.Received, end.Outcome
		} else if f.Action == "refuse" { // nothing was opened that could end
			row.Outcome = "refused"
		}
		if out.Looked++; out.Looked <= flowsShown {
			out.Flows = append(out.Flows, row)
		}
		k := goalKey{f.Role, f.Host, f.Action, f.Port}
		g := goals[k]
		if g == nil {
			g = &consoleoffice.Goal{Role: f.Role, Host: f.Host, Action: f.Action, Port: f.Port, Last: e.At}
			goals[k] = g
		}
		g.Flows++
		g.Sent += row.Sent
		g.Received += row.Received
		return out.Looked < maxFlows
	}, event.KindFlow, event.KindFlowEnd)
	for _, g := range goals {
		out.Goals = append(out.Goals, *g)
	}
	slices.SortFunc(out.Goals, func(a, b consoleoffice.Goal) int {
		return cmp.Or(cmp.Compare(b.Sent, a.Sent), cmp.Compare(b.Flows, a.Flows), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Action, b.Action))
	})
	out.Goals = out.Goals[:min(len(out.Goals), goalsShown)]
}

// noExit says that there is no policy of what leaves.
func (c *console) noExit() error {
	return fault.New(fault.ConfigMissing, "key", `"egress"`, "hint", "name the file with who may reach what").At(c.file, 0, "")
}

// ExplainExit implements office.Outside.
func (c *console) ExplainExit(_ context.Context, q consoleoffice.ExitQuestion) (*consoleoffice.ExitAnswer, error) {
	p := c.exit.Load()
	if p == nil {
		return nil, c.noExit()
	}
	t := exit.TestSource{Client: q.Client, Certificate: q.Certificate, User: q.User, To: q.To, Address: q.Address, Method: q.Method, At: q.At}
	r, bad := t.Request()
	if bad != nil {
		return nil, fault.New(fault.Usage, "problem", bad.Path+": "+bad.What, "hint", bad.Try)
	}
	if q.At == "" {
		r.Now = c.now()
	}
	d, misses := p.Explain(r, nil)
	out := &consoleoffice.ExitAnswer{Action: d.Action.String(), Step: string(d.Step), Rule: d.Rule, Reason: d.Reason, Role: d.Role, By: d.By, Mode: d.Mode.String(), Digest: string(d.Digest)}
	for _, m := range misses {
		out.Passed = append(out.Passed, consoleoffice.Miss(m))
	}
	return out, nil
}

// PreviewExit implements office.Outside.
func (c *console) PreviewExit(ctx context.Context) (*consoleoffice.ExitPreview, error) {
	old := c.exit.Load()
	if old == nil || c.cfg.Egress == nil {
		return nil, c.noExit()
	}
	out := &consoleoffice.ExitPreview{}
	next, err := config.ExitPolicyFile(c.cfg.Egress.PolicyFile)
	if err != nil {
		out.Problems = control.ProblemsOf(err)
		return out, nil
	}
	out.Generation, out.Digest, out.Same = next.Generation(), string(next.Digest()), next.Digest() == old.Digest()
	if bad := next.Supersedes(old); bad != nil && !out.Same {
		out.Problems = control.ProblemsOf(notNewer(c.cfg.Egress.PolicyFile, bad.What, bad.Try))
	}
	seen := &preview{changes: map[change]*change{}}
	out.Since, err = c.backwards(ctx, func(e *event.Event) { seen.judge(next, e.Body.(*event.Flow), e.At) }, event.KindFlow)
	if err != nil {
		return nil, err
	}
	out.Judged, out.Unknown = seen.Judged, seen.Unknown
	for _, x := range seen.sorted() {
		out.Changes = append(out.Changes, consoleoffice.ExitChange{Role: x.Role, Host: x.Host, Was: x.Was, Now: x.Now, Rule: x.Rule, Reason: x.Reason, Port: x.Port, Flows: x.Flows, Last: x.Last.In(time.UTC)})
	}
	return out, nil
}
