package casefile

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile/roster"
)

// Rung is one call of a ladder.
type Rung struct {
	Rank string
	At   time.Time
}

// Timer is something that calls people, higher and higher until somebody
// acknowledges it.
type Timer struct {
	Key   string // "open", "task:acquirer", "clock:jp.appi.prelim", "review:…"
	Rungs []Rung // in order of time
	// All: an acknowledgement stops nobody else from being told.
	All bool
}

// Firm is what timers need to know of the company.
type Firm struct {
	Roster *roster.Roster
	Facts  []string  // for the rules: "travel", "listed", …
	AsOf   time.Time // law of that day; zero: of each clock's own day
	// Founded is when the company began: nobody knew anything before. Zero: 1950.
	Founded time.Time
	Climb   Climb
}

// Climb is after how long of silence the next rank is called. A zero is the
// default, which is also the longest: one hour, four hours, a day (FP08).
type Climb struct {
	CSIRT, CISO, Officer time.Duration
}

// LongestClimb is the default.
var LongestClimb = Climb{time.Hour, 4 * time.Hour, 24 * time.Hour}

// ladder is the ladder from the duty person to the officer, from a time on. It
// knows no working days.
func (c Climb) ladder(from time.Time) []Rung {
	d := Climb{cmp.Or(c.CSIRT, LongestClimb.CSIRT), cmp.Or(c.CISO, LongestClimb.CISO), cmp.Or(c.Officer, LongestClimb.Officer)}
	return []Rung{{"duty", from}, {"csirt", from.Add(d.CSIRT)}, {"ciso", from.Add(d.CISO)}, {"officer", from.Add(d.Officer)}}
}

// Timers returns the timers of the case at now. An open case always has one
// that is still to come or has not been answered.
func (c *Case) Timers(b *Books, f *Firm, now time.Time) []Timer {
	if c.State == Closed {
		return c.decisionTimers()
	}
	known := event.Time(min(c.Opened, c.KnownAt))
	if c.Reopened > 0 {
		known = event.Time(c.lastReopening())
	}
	out := []Timer{{Key: fmt.Sprintf("open:%d", c.Reopened), Rungs: f.Climb.ladder(known)}}
	if class := b.Plays.Class(c.Class); class != nil && class.Tell != "" {
		out = append(out, Timer{Key: "tell:" + class.ID, Rungs: []Rung{{class.Tell, event.Time(c.Opened)}}, All: true})
	}
	if at, ok := c.firstRecorded("personal-data"); ok && b.on(leakCall) { // FP08: the officer, the same day, whoever answered
		t := event.Time(at)
		out = append(out, Timer{Key: "leak", Rungs: []Rung{{"csirt", t}, {"ciso", t}, {"officer", t}}, All: true})
	}
	for _, at := range c.Raised {
		t := event.Time(at)
		out = append(out, Timer{Key: fmt.Sprintf("again:%d", at), Rungs: []Rung{{"csirt", t}, {"ciso", t.Add(time.Hour)}, {"officer", t.Add(4 * time.Hour)}}})
	}
	for _, k := range c.Clocks(b.Rules, f.Facts, f.AsOf) {
		if k.End != nil {
			continue
		}
		if b.on(lateCall) && k.Kind != "voluntary" && k.Kind != "target" { // whoever answered the warning
			out = append(out, Timer{Key: "late:" + k.Rule.ID, Rungs: []Rung{{"officer", k.Due}}, All: true})
		}
		warn := k.Warn
		if warn.IsZero() {
			warn = k.Due.Add(-min(48*time.Hour, k.Due.Sub(k.Start)/2))
		}
		out = append(out, Timer{Key: "clock:" + k.Rule.ID, Rungs: []Rung{{"csirt", warn}, {"ciso", k.Due.Add(-k.Due.Sub(warn) / 2)}, {"officer", k.Due}}})
	}
	for _, t := range c.Tasks {
		if t.State == "open" {
			due := event.Time(t.Due)
			out = append(out, Timer{Key: "task:" + t.ID, Rungs: []Rung{{"duty", due}, {"csirt", due.Add(4 * time.Hour)}, {"ciso", due.Add(24 * time.Hour)}}})
		}
	}
	return append(append(out, c.decisionTimers()...), c.review(f, now))
}

// review calls when nothing was done for some time, and again and again.
func (c *Case) review(f *Firm, now time.Time) Timer {
	every := reviewEvery[c.State]
	n := max(1, int64(now.Sub(event.Time(c.Active))/every))
	return Timer{Key: fmt.Sprintf("review:%d:%d", c.Active, n), Rungs: f.Climb.ladder(event.Time(c.Active).Add(time.Duration(n) * every))}
}

func (c *Case) decisionTimers() []Timer {
	var out []Timer
	for _, d := range c.Decisions {
		if d.ReviewAt != 0 {
			at := event.Time(d.ReviewAt)
			out = append(out, Timer{Key: fmt.Sprintf("decision:%s:%d", d.Subject, d.ReviewAt), Rungs: []Rung{{"csirt", at}, {"ciso", at.Add(4 * time.Hour)}}})
		}
	}
	return out
}

func (c *Case) firstRecorded(fact string) (at int64, ok bool) {
	for _, f := range c.Facts {
		if f.Fact == fact && f.WithdrawnBy == "" && (!ok || f.RecordedAt < at) {
			at, ok = f.RecordedAt, true
		}
	}
	return at, ok
}

func (c *Case) lastReopening() int64 {
	last := c.Opened
	for _, e := range c.Log {
		if e.What == "sign" || e.What == "move" {
			last = max(last, e.At)
		}
	}
	return last
}

// Call is a message that should go out, or a silence that should be written
// down.
type Call struct {
	Key  string
	Rank string
	Due  time.Time
	Step string // "send" or "silent"
}

// Due returns the calls that are due at now and not yet in the ledger. Reading
// it twice gives the same; recording what was sent ends it.
func (c *Case) Due(b *Books, f *Firm, now time.Time) []Call {
	var out []Call
	for _, t := range c.Timers(b, f, now) {
		ack, climbed := c.acknowledged(t.Key), false
		for i, r := range t.Rungs {
			told, failed := c.told(t.Key, r.Rank)
			if again := c.retry(f, t.Key, r.Rank); failed && !again.IsZero() && !again.After(now) {
				failed = false
			}
			if !b.on(holidayDuty) && rule.Closed(now) {
				continue
			}
			due := (!r.At.After(now) || climbed) && (i == 0 || t.All || b.on(climbing))
			stopped := !t.All && ack != 0 && ack <= r.At.UnixNano()
			if at := c.silence(b, &t, i); !at.IsZero() && !at.After(now) {
				out = append(out, Call{t.Key, r.Rank, at, "silent"})
			}
			if due && !told && !failed && (!stopped || climbed) {
				out = append(out, Call{t.Key, r.Rank, r.At, "send"})
			}
			climbed = failed // nobody of this rank could be reached: the next is called at once
		}
	}
	slices.SortStableFunc(out, func(a, b Call) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Key, b.Key)) })
	return out
}

// lastAnswer is how long a rank has to answer that no other is called after.
const lastAnswer = 4 * time.Hour

// silence returns when it is written down that a rank was called and nobody
// answered: when the next rank is called, or, had that been over already when
// this one was called, as long after the call as lies between the two. The zero
// time is for never.
func (c *Case) silence(b *Books, t *Timer, i int) time.Time {
	r := t.Rungs[i]
	called := int64(0)
	for _, n := range c.Notices {
		switch {
		case n.Key != t.Key:
		case n.Step == "ack", n.Step == "silent" && n.Rank == r.Rank:
			return time.Time{}
		case n.Step == "sent" && n.Rank == r.Rank && called == 0:
			called = n.At
		}
	}
	if called == 0 || !b.on(climbing) {
		return time.Time{}
	}
	if t.All || i+1 == len(t.Rungs) {
		return event.Time(called).Add(lastAnswer)
	}
	next := t.Rungs[i+1].At
	if event.Time(called).After(next) {
		return event.Time(called).Add(next.Sub(r.At))
	}
	return next
}

// Next returns the time of the next call that is not yet in the ledger; the
// zero time for none.
func (c *Case) Next(b *Books, f *Firm, now time.Time) (next time.Time) {
	for _, t := range c.Timers(b, f, now) {
		ack := c.acknowledged(t.Key)
		for i, r := range t.Rungs {
			told, failed := c.told(t.Key, r.Rank)
			if again := c.retry(f, t.Key, r.Rank); failed && !again.IsZero() && (next.IsZero() || again.Before(next)) {
				next = again
			}
			if at := c.silence(b, &t, i); !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
			if told || failed || !t.All && ack != 0 && ack <= r.At.UnixNano() {
				continue
			}
			if next.IsZero() || r.At.Before(next) {
				next = r.At
			}
		}
	}
	if c.State != Closed { // after this review's ladder comes the next review
		again := c.review(f, now).Rungs[0].At.Add(reviewEvery[c.State])
		if next.IsZero() || again.Before(next) {
			next = again
		}
	}
	return next
}

func (c *Case) acknowledged(key string) int64 {
	for _, n := range c.Notices {
		if n.Key == key && n.Step == "ack" {
			return n.At
		}
	}
	return 0
}

// told reports whether somebody of the rank was called, or nobody could be. That
// nobody could be counts no more when a lower rank was reached since: what was
// in the way is gone, and silence climbs as always.
func (c *Case) told(key, rank string) (sent, nobody bool) {
	none, lower := int64(-1), int64(-1)
	for _, n := range c.Notices {
		switch {
		case n.Key != key:
		case n.Step == "sent" && n.Rank == rank:
			sent = true
		case n.Step == "sent" && roster.Level(n.Rank) < roster.Level(rank):
			lower = max(lower, n.At)
		case n.Step == "nobody" && n.Rank == rank:
			none = max(none, n.At)
		}
	}
	return sent, !sent && none >= 0 && none >= lower
}

// retryEvery is how long after a call that reached nobody of any rank it is made
// again: mail servers come back, and a roster with nobody is mended.
const retryEvery = time.Hour

// retry returns when a rank of which nobody could be reached is called again;
// the zero time for never, because somebody of another rank knows, or because
// there is still nobody to call. A rank that had nobody, and has somebody now,
// is called at once.
func (c *Case) retry(f *Firm, key, rank string) (at time.Time) {
	bounced := false
	for _, n := range c.Notices {
		switch {
		case n.Key != key:
		case n.Step == "sent" || n.Step == "ack":
			return time.Time{}
		case n.Step == "failed" && n.Rank == rank:
			bounced = true
		case n.Step == "nobody" && n.Rank == rank:
			at = event.Time(n.At)
		}
	}
	if at.IsZero() || len(f.Roster.Call(rank, at)) == 0 {
		return time.Time{}
	}
	if bounced {
		return at.Add(retryEvery)
	}
	return at
}

func (c *Case) sent(key, rank string) bool { s, _ := c.told(key, rank); return s }

// Red returns what must be seen at once: calls that reached nobody, mail that
// bounced, clocks that are over.
func (c *Case) Red(b *Books, f *Firm, now time.Time) []string {
	var out []string
	for _, n := range c.Notices {
		if n.Step == "nobody" && !c.sent(n.Key, n.Rank) || n.Step == "failed" {
			if red := n.Step + " " + n.Key + " " + n.Rank + " " + n.To; !slices.Contains(out, red) {
				out = append(out, red)
			}
		}
	}
	if c.State != Closed && f.Roster != nil && len(f.Roster.People) == 0 || f.Roster == nil {
		out = append(out, "nobody roster")
	}
	for _, k := range c.Clocks(b.Rules, f.Facts, f.AsOf) {
		if k.End == nil && !k.Due.After(now) {
			out = append(out, "late "+k.Rule.ID)
		}
	}
	return out
}
