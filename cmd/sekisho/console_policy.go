package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/durable"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/policy"
)

// policyDraft is the file of a draft, beside the ledger: it is no evidence, what
// was proposed and published is in the ledger by its digest. Doing is the act
// that is under way, by Actor: an act that a killed process left there was not
// done, unless the text is in force.
type policyDraft struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Text  string    `json:"text"`
	Doing string    `json:"doing,omitempty"`
	Actor string    `json:"actor,omitempty"`
	// Before is the draft that a proposal takes the place of.
	Before *policyDraft `json:"before,omitempty"`
}

// What is done with a draft.
const (
	proposing   = "policy-propose"
	publishing  = "policy-publish"
	withdrawing = "policy-withdraw"
)

const draftFile = "policy-draft.json"

func draftFault(problem, hint string) error {
	return fault.New(fault.PolicyDraft, "problem", problem, "hint", hint)
}

// notNewer is why a policy that is older than the one in force is not taken.
func notNewer(file, problem, hint string) error {
	return fault.New(fault.PolicyNotNewer, "problem", problem, "hint", hint).At(file, 0, "generation")
}

// policyPath returns the file that is edited. A policy within the configuration
// is edited there.
func (c *console) policyPath() (string, error) {
	file := c.cfg.PolicyFile
	if file == "" {
		return "", draftFault("the configuration holds the policy itself", "move it into a file of its own and name that under policy_file")
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(c.file), file)
	}
	return file, nil
}

func (c *console) readDraft() (*policyDraft, error) {
	text, err := os.ReadFile(filepath.Join(c.cfg.Data, draftFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	d := &policyDraft{}
	if err == nil {
		err = json.Unmarshal(text, d)
	}
	return d, err
}

// PolicyDraft implements office.Writer. A draft that is in force, because the
// process ended between publishing it and dropping it, does not wait any more.
func (c *console) PolicyDraft(ctx context.Context) (*consoleoffice.PolicyDraft, error) {
	d, err := c.readDraft()
	if d == nil || err != nil || d.Doing == proposing {
		return nil, err
	}
	check, err := c.CheckPolicy(ctx, d.Text)
	if err != nil || check.Digest == string(c.policy.Load().Digest()) {
		return nil, err
	}
	return &consoleoffice.PolicyDraft{By: d.By, At: d.At, Text: d.Text, Check: check}, nil
}

// CheckPolicy implements office.Writer.
func (c *console) CheckPolicy(ctx context.Context, text string) (*consoleoffice.PolicyCheck, error) {
	file, err := c.policyPath()
	if err != nil {
		return nil, err
	}
	out := &consoleoffice.PolicyCheck{}
	next, src, err := config.PolicyText(file, []byte(text))
	if err != nil {
		out.Problems = control.ProblemsOf(err)
		return out, nil
	}
	old := c.policy.Load()
	out.Generation, out.Digest, out.Rules = next.Generation(), string(next.Digest()), len(src.Rules)
	if bad := next.Supersedes(old); bad != nil {
		out.Problems = control.ProblemsOf(notNewer(file, bad.What, bad.Try))
	}
	for i := range src.Tests {
		if r, bad := src.Tests[i].Request(); bad == nil {
			out.Tests = append(out.Tests, consoleoffice.PolicyTest{Name: src.Tests[i].Name, Expect: src.Tests[i].Expect, Rule: next.Decide(r).Rule})
		}
	}
	var before, after []byte
	if in := c.source.Load(); in != nil {
		if before, err = yaml.Marshal(in); err != nil {
			return nil, err
		}
	}
	if after, err = yaml.Marshal(src); err != nil {
		return nil, err
	}
	out.Diff = diff(strings.Split(string(before), "\n"), strings.Split(string(after), "\n"))
	return out, c.judgeReads(ctx, old, next, out)
}

// judgeReads asks both policies about what passed the database gates.
func (c *console) judgeReads(ctx context.Context, old, next *policy.Policy, out *consoleoffice.PolicyCheck) (err error) {
	j := &readJudge{old: old, next: next, out: out, sessions: map[sessionKey]*event.SessionOpen{}, changes: map[string]*consoleoffice.PolicyChange{}}
	out.Since, err = c.backwards(ctx, j.see, event.KindSessionOpen, event.KindCrossing)
	for _, x := range j.changes {
		out.Changes = append(out.Changes, *x)
	}
	slices.SortFunc(out.Changes, func(a, b consoleoffice.PolicyChange) int {
		return cmp.Or(cmp.Compare(b.Now, a.Now), cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.User, b.User), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Table, b.Table), slices.Compare(a.Elements, b.Elements))
	})
	return err
}

// readJudge judges reads again. Caps by the hour and exceptional access are no
// part of it: they depend on more than one read.
type readJudge struct {
	old, next *policy.Policy
	out       *consoleoffice.PolicyCheck
	sessions  map[sessionKey]*event.SessionOpen
	changes   map[string]*consoleoffice.PolicyChange
}

func (j *readJudge) see(e *event.Event) {
	switch b := e.Body.(type) {
	case *event.SessionOpen:
		j.sessions[sessionKey{e.Source, b.Session}] = b
	case *event.Crossing:
		s := j.sessions[sessionKey{e.Source, b.Session}]
		for i := range b.Parts {
			if b.Parts[i].Elements != 0 {
				j.judge(e, s, &b.Parts[i])
			}
		}
	}
}

func (j *readJudge) judge(e *event.Event, s *event.SessionOpen, part *event.Part) {
	database, table, ok := strings.Cut(string(part.Table), "/")
	if !ok {
		return // no table of a database
	}
	if s == nil {
		j.out.Unknown++
		return
	}
	address, err := netip.ParseAddr(s.Address)
	if err != nil {
		j.out.Unknown++
		return
	}
	j.out.Judged++
	r := policy.Request{User: s.User, Address: address, Database: database, Mode: policy.Enforce, Attributable: part.Class == event.Exact,
		Reads: []policy.Read{{Table: table, Elements: part.Elements}}, Now: e.At}
	was, now := j.old.Decide(r), j.next.Decide(r)
	a, b := outcome(&was), outcome(&now)
	if a == b {
		return
	}
	key := strings.Join([]string{s.User, s.Address, string(part.Table), part.Elements.String(), a, b, now.Rule}, "\x00")
	x := j.changes[key]
	if x == nil {
		x = &consoleoffice.PolicyChange{User: s.User, Address: s.Address, Table: string(part.Table), Elements: elementNames(part.Elements), Was: a, Now: b, Rule: now.Rule}
		j.changes[key] = x
	}
	x.Rows += part.Rows
	x.Times++
	if e.At.After(x.Last) {
		x.Last = e.At
	}
}

func elementNames(m element.Mask) []string {
	var out []string
	for _, k := range element.Kinds() {
		if m&element.MaskOf(k) != 0 {
			out = append(out, k.String())
		}
	}
	return out
}

// outcome is a decision in one word.
func outcome(d *policy.Decision) string {
	switch {
	case d.Refused():
		return "deny"
	case len(d.Masks) > 0:
		return "mask"
	}
	return "accept"
}

// ProposePolicy implements office.Writer.
func (c *console) ProposePolicy(ctx context.Context, by, text string) error {
	check, err := c.CheckPolicy(ctx, text)
	if err != nil {
		return err
	}
	if err := check.Problems.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // what was begun is ended, whoever goes away
	c.drafting.Lock()
	defer c.drafting.Unlock()
	before, err := c.readDraft()
	if err != nil {
		return err
	}
	d := policyDraft{By: by, At: c.now().UTC(), Text: text, Before: before}
	if err := c.announce(ctx, d, proposing, by, check.Digest); err != nil {
		return err
	}
	d.Before = nil
	return c.writeDraft(d)
}

func (c *console) writeDraft(d policyDraft) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.Dir(c.cfg.Data), draftFile, data, 0o600)
}

// announce notes what somebody does with a draft, and then records it.
func (c *console) announce(ctx context.Context, d policyDraft, do, by, digest string) error {
	d.Doing, d.Actor = do, by
	if err := c.writeDraft(d); err != nil {
		return err
	}
	detail := ""
	if do != proposing {
		detail = "written by " + d.By
	}
	if err := c.recordDraft(ctx, by, do, digest, detail); err != nil {
		return errors.Join(err, c.takeBack(d))
	}
	return nil
}

func (c *console) recordDraft(ctx context.Context, by, do, digest, detail string) error {
	return c.Record(ctx, event.Source("person/"+by), &event.Act{By: by, Do: do, Target: digest, Result: "done", Detail: detail})
}

// takeBack makes the file what it was before an act was announced.
func (c *console) takeBack(d policyDraft) error {
	switch {
	case d.Doing != proposing:
		d.Doing, d.Actor = "", ""
	case d.Before == nil:
		return c.dropDraft()
	default:
		d = *d.Before
	}
	return c.writeDraft(d)
}

// settleDraft ends what a killed process left in the middle: a draft that is in
// force is dropped; of any other act the ledger says that it was not done.
func (c *console) settleDraft(ctx context.Context) error {
	d, err := c.readDraft()
	if d == nil || err != nil || d.Doing == "" {
		return err
	}
	file, err := c.policyPath()
	if err != nil {
		return err
	}
	digest := ""
	if next, _, err := config.PolicyText(file, []byte(d.Text)); err == nil {
		digest = string(next.Digest())
	}
	if d.Doing == publishing && digest == string(c.policy.Load().Digest()) {
		return c.dropDraft()
	}
	undone := &event.Act{By: d.Actor, Do: d.Doing, Target: digest, Result: "interrupted", Detail: "the process ended before it was done"}
	if err := c.Record(ctx, consoleSource, undone); err != nil {
		return err
	}
	return c.takeBack(*d)
}

// PublishPolicy implements office.Writer. Each step can be the last: who orders
// it is recorded, then the file is replaced at once, then it is put in force. A
// process that ends in between starts with the new file.
func (c *console) PublishPolicy(ctx context.Context, by, digest string) error {
	file, err := c.policyPath()
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // what was begun is ended, whoever goes away
	c.drafting.Lock()
	defer c.drafting.Unlock()
	d, err := c.readDraft()
	switch {
	case err != nil:
		return err
	case d == nil, d.Doing == proposing:
		return draftFault("there is no draft", "write one first")
	case d.By == by:
		return draftFault("whoever wrote it cannot publish it", "ask a second person to read and publish it")
	}
	next, _, err := config.PolicyText(file, []byte(d.Text))
	if err != nil {
		return err
	}
	if string(next.Digest()) != digest {
		return draftFault("it is not the draft that was read", "read it again")
	}
	if bad := next.Supersedes(c.policy.Load()); bad != nil {
		return draftFault(bad.What, bad.Try)
	}
	if err := c.announce(ctx, *d, publishing, by, digest); err != nil {
		return err
	}
	if err := durable.WriteFile(durable.Dir(filepath.Dir(file)), filepath.Base(file), []byte(d.Text), 0o644); err != nil {
		return err
	}
	if _, err := c.ReloadPolicy(ctx); err != nil {
		return err
	}
	return c.dropDraft()
}

func (c *console) dropDraft() error {
	err := os.Remove(filepath.Join(c.cfg.Data, draftFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// WithdrawPolicy implements office.Writer.
func (c *console) WithdrawPolicy(ctx context.Context, by string) error {
	ctx = context.WithoutCancel(ctx) // what was begun is ended, whoever goes away
	c.drafting.Lock()
	defer c.drafting.Unlock()
	d, err := c.readDraft()
	if d == nil || err != nil {
		return err
	}
	if err := c.announce(ctx, *d, withdrawing, by, ""); err != nil {
		return err
	}
	return c.dropDraft()
}
