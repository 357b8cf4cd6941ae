package desk

import (
	"context"
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/notify"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/roster"
)

const (
	// turn is how many cases Tick looks at with the desk to itself: between two
	// turns people come in.
	turn = 16
	// mostAtOnce is how much of what reached nobody is recorded in one go.
	mostAtOnce = 256
)

// Tick fills the documents of clocks that have begun, makes every call that is
// due and returns the time of the next, or the zero time. Whom it reached is
// recorded before the next call, so that a crash repeats at most one; what
// reached nobody is recorded together.
func (d *Desk) Tick(ctx context.Context) (next time.Time, err error) {
	if err := d.Settle(ctx); err != nil {
		return next, err
	}
	waiting, err := d.View.Waiting(ctx)
	if err != nil {
		return next, err
	}
	d.forget(waiting)
	for ids := range slices.Chunk(waiting, turn) {
		n, err := d.turn(ctx, ids)
		if err != nil {
			return next, err
		}
		if !n.IsZero() && (next.IsZero() || n.Before(next)) {
			next = n
		}
	}
	return next, nil
}

// turn serves some cases and returns when the next call of theirs is due.
func (d *Desk) turn(ctx context.Context, ids []string) (next time.Time, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.Settle(ctx); err != nil {
		return next, err
	}
	cases := make([]*casefile.Case, len(ids))
	for i, id := range ids {
		if cases[i], err = d.latest(ctx, id); err != nil {
			return next, err
		}
	}
	if err := d.write(ctx, cases); err != nil {
		return next, err
	}
	// A call that reached nobody makes the next rank due.
	for more, rung := true, 0; more && rung <= len(roster.Ranks); rung++ {
		if more, err = d.serve(ctx, cases); err != nil {
			return next, err
		}
	}
	for _, c := range cases {
		if n := c.Next(d.View.Books(), d.Firm, d.Now()); !n.IsZero() && (next.IsZero() || n.Before(next)) {
			next = n
		}
	}
	return next, nil
}

// latest returns a case as it is now, for reading only. It is decoded when it
// changed: thousands wait for months in which nothing happens. The caller holds
// d.mu.
func (d *Desk) latest(ctx context.Context, id string) (*casefile.Case, error) {
	known := d.read[id]
	c, of, err := d.View.Changed(ctx, id, known.of)
	if err != nil {
		return nil, err
	}
	if c != nil {
		known = readCase{of, c}
		d.read[id] = known
	}
	return known.Case, nil
}

// forget drops the cases that wait no more.
func (d *Desk) forget(waiting []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.read) == 0 {
		return
	}
	still := make(map[string]readCase, len(waiting))
	for _, id := range waiting {
		if c, ok := d.read[id]; ok {
			still[id] = c
		}
	}
	d.read = still
}

// write fills the documents of clocks that have begun, before anybody asks.
func (d *Desk) write(ctx context.Context, cases []*casefile.Case) error {
	var bodies []event.Body
	changed := make([]bool, len(cases))
	for i, c := range cases {
		for _, kind := range c.Unwritten(d.View.Books(), d.Firm) {
			bodies = append(bodies, &event.CaseDraft{Case: c.ID, Draft: kind, Step: "write", Scope: len(c.Scopes), Lang: string(d.Lang), By: casefile.Machine})
			changed[i] = true
		}
	}
	for some := range slices.Chunk(bodies, mostAtOnce) {
		if err := d.Record(ctx, "case", some...); err != nil {
			return err
		}
	}
	return d.again(ctx, cases, changed)
}

// again reads the cases that changed.
func (d *Desk) again(ctx context.Context, cases []*casefile.Case, changed []bool) error {
	if !slices.Contains(changed, true) {
		return nil
	}
	if err := d.Settle(ctx); err != nil {
		return err
	}
	for i, c := range cases {
		if !changed[i] {
			continue
		}
		var err error
		if cases[i], err = d.latest(ctx, c.ID); err != nil {
			return err
		}
	}
	return nil
}

// serve makes the calls that are due and reports whether there were some.
func (d *Desk) serve(ctx context.Context, cases []*casefile.Case) (more bool, err error) {
	var out []event.Body
	changed := make([]bool, len(cases))
	for i, c := range cases {
		for _, call := range c.Due(d.View.Books(), d.Firm, d.Now()) {
			changed[i] = true
			bodies, reached := d.call(ctx, c, call)
			out = append(out, bodies...)
			if !reached && len(out) < mostAtOnce {
				continue
			}
			if err := d.Record(ctx, "case", out...); err != nil {
				return false, err
			}
			out = nil
		}
	}
	if len(out) > 0 {
		if err := d.Record(ctx, "case", out...); err != nil {
			return false, err
		}
	}
	return slices.Contains(changed, true), d.again(ctx, cases, changed)
}

// call calls the people of a rank in turn until one was reached.
func (d *Desk) call(ctx context.Context, c *casefile.Case, call casefile.Call) (out []event.Body, reached bool) {
	notice := event.CaseNotice{Case: c.ID, Key: call.Key, Rank: call.Rank, Due: call.Due.UnixNano()}
	if call.Step == "silent" {
		notice.Step = "silent"
		return []event.Body{&notice}, false
	}
	m := d.message(c, call)
	for _, p := range d.Firm.Roster.Call(call.Rank, d.Now()) {
		one := notice
		one.To = p.ID
		ways, err := d.Reach(ctx, p, m)
		if err == nil {
			one.Step, one.Channel = "sent", strings.Join(ways, ",")
			return append(out, &one), true
		}
		d.Log.Warn("a person on duty was not reached", "case", c.ID, "person", p.ID, "err", err)
		one.Step = "failed"
		out = append(out, &one)
	}
	notice.Step = "nobody"
	return append(out, &notice), false
}

// message is what a call says.
func (d *Desk) message(c *casefile.Case, call casefile.Call) notify.Message {
	say := texts.In(d.Lang)
	kind, _, _ := strings.Cut(call.Key, ":")
	class := ""
	if p := d.View.Books().Plays.Class(c.Class); p != nil {
		class = p.Name.In(string(d.Lang))
	}
	return notify.Message{
		Subject: say.Text("subject", "case", c.ID, "class", class),
		Text: say.Text("call_"+kind, "key", casefile.KeyWord(call.Key, c.Class, d.Lang)) + "\n" +
			say.Text("state", "title", c.Title, "known", event.Time(c.KnownAt).In(jst).Format("2006-01-02 15:04"), "state", casefile.Word("state", c.State, d.Lang)) + "\n" +
			say.Text("answer", "case", c.ID, "key", call.Key),
	}
}

var jst = time.FixedZone("JST", 9*3600)
