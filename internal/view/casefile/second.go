package casefile

import (
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/view/casefile/roster"
)

// The acts that need a second person's yes, as the yes names them.
const ActClose = "close"

// ActAccept is taking an investigator's report.
func ActAccept(e *event.CaseReport) string { return "accept:" + e.Report }

// ActOverride is destroying before preservation.
func ActOverride(e *event.CaseAction) string { return "override:" + e.Do + ":" + e.Target }

// ActRelease is sending a document although a text about the incident says
// otherwise.
func ActRelease(e *event.CaseDraft) string { return "release:" + e.Draft }

// agreeFor is how long a second person's yes holds.
const agreeFor = 24 * time.Hour

// secondPerson refuses when nobody else of the rank said yes to the act, or
// when one of the two was only a typed name: people who cannot be told apart
// are one person.
func (c *Case) secondPerson(b *Books, f *Firm, now time.Time, act string, body event.Cased, second, rank string) error {
	if !b.on(notSame) {
		return nil
	}
	by, _ := Author(body)
	if second == "" || second == by || f.Roster.Level(second) < roster.Level(rank) {
		return refuse("second", "rank", rank)
	}
	if body.Proof().Proved == "" {
		return refuse("unproved", "by", by)
	}
	said := slices.ContainsFunc(c.Agreed, func(a Agreement) bool {
		return a.Act == act && a.By == second && a.Proved != "" && now.Sub(event.Time(a.At)) < agreeFor
	})
	if !said {
		return refuse("second_silent", "second", second, "case", c.ID, "act", act)
	}
	return nil
}

// checkAgree takes a yes only from somebody whom the process knows.
func (c *Case) checkAgree(f *Firm, e *event.CaseAgree) error {
	kind, rest, _ := strings.Cut(e.Act, ":")
	do, target, _ := strings.Cut(rest, ":")
	known := e.Act == ActClose || kind == "accept" && c.report(rest) != nil ||
		kind == "override" && slices.Contains(destroying, do) && target != "" ||
		kind == "release" && c.Drafts[rest] != nil && c.Drafts[rest].State == "written"
	switch {
	case !known:
		return refuse("act", "act", e.Act)
	case kind == "override" && f.Roster.Level(e.By) < roster.Level("ciso"):
		return refuse("rank", "by", e.By, "rank", "ciso")
	case e.Proved == "":
		return refuse("unproved", "by", e.By)
	}
	return nil
}
