package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/ledger"
	"sekisho/internal/policy"
)

var _ control.Operator = (*process)(nil)

// startControl answers commands.
func (p *process) startControl(s *stage) error {
	l, err := control.Listen(p.cfg.Control, p.cfg.Group)
	if err != nil {
		return err
	}
	s.run("control socket", func(ctx context.Context) error { return control.Serve(ctx, l, p, p.log) })
	return nil
}

// Status implements control.Operator.
func (p *process) Status(context.Context) (control.Status, error) {
	s := control.Status{Version: version, PID: os.Getpid(), Since: p.started, Tenant: p.cfg.Tenant,
		Head: uint64(p.ledger.Head()), Folded: p.view.folded(), Policy: p.policyStatus(), Gates: p.gateStatus(""), Outage: p.outage()}
	if s.Outage != nil {
		s.Outage.Unseen = p.cases.unseen(p.ledger.Head())
	}
	if p.followed != nil {
		u := p.followed.Upgrade
		s.Upgrade = &u
	}
	return s, nil
}

func (p *process) policyStatus() control.PolicyStatus {
	now := p.policy.Load()
	return control.PolicyStatus{Generation: now.Generation(), Digest: string(now.Digest())}
}

func (p *process) gateStatus(name string) []control.GateStatus {
	out := []control.GateStatus{}
	for _, g := range p.gates {
		if name == "" || name == g.cfg.Name {
			out = append(out, control.GateStatus{Name: g.cfg.Name, Database: g.cfg.Database, Listen: g.listener.Addr().String(),
				Mode: g.cfg.Mode, Sessions: len(g.server.Sessions()) + g.bypass.sessions(), Bypass: g.bypass.open.Load(), Suspected: g.server.Suspected(g.base.cfg.Database)})
		}
	}
	for _, g := range p.webs {
		if name == "" || name == g.label {
			out = append(out, control.GateStatus{Name: g.label, Listen: g.config().Listen, Mode: "web", Bypass: g.server.Unseen()})
		}
	}
	return out
}

// Sessions implements control.Operator.
func (p *process) Sessions(context.Context) ([]control.Session, error) {
	out := []control.Session{}
	for _, g := range p.gates {
		for _, s := range g.server.Sessions() {
			out = append(out, control.Session{Gate: g.cfg.Name, Session: s.ID, User: s.User, Address: s.Address.String(),
				Label: s.Label, Since: s.Since, Rows: s.Rows})
		}
	}
	return out, nil
}

// cutWait bounds the wait for sessions to be gone.
const cutWait = 2 * time.Second

// Cut implements control.Operator. The order is recorded first.
func (p *process) Cut(ctx context.Context, r control.CutRequest) (control.CutReceipt, error) {
	match, err := cutMatch(r)
	if err != nil {
		return control.CutReceipt{}, err
	}
	begin := time.Now()
	receipt := control.CutReceipt{Sessions: []event.Session{}}
	var cut []*gate
	for _, g := range p.gates {
		if r.Gate != "" && r.Gate != g.cfg.Name {
			continue
		}
		var bodies []event.Body
		for _, s := range g.server.Sessions() {
			if match(s) {
				receipt.Sessions = append(receipt.Sessions, s.ID)
				bodies = append(bodies, &event.Decision{Session: s.ID, Action: "cut", Rule: "operator", Reason: r.By + ": " + r.Reason,
					Policy: string(p.policy.Load().Digest()), Code: "57P01", ID: fmt.Sprintf("cut-%d", begin.UnixNano())})
			}
		}
		if len(bodies) == 0 {
			continue
		}
		if _, err := g.rec.Record(ctx, event.Written, bodies...); err != nil {
			p.log.Error("cut not recorded; sessions are cut all the same", "err", err)
		}
		g.server.End(match)
		cut = append(cut, g)
	}
	if len(receipt.Sessions) == 0 && r.Session != 0 {
		return receipt, fault.New(fault.SessionUnknown, "session", uint64(r.Session))
	}
	awaitGone(ctx, cut, receipt.Sessions)
	receipt.Took = time.Since(begin)
	return receipt, nil
}

// awaitGone returns when none of the sessions is open, or after cutWait.
func awaitGone(ctx context.Context, gates []*gate, gone []event.Session) {
	ctx, cancel := context.WithTimeout(ctx, cutWait)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for _, g := range gates {
		for slices.ContainsFunc(g.server.Sessions(), func(s pgproxy.Session) bool { return slices.Contains(gone, s.ID) }) {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

func cutMatch(r control.CutRequest) (func(pgproxy.Session) bool, error) {
	var prefix netip.Prefix
	if r.Address != "" {
		var err error
		if prefix, err = netip.ParsePrefix(r.Address); err != nil {
			a, err := netip.ParseAddr(r.Address)
			if err != nil {
				return nil, fault.New(fault.ControlRefused, "problem", fmt.Sprintf("%q is no IP address", r.Address), "hint", "203.0.113.9, 203.0.113.0/24")
			}
			prefix = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
	}
	return func(s pgproxy.Session) bool {
		return (r.Session == 0 || r.Session == s.ID) && (r.User == "" || r.User == s.User) &&
			(r.Address == "" || prefix.Contains(s.Address))
	}, nil
}

// ReloadPolicy implements control.Operator. A bad file keeps the policy in
// force, and the refusal is recorded.
func (p *process) ReloadPolicy(ctx context.Context) (control.PolicyStatus, error) {
	p.reload.Lock()
	defer p.reload.Unlock()
	exits, err := p.reloadExitPolicy(ctx)
	if err != nil {
		return p.policyStatus(), err
	}
	same := p.policyStatus()
	same.Exit = exits
	old := p.policy.Load()
	l, err := config.Load(p.file)
	var next *policy.Policy
	if err == nil {
		next = l.Compiled
		if bad := next.Supersedes(old); bad != nil {
			err = fault.New(fault.PolicyNotNewer, "problem", bad.What, "hint", bad.Try).At(p.file, 0, bad.Path)
		}
	}
	if err != nil {
		digest := ""
		if next != nil {
			digest = string(next.Digest())
		}
		if _, recErr := p.self.Record(ctx, event.Durable, &event.PolicyRejected{Policy: digest, Reason: fault.Recorded(err)}); recErr != nil {
			p.log.Error("refused policy not recorded", "err", recErr)
		}
		return p.policyStatus(), err
	}
	if next.Digest() == old.Digest() {
		return same, nil
	}
	if _, err := p.self.Record(ctx, event.Durable, policyLoaded(next)); err != nil {
		return p.policyStatus(), err
	}
	p.policy.Store(next)
	p.source.Store(l.Source)
	p.readPolicy(l)
	p.publish()
	status := p.policyStatus()
	status.Changed, status.Exit = true, exits
	return status, nil
}

// publish gives the rules in force to every gate.
func (p *process) publish() {
	for _, g := range p.gates {
		g.server.SetRules(p.rules(g))
	}
}

// Bypass implements control.Operator.
func (p *process) Bypass(ctx context.Context, r control.BypassRequest) (control.BypassStatus, error) {
	if r.Gate != "" && len(p.gateStatus(r.Gate)) == 0 {
		return control.BypassStatus{}, fault.New(fault.ControlRefused, "problem", fmt.Sprintf("there is no gate %q", r.Gate), "hint", "sekisho gate status")
	}
	p.bypassing.Lock()
	defer p.bypassing.Unlock()
	if !r.Query {
		p.setBypass(ctx, r)
	}
	return control.BypassStatus{Gates: p.gateStatus(r.Gate)}, nil
}

// Clear implements control.Operator: the event is durable before precision
// returns.
func (p *process) Clear(ctx context.Context, r control.ClearRequest) (control.ClearReceipt, error) {
	out := control.ClearReceipt{Databases: []string{}}
	if r.Gate != "" && len(p.gateStatus(r.Gate)) == 0 {
		return out, fault.New(fault.ControlRefused, "problem", fmt.Sprintf("there is no gate %q", r.Gate), "hint", "sekisho gate status")
	}
	// One event clears all: a process that ends in the middle has cleared all or none.
	body := &event.Cleared{By: r.By, Reason: r.Reason}
	var cleared []*gate
	for _, g := range p.gates {
		if r.Gate != "" && r.Gate != g.cfg.Name || !g.server.Suspected(g.base.cfg.Database) {
			continue
		}
		cleared = append(cleared, g)
		if at := place(g.base.cfg); !slices.Contains(body.Places, at) {
			body.Places, out.Databases = append(body.Places, at), append(out.Databases, g.base.cfg.Name)
		}
	}
	if len(cleared) == 0 {
		return out, nil
	}
	if _, err := p.outer.Record(ctx, event.Durable, body); err != nil {
		return control.ClearReceipt{Databases: []string{}}, fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	for _, g := range cleared {
		g.server.Clear(g.base.cfg.Database)
		p.log.Warn("cleared", "gate", g.cfg.Name, "database", g.base.cfg.Name, "by", r.By)
	}
	return out, nil
}

// Grants implements control.Operator.
func (p *process) Grants(context.Context) ([]control.Grant, error) { return p.grants.list(), nil }

// RequestGrant implements control.Operator.
func (p *process) RequestGrant(ctx context.Context, r control.GrantRequest) (control.Grant, error) {
	return p.grants.request(ctx, p.policy.Load(), r)
}

// DecideGrant implements control.Operator.
func (p *process) DecideGrant(ctx context.Context, r control.GrantDecision) (control.Grant, error) {
	g, err := p.grants.decide(ctx, p.policy.Load(), r)
	if err == nil {
		p.publish()
	}
	return g, err
}

// Scan implements control.Operator.
func (p *process) Scan(ctx context.Context, database string) ([]control.ScanResult, error) {
	out := []control.ScanResult{}
	for _, b := range p.bases {
		if database != "" && database != b.cfg.Name {
			continue
		}
		if err := b.holdings.ScanAll(ctx); err != nil {
			return nil, fault.New(fault.ScanFailed, "database", b.cfg.Name).Because(err)
		}
		out = append(out, b.scanned()...)
	}
	for _, k := range p.keyed {
		if database != "" && database != k.cfg.Name {
			continue
		}
		if err := k.holdings.ScanAll(ctx); err != nil {
			return nil, fault.New(fault.ScanFailed, "database", k.cfg.Name).Because(err)
		}
		out = append(out, k.scanned()...)
	}
	if len(out) == 0 {
		return nil, fault.New(fault.ControlRefused, "problem", fmt.Sprintf("there is no database %q", database), "hint", "sekisho status")
	}
	return out, nil
}

// DestroyKey implements control.Operator.
func (p *process) DestroyKey(ctx context.Context, r control.KeyRequest) error {
	if !slices.Contains(p.ring.IDs(), r.KeyID) {
		return fault.New(fault.KeyUnknown, "key", r.KeyID)
	}
	if err := p.ring.Destroy(ctx, p.self, r.KeyID, r.By, r.Reason); err != nil {
		return fault.New(fault.KeysOpen, "dir", p.cfg.Keys).Because(err)
	}
	p.dict.Forget(r.KeyID)
	return nil
}

// ApplyRetention implements control.Operator.
func (p *process) ApplyRetention(ctx context.Context, r control.RetentionRequest) (event.Retention, error) {
	keep := time.Duration(p.cfg.Ledger.Retention.Keep)
	if keep == 0 {
		return event.Retention{}, fault.New(fault.ControlRefused, "problem", "ledger.retention.keep is not set", "hint", "set it, then restart")
	}
	policy := p.retention(keep)
	policy.Name = "keep " + keep.String() + ", by " + r.By
	done, err := p.ledger.Retain(ctx, policy)
	if done != nil { // also when it was not finished
		p.gone.dropped()
	}
	if err != nil {
		return event.Retention{}, fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	if done == nil {
		return event.Retention{}, nil
	}
	return *done, nil
}

// retention is what may go of what is older: not what was not shipped.
func (p *process) retention(keep time.Duration) ledger.RetentionPolicy {
	policy := ledger.RetentionPolicy{MaxAge: keep}
	if p.cut != nil && p.cut.site != nil {
		from := p.cut.site.Shipped()
		policy.From = &from
	}
	return policy
}
