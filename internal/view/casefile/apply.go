package casefile

import (
	"fmt"
	"slices"
	"time"

	"sekisho/internal/event"
)

// reviewEvery is how long a case may lie without anybody doing anything.
var reviewEvery = map[string]time.Duration{Candidate: 24 * time.Hour, Incident: 72 * time.Hour}

// apply folds one event of the case. It never fails: what the ledger holds has
// happened, allowed or not.
func (c *Case) apply(b *Books, index event.Index, at int64, body event.Body) {
	proved := ""
	if b, ok := body.(event.Cased); ok {
		proved = b.Proof().Proved
	}
	note := func(by, what, text string, args ...string) {
		c.Active = max(c.Active, at)
		c.Log = append(c.Log, Entry{At: at, Index: index, By: by, What: what, Args: args, Text: text, Proved: proved})
	}
	if changes(body) {
		c.Agreed = nil
	}
	switch e := body.(type) {
	case *event.CaseSign:
		c.sign(b, at, e)
		note(e.By, "sign", e.Title)
	case *event.CaseFact:
		c.fact(b, at, e)
		what := "fact"
		if e.Withdrawn {
			what = "withdrawn"
		}
		note(e.By, what, e.Text, e.Fact)
	case *event.CaseMove:
		c.move(b, at, e)
		note(e.By, "move", e.Reason, e.To, e.Class, e.Cause)
	case *event.CaseTask:
		c.taskStep(at, e)
		note(e.By, "task", e.Reason, e.Task, e.Step, c.Class, c.task(e.Task).Title)
	case *event.CaseEvidence:
		c.Evidence = append(c.Evidence, *e)
		note(e.By, "evidence", e.Host, e.Step, e.Form)
	case *event.CaseAction:
		c.Actions = append(c.Actions, *e)
		note(e.By, "action", e.Reason, e.Step, e.Do, e.Target, fmt.Sprint(e.Applied), fmt.Sprint(e.Failed))
	case *event.CaseScope:
		c.scope(b, at, e)
		note(e.By, "scope", fmt.Sprintf("%d", e.Version))
	case *event.CaseMisuse:
		if items := c.listed(e); len(items) > 0 {
			c.Misuse = append(c.Misuse, items...)
			c.recheck(b, at)
			note(e.By, "misuse", fmt.Sprintf("%d", len(items)))
		}
	case *event.CaseCommon:
		c.Common = &Compared{*e, at}
		note(e.By, "common", "", compared(e)...)
	case *event.CaseReport:
		c.reportStep(e)
		note(e.By, "report", e.Reason, e.Report, e.Step, e.Question)
	case *event.CaseDecision:
		c.decide(at, e)
		note(e.By, "decision", e.Reason, e.Subject, e.Choice)
	case *event.CaseClock:
		if c.Ended == nil {
			c.Ended = map[string]*ClockEnd{}
		}
		c.Ended[e.Rule] = &ClockEnd{*e, at}
		note(e.By, "clock", e.Number+e.Reason, e.Rule, e.Step)
	case *event.CaseText:
		c.text(e)
		note(e.By, "text", e.Reason, e.Name, e.Step)
	case *event.CaseDraft:
		c.draft(at, e)
		if e.By != Machine { // a yes was to the text as it was
			c.Agreed = slices.DeleteFunc(c.Agreed, func(a Agreement) bool { return a.Act == ActRelease(e) })
		}
		active := c.Active
		how := ""
		if e.Override {
			how = "differs"
		}
		note(e.By, "draft", e.Reason, e.Draft, e.Step, how)
		if e.By == Machine { // nobody did anything
			c.Active = active
		}
	case *event.CaseNotice:
		c.Notices = append(c.Notices, Notice{*e, at})
		c.Log = append(c.Log, Entry{At: at, Index: index, By: e.To, What: "notice-" + e.Step, Args: []string{e.Key, e.Rank, c.Class}, Proved: proved})
	case *event.CaseAgree:
		c.Agreed = append(c.Agreed, Agreement{*e, at})
		note(e.By, "agree", "", e.Act)
	}
}

// changes reports whether the body changes what a second person agreed to, or
// uses it up.
func changes(body event.Body) bool {
	switch body.(type) {
	case *event.CaseSign, *event.CaseFact, *event.CaseScope, *event.CaseMisuse, *event.CaseCommon, *event.CaseMove, *event.CaseReport, *event.CaseEvidence, *event.CaseAction, *event.CaseText:
		return true
	}
	return false
}

func (c *Case) sign(b *Books, at int64, e *event.CaseSign) {
	c.Signs = append(c.Signs, *e)
	if len(c.Signs) == 1 {
		c.ID, c.State, c.Class, c.Title, c.Opened, c.KnownAt, c.Channel = e.Case, Candidate, e.Class, e.Title, at, e.KnownAt, e.Channel
		c.play(b, at)
	} else if c.State == Closed {
		c.reopen(b, at)
	}
	c.KnownAt = min(c.KnownAt, e.KnownAt)
	c.Places = union(c.Places, e.Places)
	c.Hosts = union(c.Hosts, e.Hosts)
	for _, name := range e.Facts {
		c.fact(b, at, &event.CaseFact{Case: e.Case, Fact: name, KnownAt: e.KnownAt, KnownBy: e.KnownBy, Org: e.Org, By: e.By})
	}
}

func union[T comparable](have, more []T) []T {
	for _, x := range more {
		if !slices.Contains(have, x) {
			have = append(have, x)
		}
	}
	return have
}

// play adds the tasks of the class that are not there yet.
func (c *Case) play(b *Books, at int64) {
	class := b.Plays.Class(c.Class)
	if class == nil {
		return
	}
	for _, t := range class.Tasks {
		if c.task(t.ID) == nil && (c.Class != "card-misuse" || b.on(cardDuties)) {
			c.Tasks = append(c.Tasks, Task{ID: t.ID, Due: t.Due(event.Time(at)).UnixNano(), State: "open"})
		}
	}
	c.order()
}

// classFacts adds what the new class itself tells, known since the case is: a
// class that is found late buys no time.
func (c *Case) classFacts(b *Books, at int64, e *event.CaseMove) {
	class := b.Plays.Class(c.Class)
	if class == nil {
		return
	}
	for _, name := range class.Facts {
		if !c.Has(name) {
			c.fact(b, at, &event.CaseFact{Case: c.ID, Fact: name, KnownAt: c.KnownAt, KnownBy: e.By, By: e.By})
		}
	}
}

// reopen begins again: the closing tasks are open once more.
func (c *Case) reopen(b *Books, at int64) {
	c.State = Candidate
	c.Reopened++
	class := b.Plays.Class(c.Class)
	for i := range c.Tasks {
		t := &c.Tasks[i]
		if class == nil || class.Task(t.ID) == nil {
			continue
		}
		t.State, t.By, t.Due = "open", "", class.Task(t.ID).Due(event.Time(at)).UnixNano()
	}
	c.order()
}

func (c *Case) fact(b *Books, at int64, e *event.CaseFact) {
	if e.Withdrawn {
		for i := range c.Facts {
			if c.Facts[i].Fact == e.Fact && c.Facts[i].WithdrawnBy == "" {
				c.Facts[i].WithdrawnBy = e.By
			}
		}
		return
	}
	c.Facts = append(c.Facts, Fact{CaseFact: *e, RecordedAt: at})
	if !b.on(knownClock) {
		c.Facts[len(c.Facts)-1].KnownAt = at
	}
	c.KnownAt = min(c.KnownAt, e.KnownAt)
}

func (c *Case) move(b *Books, at int64, e *event.CaseMove) {
	if e.Class != "" {
		c.Class = e.Class
		c.play(b, at)
		c.classFacts(b, at, e)
	}
	switch {
	case e.To == "":
	case c.State == Closed && e.To != Closed:
		c.reopen(b, at)
		c.State = e.To
	default:
		c.State = e.To
	}
}

func (c *Case) taskStep(at int64, e *event.CaseTask) {
	t := c.task(e.Task)
	if t == nil {
		c.Tasks = append(c.Tasks, Task{ID: e.Task, Title: e.Title, Due: e.Due, State: "open", Lesson: e.Lesson, Owner: e.Owner})
		c.order()
		return
	}
	switch e.Step {
	case "assign":
		t.Owner = e.Owner
		if e.Due != 0 {
			t.Due = e.Due
			c.order()
		}
	case "done", "not-needed":
		t.State, t.By = e.Step, e.By
	}
}

func (c *Case) scope(b *Books, at int64, e *event.CaseScope) {
	c.Scopes = append(c.Scopes, Scope{*e, at})
	for i := range c.Decisions { // what was decided on other figures is decided again
		d := &c.Decisions[i]
		if d.ReviewAt != 0 && d.Reopened == "" && b.on(newFigures) {
			d.Reopened, d.ReviewAt = "scope", at
		}
	}
	c.recheck(b, at)
}

// recheck adds a task for every window that misuse contradicts.
func (c *Case) recheck(b *Books, at int64) {
	for _, m := range c.Contradictions() {
		if !b.on(contradict) {
			return
		}
		id := "window:" + m.Server
		if !m.Contradicted || c.task(id) != nil {
			continue
		}
		c.Tasks = append(c.Tasks, Task{ID: id, Title: m.Server, Due: at + int64(24*time.Hour), State: "open"})
		c.order()
	}
}

func (c *Case) reportStep(e *event.CaseReport) {
	r := c.report(e.Report)
	if r == nil {
		c.Reports = append(c.Reports, Report{ID: e.Report, SHA256: e.SHA256, State: "loaded"})
		r = &c.Reports[len(c.Reports)-1]
	}
	switch e.Step {
	case "answer":
		if r.Answers == nil {
			r.Answers = map[string]*event.CaseReport{}
		}
		r.Answers[e.Question] = e
	case "accept":
		r.State = "accepted"
	case "refuse":
		r.State = "refused"
	}
}

func (c *Case) decide(at int64, e *event.CaseDecision) {
	c.Decisions = slices.DeleteFunc(c.Decisions, func(d Decision) bool { return d.Subject == e.Subject })
	c.Decisions = append(c.Decisions, Decision{CaseDecision: *e, At: at})
}

// text keeps what a text states until it is withdrawn.
func (c *Case) text(e *event.CaseText) {
	c.Texts = slices.DeleteFunc(c.Texts, func(t event.CaseText) bool { return t.Name == e.Name })
	if e.Step == "load" {
		c.Texts = append(c.Texts, *e)
	}
}

func (c *Case) draft(at int64, e *event.CaseDraft) {
	if c.Drafts == nil {
		c.Drafts = map[string]*Draft{}
	}
	d := c.Drafts[e.Draft]
	if d == nil {
		d = &Draft{Kind: e.Draft}
		c.Drafts[e.Draft] = d
	}
	d.At = at
	switch e.Step {
	case "write":
		*d = Draft{Kind: e.Draft, State: "written", Slots: e.Slots, Lang: e.Lang, Writer: e.By, Proved: e.Proved, Scope: e.Scope, At: at}
	case "release":
		d.State, d.Releaser, d.SHA256, d.Scope, d.Overridden = "released", e.By, e.SHA256, e.Scope, e.Override
	case "withdraw":
		d.State = "withdrawn"
	}
}
