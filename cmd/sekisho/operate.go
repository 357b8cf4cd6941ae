package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// table writes rows in columns.
func (a *app) table(head []string, rows func(line func(cells ...any))) {
	w := tabwriter.NewWriter(a.env.stdout, 0, 0, 2, ' ', 0)
	line := func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				io.WriteString(w, "\t")
			}
			fmt.Fprint(w, c)
		}
		io.WriteString(w, "\n")
	}
	cells := make([]any, len(head))
	for i, key := range head {
		cells[i] = a.say.Text(key)
	}
	line(cells...)
	rows(line)
	w.Flush()
}

// at writes a time as people here read it, in UTC.
func at(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

type statusCmd struct{}

// Run shows the state of the running process.
func (statusCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	s, err := op.Status(a.ctx)
	if err != nil {
		return err
	}
	return a.out(s, func() {
		a.print("status_line", "pid", s.PID, "since", at(s.Since), "version", s.Version, "tenant", s.Tenant)
		a.print("status_ledger", "head", countOf(s.Head), "folded", countOf(s.Folded))
		if o := s.Outage; o != nil {
			f := o.Fault()
			a.print("status_outage", "since", at(o.Since), "what", f.What(a.lang), "try", f.Try(a.lang), "code", f.Code)
			if o.Unseen > 0 {
				a.print("cases_unseen", "since", at(o.Since), "n", countOf(o.Unseen))
			}
		}
		if u := s.Upgrade; u != nil && u.Failed != "" {
			a.print("upgrade_failed", "to", u.To, "problem", u.Failed)
		}
		a.print("status_policy", "generation", s.Policy.Generation, "digest", short(s.Policy.Digest))
		a.gates(s.Gates)
	})
}

func (a *app) gates(all []control.GateStatus) {
	a.table([]string{"col_gate", "col_database", "col_listen", "col_mode", "col_sessions"}, func(line func(...any)) {
		for _, g := range all {
			mode := a.say.Text("mode_" + g.Mode)
			if g.Bypass {
				mode = a.say.Text("mode_bypass")
			}
			line(g.Name, g.Database, g.Listen, mode, g.Sessions)
		}
	})
	for _, g := range all {
		if g.Suspected {
			a.print("gate_suspected", "gate", g.Name)
		}
	}
}

type gateCmd struct {
	Status   gateStatusCmd   `cmd:"" help:"help_gate_status"`
	Sessions gateSessionsCmd `cmd:"" help:"help_gate_sessions"`
	Cut      gateCutCmd      `cmd:"" help:"help_gate_cut"`
	Join     gateJoinCmd     `cmd:"" help:"help_gate_join"`
	Clear    gateClearCmd    `cmd:"" help:"help_gate_clear"`
}

type gateStatusCmd struct{}

// Run shows the gates.
func (gateStatusCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	s, err := op.Status(a.ctx)
	if err != nil {
		return err
	}
	return a.out(s.Gates, func() { a.gates(s.Gates) })
}

type gateSessionsCmd struct{}

// Run shows the sessions.
func (gateSessionsCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	all, err := op.Sessions(a.ctx)
	if err != nil {
		return err
	}
	return a.out(all, func() {
		a.table([]string{"col_session", "col_gate", "col_user", "col_address", "col_since", "col_rows", "col_label"}, func(line func(...any)) {
			for _, s := range all {
				line(uint64(s.Session), s.Gate, s.User, s.Address, at(s.Since), countOf(s.Rows), fmt.Sprintf("%q", s.Label))
			}
		})
	})
}

type gateCutCmd struct {
	Session uint64 `help:"help_session"`
	User    string `help:"help_user"`
	Address string `help:"help_address"`
	Gate    string `help:"help_gate_name"`
	All     bool   `help:"help_cut_all"`
	By      string `help:"help_by"`
	Reason  string `required:"" help:"help_reason"`
}

// Run ends sessions and shows the receipt.
func (c gateCutCmd) Run(a *app) error {
	if c.Session == 0 && c.User == "" && c.Address == "" && c.Gate == "" && !c.All {
		return fault.New(fault.Usage, "problem", a.say.Text("cut_nothing"), "hint", a.say.Text("cut_hint"))
	}
	op, err := a.operator()
	if err != nil {
		return err
	}
	r, err := op.Cut(a.ctx, control.CutRequest{Session: event.Session(c.Session), User: c.User, Address: c.Address,
		Gate: c.Gate, All: c.All, By: a.person(c.By), Reason: c.Reason})
	if err != nil {
		return err
	}
	return a.out(r, func() { a.print("cut_done", "n", len(r.Sessions), "ms", r.Took.Milliseconds()) })
}

type gateClearCmd struct {
	Gate   string `arg:"" optional:"" help:"help_gate_name"`
	By     string `help:"help_by"`
	Reason string `required:"" help:"help_reason"`
}

// Run records that code copied no protected data.
func (c gateClearCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	r, err := op.Clear(a.ctx, control.ClearRequest{Gate: c.Gate, By: a.person(c.By), Reason: c.Reason})
	if err != nil {
		return err
	}
	return a.out(r, func() { a.print("clear_done", "n", len(r.Databases), "databases", strings.Join(r.Databases, ", ")) })
}

type bypassCmd struct {
	On     bypassOnCmd     `cmd:"" help:"help_bypass_on"`
	Off    bypassOffCmd    `cmd:"" help:"help_bypass_off"`
	Status bypassStatusCmd `cmd:"" help:"help_bypass_status"`
}

type bypassOnCmd struct {
	Gate   string `arg:"" optional:"" help:"help_gate_name"`
	By     string `help:"help_by"`
	Reason string `required:"" help:"help_reason"`
}

type bypassOffCmd struct {
	Gate string `arg:"" optional:"" help:"help_gate_name"`
	By   string `help:"help_by"`
}

type bypassStatusCmd struct{}

// Run opens the direct way.
func (c bypassOnCmd) Run(a *app) error {
	return a.bypass(control.BypassRequest{Gate: c.Gate, Open: true, By: a.person(c.By), Reason: c.Reason})
}

// Run closes the direct way.
func (c bypassOffCmd) Run(a *app) error {
	return a.bypass(control.BypassRequest{Gate: c.Gate, By: a.person(c.By), Reason: "closed"})
}

// Run tells which gates are bypassed.
func (bypassStatusCmd) Run(a *app) error { return a.bypass(control.BypassRequest{Query: true}) }

func (a *app) bypass(r control.BypassRequest) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	s, err := op.Bypass(a.ctx, r)
	if err != nil {
		return err
	}
	return a.out(s, func() {
		if r.Open {
			a.print("bypass_warning")
		}
		a.gates(s.Gates)
	})
}

type breakglassCmd struct {
	Request breakglassRequestCmd `cmd:"" help:"help_breakglass_request"`
	Approve breakglassDecideCmd  `cmd:"" help:"help_breakglass_approve"`
	Refuse  breakglassRefuseCmd  `cmd:"" help:"help_breakglass_refuse"`
	End     breakglassEndCmd     `cmd:"" help:"help_breakglass_end"`
	List    breakglassListCmd    `cmd:"" help:"help_breakglass_list"`
}

type breakglassRequestCmd struct {
	User     string        `required:"" help:"help_user"`
	Database string        `required:"" help:"help_database"`
	Table    []string      `help:"help_table"`
	Element  []string      `required:"" help:"help_elements"`
	For      time.Duration `required:"" help:"help_for"`
	Purpose  string        `required:"" help:"help_purpose"`
	By       string        `help:"help_by"`
}

// Run asks for exceptional access.
func (c breakglassRequestCmd) Run(a *app) error {
	if _, err := elementMask(c.Element); err != nil {
		return err
	}
	op, err := a.operator()
	if err != nil {
		return err
	}
	g, err := op.RequestGrant(a.ctx, control.GrantRequest{By: a.person(c.By), User: c.User, Database: c.Database,
		Tables: c.Table, Elements: c.Element, Purpose: c.Purpose, For: c.For})
	if err != nil {
		return err
	}
	return a.out(g, func() { a.print("grant_requested", "id", g.ID) })
}

type breakglassDecideCmd struct {
	ID string `arg:"" help:"help_grant_id"`
	By string `help:"help_by"`
}
type breakglassRefuseCmd breakglassDecideCmd
type breakglassEndCmd breakglassDecideCmd

// Run approves a request.
func (c breakglassDecideCmd) Run(a *app) error { return a.decide(c.ID, c.By, "approve") }

// Run refuses a request.
func (c breakglassRefuseCmd) Run(a *app) error { return a.decide(c.ID, c.By, "refuse") }

// Run ends a grant before its time.
func (c breakglassEndCmd) Run(a *app) error { return a.decide(c.ID, c.By, "end") }

func (a *app) decide(id, by, step string) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	g, err := op.DecideGrant(a.ctx, control.GrantDecision{ID: id, By: a.person(by), Step: step})
	if err != nil {
		return err
	}
	return a.out(g, func() { a.print("grant_"+g.State, "id", g.ID, "until", at(g.Until)) })
}

type breakglassListCmd struct{}

// Run lists requests and grants.
func (breakglassListCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	all, err := op.Grants(a.ctx)
	if err != nil {
		return err
	}
	return a.out(all, func() {
		a.table([]string{"col_grant", "col_state", "col_user", "col_elements", "col_by", "col_approver", "col_until"}, func(line func(...any)) {
			for _, g := range all {
				line(g.ID, a.say.Text("state_"+g.State), g.User, g.Elements, g.By, g.Approver, at(g.Until))
			}
		})
	})
}
