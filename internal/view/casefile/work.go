package casefile

import (
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
)

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

func (c *Case) checkEvidence(f *Firm, now time.Time, e *event.CaseEvidence) error {
	if e.Step == "handed" {
		if !slices.ContainsFunc(c.Evidence, func(v event.CaseEvidence) bool { return v.Evidence == e.Evidence }) || e.To == "" {
			return refuse("handed", "evidence", e.Evidence)
		}
		return f.when(now, e.At)
	}
	forms := []string{"image", "snapshot", "memory", "log-export", "load-figures", "bundle"}
	if e.Step != "preserved" || len(e.SHA256) != 64 || strings.Trim(e.SHA256, "0123456789abcdef") != "" || e.Host == "" || e.Kept == "" || !slices.Contains(forms, e.Form) {
		return refuse("evidence")
	}
	if slices.ContainsFunc(c.Evidence, func(v event.CaseEvidence) bool { return v.Evidence == e.Evidence }) {
		return refuse("already", "state", e.Evidence)
	}
	return f.when(now, e.At)
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
	case c.Preserved(e.Target) || !b.on(preserve):
		return nil
	case !e.Override:
		return &Refusal{Key: "preserve_first", Args: []any{"host", e.Target, "do", e.Do}, Missing: []string{e.Target}}
	case e.Reason == "":
		return refuse("reason")
	}
	return c.secondPerson(b, f, now, ActOverride(e), e, e.Second, "ciso")
}
