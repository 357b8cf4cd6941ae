package casefile

import (
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
)

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
