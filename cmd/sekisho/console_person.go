package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/person"
)

// people is what was read of the state of persons, so that a page does not wait
// for millions of records.
type people struct {
	turn sync.Mutex // one opens the state at a time

	mu      sync.Mutex // guards what follows
	read    consoleoffice.Persons
	at      time.Time // of the manifest that was read
	reading bool
}

// groupsKept is how many groups wait for an answer in memory.
const groupsKept = 50

// unreadable says why it cannot be known whether there is a state; nothing where
// there is one, or none.
func unreadable(dir string) control.Problems {
	_, err := os.Stat(filepath.Join(dir, "manifest.json"))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return control.ProblemsOf(stateFault(dir, err))
}

// manifestTime returns when the state changed last; zero: there is none.
func manifestTime(dir string) time.Time {
	info, err := os.Stat(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Persons implements office.People. A state that changed is read behind the
// page's back.
func (c *console) Persons(context.Context) (*consoleoffice.Persons, error) {
	dir := c.cfg.Console.Persons
	if dir == "" {
		return &consoleoffice.Persons{}, nil
	}
	at := manifestTime(dir)
	if at.IsZero() {
		problems := unreadable(dir)
		return &consoleoffice.Persons{Configured: len(problems) > 0, Problems: problems}, nil
	}
	c.people.mu.Lock()
	defer c.people.mu.Unlock()
	if !c.people.reading && !at.Equal(c.people.at) {
		c.people.reading = true
		c.wait.Go(func() { c.readPersons(dir, at) })
	}
	out := c.people.read
	out.Configured, out.Reading = true, c.people.reading
	return &out, nil
}

// readPersons reads the state once. The time is the one before: what changes
// meanwhile is read again.
func (c *console) readPersons(dir string, at time.Time) {
	fresh := consoleoffice.Persons{At: at}
	err := c.withPersons(dir, func(s *person.State, res *person.Result) error {
		n := res.Count()
		fresh.Records, fresh.Persons, fresh.IfAccepted, fresh.Review = n.Records, n.Persons, n.IfAccepted, n.Review
		fresh.Low, fresh.Estimate, fresh.High = n.Low, n.Estimate, n.High
		fresh.Unlinkable, fresh.Hidden, fresh.Precision, fresh.Recall = n.Unlinkable, n.Hidden, n.Precision, n.Recall
		for _, g := range res.Groups(groupsKept) {
			fresh.Groups = append(fresh.Groups, groupOf(&g))
		}
		return nil
	})
	if err != nil {
		c.log.Error("the state of persons cannot be read", "dir", dir, "err", err)
		fresh.Problems = control.ProblemsOf(err)
	}
	c.people.mu.Lock()
	defer c.people.mu.Unlock()
	c.people.read, c.people.at, c.people.reading = fresh, at, false
}

// withPersons opens the state for one question.
func (c *console) withPersons(dir string, do func(*person.State, *person.Result) error) (err error) {
	c.people.turn.Lock()
	defer c.people.turn.Unlock()
	s, fresh, err := person.OpenState(dir)
	if err == nil && fresh {
		err = errors.Join(person.ErrState, s.Close())
	}
	if err != nil {
		return stateFault(dir, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	res, err := s.Load()
	if err != nil {
		return stateFault(dir, err)
	}
	return do(s, res)
}

func pairOf(e person.Explanation) consoleoffice.Pair {
	p := consoleoffice.Pair{A: recordText(e.A), B: recordText(e.B), Prior: e.Prior, Bits: e.Bits, Probability: e.Probability, LinkAt: e.LinkAt, Veto: e.Veto, Decided: e.Decided,
		One: e.PersonA == e.PersonB && e.PersonA != 0}
	for _, f := range e.Fields {
		p.Fields = append(p.Fields, consoleoffice.PairField(f))
	}
	for _, n := range e.Path {
		p.Path = append(p.Path, recordText(n))
	}
	return p
}

// noPersons says that there is no state to ask.
func (c *console) noPersons() error {
	return fault.New(fault.ConfigMissing, "key", `"console.persons"`, "hint", "sekisho person match --state DIR, and name DIR there").At(c.file, 0, "")
}

// ExplainPair implements office.People.
func (c *console) ExplainPair(_ context.Context, a, b string) (*consoleoffice.Pair, error) {
	dir := c.cfg.Console.Persons
	if manifestTime(dir).IsZero() {
		return nil, c.noPersons()
	}
	var out consoleoffice.Pair
	return &out, c.withPersons(dir, func(s *person.State, res *person.Result) error {
		rows, err := findRows(res, a, b)
		if err != nil || len(rows) < 2 || rows[0] == rows[1] {
			return errors.Join(err, fault.New(fault.PersonRecord, "name", b))
		}
		out = pairOf(res.Explain(rows[0], rows[1], s.Decisions()))
		return nil
	})
}

// groupOf is a group without its scores.
func groupOf(g *person.Group) consoleoffice.Group {
	out := consoleoffice.Group{Number: g.Number, Digest: digestOf(g), Persons: len(g.Persons), Merged: g.Merged, Split: g.Split}
	for _, n := range g.Records {
		out.Records = append(out.Records, recordText(n))
	}
	slices.Sort(out.Records)
	for i := range g.Doubts {
		if i == consoleoffice.MostLinks {
			out.More = len(g.Doubts) - i
			break
		}
		d := &g.Doubts[i]
		p := consoleoffice.Pair{A: recordText(d.A), B: recordText(d.B)}
		for _, f := range d.Fields {
			p.Fields = append(p.Fields, consoleoffice.PairField{Field: f.Field, Level: f.Level})
		}
		out.Links = append(out.Links, p)
	}
	// The surest come first, which would tell what the machine thinks.
	slices.SortFunc(out.Links, func(x, y consoleoffice.Pair) int { return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B)) })
	return out
}

// digestOf is what an answer is bound to: the records of a group, whose they are
// now, and the links that are asked about.
func digestOf(g *person.Group) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	err := errors.Join(enc.Encode(g.Persons), enc.Encode(g.Records))
	for i := range g.Doubts {
		err = errors.Join(err, enc.Encode([]person.RecordName{g.Doubts[i].A, g.Doubts[i].B}))
	}
	if err != nil { // numbers and texts can be written, and a hash takes everything
		panic("sekisho: digest of a group: " + err.Error())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// shownGroup finds the group that somebody saw; not when something else is in it
// by now.
func shownGroup(res *person.Result, number uint32, digest string) (person.Group, error) {
	g, err := res.Group(number)
	if err == nil && digestOf(&g) != digest {
		err = fmt.Errorf("%w: %d", person.ErrNoGroup, number)
	}
	return g, err
}

// explained adds the evidence to the links of a group.
func explained(g *person.Group, res *person.Result, decisions []person.Decision) consoleoffice.Group {
	out := groupOf(g)
	names := map[person.RecordName]uint32{}
	pairs := map[[2]string]*person.Doubt{}
	for i := range g.Doubts {
		d := &g.Doubts[i]
		names[d.A], names[d.B] = 0, 0
		pairs[[2]string{recordText(d.A), recordText(d.B)}] = d
	}
	rows := res.Find(names)
	for i := range out.Links {
		d := pairs[[2]string{out.Links[i].A, out.Links[i].B}]
		out.Links[i] = pairOf(res.Explain(rows[d.A], rows[d.B], decisions))
	}
	return out
}

// ExplainGroup implements office.People.
func (c *console) ExplainGroup(_ context.Context, number uint32, digest string) (*consoleoffice.Group, error) {
	dir := c.cfg.Console.Persons
	if manifestTime(dir).IsZero() {
		return nil, c.noPersons()
	}
	var out consoleoffice.Group
	return &out, c.withPersons(dir, func(s *person.State, res *person.Result) error {
		g, err := shownGroup(res, number, digest)
		if err != nil {
			return stateFault(dir, err)
		}
		out = explained(&g, res, s.Decisions())
		return nil
	})
}

// DecideGroup implements office.People.
func (c *console) DecideGroup(ctx context.Context, r consoleoffice.GroupDecision) (*consoleoffice.Decided, error) {
	dir := c.cfg.Console.Persons
	if manifestTime(dir).IsZero() {
		return nil, c.noPersons()
	}
	ctx = context.WithoutCancel(ctx) // what was begun is ended, whoever goes away
	out := &consoleoffice.Decided{Same: r.Same}
	return out, c.withPersons(dir, func(s *person.State, res *person.Result) error {
		if before, err := c.finish(ctx, s); err != nil {
			return err
		} else if before {
			if res, err = s.Load(); err != nil {
				return stateFault(dir, err)
			}
		}
		g, err := shownGroup(res, r.Number, r.Digest)
		if err != nil {
			return stateFault(dir, err)
		}
		decisions, err := answersOf(&g, res, r)
		if err != nil {
			return err
		}
		out.Group = explained(&g, res, s.Decisions())
		changes, err := c.give(ctx, s, &groupAnswer{By: r.By, Reason: r.Reason, Decisions: decisions})
		if err != nil {
			return err
		}
		c.people.settled(r.Number)
		out.Changes = len(changes)
		return nil
	})
}

// settled takes a group off the list, which is read again behind the page's back.
func (p *people) settled(number uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read.Groups = slices.DeleteFunc(slices.Clone(p.read.Groups), func(g consoleoffice.Group) bool { return g.Number == number }) // pages have the old list
}

// answersOf are the decisions that an answer means: those that settle the group,
// or one for every two of the records that it names.
func answersOf(g *person.Group, res *person.Result, r consoleoffice.GroupDecision) (out []person.Decision, err error) {
	if r.Records == nil {
		return res.Answers(*g, r.Same), nil
	}
	var names []person.RecordName
	for _, n := range g.Records {
		if slices.Contains(r.Records, recordText(n)) {
			names = append(names, n)
		}
	}
	if len(names) < 2 || len(names) != len(r.Records) {
		return nil, fault.New(fault.PersonRecord, "name", strings.Join(r.Records, ", "))
	}
	for i, n := range names {
		for _, other := range names[i+1:] {
			out = append(out, person.Decision{A: n, B: other, Same: r.Same})
		}
	}
	return out, nil
}
