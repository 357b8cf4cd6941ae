package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/proof/scope"
)

// traceAnswer says what named a trace. It is the answer of a label: clients choose
// their trace, or none, so that it bounds nothing, and what crossed beside it at
// the same time belongs to it.
type traceAnswer struct {
	Trace    string        `json:"trace"`
	Label    bool          `json:"label"`         // always
	Bound    bool          `json:"bound"`         // never
	From     time.Time     `json:"from,omitzero"` // of what named it, clock errors included
	To       time.Time     `json:"to,omitzero"`
	Requests uint64        `json:"requests"` // web requests that named it, or were given it
	Carried  *traceCrossed `json:"carried"`
	Shared   uint64        `json:"shared"`   // of these, crossings of several executions: not all need have named it
	Open     uint64        `json:"open"`     // reads that named it and have no end in the record
	Untraced *traceCrossed `json:"untraced"` // crossings at the same time that named no trace
	Others   *traceCrossed `json:"others"`   // and those that named other traces only
}

// traceCrossed are some crossings.
type traceCrossed struct {
	Crossings uint64            `json:"crossings"`
	Rows      uint64            `json:"rows"`
	Inexact   uint64            `json:"inexact"`  // of the crossings: it is not known for certain whose rows passed
	Subjects  map[string]uint64 `json:"subjects"` // by source, those for certain
	Elements  element.Mask      `json:"elements"`
	Tables    []string          `json:"tables"`
	Sessions  []traceSession    `json:"sessions"`

	sets map[string]*scope.Set
}

// traceSession is a session as the gate saw it.
type traceSession struct {
	Session string `json:"session"` // as --session takes it
	User    string `json:"user,omitempty"`
	Address string `json:"address,omitempty"`
	Place   string `json:"place,omitempty"`

	key scope.Session
}

func newTraceCrossed() *traceCrossed {
	return &traceCrossed{Subjects: map[string]uint64{}, Tables: []string{}, Sessions: []traceSession{}, sets: map[string]*scope.Set{}}
}

// add takes a crossing.
func (t *traceCrossed) add(e *event.Event, b *event.Crossing) {
	t.Crossings++
	inexact := len(b.Parts) == 0
	for _, p := range b.Parts {
		t.Rows += p.Rows
		t.Elements |= p.Elements
		inexact = inexact || p.Class != event.Exact || p.Unknown > 0
		t.Tables = append(t.Tables, string(p.Table))
		if len(p.Subjects) == 0 {
			continue
		}
		set := t.sets[string(p.Source)]
		if set == nil {
			set = &scope.Set{}
			t.sets[string(p.Source)] = set
		}
		for _, r := range p.Subjects {
			set.Add(r.First, r.Last)
		}
	}
	if inexact {
		t.Inexact++
	}
	t.session(e.Source, b.Session)
	slices.Sort(t.Tables)
	t.Tables = slices.Compact(t.Tables)
}

func (t *traceCrossed) session(source event.Source, id event.Session) {
	key := scope.Session{Source: string(source), ID: uint64(id)}
	if !slices.ContainsFunc(t.Sessions, func(s traceSession) bool { return s.key == key }) {
		t.Sessions = append(t.Sessions, traceSession{Session: fmt.Sprintf("%s/%d", source, id), key: key})
	}
}

// opened notes whose a session is.
func (t *traceCrossed) opened(e *event.Event, b *event.SessionOpen) {
	key := scope.Session{Source: string(e.Source), ID: uint64(b.Session)}
	for i := range t.Sessions {
		if s := &t.Sessions[i]; s.key == key {
			s.User, s.Address, s.Place = b.User, b.Address, string(b.Place)
		}
	}
}

func (t *traceCrossed) end() {
	for source, set := range t.sets {
		t.Subjects[source] = set.Len()
	}
	slices.SortFunc(t.Sessions, func(a, b traceSession) int { return strings.Compare(a.Session, b.Session) })
}

// traceFold makes an answer of the events of a ledger, which it is given three
// times in their order: what named the trace, what crossed at the same time, and
// who they were.
type traceFold struct {
	out   traceAnswer
	trail *trail
	open  map[traceRead]bool
}

// traceRead is an intent of the trace.
type traceRead struct {
	source event.Source
	worker uint16
	seq    event.Seq
}

func newTraceFold(text string) (*traceFold, error) {
	trail, err := newTrail(text)
	if err != nil {
		return nil, err
	}
	f := &traceFold{trail: trail, open: map[traceRead]bool{}}
	f.out = traceAnswer{Trace: trail.text, Label: true, Carried: newTraceCrossed(), Untraced: newTraceCrossed(), Others: newTraceCrossed()}
	return f, nil
}

// during widens the time of the trace.
func (f *traceFold) during(e *event.Event, from, to time.Time) {
	from, to = from.Add(-e.ClockErr).UTC(), to.Add(e.ClockErr).UTC()
	if f.out.From.IsZero() || from.Before(f.out.From) {
		f.out.From = from
	}
	if to.After(f.out.To) {
		f.out.To = to
	}
}

// named takes what named the trace.
func (f *traceFold) named(e *event.Event) {
	if b, ok := e.Body.(*event.Crossing); ok && !b.More {
		delete(f.open, traceRead{e.Source, e.Worker, b.Intent}) // also when it names another
	}
	if !f.trail.match(e.Body) {
		return
	}
	switch b := e.Body.(type) {
	case *event.Exchange:
		f.out.Requests++
		f.during(e, e.At, e.At)
	case *event.ExchangeEnd:
		f.during(e, e.At, e.At)
	case *event.Intent:
		f.open[traceRead{e.Source, e.Worker, e.Seq}] = true
		f.during(e, time.Unix(0, b.From), e.At)
		f.out.Carried.session(e.Source, b.Session)
	case *event.Crossing:
		f.out.Carried.add(e, b)
		f.during(e, time.Unix(0, b.From), time.Unix(0, b.To))
		if b.Count > 1 || len(b.Traces) > 1 {
			f.out.Shared++
		}
	}
}

// beside takes what crossed at the same time. One whose clock is wrong is taken
// rather than left out.
func (f *traceFold) beside(e *event.Event) {
	b, ok := e.Body.(*event.Crossing)
	if !ok || slices.Contains(b.Traces, f.out.Trace) || f.out.From.IsZero() {
		return
	}
	from, to := time.Unix(0, b.From).Add(-e.ClockErr), time.Unix(0, b.To).Add(e.ClockErr)
	switch {
	case from.After(f.out.To) || to.Before(f.out.From):
	case len(b.Traces) == 0:
		f.out.Untraced.add(e, b)
	default:
		f.out.Others.add(e, b)
	}
}

// who takes the sessions.
func (f *traceFold) who(e *event.Event) {
	if b, ok := e.Body.(*event.SessionOpen); ok {
		for _, t := range []*traceCrossed{f.out.Carried, f.out.Untraced, f.out.Others} {
			t.opened(e, b)
		}
	}
}

func (f *traceFold) answer() *traceAnswer {
	f.out.Open = uint64(len(f.open))
	for _, t := range []*traceCrossed{f.out.Carried, f.out.Untraced, f.out.Others} {
		t.end()
	}
	return &f.out
}

// traced answers for a trace.
func (c scopeCmd) traced(a *app) error {
	if len(c.Place)+len(c.User)+len(c.Address)+len(c.Session)+len(c.Element)+len(c.Label) > 0 || c.From != "" || c.To != "" || c.Silence != 0 {
		return fault.New(fault.Usage, "problem", "--trace", "hint", a.say.Text("scope_trace_alone"))
	}
	f, err := newTraceFold(c.Trace)
	if err != nil {
		return err
	}
	crossed := []string{"crossing"}
	for _, pass := range []struct {
		query consoleoffice.EventQuery
		take  func(*event.Event)
	}{
		{consoleoffice.EventQuery{Kinds: []string{"exchange", "exchange-end", "intent", "crossing"}}, f.named},
		{consoleoffice.EventQuery{Kinds: crossed}, f.beside},
		{consoleoffice.EventQuery{Kinds: []string{"session-open"}}, f.who},
	} {
		if err := a.eachEvent(pass.query, pass.take); err != nil {
			return err
		}
	}
	out := f.answer()
	return a.out(out, func() { (&scopeText{w: a.env.stdout, say: a.say}).trace(out) })
}

// eachEvent gives all events of some kinds, here or elsewhere, in their order.
func (a *app) eachEvent(q consoleoffice.EventQuery, take func(*event.Event)) error {
	if a.hub.address != "" {
		client, err := a.hub.client()
		if err != nil {
			return err
		}
		page, err := pageOf(a, client, q, 0, math.MaxInt)
		if err != nil {
			return err
		}
		var decoder event.Decoder
		for _, line := range slices.Backward(page.Events) {
			e, err := decoder.Parse(line.Line)
			if err != nil {
				return fmt.Errorf("event %d: %w", line.Index, err)
			}
			take(e)
		}
		return nil
	}
	r, dir, err := a.reader()
	if err != nil {
		return err
	}
	wanted := map[event.Kind]bool{}
	for _, name := range q.Kinds {
		wanted[kinds[name]] = true
	}
	err = eachEvent(a.ctx, r, func(k event.Kind) bool { return wanted[k] }, func(e *event.Event) error { take(e); return nil })
	if err != nil {
		return ledgerFault(dir, a.config, err)
	}
	return nil
}

// trace shows what named a trace.
func (s *scopeText) trace(t *traceAnswer) {
	s.text("scope_trace_head", "trace", t.Trace)
	s.line("")
	if t.From.IsZero() {
		s.text("scope_trace_none")
		return
	}
	s.text("scope_window", "from", clock(t.From), "to", clock(t.To))
	s.text("scope_trace_requests", "n", countOf(t.Requests))
	s.line("")
	s.crossed("scope_trace_carried", t.Carried)
	if t.Shared > 0 {
		s.text("scope_trace_shared", "n", countOf(t.Shared))
	}
	if t.Open > 0 {
		s.text("scope_trace_open", "n", countOf(t.Open))
	}
	s.crossed("scope_trace_untraced", t.Untraced)
	s.crossed("scope_trace_others", t.Others)
	s.line("")
	s.text("scope_trace_bound")
	for i, one := range t.Carried.Sessions {
		if i == maxShown {
			s.text("scope_more", "n", len(t.Carried.Sessions)-i)
			break
		}
		s.line("    sekisho scope --session %s", one.Session)
	}
}

func (s *scopeText) crossed(key string, t *traceCrossed) {
	s.text(key, "n", countOf(t.Crossings), "rows", countOf(t.Rows), "inexact", countOf(t.Inexact))
	for _, source := range slices.Sorted(maps.Keys(t.Subjects)) {
		s.text("scope_trace_persons", "source", source, "n", countOf(t.Subjects[source]))
	}
	if t.Elements != 0 {
		var names []string
		for _, k := range t.Elements.Kinds() {
			names = append(names, elementName(s.say, k.String()))
		}
		s.line("    %s  %s", strings.Join(t.Tables, ", "), strings.Join(names, ", "))
	}
	for i, one := range t.Sessions {
		if i == maxShown {
			s.text("scope_more", "n", len(t.Sessions)-i)
			break
		}
		s.line("    %s  %s  %s  %s", one.Session, one.User, one.Address, one.Place)
	}
}
