package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub/frame"
	"sekisho/internal/subject"
	"sekisho/internal/view/disclosure"
	"sekisho/proof"
	"sekisho/proof/scope"
)

type scopeCmd struct {
	From    string        `help:"help_from"`
	To      string        `help:"help_to"`
	Place   []string      `help:"help_scope_place"`
	User    []string      `help:"help_user"`
	Address []string      `help:"help_address"`
	Session []string      `placeholder:"[SOURCE/]NUMBER" help:"help_session"`
	Element []string      `help:"help_elements"`
	Label   []string      `help:"help_scope_label"`
	Silence time.Duration `help:"help_silence"`
	List    bool          `xor:"form" help:"help_scope_list"`
	Bundle  string        `xor:"form" placeholder:"FILE" help:"help_scope_bundle"`
	By      string        `help:"help_by"`
	Trace   string        `xor:"form" placeholder:"ID" help:"help_scope_trace"`

	Persons       string   `xor:"form" placeholder:"DIR" help:"help_scope_persons"`
	PersonsSource []string `sep:"none" placeholder:"SUBJECTS=SOURCE" help:"help_scope_persons_source"`
	noticeFlags   `embed:""`
}

// Run asks whose data crossed. The running process answers; without one, this
// command opens the ledger itself.
func (c scopeCmd) Run(a *app) error {
	if c.Trace != "" {
		return c.traced(a)
	}
	q, err := c.query(time.Now())
	if err != nil {
		return err
	}
	op, done, err := a.answerer()
	if err != nil {
		return err
	}
	defer func() { done() }()
	if c.Notices != "" && (c.Persons == "" || len(c.NoticesTo) == 0 || c.Reason == "") {
		return fault.New(fault.Usage, "problem", "--notices", "hint", a.say.Text("scope_notices_need"))
	}
	r := control.ScopeRequest{Query: q, Form: control.FormResult, By: a.person(c.By)}
	switch {
	case c.List:
		r.Form = control.FormList
		return op.Scope(a.ctx, r, a.env.stdout)
	case c.Bundle != "":
		r.Form = control.FormBundle
		return c.writeBundle(a, op, r)
	case c.Persons != "":
		out, list, err := c.persons(a, op, r)
		done() // the ledger is free for what is recorded about the list
		done = func() {}
		if err == nil && list != nil {
			err = list(out)
		}
		if err != nil {
			return err
		}
		return a.out(out, func() { a.personsText(out) })
	}
	var text bytes.Buffer
	if err := op.Scope(a.ctx, r, &text); err != nil {
		return err
	}
	if a.json {
		_, err := a.env.stdout.Write(text.Bytes())
		return err
	}
	var result scope.Result
	if err := json.Unmarshal(text.Bytes(), &result); err != nil {
		return fault.New(fault.Internal).Because(err)
	}
	return (&scopeText{w: a.env.stdout, say: a.say}).write(&result)
}

// writeBundle writes to a new file, which appears only when it is whole.
func (c scopeCmd) writeBundle(a *app, op scopeAnswerer, r control.ScopeRequest) error {
	bad := func(err error) error { return fault.New(fault.ConfigUnreadable, "what", c.Bundle).Because(err) }
	f, err := os.OpenFile(c.Bundle, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return bad(err)
	}
	err = op.Scope(a.ctx, r, f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.Bundle))
	}
	return a.out(map[string]string{"bundle": c.Bundle}, func() { a.print("bundle_written", "file", c.Bundle) })
}

func (c scopeCmd) query(now time.Time) (scope.Query, error) {
	q := scope.Query{Places: c.Place, Users: c.User, Addresses: c.Address, Elements: c.Element, Labels: c.Label, Silence: c.Silence}
	var err error
	if q.From, err = parseTime(c.From, now); err != nil {
		return q, err
	}
	if q.To, err = parseTime(c.To, now); err != nil {
		return q, err
	}
	for _, text := range c.Session {
		source, number := "", text
		if i := strings.LastIndexByte(text, '/'); i >= 0 {
			source, number = text[:i], text[i+1:]
		}
		id, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return q, fault.New(fault.ScopeQuery, "problem", strconv.Quote(text)+" is no session", "hint", "`sekisho events --kind session-open` shows the sessions")
		}
		q.Sessions = append(q.Sessions, scope.Session{Source: source, ID: id})
	}
	if _, err := elementMask(c.Element); err != nil {
		return q, err
	}
	for _, address := range c.Address {
		if err := checkAddress(address); err != nil {
			return q, err
		}
	}
	return q, nil
}

// scopeAnswerer is the part of control.Operator that scope needs.
type scopeAnswerer interface {
	Scope(ctx context.Context, r control.ScopeRequest, w io.Writer) error
}

// answerer returns who answers: the running process, or this one. done must be
// called at the end.
func (a *app) answerer() (scopeAnswerer, func(), error) {
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
	if err != nil {
		return nil, nil, errors.Join(err, p.close())
	}
	return &alone{p}, func() {
		if err := p.close(); err != nil {
			p.log.Error("close", "err", err)
		}
	}, nil
}

// alone answers without a running process: nobody else moves the view.
type alone struct{ *process }

// Scope folds what earlier answers recorded, then answers.
func (p *alone) Scope(ctx context.Context, r control.ScopeRequest, w io.Writer) error {
	if err := p.view.follower.CatchUp(ctx); err != nil {
		return fault.New(fault.ViewOpen, "file", p.view.file).Because(err)
	}
	return p.process.Scope(ctx, r, w)
}

// Scope implements control.Operator.
func (p *process) Scope(ctx context.Context, r control.ScopeRequest, w io.Writer) error {
	_, err := p.measured(ctx, r, w)
	return err
}

// measured writes an answer in its form, and returns the result of which its record
// holds the digest.
func (p *process) measured(ctx context.Context, r control.ScopeRequest, w io.Writer) ([]byte, error) {
	if err := p.callIn(ctx); err != nil {
		return nil, fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	for _, g := range p.gates { // a question without an end reaches to now
		if _, err := g.rec.Record(ctx, event.Durable, g.sign()); err != nil {
			return nil, fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
		}
	}
	if err := p.view.await(ctx, p.ledger.Head()); err != nil {
		return nil, p.viewFault(p.view.file, err)
	}
	answer, indexes, err := p.answer(ctx, r)
	if errors.Is(err, scope.ErrQuery) {
		return nil, fault.New(fault.ScopeQuery, "problem", err, "hint", "see `sekisho scope --help`")
	}
	if err != nil {
		return nil, fault.New(fault.ViewOpen, "file", p.view.file).Because(err)
	}
	var left []event.Index
	if r.Form == control.FormBundle {
		left, err = p.leavingProved(ctx, &answer.Result)
	} else if r.Form != control.FormFigures {
		err = p.leaving(ctx, &answer.Result)
	}
	if err != nil {
		return nil, fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	if r.Form == control.FormBundle {
		indexes = slices.Compact(slices.Sorted(slices.Values(append(indexes, left...))))
	}
	text, err := json.MarshalIndent(answer.Result, "", "  ")
	if err != nil {
		return nil, err
	}
	text = append(text, '\n')
	frozen, err := frozenOf(&answer.Result, r)
	if err != nil {
		return nil, err
	}
	by := event.Source("person/" + r.By)
	if r.Form == control.FormBundle {
		return text, p.ledger.WriteBundle(ctx, w, text, indexes, by, frozen)
	}
	frozen.Digest = proof.ScopeDigest(text)
	if _, err := p.ledger.Recorder(by, 0).Record(ctx, event.Durable, &frozen); err != nil {
		return nil, err
	}
	if r.Form == control.FormList {
		return text, p.list(answer, w)
	}
	_, err = w.Write(text)
	return text, err
}

// answer asks the view; for a bundle also which events the answer rests on.
func (p *process) answer(ctx context.Context, r control.ScopeRequest) (*disclosure.Answer, []event.Index, error) {
	if r.Form == control.FormBundle {
		return p.view.view.Evidence(ctx, r.Query)
	}
	answer, err := p.view.view.Scope(ctx, r.Query)
	return answer, nil, err
}

// frozenOf is the record of an answer. A list names persons, so its record
// says so: the query carries the form.
func frozenOf(r *scope.Result, q control.ScopeRequest) (event.ScopeFrozen, error) {
	query, err := json.Marshal(struct {
		Form  string      `json:"form"`
		Query scope.Query `json:"query"`
	}{q.Form, r.Query})
	return event.ScopeFrozen{By: q.By, Query: string(query), Confirmed: r.Confirmed.Subjects,
		Reachable: r.Reachable.Subjects, EverHeld: r.EverHeld.Subjects}, err
}

// keyOf is the key of a subject; of one of a remote process its number, for the
// keys are there (docs/decisions/cut.md).
func (p *process) keyOf(src event.SubjectSource, n uint32) (string, error) {
	if site := frame.SiteOfSubjects(string(src)); site != "" && site != p.member {
		return "#" + strconv.FormatUint(uint64(n), 10), nil
	}
	key, err := p.dict.Key(src, n)
	return key.String(), err
}

// list writes one line a subject. Subjects whose key was destroyed are counted
// in the last line: they are never left out silently.
func (p *process) list(answer *disclosure.Answer, w io.Writer) error {
	lines, err := answer.List(func(src event.SubjectSource, n uint32) (string, error) {
		return p.keyOf(src, n)
	})
	if err != nil && !errors.Is(err, subject.ErrForgotten) {
		return err
	}
	out := bufio.NewWriter(w)
	for _, l := range lines {
		out.WriteString(l.String())
		out.WriteByte('\n')
	}
	if err != nil {
		out.WriteString("# " + err.Error() + "\n")
	}
	return out.Flush()
}
