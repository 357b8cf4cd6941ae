package casefile

import (
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
)

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
		return f.when(now, e.At)
	case "not-required":
		if e.Text == "" || e.Reason == "" {
			return refuse("not_required")
		}
		return nil
	}
	return refuse("step", "step", e.Step)
}

func (c *Case) checkDraft(b *Books, f *Firm, now time.Time, e *event.CaseDraft) error {
	d := c.Drafts[e.Draft]
	switch {
	case e.Step == "write":
		return nil
	case d == nil || e.Step == "release" && d.State != "written":
		return refuse("draft_unknown", "draft", e.Draft)
	case e.Step == "release" && d.Writer == e.By:
		return refuse("draft_second")
	case e.Step == "release" && d.Writer == Machine:
		return refuse("draft_machine", "case", c.ID, "draft", e.Draft)
	case e.Step == "release" && e.Proved == "":
		return refuse("unproved", "by", e.By)
	case e.Step == "release" && d.Proved == "":
		return refuse("unproved", "by", d.Writer)
	case e.Step == "release" && len(e.SHA256) != 64:
		return refuse("draft_hash")
	case e.Step == "release" && d.Scope != len(c.Scopes):
		return refuse("draft_old", "have", d.Scope, "newest", len(c.Scopes))
	case e.Step == "release" && e.Override && e.Reason == "":
		return refuse("reason")
	case e.Step == "release" && e.Override:
		return c.secondPerson(b, f, now, ActRelease(e), e, e.Second, "csirt")
	case e.Step == "release" || e.Step == "withdraw":
		return nil
	}
	return refuse("step", "step", e.Step)
}

// maxStated bounds what is kept of a text: a line of the ledger has at most
// 64 KiB.
const maxStated = 1000

// checkText takes what a text states, under a name that is not in use.
func (c *Case) checkText(e *event.CaseText) error {
	have := slices.ContainsFunc(c.Texts, func(t event.CaseText) bool { return t.Name == e.Name })
	s := &e.Stated
	switch {
	case e.Step == "withdraw" && !have:
		return refuse("text_unknown", "name", e.Name)
	case e.Step == "withdraw" && e.Reason == "":
		return refuse("reason")
	case e.Step == "withdraw":
		return nil
	case e.Step != "load":
		return refuse("step", "step", e.Step)
	case have:
		return refuse("already", "state", e.Name)
	case e.Name == "" || len(e.SHA256) != 64 || len(s.Numbers)+len(s.Items)+len(s.Contacts) > maxStated:
		return refuse("text_load", "most", maxStated)
	}
	return nil
}
