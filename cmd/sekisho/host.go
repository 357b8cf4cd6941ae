package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

type hostCmd struct {
	KeyFile string `name:"key" placeholder:"FILE" help:"help_key_file"`

	Boot hostBootCmd `cmd:"" help:"help_host_boot"`
	Plan hostPlanCmd `cmd:"" help:"help_host_plan"`
}

type hostBootCmd struct {
	Host   string `arg:"" help:"help_case_host"`
	BootID string `name:"boot-id" help:"help_host_boot_id"`
	At     string `help:"help_host_at"`
	Reason string `help:"help_host_reason"`
	By     string `help:"help_by"`
}

// Run reports a start. Without --boot-id the time of the start names it.
func (c hostBootCmd) Run(a *app) error {
	at, err := instant(c.At)
	if err != nil {
		return err
	}
	b := &event.HostBoot{Host: c.Host, BootID: c.BootID, At: at, Reason: c.Reason, By: a.person(c.By)}
	if b.BootID == "" {
		b.BootID = strconv.FormatInt(at/int64(time.Second), 10)
	}
	return a.recordHost(control.HostRequest{Boot: b})
}

type hostPlanCmd struct {
	Host   string        `arg:"" help:"help_case_host"`
	From   string        `help:"help_host_from"`
	For    time.Duration `default:"2h" help:"help_host_for"`
	Reason string        `required:"" help:"help_reason"`
	By     string        `help:"help_by"`
}

// Run writes down a restart before it happens.
func (c hostPlanCmd) Run(a *app) error {
	from, err := instant(c.From)
	if err != nil {
		return err
	}
	return a.recordHost(control.HostRequest{Plan: &event.HostPlan{Host: c.Host, From: from, To: from + int64(c.For), Reason: c.Reason, By: a.person(c.By)}})
}

func (a *app) recordHost(r control.HostRequest) error {
	op, done, err := a.caseDesk()
	if err != nil {
		return err
	}
	defer done()
	if r.Key, err = a.key(); err != nil {
		return err
	}
	r.Lang = string(a.lang)
	out, err := op.RecordHost(a.ctx, r)
	if err != nil {
		return err
	}
	return a.out(out, func() {
		if out.Case == "" {
			a.print("host_recorded")
			return
		}
		a.print("host_case", "case", out.Case)
	})
}

// RecordHost implements control.Operator. The receipt names the case that a
// start opened, raised or opened again.
func (p *process) RecordHost(ctx context.Context, r control.HostRequest) (out control.CaseReceipt, err error) {
	switch {
	case r.Boot != nil:
		err = p.cases.desk.Boot(ctx, r.Boot)
		if err == nil {
			out.Case, err = p.cases.view.Rebooted(ctx, r.Boot.Host)
		}
	case r.Plan != nil:
		err = p.cases.desk.Plan(ctx, r.Plan, callerOf(ctx, r.Key))
	default:
		err = fault.New(fault.ControlRefused, "problem", "the request is empty", "hint", "use the same version for both")
	}
	if err != nil {
		return out, refusedIn(err, r.Lang)
	}
	p.cases.look()
	return out, nil
}

// reportStart writes down the start of the machine we run on, when the system
// tells one that is not in the ledger yet.
func (p *process) reportStart(ctx context.Context) error {
	b := ownBoot()
	if b == nil {
		return nil
	}
	if err := p.cases.desk.Settle(ctx); err != nil {
		return err
	}
	last, err := p.cases.view.LastBoot(ctx, b.Host)
	if err != nil || last == b.BootID {
		return err
	}
	return p.cases.desk.Boot(ctx, b)
}

// ownBoot reads what Linux says of its start (proc(5)); nil where it says
// nothing.
func ownBoot() *event.HostBoot {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil
	}
	at, err := bootTime()
	if err != nil {
		return nil
	}
	name, err := os.Hostname()
	if err != nil || name == "" {
		return nil
	}
	return &event.HostBoot{Host: name, BootID: strings.TrimSpace(string(id)), At: at, By: "sekisho"}
}

var errNoBootTime = errors.New("no btime in /proc/stat")

func bootTime() (int64, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			s, err := strconv.ParseInt(strings.TrimSpace(string(rest)), 10, 64)
			return s * int64(time.Second), err
		}
	}
	return 0, errNoBootTime
}

// inDays writes a length of time as people say it.
func inDays(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%.1f d", d.Hours()/24)
}
