package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

type caseCmd struct {
	KeyFile string `name:"key" placeholder:"FILE" help:"help_key_file"`

	Wrong    caseWrongCmd       `cmd:"" help:"help_case_wrong"`
	Open     caseOpenCmd        `cmd:"" help:"help_case_open"`
	List     caseListCmd        `cmd:"" default:"withargs" help:"help_case_list"`
	Show     caseShowCmd        `cmd:"" help:"help_case_show"`
	Timeline caseTimelineCmd    `cmd:"" help:"help_case_timeline"`
	Know     caseKnowCmd        `cmd:"" help:"help_case_know"`
	Move     caseMoveCmd        `cmd:"" help:"help_case_move"`
	Task     caseTaskCmd        `cmd:"" help:"help_case_task"`
	Preserve casePreserveCmd    `cmd:"" help:"help_case_preserve"`
	Hand     caseHandCmd        `cmd:"" help:"help_case_hand"`
	Act      caseActCmd         `cmd:"" help:"help_case_act"`
	Scope    caseScopeCmd       `cmd:"" help:"help_case_scope"`
	Misuse   caseMisuseCmd      `cmd:"" help:"help_case_misuse"`
	Common   caseConcentrateCmd `cmd:"" name:"concentrate" help:"help_case_common"`
	Report   caseReportCmd      `cmd:"" help:"help_case_report"`
	Decide   caseDecideCmd      `cmd:"" help:"help_case_decide"`
	Clock    caseClockCmd       `cmd:"" help:"help_case_clock"`
	Draft    caseDraftCmd       `cmd:"" help:"help_case_draft"`
	Compare  caseCompareCmd     `cmd:"" help:"help_case_compare"`
	Text     caseTextCmd        `cmd:"" help:"help_case_text"`
	Agree    caseAgreeCmd       `cmd:"" help:"help_case_agree"`
	Ack      caseAckCmd         `cmd:"" help:"help_case_ack"`
	TestCall caseTestCallCmd    `cmd:"" help:"help_case_test_call"`
	Ready    caseReadyCmd       `cmd:"" help:"help_case_ready"`
	Measure  caseMeasureCmd     `cmd:"" help:"help_case_measure"`
	Key      caseKeyCmd         `cmd:"" help:"help_case_make_key"`
	Classes  caseClassesCmd     `cmd:"" help:"help_case_classes"`
	Rules    caseRulesCmd       `cmd:"" help:"help_case_rules"`
	Firm     caseFirmCmd        `cmd:"" help:"help_case_firm"`
	Vendor   caseVendorCmd      `cmd:"" help:"help_case_vendor"`
}

// caseOperator is the part of control.Operator that cases need.
type caseOperator interface {
	RecordCase(ctx context.Context, r control.CaseRequest) (control.CaseReceipt, error)
	Draft(ctx context.Context, r control.DraftQuery) (control.DraftAnswer, error)
	Misuse(ctx context.Context, r control.MisuseRequest) (control.CaseReceipt, error)
	Concentrate(ctx context.Context, r control.ConcentrateRequest) (control.CaseReceipt, error)
	RecordHost(ctx context.Context, r control.HostRequest) (control.CaseReceipt, error)
	TestCall(ctx context.Context, r control.TestRequest) (control.TestAnswer, error)
	Case(ctx context.Context, r control.CaseQuery) (json.RawMessage, error)
}

// key returns the content of the key file that shows who asks; empty for none.
func (a *app) key() (string, error) {
	secret, err := config.ReadSecret(a.keyFile)
	return secret.Reveal(), err
}

// caseDesk returns who answers: the running process, or this one.
func (a *app) caseDesk() (caseOperator, func(), error) {
	if a.hub.address != "" {
		client, err := a.hub.client()
		return client, func() {}, err
	}
	l, err := a.load()
	if err != nil {
		return nil, nil, err
	}
	client := control.NewClient(l.Control, a.config)
	_, err = client.Status(a.ctx)
	if err == nil {
		return client, func() {}, nil
	}
	if fault.Faults(err)[0].Code != fault.NotRunning {
		return nil, nil, err
	}
	a.ctx = control.WithPeer(a.ctx, control.Peer{UID: os.Getuid(), Known: os.Getuid() >= 0}) // this process answers itself
	p := &process{file: a.config, cfg: l, log: a.log(), now: time.Now}
	bar := a.progress("progress_replay")
	defer bar.end()
	if err := p.openTruth(a.ctx, bar.show); err != nil {
		return nil, nil, errors.Join(err, p.close())
	}
	err = p.openView(a.ctx)
	if err == nil {
		err = p.view.follower.CatchUp(a.ctx)
	}
	if err == nil {
		err = p.openCases(a.ctx, false)
	}
	if err != nil {
		return nil, nil, errors.Join(err, p.close())
	}
	return p, func() {
		if err := p.close(); err != nil {
			p.log.Error("close", "err", err)
		}
	}, nil
}

// record proposes a body and says what became of it.
func (a *app) record(body event.Cased) error {
	op, done, err := a.caseDesk()
	if err != nil {
		return err
	}
	defer done()
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	r, err := op.RecordCase(a.ctx, control.CaseRequest{Kind: body.Kind(), Body: text, Lang: string(a.lang), Key: key})
	if err != nil {
		return err
	}
	return a.out(r, func() {
		a.print("case_recorded", "case", r.Case)
		if r.Result != "" {
			a.print("case_receipt", "result", r.Result, "n", countOf(r.Applied))
		}
	})
}

// tellUnseen says on stderr that cases are shown as they were before an outage.
func (a *app) tellUnseen(op caseOperator) error {
	client, ok := op.(*control.Client)
	if !ok {
		return nil
	}
	s, err := client.Status(a.ctx)
	if err == nil && s.Outage != nil && s.Outage.Unseen > 0 {
		fmt.Fprintln(a.env.stderr, a.say.Text("cases_unseen", "since", at(s.Outage.Since), "n", countOf(s.Outage.Unseen)))
	}
	return err
}

// ask returns a case with its clocks.
func (a *app) askCase(id string) (*desk.Answer, error) {
	op, done, err := a.caseDesk()
	if err != nil {
		return nil, err
	}
	defer done()
	text, err := op.Case(a.ctx, control.CaseQuery{ID: id})
	if err == nil {
		err = a.tellUnseen(op)
	}
	if err != nil {
		return nil, err
	}
	var out desk.Answer
	return &out, json.Unmarshal(text, &out)
}

// instant reads a time; empty is now.
func instant(text string) (int64, error) {
	now := time.Now()
	if text == "" {
		return now.UnixNano(), nil
	}
	t, err := parseTime(text, now)
	return t.UnixNano(), err
}

type caseWrongCmd struct {
	What string `arg:"" help:"help_case_what"`
	Host string `help:"help_case_host"`
	By   string `help:"help_by"`
}

// Run says that something is wrong: the clock starts, a first scope is frozen,
// the person on duty is called.
func (c caseWrongCmd) Run(a *app) error {
	by := a.person(c.By)
	s := &event.CaseSign{Class: "unknown", Channel: "button", Title: c.What, KnownAt: time.Now().UnixNano(), KnownBy: by, By: by}
	if c.Host != "" {
		s.Hosts = []string{c.Host}
	}
	return a.record(s)
}

type caseOpenCmd struct {
	Title   string   `arg:"" help:"help_case_what"`
	Class   string   `help:"help_case_class_or_none"`
	Channel string   `default:"own" help:"help_case_channel"`
	Case    string   `help:"help_case_same"`
	Host    []string `help:"help_case_host"`
	Place   []string `help:"help_scope_place"`
	KnownAt string   `help:"help_case_known_at"`
	KnownBy string   `help:"help_case_known_by"`
	Org     string   `help:"help_case_org"`
	Fact    []string `help:"help_case_fact"`
	By      string   `help:"help_by"`
}

// Run takes a sign.
func (c caseOpenCmd) Run(a *app) error {
	at, err := instant(c.KnownAt)
	if err != nil {
		return err
	}
	s := &event.CaseSign{Case: c.Case, Class: c.Class, Channel: c.Channel, Title: c.Title, Hosts: c.Host, KnownAt: at, KnownBy: c.KnownBy, Org: c.Org, By: a.person(c.By), Facts: c.Fact}
	for _, p := range c.Place {
		s.Places = append(s.Places, event.Place(p))
	}
	if s.KnownBy == "" {
		s.KnownBy = s.By
	}
	return a.record(s)
}

type caseKnowCmd struct {
	Case     string `arg:"" help:"help_case_id"`
	Fact     string `arg:"" help:"help_case_fact"`
	At       string `help:"help_case_known_at"`
	KnownBy  string `help:"help_case_known_by"`
	Org      string `help:"help_case_org"`
	Persons  uint64 `help:"help_case_persons"`
	Withdraw bool   `help:"help_case_withdraw"`
	Text     string `help:"help_reason"`
	By       string `help:"help_by"`
}

// Run records who knew what from when.
func (c caseKnowCmd) Run(a *app) error {
	at, err := instant(c.At)
	if err != nil {
		return err
	}
	f := &event.CaseFact{Case: c.Case, Fact: c.Fact, KnownAt: at, KnownBy: c.KnownBy, Org: c.Org, Persons: c.Persons, By: a.person(c.By), Text: c.Text, Withdrawn: c.Withdraw}
	if f.KnownBy == "" {
		f.KnownBy = f.By
	}
	return a.record(f)
}

type caseMoveCmd struct {
	Case   string `arg:"" help:"help_case_id"`
	To     string `help:"help_case_to"`
	Class  string `help:"help_case_class"`
	Cause  string `help:"help_case_cause"`
	Reason string `required:"" help:"help_reason"`
	Second string `help:"help_case_second"`
	By     string `help:"help_by"`
}

// Run changes state or class.
func (c caseMoveCmd) Run(a *app) error {
	return a.record(&event.CaseMove{Case: c.Case, To: c.To, Class: c.Class, Cause: c.Cause, By: a.person(c.By), Second: c.Second, Reason: c.Reason})
}

type caseTaskCmd struct {
	Case   string `arg:"" help:"help_case_id"`
	Task   string `arg:"" help:"help_case_task_id"`
	Step   string `arg:"" enum:"add,assign,done,not-needed" help:"help_case_step"`
	Title  string `help:"help_case_what"`
	Owner  string `help:"help_case_owner"`
	Due    string `help:"help_case_due"`
	Lesson bool   `help:"help_case_lesson"`
	Reason string `help:"help_reason"`
	By     string `help:"help_by"`
}

// Run adds, gives or ends a task.
func (c caseTaskCmd) Run(a *app) error {
	t := &event.CaseTask{Case: c.Case, Task: c.Task, Step: c.Step, Title: c.Title, Owner: c.Owner, Lesson: c.Lesson, By: a.person(c.By), Reason: c.Reason}
	if c.Due != "" {
		var err error
		if t.Due, err = instant(c.Due); err != nil {
			return err
		}
	}
	return a.record(t)
}

type casePreserveCmd struct {
	Case   string `arg:"" help:"help_case_id"`
	Host   string `arg:"" help:"help_case_host"`
	Form   string `required:"" help:"help_case_form"`
	SHA256 string `required:"" name:"sha256" help:"help_case_sha256"`
	Kept   string `required:"" help:"help_case_kept"`
	At     string `help:"help_case_at"`
	Name   string `help:"help_case_evidence"`
	By     string `help:"help_by"`
}

// Run records evidence: the first link of its chain of custody.
func (c casePreserveCmd) Run(a *app) error {
	at, err := instant(c.At)
	if err != nil {
		return err
	}
	name := c.Name
	if name == "" && len(c.SHA256) >= 12 {
		name = c.Host + "-" + c.SHA256[:12]
	}
	by := a.person(c.By)
	return a.record(&event.CaseEvidence{Case: c.Case, Evidence: name, Step: "preserved", Host: c.Host, Form: c.Form, SHA256: c.SHA256, At: at, By: by, To: by, Kept: c.Kept})
}

type caseHandCmd struct {
	Case     string `arg:"" help:"help_case_id"`
	Evidence string `arg:"" help:"help_case_evidence"`
	To       string `required:"" help:"help_case_hand_to"`
	By       string `help:"help_by"`
}

// Run hands evidence over: the next link.
func (c caseHandCmd) Run(a *app) error {
	return a.record(&event.CaseEvidence{Case: c.Case, Evidence: c.Evidence, Step: "handed", At: time.Now().UnixNano(), By: a.person(c.By), To: c.To})
}

type caseActCmd struct {
	Case     string `arg:"" help:"help_case_id"`
	Do       string `arg:"" enum:"cut,freeze,bypass-off,isolate,stop-payment,rebuild,move,retire,power-off,clean" help:"help_case_do"`
	Target   string `arg:"" help:"help_case_target"`
	Override bool   `help:"help_case_override"`
	Second   string `help:"help_case_second"`
	Reason   string `help:"help_reason"`
	By       string `help:"help_by"`
}

// Run orders an action; cut, freeze and bypass-off are done by the gates.
func (c caseActCmd) Run(a *app) error {
	return a.record(&event.CaseAction{Case: c.Case, Action: c.Do + "-" + time.Now().UTC().Format("20060102T150405.000"), Step: "done", Do: c.Do, Target: c.Target,
		Override: c.Override, By: a.person(c.By), Second: c.Second, Reason: c.Reason})
}
