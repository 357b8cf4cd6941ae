// Package lineagetest checks analyses against the truth: it attributes
// delivered rows as a gate would, finds the truth by changing and deleting one
// subject's rows at a time, and generates statements.
//
// It is for tests only. It knows nothing of gates; the proof suite builds on it.
package lineagetest

import (
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
)

// Subject is one person in one source, by the text of the key.
type Subject struct {
	Source event.SubjectSource
	Key    string
}

// Delivered is what a client received of one statement.
type Delivered struct {
	Rows   [][]*string // text of every value; nil is NULL
	Params []string    // text of the parameters, literals included
	Tag    int         // rows the command tag counts
	Cut    bool        // the client did not receive the whole result
	// Identify returns the subject an identifier belongs to.
	Identify func(source event.SubjectSource, value string) (Subject, bool)
}

// Holdings are the subjects at each place.
type Holdings map[event.Place][]Subject

// Claim is what a gate may say of a statement: whose elements certainly
// passed, and whose may have.
type Claim struct {
	Confirmed map[Subject]element.Mask
	Reachable map[Subject]element.Mask
	// Bounded says that at least one entry was not exact.
	Bounded bool
}

// everything is what an opaque statement may show.
const everything = ^element.Mask(0)

// Attribute applies an analysis to delivered rows.
func Attribute(an *lineage.Analysis, got Delivered, held Holdings) Claim {
	c := Claim{Confirmed: map[Subject]element.Mask{}, Reachable: map[Subject]element.Mask{}}
	switch {
	case an.Opaque != "":
		c.Bounded = true
		for _, subjects := range held {
			for _, s := range subjects {
				c.Reachable[s] |= everything
			}
		}
		return c
	case an.Bare:
		return c
	}
	for i := range an.Entries {
		c.entry(&an.Entries[i], got, held)
	}
	return c
}

func (c *Claim) entry(e *lineage.Entry, got Delivered, held Holdings) {
	by, ordinal := e.KeyBy, e.Ordinal
	bounded := by == lineage.KeyNone || e.Whole && got.Cut
	if by == lineage.KeyNone {
		by, ordinal = e.ConfirmBy, e.ConfirmOrdinal
	}
	seen := len(got.Rows) > 0 || got.Tag > 0
	if e.Pinned && seen {
		bounded = false
	}
	if e.KeyBy == lineage.KeyNone && e.Identifier >= 0 && got.Identify != nil && !(e.Whole && got.Cut) {
		bounded = c.identify(e, got)
	}
	switch {
	case by == lineage.KeyColumn:
		for _, row := range got.Rows {
			if key := row[ordinal]; key != nil {
				c.confirm(Subject{e.Source, *key}, e.Elements)
			}
		}
	case by == lineage.KeyParam && seen:
		c.confirm(Subject{e.Source, got.Params[ordinal-1]}, e.Elements)
	}
	if !bounded {
		return
	}
	c.Bounded = true
	for _, place := range e.Bound {
		for _, s := range held[place] {
			c.Reachable[s] |= e.Elements
		}
	}
}

// identify confirms by an identifier column and says whether a row was left.
func (c *Claim) identify(e *lineage.Entry, got Delivered) (left bool) {
	for _, row := range got.Rows {
		v := row[e.Identifier]
		if v == nil {
			left = true
			continue
		}
		s, ok := got.Identify(e.Source, *v)
		if !ok {
			left = true
			continue
		}
		c.confirm(s, e.Elements)
	}
	return left
}

func (c *Claim) confirm(s Subject, m element.Mask) {
	c.Confirmed[s] |= m
	c.Reachable[s] |= m
}
