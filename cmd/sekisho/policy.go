package main

import (
	"fmt"
	"net/netip"
	"strings"

	"sekisho/internal/config"
	"sekisho/internal/element"
	"sekisho/internal/fault"
	"sekisho/internal/policy"
)

type policyCmd struct {
	Check   policyCheckCmd   `cmd:"" help:"help_policy_check"`
	Test    policyTestCmd    `cmd:"" help:"help_policy_test"`
	Explain policyExplainCmd `cmd:"" help:"help_policy_explain"`
	Reload  policyReloadCmd  `cmd:"" help:"help_policy_reload"`
}

// policyFrom returns the policy of a file, of the configuration, or that which is
// in force at a console elsewhere.
func (a *app) policyFrom(file string) (*policy.Policy, *policy.Source, error) {
	if file != "" {
		return config.PolicyFile(file)
	}
	if a.hub.address != "" {
		return a.policyElsewhere()
	}
	l, err := a.load()
	if err != nil {
		return nil, nil, err
	}
	if l.Source == nil {
		return l.Compiled, &policy.Source{}, nil
	}
	return l.Compiled, l.Source, nil
}

type policyCheckCmd struct {
	File string `arg:"" optional:"" help:"help_policy_file"`
}

// Run compiles the policy, which runs its tests.
func (c policyCheckCmd) Run(a *app) error {
	p, src, err := a.policyFrom(c.File)
	if err != nil {
		return err
	}
	v := map[string]any{"generation": p.Generation(), "digest": p.Digest(), "rules": len(src.Rules), "tests": len(src.Tests)}
	return a.out(v, func() {
		a.print("policy_good", "generation", p.Generation(), "digest", short(string(p.Digest())), "tests", len(src.Tests))
	})
}

type policyTestCmd struct {
	File string `arg:"" optional:"" help:"help_policy_file"`
}

// Run shows each test and what decided it.
func (c policyTestCmd) Run(a *app) error {
	p, src, err := a.policyFrom(c.File)
	if err != nil {
		return err
	}
	type result struct {
		Name, Expect, Rule string
	}
	var all []result
	for i := range src.Tests {
		r, err := src.Tests[i].Request()
		if err != nil {
			return err
		}
		all = append(all, result{src.Tests[i].Name, src.Tests[i].Expect, p.Decide(r).Rule})
	}
	return a.out(all, func() {
		for _, r := range all {
			a.print("policy_test_line", "name", r.Name, "expect", a.say.Text("expect_"+r.Expect), "rule", r.Rule)
		}
		a.print("policy_tests_hold", "n", len(all))
	})
}

type policyExplainCmd struct {
	File           string   `help:"help_policy_file"`
	User           string   `required:"" help:"help_user"`
	Address        string   `required:"" help:"help_address"`
	Database       string   `required:"" help:"help_database"`
	Table          string   `help:"help_table"`
	Element        []string `help:"help_elements"`
	Bulk           string   `enum:",copy,dump,table" default:"" help:"help_bulk"`
	Channel        string   `default:"" help:"help_channel"`
	Unattributable bool     `help:"help_unattributable"`
}

// Run shows what would be decided, and why.
func (c policyExplainCmd) Run(a *app) error {
	p, _, err := a.policyFrom(c.File)
	if err != nil {
		return err
	}
	t := policy.TestSource{User: c.User, Address: c.Address, Database: c.Database, Table: c.Table,
		Elements: c.Element, Bulk: c.Bulk, Channel: c.Channel, Unattributable: c.Unattributable}
	r, bad := t.Request()
	if bad != nil {
		return fault.New(fault.Usage, "problem", bad.Path+": "+bad.What, "hint", bad.Try)
	}
	d, steps := p.Explain(r)
	return a.out(explanation(d, steps), func() { a.explain(d, steps) })
}

// explanation is the JSON form of a decision.
func explanation(d policy.Decision, steps []policy.Step) any {
	type miss struct {
		Rule    string `json:"rule"`
		Because string `json:"because"`
	}
	type step struct {
		Table   string `json:"table"`
		Element string `json:"element"`
		Rule    string `json:"rule"`
		Allowed bool   `json:"allowed"`
		Passed  []miss `json:"passed"`
	}
	out := struct {
		Action string            `json:"action"`
		Rule   string            `json:"rule"`
		Reason string            `json:"reason"`
		Digest policy.Digest     `json:"policy"`
		Masks  map[string]string `json:"masks"`
		Steps  []step            `json:"steps"`
	}{d.Action.String(), d.Rule, d.Reason, d.Digest, map[string]string{}, nil}
	for _, m := range d.Masks {
		out.Masks[m.Element.String()] = m.Method.String()
	}
	for _, s := range steps {
		one := step{s.Table, s.Element.String(), s.Rule, s.Allowed, []miss{}}
		for _, p := range s.Passed {
			one.Passed = append(one.Passed, miss(p))
		}
		out.Steps = append(out.Steps, one)
	}
	return out
}

func (a *app) explain(d policy.Decision, steps []policy.Step) {
	a.print("explain_"+d.Action.String(), "rule", d.Rule, "digest", short(string(d.Digest)))
	fmt.Fprintf(a.env.stdout, "  %s\n", reasonIn(a.say, d.Reason))
	for _, s := range steps {
		var passed []string
		for _, m := range s.Passed {
			passed = append(passed, a.say.Text("explain_passed", "rule", m.Rule, "because", a.say.Text("because_"+m.Because)))
		}
		a.print("explain_step", "table", s.Table, "element", s.Element, "rule", s.Rule)
		if len(passed) > 0 {
			fmt.Fprintf(a.env.stdout, "    %s\n", strings.Join(passed, "; "))
		}
	}
	for _, m := range d.Masks {
		a.print("explain_mask", "element", m.Element, "table", m.Table, "method", m.Method)
	}
}

type policyReloadCmd struct{}

// Run makes the running process read its policy again.
func (policyReloadCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	s, err := op.ReloadPolicy(a.ctx)
	if err != nil {
		return err
	}
	return a.out(s, func() {
		key := "policy_reloaded"
		if !s.Changed {
			key = "policy_same"
		}
		if s.Exit == nil || s.Changed {
			a.print(key, "generation", s.Generation, "digest", short(s.Digest))
		}
		if x := s.Exit; x != nil {
			a.print("egress_reloaded", "generation", x.Generation, "digest", short(x.Digest), "judged", x.Judged, "refused", x.Refused, "allowed", x.Allowed, "unknown", x.Unknown)
			for i := range x.Sorts {
				if i == maxShown {
					a.print("scope_more", "n", len(x.Sorts)-i)
					break
				}
				a.exitSort(&x.Sorts[i])
			}
		}
	})
}

// elementMask reads element names given on the command line.
func elementMask(names []string) (element.Mask, error) {
	var m element.Mask
	for _, name := range names {
		k, ok := element.ParseKind(name)
		if !ok {
			return 0, fault.New(fault.Usage, "problem", fmt.Sprintf("%q is no element", name),
				"hint", "write one of "+strings.Join(config.Elements(), ", "))
		}
		m |= element.MaskOf(k)
	}
	return m, nil
}

// checkAddress says whether an address given on the command line is one.
func checkAddress(text string) error {
	if text == "" {
		return nil
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return nil
	}
	if _, err := netip.ParsePrefix(text); err == nil {
		return nil
	}
	return fault.New(fault.Usage, "problem", fmt.Sprintf("%q is no IP address", text), "hint", "203.0.113.9, 203.0.113.0/24")
}
