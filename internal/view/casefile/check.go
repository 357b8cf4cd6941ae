package casefile

import (
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/lang"
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

// Founded is the earliest knowledge that is believed: earlier times are typing
// errors. The firm may set its own founding.
var founded = time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)

// least is the lowest level that may record a body; -1 is anybody with a name.
func least(body event.Body) int {
	level := func(rank string) int { return roster.Level(rank) }
	switch b := body.(type) {
	case *event.CaseSign:
		return -1
	case *event.CaseFact:
		if b.Withdrawn {
			return level("ciso")
		}
		return -1
	case *event.CaseMove:
		if b.To == Closed {
			return level("csirt")
		}
	case *event.CaseAction:
		if b.Override {
			return level("ciso")
		}
	case *event.CaseClock:
		if b.Step == "not-required" {
			return level("ciso")
		}
	case *event.CaseDecision:
		return level("ciso")
	case *event.CaseDraft:
		if b.Step == "release" {
			return level("csirt")
		}
	case *event.CaseReport:
		if b.Step == "accept" {
			return level("csirt")
		}
	case *event.CaseAgree:
		return level("csirt")
	}
	return level("duty")
}

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
	case *event.CaseReport:
		return b.By, b.Second
	case *event.CaseDecision:
		return b.By, ""
	case *event.CaseClock:
		return b.By, ""
	case *event.CaseDraft:
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
	if f.Roster.Level(by) < least(body) {
		return refuse("rank", "by", by, "rank", roster.Ranks[least(body)])
	}
	sign, isSign := body.(*event.CaseSign)
	if c == nil && !isSign {
		return refuse("no_case")
	}
	if c != nil && c.State == Closed && !whenClosed(body) {
		return refuse("closed")
	}
	switch e := body.(type) {
	case *event.CaseSign:
		return b.checkSign(now, sign)
	case *event.CaseFact:
		return b.checkFact(now, e)
	case *event.CaseMove:
		return c.checkMove(b, f, now, e, second)
	case *event.CaseTask:
		return c.checkTask(b, e)
	case *event.CaseEvidence:
		return c.checkEvidence(now, e)
	case *event.CaseAction:
		return c.checkAction(b, f, now, e)
	case *event.CaseScope:
		return c.checkScope(e)
	case *event.CaseMisuse:
		return checkMisuse(now, e)
	case *event.CaseReport:
		return c.checkReport(b, f, now, e)
	case *event.CaseDecision:
		return c.checkDecision(b, now, e)
	case *event.CaseClock:
		return c.checkClock(b, f, now, e)
	case *event.CaseDraft:
		return c.checkDraft(e)
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
var reserved = []string{"sekisho", "case", "process"}

// called reports whether the timer has begun to call: an answer that comes
// before the call would silence it for ever.
func (c *Case) called(b *Books, f *Firm, now time.Time, key string) bool {
	told := slices.ContainsFunc(c.Notices, func(n Notice) bool { return n.Key == key && n.Step != "ack" })
	return told || slices.ContainsFunc(c.Timers(b, f, now), func(t Timer) bool { return t.Key == key && !t.Rungs[0].At.After(now) })
}

// whenClosed: what a closed case still takes. Signs and moves reopen it;
// knowledge, receipts and lessons are kept; decisions have their reviews.
func whenClosed(body event.Body) bool {
	switch e := body.(type) {
	case *event.CaseSign, *event.CaseFact, *event.CaseMove, *event.CaseClock, *event.CaseDecision, *event.CaseNotice, *event.CaseMisuse:
		return true
	case *event.CaseTask:
		return e.Lesson || e.Step == "done"
	}
	return false
}

// when refuses knowledge of the future and of before there were computers.
func when(now time.Time, ns int64) error {
	t := event.Time(ns)
	if t.After(now) {
		return refuse("future", "at", t.Format(time.RFC3339))
	}
	if t.Before(founded) {
		return refuse("ancient", "at", t.Format(time.RFC3339))
	}
	return nil
}

func (b *Books) checkSign(now time.Time, e *event.CaseSign) error {
	switch {
	case b.Plays.Class(e.Class) == nil:
		return refuse("class", "class", e.Class)
	case !slices.Contains(Channels, e.Channel):
		return refuse("channel", "channel", e.Channel)
	case e.Title == "" || e.KnownBy == "":
		return refuse("sign_whole")
	}
	return when(now, e.KnownAt)
}

// Channels are where a sign can come from.
var Channels = []string{"own", "monitor", "card-company", "psp", "police", "customer", "entrustee", "button"}

func (b *Books) checkFact(now time.Time, e *event.CaseFact) error {
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
	return when(now, e.KnownAt)
}

func (c *Case) checkMove(b *Books, f *Firm, now time.Time, e *event.CaseMove, second string) error {
	if e.Reason == "" {
		return refuse("reason")
	}
	if e.Class != "" && b.Plays.Class(e.Class) == nil {
		return refuse("class", "class", e.Class)
	}
	if e.To != "" && !slices.Contains([]string{Candidate, Incident, Closed}, e.To) || e.To == "" && e.Class == "" {
		return refuse("state", "state", e.To)
	}
	if e.To == c.State && e.Class == "" {
		return refuse("already", "state", e.To)
	}
	if e.To == Candidate && c.State == Incident {
		return refuse("back")
	}
	if e.To != Closed {
		return nil
	}
	class := b.Plays.Class(c.Class)
	if class != nil && len(class.Causes) > 0 && !slices.Contains(class.Causes, e.Cause) {
		return &Refusal{Key: "cause", Missing: class.Causes}
	}
	if class != nil && e.Cause == "load" && b.on(needLoad) && !c.provedBy(class.Proves) {
		return &Refusal{Key: "load", Missing: []string{class.Proves}}
	}
	if missing := c.missing(b, f, e.Cause); len(missing) > 0 && b.on(closingRules) {
		return &Refusal{Key: "closing", Args: []any{"never", c.Class}, Missing: missing}
	}
	return c.secondPerson(b, f, now, ActClose, e, second, "csirt")
}

// Missing returns what closing the case needs and does not have yet: tasks,
// windows that misuse contradicts, clocks that run.
func (c *Case) Missing(b *Books, f *Firm) []string { return c.missing(b, f, "load") }

func (c *Case) missing(b *Books, f *Firm, cause string) []string {
	var out []string
	class := b.Plays.Class(c.Class)
	if class == nil || class.ID == "unknown" && c.task("look").State != "done" {
		return []string{"task:look"}
	}
	for _, t := range c.Tasks {
		play := class.Task(t.ID)
		if t.State == "open" && (play != nil && play.Close || strings.HasPrefix(t.ID, "window:")) {
			out = append(out, "task:"+t.ID)
		}
	}
	if class.Proves != "" && cause == "load" && c.provedBy(class.Proves) {
		out = nil
	}
	for _, k := range c.Clocks(b.Rules, f.Facts, f.AsOf) {
		if k.End == nil && k.Kind != "voluntary" && k.Kind != "target" {
			out = append(out, "clock:"+k.Rule.ID)
		}
	}
	return out
}

// provedBy reports whether there is evidence of the form, of a host of the case,
// for the hour of the newest sign.
func (c *Case) provedBy(form string) bool {
	last := c.Signs[len(c.Signs)-1].KnownAt
	return slices.ContainsFunc(c.Evidence, func(e event.CaseEvidence) bool {
		return e.Form == form && slices.Contains(c.Hosts, e.Host) && e.At > last-int64(time.Hour) && e.At < last+int64(time.Hour)
	})
}

func (c *Case) checkTask(b *Books, e *event.CaseTask) error {
	t := c.task(e.Task)
	switch e.Step {
	case "add":
		if t != nil || e.Title == "" || e.Due == 0 {
			return refuse("task_add", "task", e.Task)
		}
		return nil
	case "assign", "done", "not-needed":
	default:
		return refuse("step", "step", e.Step)
	}
	if t == nil {
		return refuse("task_unknown", "task", e.Task)
	}
	if t.State != "open" && e.Step != "assign" {
		return refuse("already", "state", t.State)
	}
	var needs []string
	closing := strings.HasPrefix(t.ID, "window:")
	if class := b.Plays.Class(c.Class); class != nil && class.Task(t.ID) != nil {
		needs, closing = class.Task(t.ID).Needs, class.Task(t.ID).Close
	}
	if e.Step == "not-needed" && (e.Reason == "" || closing) {
		return refuse("task_needed", "task", e.Task)
	}
	has := slices.ContainsFunc(c.Evidence, func(v event.CaseEvidence) bool { return slices.Contains(needs, v.Form) })
	if e.Step == "done" && len(needs) > 0 && !has {
		return refuse("task_evidence", "task", e.Task, "forms", strings.Join(needs, ", "))
	}
	return nil
}

func (c *Case) checkEvidence(now time.Time, e *event.CaseEvidence) error {
	if e.Step == "handed" {
		if !slices.ContainsFunc(c.Evidence, func(v event.CaseEvidence) bool { return v.Evidence == e.Evidence }) || e.To == "" {
			return refuse("handed", "evidence", e.Evidence)
		}
		return when(now, e.At)
	}
	forms := []string{"image", "snapshot", "memory", "log-export", "load-figures", "bundle"}
	if e.Step != "preserved" || len(e.SHA256) != 64 || strings.Trim(e.SHA256, "0123456789abcdef") != "" || e.Host == "" || e.Kept == "" || !slices.Contains(forms, e.Form) {
		return refuse("evidence")
	}
	if slices.ContainsFunc(c.Evidence, func(v event.CaseEvidence) bool { return v.Evidence == e.Evidence }) {
		return refuse("already", "state", e.Evidence)
	}
	return when(now, e.At)
}

// Destroying actions wait for preservation; the others stop a spread and do not
// wait for anything.
var (
	destroying = []string{"rebuild", "move", "retire", "power-off", "clean"}
	containing = []string{"cut", "freeze", "bypass-off", "isolate", "stop-payment"}
)

func (c *Case) checkAction(b *Books, f *Firm, now time.Time, e *event.CaseAction) error {
	switch {
	case slices.Contains(containing, e.Do):
		return nil
	case !slices.Contains(destroying, e.Do) || e.Target == "":
		return refuse("action", "do", e.Do)
	case c.preserved(e.Target) || !b.on(preserve):
		return nil
	case !e.Override:
		return &Refusal{Key: "preserve_first", Args: []any{"host", e.Target, "do", e.Do}, Missing: []string{e.Target}}
	case e.Reason == "":
		return refuse("reason")
	}
	return c.secondPerson(b, f, now, ActOverride(e), e, e.Second, "ciso")
}

func (c *Case) checkScope(e *event.CaseScope) error {
	if e.Version != len(c.Scopes)+1 {
		return refuse("scope_version", "version", len(c.Scopes)+1)
	}
	if e.Confirmed > e.Reachable || e.Reachable > e.EverHeld {
		return refuse("scope_order")
	}
	if e.Stated == "" && (e.Query == "" || e.Digest == "") {
		return refuse("scope_basis")
	}
	if e.From != 0 && e.To != 0 && e.To < e.From {
		return refuse("scope_window")
	}
	return nil
}

func checkMisuse(now time.Time, e *event.CaseMisuse) error {
	if len(e.Items) == 0 {
		return refuse("misuse_empty")
	}
	for _, m := range e.Items {
		if len(m.Token) != 32 || strings.Trim(m.Token, "0123456789abcdef") != "" {
			return refuse("misuse_token")
		}
		if err := when(now, m.At); err != nil {
			return err
		}
	}
	return nil
}

func (c *Case) checkReport(b *Books, f *Firm, now time.Time, e *event.CaseReport) error {
	r := c.report(e.Report)
	switch {
	case e.Step == "load" && (r != nil || len(e.SHA256) != 64):
		return refuse("report_load")
	case e.Step == "load":
		return nil
	case r == nil:
		return refuse("report_unknown", "report", e.Report)
	case e.Step == "answer":
		for _, q := range b.Plays.Questions {
			if q.ID == e.Question {
				return nil
			}
		}
		return refuse("question", "question", e.Question)
	case e.Step == "refuse" && e.Reason != "":
		return nil
	case e.Step != "accept":
		return refuse("reason")
	}
	var missing []string
	for _, q := range r.Unanswered(b.Plays) {
		missing = append(missing, "question:"+q.ID)
	}
	if len(missing) > 0 && b.on(reportCheck) {
		return &Refusal{Key: "report_open", Missing: missing}
	}
	return c.secondPerson(b, f, now, ActAccept(e), e, e.Second, "csirt")
}

// maxReview is the longest that a decision to wait may go without being looked
// at again (FP19).
const maxReview = 72 * time.Hour

func (c *Case) checkDecision(b *Books, now time.Time, e *event.CaseDecision) error {
	if e.Reason == "" || e.Subject == "" || e.Choice == "" {
		return refuse("reason")
	}
	wait := strings.HasPrefix(e.Choice, "not") || e.Choice == "wait" || e.Choice == "limited"
	if wait && b.on(waitReview) && (e.ReviewAt <= now.UnixNano() || e.ReviewAt > now.Add(maxReview).UnixNano()) {
		return refuse("review", "hours", int(maxReview.Hours()))
	}
	if s := c.Figures(); e.Choice == "limited" && (s == nil || s.Stated != "") {
		return refuse("limited")
	}
	return nil
}

func (c *Case) checkClock(b *Books, f *Firm, now time.Time, e *event.CaseClock) error {
	if b.Rules.Rule(e.Rule) == nil {
		return refuse("rule", "rule", e.Rule)
	}
	if !slices.ContainsFunc(c.Clocks(b.Rules, f.Facts, f.AsOf), func(k Clock) bool { return k.Rule.ID == e.Rule && k.End == nil }) {
		return refuse("rule_idle", "rule", e.Rule)
	}
	switch e.Step {
	case "receipt":
		if e.Number == "" || len(e.SHA256) != 64 {
			return refuse("receipt")
		}
		return when(now, e.At)
	case "not-required":
		if e.Text == "" || e.Reason == "" {
			return refuse("not_required")
		}
		return nil
	}
	return refuse("step", "step", e.Step)
}

func (c *Case) checkDraft(e *event.CaseDraft) error {
	d := c.Drafts[e.Draft]
	switch {
	case e.Step == "write":
		return nil
	case d == nil || e.Step == "release" && d.State != "written":
		return refuse("draft_unknown", "draft", e.Draft)
	case e.Step == "release" && d.Writer == e.By:
		return refuse("draft_second")
	case e.Step == "release" && e.Proved == "":
		return refuse("unproved", "by", e.By)
	case e.Step == "release" && d.Proved == "":
		return refuse("unproved", "by", d.Writer)
	case e.Step == "release" && len(e.SHA256) != 64:
		return refuse("draft_hash")
	case e.Step == "release" && d.Scope != len(c.Scopes):
		return refuse("draft_old", "have", d.Scope, "newest", len(c.Scopes))
	case e.Step == "release" || e.Step == "withdraw":
		return nil
	}
	return refuse("step", "step", e.Step)
}
