package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
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

// doubtsKept is how many pairs wait for an answer in memory.
const doubtsKept = 50

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
		return &consoleoffice.Persons{}, nil
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
		for _, d := range res.Doubts(doubtsKept) {
			rows := res.Find(map[person.RecordName]uint32{d.A: 0, d.B: 0})
			fresh.Doubts = append(fresh.Doubts, pairOf(res.Explain(rows[d.A], rows[d.B], s.Decisions())))
		}
		return nil
	})
	if err != nil {
		c.log.Error("the state of persons cannot be read", "dir", dir, "err", err)
		fresh.Problem = fault.Faults(err)[0].Error()
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

// DecidePair implements office.People.
func (c *console) DecidePair(ctx context.Context, r consoleoffice.PairDecision) (*consoleoffice.Decided, error) {
	dir := c.cfg.Console.Persons
	if manifestTime(dir).IsZero() {
		return nil, c.noPersons()
	}
	d := person.Decision{Same: r.Same}
	var err error
	if d.A, err = parseRecord(r.A); err == nil {
		d.B, err = parseRecord(r.B)
	}
	if err != nil {
		return nil, err
	}
	book := &personBook{by: r.By, tenant: event.Tenant(c.cfg.Tenant), ring: c.ring, record: c.RecordPerson}
	out := &consoleoffice.Decided{Same: r.Same}
	return out, c.withPersons(dir, func(s *person.State, res *person.Result) error {
		if err := s.Has(d); err != nil {
			return stateFault(dir, err)
		}
		rows := res.Find(map[person.RecordName]uint32{d.A: 0, d.B: 0})
		out.Pair = pairOf(res.Explain(rows[d.A], rows[d.B], s.Decisions()))
		if err := book.decision(ctx, d, r.Reason); err != nil {
			return err
		}
		changes, err := s.Decide(d)
		if err != nil {
			return stateFault(dir, err)
		}
		out.Changes = len(changes)
		return book.changes(ctx, changes)
	})
}
