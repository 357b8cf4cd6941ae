package main

import (
	"os"
	"strings"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub"
	"sekisho/internal/hub/site"
)

type cutCmd struct {
	Target string        `arg:"" optional:"" help:"help_cut_target"`
	All    bool          `help:"help_cut_everything"`
	As     string        `placeholder:"KIND" enum:",name,address,host,role,user" default:"" help:"help_cut_as"`
	For    time.Duration `default:"4h" help:"help_cut_for"`
	Case   string        `placeholder:"ID" help:"help_cut_case"`
	By     string        `help:"help_by"`
	Reason string        `help:"help_reason"`
}

// Run cuts and shows the receipts.
func (c cutCmd) Run(a *app) error {
	if c.All == (c.Target != "") {
		return fault.New(fault.Usage, "problem", a.say.Text("cut_one"), "hint", a.say.Text("cut_one_hint"))
	}
	as := c.As
	if c.All {
		as = "all"
	}
	return a.cut(control.CutOrder{As: as, Target: c.Target, For: c.For, Case: c.Case, By: a.person(c.By), Reason: c.Reason})
}

type freezeCmd struct {
	User   string        `arg:"" help:"help_freeze_user"`
	For    time.Duration `default:"4h" help:"help_cut_for"`
	Case   string        `placeholder:"ID" help:"help_cut_case"`
	By     string        `help:"help_by"`
	Reason string        `help:"help_reason"`
}

// Run ends a user's sessions everywhere and lets no new one begin.
func (c freezeCmd) Run(a *app) error {
	return a.cut(control.CutOrder{As: "user", Target: c.User, For: c.For, Case: c.Case, By: a.person(c.By), Reason: c.Reason})
}

func (a *app) cut(r control.CutOrder) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	done, err := op.OrderCut(a.ctx, r)
	if err != nil {
		return err
	}
	return a.receipts(done, true)
}

// receipts shows what each gate answered; a gate that did not is exit code 1.
func (a *app) receipts(c control.Cuts, ordered bool) error {
	err := a.out(c, func() {
		if ordered {
			a.print("cut_ordered", "generation", c.Generation, "answered", len(c.Gates)-c.Red(), "gates", len(c.Gates), "closed", c.Closed(),
				"ms", c.Took.Milliseconds(), "ids", strings.Join(c.Added, " "))
		}
		a.table([]string{"col_gate", "col_cut_answer", "col_generation", "col_cut_closed", "col_cut_at"}, func(line func(...any)) {
			for _, g := range c.Gates {
				line(g.Gate, a.cutAnswer(&g), g.Generation, g.Closed, since(g.At))
			}
		})
		if c.Unrecorded != "" {
			a.print("cut_unrecorded", "problem", c.Unrecorded)
		}
	})
	if err == nil && ordered && c.Red() > 0 {
		return errNo
	}
	return err
}

// since is a time, or a dash for none.
func since(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return at(t)
}

func (a *app) cutAnswer(g *control.CutGate) string {
	word, problem, _ := strings.Cut(g.Why, ": ")
	switch {
	case !g.Red:
		return a.say.Text("cut_answer_done")
	case word == "failed":
		return a.say.Text("cut_answer_failed", "problem", problem)
	case word == "silent":
		return a.say.Text("cut_answer_silent", "since", since(g.Since))
	}
	return a.say.Text("cut_answer_waiting")
}

type uncutCmd struct {
	IDs    []string `arg:"" name:"id" help:"help_cut_ids"`
	By     string   `help:"help_by"`
	Reason string   `help:"help_reason"`
}

// Run takes cuts back.
func (c uncutCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	done, err := op.LiftCut(a.ctx, control.CutLift{IDs: c.IDs, By: a.person(c.By), Reason: c.Reason})
	if err != nil {
		return err
	}
	return a.receipts(done, true)
}

type cutsCmd struct{}

// Run shows what is cut and what each gate answered.
func (cutsCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	c, err := op.Cuts(a.ctx)
	if err != nil {
		return err
	}
	if !a.json {
		if len(c.Entries) == 0 {
			a.print("cuts_none", "generation", c.Generation)
		} else {
			a.table([]string{"col_cut", "col_kind", "col_target", "col_until", "col_case"}, func(line func(...any)) {
				for _, e := range c.Entries {
					line(e.ID, a.say.Text("cut_kind_"+e.Kind), e.Target, a.cutEnd(&e), e.Case)
				}
			})
		}
	}
	return a.receipts(c, false)
}

// cutEnd is when a cut ends, as people have to know it.
func (a *app) cutEnd(e *event.CutEntry) string {
	switch end := event.Time(e.Until); {
	case time.Now().Before(end):
		return at(end)
	case e.Case != "":
		return a.say.Text("cut_holds", "since", at(end))
	default:
		return a.say.Text("cut_lapsed", "since", at(end))
	}
}

type hubCmd struct {
	Token  hubTokenCmd  `cmd:"" help:"help_hub_token"`
	Revoke hubRevokeCmd `cmd:"" help:"help_hub_revoke"`
}

type hubTokenCmd struct {
	Site string `arg:"" name:"name" help:"help_hub_site"`
	By   string `help:"help_by"`
}

// Run makes a token.
func (c hubTokenCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	t, err := op.HubToken(a.ctx, control.HubRequest{Site: c.Site, By: a.person(c.By)})
	if err != nil {
		return err
	}
	return a.out(t, func() { a.print("hub_token", "token", t.Token, "until", at(t.Until)) })
}

type hubRevokeCmd hubTokenCmd

// Run lets a remote gate connect no more.
func (c hubRevokeCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	left, err := op.RevokeGate(a.ctx, control.HubRequest{Site: c.Site, By: a.person(c.By)})
	if err != nil {
		return err
	}
	return a.receipts(left, false)
}

type gateJoinCmd struct {
	Token string `arg:"" help:"help_join_token"`
}

// Run makes this process's gates remote gates of a hub. It needs no running
// process: the next start obeys.
func (c gateJoinCmd) Run(a *app) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	if l.Hub != nil {
		return fault.New(fault.HubJoin, "problem", a.say.Text("join_is_hub"))
	}
	dir := hubDir(l.Config)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name, err := site.NameOf(c.Token)
	if err != nil {
		return fault.New(fault.HubJoin, "problem", err)
	}
	_, vkey, err := hub.ReceiptsKey(l.Keys, name)
	if err != nil {
		return keysFault(l.Keys, a.config, err)
	}
	before, err := hasGuarded(a.ctx, ledgerDir(l.Config))
	if err != nil {
		return ledgerFault(ledgerDir(l.Config), a.config, err)
	}
	m, err := site.Join(a.ctx, c.Token, dir, vkey, !before)
	if err != nil {
		if a.ctx.Err() != nil {
			return a.ctx.Err()
		}
		return fault.New(fault.HubJoin, "problem", err)
	}
	return a.out(m, func() {
		a.print("joined", "site", m.Site, "hub", m.Hub)
		if before {
			a.print("joined_late")
		}
	})
}
