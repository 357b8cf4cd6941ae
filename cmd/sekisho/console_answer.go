package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sekisho/internal/control"
	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/person"
)

// answerFile holds an answer about a group while it is carried out, in the folder of
// persons, which has the same names: one that is there at a start was left in the middle.
const answerFile = "answer.json"

// groupAnswer is what somebody decided about a group. The ledger is told the decisions, then
// the state, then the ledger what they did to persons.
type groupAnswer struct {
	By        string            `json:"by"`
	Reason    string            `json:"reason"`
	Head      event.Index       `json:"head"`    // of the ledger when it began
	History   int64             `json:"history"` // of the state likewise
	Decisions []person.Decision `json:"decisions"`
}

// give writes an answer down and carries it out. It returns what it did to persons.
func (c *console) give(ctx context.Context, s *person.State, a *groupAnswer) ([]person.Change, error) {
	dir := c.cfg.Console.Persons
	a.Head, a.History = c.ledger.Head(), s.History()
	data, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(durable.Dir(dir), answerFile, data, 0o600); err != nil {
		return nil, stateFault(dir, err)
	}
	return c.carryOut(ctx, s, a, func(event.Kind, []byte) bool { return false })
}

// carryOut does what is not done of an answer that was written down; told reports
// whether the ledger has a body already.
func (c *console) carryOut(ctx context.Context, s *person.State, a *groupAnswer, told func(event.Kind, []byte) bool) ([]person.Change, error) {
	dir := c.cfg.Console.Persons
	book := &personBook{by: a.By, tenant: event.Tenant(c.cfg.Tenant), ring: c.ring,
		record: func(ctx context.Context, r control.PersonRequest) (control.PersonReceipt, error) {
			if told(r.Kind, r.Body) {
				return control.PersonReceipt{}, nil
			}
			return c.RecordPerson(ctx, r)
		}}
	for _, d := range a.Decisions {
		if err := book.decision(ctx, d, a.Reason); err != nil {
			return nil, err
		}
	}
	if !s.Holds(a.Decisions...) {
		if _, err := s.Decide(a.Decisions...); err != nil {
			return nil, stateFault(dir, err)
		}
	}
	changes, err := s.Decided(a.History)
	if err != nil {
		return nil, stateFault(dir, err)
	}
	if err := book.changes(ctx, changes); err != nil {
		return nil, err
	}
	return changes, os.Remove(filepath.Join(dir, answerFile))
}

// finish carries out to its end the answer that was left in the middle; false: none was.
// One about records that are not there any more is dropped: its decisions wait in the
// ledger, as those of every run do.
func (c *console) finish(ctx context.Context, s *person.State) (bool, error) {
	dir := c.cfg.Console.Persons
	text, err := os.ReadFile(filepath.Join(dir, answerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	a := &groupAnswer{}
	if err == nil {
		err = json.Unmarshal(text, a)
	}
	if err != nil {
		return false, stateFault(dir, err)
	}
	have := map[event.Kind]map[string]bool{event.KindPersonDecision: {}, event.KindPersonChange: {}}
	err = c.ledger.Scan(ctx, a.Head, func(_ event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		if err != nil || have[h.Kind] == nil {
			return err
		}
		e, err := new(event.Decoder).Parse(line)
		if err != nil {
			return err
		}
		body, err := json.Marshal(e.Body)
		have[h.Kind][string(body)] = true
		return err
	})
	if err != nil {
		return false, err
	}
	_, err = c.carryOut(ctx, s, a, func(k event.Kind, body []byte) bool { return have[k][string(body)] })
	if errors.Is(err, person.ErrNoRecord) {
		c.log.Warn("an answer about persons was left in the middle, and its records are not there any more", "by", a.By)
		err = os.Remove(filepath.Join(dir, answerFile))
	}
	return err == nil, err
}

// settleAnswer finishes at a start what a killed process left in the middle. A folder
// that cannot be had now, because a command has it, keeps nobody from starting: the next
// answer finishes it.
func (c *console) settleAnswer(ctx context.Context) {
	dir := c.cfg.Console.Persons
	if _, err := os.Stat(filepath.Join(dir, answerFile)); dir == "" || errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err := c.withPersons(dir, func(s *person.State, _ *person.Result) error {
		_, err := c.finish(ctx, s)
		return err
	}); err != nil {
		c.log.Error("an answer about persons was left in the middle and is not finished yet", "dir", dir, "err", err)
	}
}
