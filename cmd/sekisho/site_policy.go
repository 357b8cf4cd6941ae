package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub"
	"sekisho/internal/policy/exit"
)

// pushExitPolicy has every remote gate take the policy of hub.policy_file. At
// the hub a file that does not compile, or is not newer, goes nowhere.
func (p *process) pushExitPolicy() error {
	c := p.cfg.Hub
	if c == nil || c.PolicyFile == "" || p.cut == nil || p.cut.server == nil {
		return nil
	}
	text, err := os.ReadFile(c.PolicyFile)
	if err != nil {
		return fault.New(fault.ConfigUnreadable, "what", c.PolicyFile).Because(err)
	}
	next, err := config.ExitPolicyText(c.PolicyFile, text)
	if err != nil {
		return err
	}
	err = p.cut.server.Push(p.cfg.Tenant, next.Generation(), string(text), p.cut.keys.Signer, p.cut.keys.Verifier)
	if errors.Is(err, hub.ErrNotNewer) {
		return fault.New(fault.PolicyNotNewer, "problem", err, "hint", "raise generation").At(c.PolicyFile, 0, "generation")
	}
	return err
}

// sitePolicies takes the hub's policy at a remote gate.
type sitePolicies struct{ p *process }

// Compile implements site.Policies. What is refused is recorded.
func (s sitePolicies) Compile(ctx context.Context, generation uint64, file string) (func(context.Context) error, error) {
	p := s.p
	if p.cfg.Egress == nil {
		return func(context.Context) error { return nil }, nil // kept for when there is a gate for it
	}
	next, err := config.ExitPolicyText("the hub's policy", []byte(file))
	if err == nil && next.Generation() != generation {
		err = fmt.Errorf("generation %d is sent as %d", next.Generation(), generation)
	}
	past := &p.past.exit
	switch old := p.exit.Load(); {
	case err != nil:
	case old == nil && (generation < past.generation || generation == past.generation && string(next.Digest()) != past.digest):
		err = fault.New(fault.PolicyNotNewer, "problem", fmt.Sprintf("the ledger has already seen generation %d (%s)", past.generation, short(past.digest)),
			"hint", fmt.Sprintf("raise generation to %d", past.generation+1))
	case old != nil:
		if bad := next.Supersedes(old); bad != nil {
			err = fault.New(fault.PolicyNotNewer, "problem", bad.What, "hint", bad.Try)
		}
	}
	if err != nil {
		_, bad := p.outer.Record(ctx, event.Durable, &event.PolicyRejected{Reason: fault.Recorded(err)},
			&event.Finding{Code: "SK3706", Title: "a policy of the hub is not taken", Place: "egress"})
		return nil, errors.Join(err, bad)
	}
	return func(ctx context.Context) error {
		p.exitTurn.Lock()
		defer p.exitTurn.Unlock()
		if old := p.exit.Load(); old == nil || old.Generation() >= generation {
			return nil // the gates are not open yet, and will read what was kept
		}
		return p.putExitPolicy(ctx, next)
	}, nil
}

// ofHub reports whether the policy in force is the hub's: the file of the
// configuration counts for nothing then.
func (p *process) ofHub() bool {
	return p.cut != nil && p.cut.site != nil && p.cut.site.Policy() != nil
}

// exitPolicyOfStart is the policy of what leaves that a start puts in force.
func (p *process) exitPolicyOfStart() (*exit.Policy, error) {
	if !p.ofHub() {
		return p.cfg.Exit, nil
	}
	return config.ExitPolicyText("the hub's policy", []byte(p.cut.site.Policy().Text))
}
