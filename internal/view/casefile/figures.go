package casefile

import (
	"strings"
	"time"

	"sekisho/internal/event"
)

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

func checkMisuse(f *Firm, now time.Time, e *event.CaseMisuse) error {
	if len(e.Items) == 0 {
		return refuse("misuse_empty")
	}
	if (e.List == "") != (e.Of == 0) || len(e.List) > 64 {
		return refuse("misuse_list")
	}
	for _, m := range e.Items {
		if len(m.Token) != 32 || strings.Trim(m.Token, "0123456789abcdef") != "" {
			return refuse("misuse_token")
		}
		if err := f.when(now, m.At); err != nil {
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
