package casefile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sekisho/internal/event"
)

// TestNothingIsParkedEver: whatever people do, in any order and at any time, an
// open case has a call to come within five days, and a closed one with a decision
// to wait is looked at when that must be taken again.
func TestNothingIsParkedEver(t *testing.T) {
	classes := sampleBooks().Plays.Classes
	rapid.Check(t, func(rt *rapid.T) {
		r := newRoom(t, "2026-11-22 12:00")
		r.sign(rapid.SampledFrom(classes).Draw(rt, "class").ID, "own", "sora", "2026-11-22 10:00")
		people := []string{"stranger", "sora", "ren", "aoi", "rin"}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			by, second := rapid.SampledFrom(people).Draw(rt, "by"), rapid.SampledFrom(people).Draw(rt, "second")
			bodies := bodies(r, by, second)
			bodies["wait"] = &event.CaseDecision{Case: "c1", Subject: "publish", Choice: "not-yet", Reason: "r", ReviewAt: r.now.Add(72 * time.Hour).UnixNano(), By: by}
			names := make([]string, 0, len(bodies))
			for name := range bodies {
				names = append(names, name)
			}
			slices.Sort(names)
			switch name := rapid.SampledFrom(append(names, "finish", "deliver", "later")).Draw(rt, "what"); name {
			case "finish":
				finishAll(r)
			case "deliver":
				r.deliver()
			case "later":
				r.now = r.now.Add(time.Duration(rapid.IntRange(1, 200).Draw(rt, "hours")) * time.Hour)
			default:
				if b := bodies[name]; r.check(b) == nil {
					r.fold(b)
				}
			}
			r.deliver()
			next := r.c.Next(r.books, r.firm, r.now)
			waits := slices.ContainsFunc(r.c.Decisions, func(d Decision) bool { return d.ReviewAt > r.now.UnixNano() })
			switch {
			case r.c.State != Closed && (next.IsZero() || next.Sub(r.now) > 5*24*time.Hour):
				rt.Fatalf("%s %s is parked at %s: next %s", r.c.Class, r.c.State, r.now, next)
			case r.c.State == Closed && waits && next.IsZero():
				rt.Fatalf("%s is closed, and nobody looks at the decision again", r.c.Class)
			}
		}
	})
}

// finishAll does what closing needs, as far as the case takes it.
func finishAll(r *room) {
	for _, form := range []string{"image", "log-export", "load-figures", "bundle"} {
		b := &event.CaseEvidence{Case: "c1", Evidence: form + strings.Repeat("+", len(r.c.Evidence)), Step: "preserved", Form: form, Host: "web-1", SHA256: sum, At: r.now.UnixNano(), By: "sora", Kept: "k"}
		if r.check(b) == nil {
			r.fold(b)
		}
	}
	for _, t := range slices.Clone(r.c.Tasks) {
		if b := (&event.CaseTask{Case: "c1", Task: t.ID, Step: "done", By: "sora"}); r.check(b) == nil {
			r.fold(b)
		}
	}
	for _, k := range r.c.Clocks(r.books.Rules, r.firm.Facts, r.firm.AsOf) {
		if b := (&event.CaseClock{Case: "c1", Rule: k.Rule.ID, Step: "receipt", Number: "7", SHA256: sum, At: r.now.UnixNano(), By: "sora"}); r.check(b) == nil {
			r.fold(b)
		}
	}
	if b := (&event.CaseMove{Case: "c1", To: Closed, By: "ren", Second: "aoi", Cause: cause(r.c.Class), Reason: "r"}); r.check(b) == nil {
		r.fold(b)
	}
}
