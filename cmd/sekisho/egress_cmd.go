package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/policy/exit"
)

type egressCmd struct {
	Check    egressCheckCmd   `cmd:"" help:"help_egress_check"`
	Explain  egressExplainCmd `cmd:"" help:"help_egress_explain"`
	Preview  egressPreviewCmd `cmd:"" help:"help_egress_preview"`
	Setup    egressSetupCmd   `cmd:"" help:"help_egress_setup"`
	CA       egressCACmd      `cmd:"" name:"ca" help:"help_egress_ca"`
	Findings findingsCmd      `cmd:"" help:"help_findings"`
	Except   exceptCmd        `cmd:"" help:"help_except"`
	Hunt     huntCmd          `cmd:"" help:"help_hunt"`
}

// exitPolicy is the policy of what leaves of a file, or of the configuration.
func (a *app) exitPolicy(file string) (*exit.Policy, error) {
	if file != "" {
		return config.ExitPolicyFile(file)
	}
	l, err := a.load()
	if err != nil {
		return nil, err
	}
	if l.Exit == nil {
		return nil, fault.New(fault.ConfigMissing, "key", `"egress"`, "hint", "name the file with who may reach what").At(a.config, 0, "")
	}
	return l.Exit, nil
}

type egressCheckCmd struct {
	File string `arg:"" optional:"" help:"help_egress_file"`
}

// Run compiles the policy, which runs its tests.
func (c egressCheckCmd) Run(a *app) error {
	if c.File == "" && a.hub.address != "" {
		return c.elsewhere(a)
	}
	p, err := a.exitPolicy(c.File)
	if err != nil {
		return err
	}
	v := map[string]any{"generation": p.Generation(), "digest": p.Digest(), "roles": p.Roles()}
	return a.out(v, func() {
		a.print("egress_good", "generation", p.Generation(), "digest", short(string(p.Digest())), "roles", strings.Join(p.Roles(), ", "))
	})
}

type egressExplainCmd struct {
	File        string `help:"help_egress_file"`
	Client      string `required:"" help:"help_egress_client"`
	Certificate string `help:"help_egress_certificate"`
	User        string `help:"help_egress_user"`
	To          string `required:"" help:"help_egress_to"`
	Address     string `help:"help_egress_address"`
	Method      string `help:"help_egress_method"`
	At          string `help:"help_egress_at"`
}

// exitExplained is the JSON form of a decision about what leaves.
type exitExplained struct {
	Action string               `json:"action"`
	Step   string               `json:"step"`
	Rule   string               `json:"rule"`
	Reason string               `json:"reason"`
	Role   string               `json:"role"`
	By     string               `json:"by"`
	Mode   string               `json:"mode"`
	Policy string               `json:"policy"`
	Passed []consoleoffice.Miss `json:"passed"`
}

// Run shows who may go where, by which rule, and why not by the others.
func (c egressExplainCmd) Run(a *app) error {
	if c.File == "" && a.hub.address != "" {
		return c.elsewhere(a)
	}
	p, err := a.exitPolicy(c.File)
	if err != nil {
		return err
	}
	t := exit.TestSource{Client: c.Client, Certificate: c.Certificate, User: c.User, To: c.To, Address: c.Address, Method: c.Method, At: c.At}
	r, bad := t.Request()
	if bad != nil {
		return fault.New(fault.Usage, "problem", bad.Path+": "+bad.What, "hint", bad.Try)
	}
	if c.At == "" {
		r.Now = time.Now()
	}
	d, misses := p.Explain(r, nil)
	v := exitExplained{d.Action.String(), string(d.Step), d.Rule, d.Reason, d.Role, d.By, d.Mode.String(), string(d.Digest), []consoleoffice.Miss{}}
	for _, m := range misses {
		v.Passed = append(v.Passed, consoleoffice.Miss(m))
	}
	return a.exitExplained(v, r.Target.String())
}

func (a *app) exitExplained(v exitExplained, to string) error {
	return a.out(v, func() {
		a.print("egress_"+v.Action, "to", to, "rule", v.Rule, "digest", short(v.Policy))
		if v.Role == "" {
			a.print("egress_no_role")
		} else {
			a.print("egress_role", "role", v.Role, "by", a.say.Text("egress_by_"+v.By), "mode", v.Mode)
		}
		a.print("egress_step", "step", a.say.Text("egress_step_"+v.Step), "reason", v.Reason)
		for _, m := range v.Passed {
			a.print("egress_passed", "rule", m.Rule, "because", a.say.Text("egress_because_"+m.Because))
		}
	})
}

type egressPreviewCmd struct {
	File string `arg:"" help:"help_egress_file"`
	From string `default:"-720h" help:"help_egress_from"`
}

// change is what a policy would do otherwise to flows of one sort.
type change struct {
	Role   string    `json:"role"`
	Host   string    `json:"host"`
	Port   uint16    `json:"port"`
	Was    string    `json:"was"`
	Now    string    `json:"now"`
	Rule   string    `json:"rule"`
	Reason string    `json:"reason"`
	Flows  int       `json:"flows"`
	Last   time.Time `json:"last"`
}

// preview is what a policy would have done.
type preview struct {
	Judged  int `json:"judged"`
	Unknown int `json:"unknown"` // their names are not in the ledger
	changes map[change]*change
}

// Run shows which of the flows that were recorded the policy would have
// refused, or let pass, that were not.
func (c egressPreviewCmd) Run(a *app) error {
	p, err := a.exitPolicy(c.File)
	if err != nil {
		return err
	}
	from, err := parseTime(c.From, time.Now())
	if err != nil {
		return err
	}
	if a.hub.address != "" {
		return c.elsewhere(a, from)
	}
	r, dir, err := a.reader()
	if err != nil {
		return err
	}
	seen := &preview{changes: map[change]*change{}}
	if err := r.Scan(a.ctx, 0, seen.line(p, from.UnixNano())); err != nil {
		return ledgerFault(dir, a.config, err)
	}
	all := seen.sorted()
	v := struct {
		*preview
		Changes []*change `json:"changes"`
	}{seen, all}
	return a.out(v, func() {
		for _, x := range all {
			a.exitSort(&control.ExitSort{Role: x.Role, Host: x.Host, Port: x.Port, Was: x.Was, Now: x.Now, Rule: x.Rule, Flows: x.Flows, Last: x.Last})
		}
		a.print("egress_previewed", "judged", seen.Judged, "changes", len(all), "unknown", seen.Unknown)
	})
}

// exitSort shows what changes for flows of one sort.
func (a *app) exitSort(x *control.ExitSort) {
	a.print("egress_change", "role", orDash(x.Role), "to", fmt.Sprintf("%s:%d", x.Host, x.Port), "was", a.say.Text("egress_word_"+x.Was), "now", a.say.Text("egress_word_"+x.Now),
		"flows", x.Flows, "last", x.Last.Local().Format("2006-01-02 15:04"), "rule", x.Rule)
}

// line judges the flows among lines of the ledger from a time on.
func (s *preview) line(p *exit.Policy, from int64) func(event.Index, []byte) error {
	return func(_ event.Index, line []byte) error {
		head, err := event.ParseHeader(line)
		if err != nil || head.Kind != event.KindFlow || head.At < from {
			return err
		}
		e, err := event.Parse(line)
		if err != nil {
			return err
		}
		s.judge(p, e.Body.(*event.Flow), e.At)
		return nil
	}
}

func orDash(s string) string { return cmp.Or(s, "-") }

// judge asks the policy about a flow of the past. What was cut, or was no
// request, is no matter of the policy.
func (s *preview) judge(p *exit.Policy, f *event.Flow, at time.Time) {
	if f.Step == "cut" || f.Step == "form" || f.Step == "list" {
		return
	}
	target, err := exit.ParseHost(f.Host)
	client, err2 := netip.ParseAddr(f.Client)
	if err != nil || err2 != nil { // a name of which only a part was kept
		s.Unknown++
		return
	}
	target.Port = f.Port
	r := exit.Request{Client: client, Target: target, Method: f.Method, Now: at}
	if f.By == "certificate" {
		r.Certificate = f.User
	} else {
		r.User = f.User
	}
	if a, err := netip.ParseAddr(f.Address); err == nil {
		r.Address = a
	}
	s.Judged++
	d := p.Decide(&r, nil)
	if d.Action.String() == f.Action {
		return
	}
	x := change{Role: d.Role, Host: f.Host, Port: f.Port, Was: f.Action, Now: d.Action.String(), Rule: d.Rule, Reason: d.Reason}
	known := s.changes[x]
	if known == nil {
		copied := x
		known = &copied
		s.changes[x] = known
	}
	known.Flows++
	if at.After(known.Last) {
		known.Last = at
	}
}

// sorted puts refusals first, then what concerns most flows.
func (s *preview) sorted() []*change {
	all := []*change{}
	for _, x := range s.changes {
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b *change) int {
		return cmp.Or(-cmp.Compare(a.Now, b.Now), cmp.Compare(b.Flows, a.Flows), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Was, b.Was))
	})
	return all
}
