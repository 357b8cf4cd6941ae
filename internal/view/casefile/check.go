package casefile

import (
	"slices"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile/roster"
)

// Refusal is why something may not be recorded: a key of texts.yaml with its
// values, and what is missing.
type Refusal struct {
	Key     string
	Args    []any
	Missing []string // ids of tasks, questions, hosts
}

// Error returns the English text.
func (r *Refusal) Error() string { return r.Text(lang.English) }

func refuse(key string, args ...any) error { return &Refusal{Key: key, Args: args} }

// founded is the earliest knowledge that is believed of a firm that does not say
// when it was founded: earlier times are typing errors.
var founded = time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)

// Author returns who wants to record the body, and the second person.
func Author(body event.Body) (by, second string) {
	switch b := body.(type) {
	case *event.CaseSign:
		return b.By, ""
	case *event.CaseFact:
		return b.By, ""
	case *event.CaseMove:
		return b.By, b.Second
	case *event.CaseTask:
		return b.By, ""
	case *event.CaseEvidence:
		return b.By, ""
	case *event.CaseAction:
		return b.By, b.Second
	case *event.CaseScope:
		return b.By, ""
	case *event.CaseMisuse:
		return b.By, ""
	case *event.CaseCommon:
		return b.By, ""
	case *event.CaseReport:
		return b.By, b.Second
	case *event.CaseDecision:
		return b.By, ""
	case *event.CaseClock:
		return b.By, ""
	case *event.CaseDraft:
		return b.By, b.Second
	case *event.CaseText:
		return b.By, ""
	case *event.CaseNotice:
		return b.To, ""
	case *event.CaseAgree:
		return b.By, ""
	}
	return "", ""
}

// Check says whether the body may be recorded in the case now; c is nil for
// the sign that opens one. A refusal is a *Refusal. It changes nothing.
func Check(b *Books, f *Firm, c *Case, now time.Time, body event.Body) error {
	by, second := Author(body)
	if by == "" {
		return refuse("no_name")
	}
	if slices.Contains(reserved, by) {
		return refuse("reserved", "by", by)
	}
	act := ActOf(body)
	rank := act.Rank
	if a, ok := body.(*event.CaseAction); ok && slices.Contains(containing, a.Do) && !b.on(dutyContains) {
		rank = "ciso"
	}
	if f.Roster.Level(by) < roster.Level(rank) {
		return refuse("rank", "by", by, "rank", rank)
	}
	sign, isSign := body.(*event.CaseSign)
	if c == nil && !isSign {
		return refuse("no_case")
	}
	if c != nil && c.State == Closed && !act.Closed {
		return refuse("closed")
	}
	switch e := body.(type) {
	case *event.CaseSign:
		return b.checkSign(f, now, sign)
	case *event.CaseFact:
		return b.checkFact(f, now, e)
	case *event.CaseMove:
		return c.checkMove(b, f, now, e, second)
	case *event.CaseTask:
		return c.checkTask(b, e)
	case *event.CaseEvidence:
		return c.checkEvidence(f, now, e)
	case *event.CaseAction:
		return c.checkAction(b, f, now, e)
	case *event.CaseScope:
		return c.checkScope(e)
	case *event.CaseMisuse:
		return checkMisuse(f, now, e)
	case *event.CaseCommon:
		return c.checkCommon(e)
	case *event.CaseReport:
		return c.checkReport(b, f, now, e)
	case *event.CaseDecision:
		return c.checkDecision(b, now, e)
	case *event.CaseClock:
		return c.checkClock(b, f, now, e)
	case *event.CaseDraft:
		return c.checkDraft(b, f, now, e)
	case *event.CaseText:
		return c.checkText(e)
	case *event.CaseNotice:
		if e.Step != "ack" || e.Key == "" {
			return refuse("notice_own")
		}
		if !c.called(b, f, now, e.Key) {
			return refuse("ack_early", "key", e.Key)
		}
		return nil
	case *event.CaseAgree:
		return c.checkAgree(f, e)
	}
	return refuse("no_case")
}

// reserved are names under which the process itself records.
var reserved = []string{Machine, "case", "process"}

// called reports whether the timer has begun to call: an answer that comes
// before the call would silence it for ever.
func (c *Case) called(b *Books, f *Firm, now time.Time, key string) bool {
	told := slices.ContainsFunc(c.Notices, func(n Notice) bool { return n.Key == key && n.Step != "ack" })
	return told || slices.ContainsFunc(c.Timers(b, f, now), func(t Timer) bool { return t.Key == key && !t.Rungs[0].At.After(now) })
}

// when refuses knowledge of the future and of before the company existed.
func (f *Firm) when(now time.Time, ns int64) error {
	t, first := event.Time(ns), founded
	if !f.Founded.IsZero() {
		first = f.Founded
	}
	if t.After(now) {
		return refuse("future", "at", t.Format(time.RFC3339))
	}
	if t.Before(first) {
		return refuse("ancient", "at", t.Format(time.RFC3339), "founded", first.In(rule.Tokyo).Format(time.DateOnly))
	}
	return nil
}

func (b *Books) checkSign(f *Firm, now time.Time, e *event.CaseSign) error {
	switch {
	case b.Plays.Class(e.Class) == nil:
		return refuse("class", "class", e.Class)
	case !slices.Contains(Channels, e.Channel):
		return refuse("channel", "channel", e.Channel)
	case e.Title == "" || e.KnownBy == "":
		return refuse("sign_whole")
	}
	return f.when(now, e.KnownAt)
}

// Channels are where a sign can come from.
var Channels = []string{"own", "monitor", "card-company", "psp", "police", "customer", "entrustee", "button"}

func (b *Books) checkFact(f *Firm, now time.Time, e *event.CaseFact) error {
	known := e.Fact == "persons"
	for _, r := range b.Rules.Rules {
		known = known || slices.Contains(r.Start, e.Fact)
		for _, w := range r.When {
			known = known || slices.Contains(w.All, e.Fact) || slices.Contains(w.Any, e.Fact)
		}
	}
	switch {
	case !known:
		return refuse("fact", "fact", e.Fact)
	case e.Withdrawn && e.Text == "":
		return refuse("reason")
	case e.KnownBy == "":
		return refuse("sign_whole")
	}
	return f.when(now, e.KnownAt)
}
