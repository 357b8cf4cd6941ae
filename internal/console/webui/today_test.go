package webui

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sekisho/internal/control"
	"sekisho/internal/view/casefile"
)

// busyFirm has an incident and many newer signs.
type busyFirm struct {
	*firm
	signs int
}

func (f *busyFirm) Case(ctx context.Context, q control.CaseQuery) (json.RawMessage, error) {
	if q.ID != "" {
		q.ID = "c1"
		return f.firm.Case(ctx, q)
	}
	var out []casefile.Line
	for i := f.signs + 1; i > 1; i-- {
		out = append(out, casefile.Line{ID: fmt.Sprintf("c%d", i), State: casefile.Candidate, Class: "outbound", Title: "a beacon"})
	}
	out = append(out, casefile.Line{ID: "c1", State: casefile.Incident, Class: "outbound", Title: "a shell"})
	return json.Marshal(out[:min(len(out), q.Limit)])
}

// TestTodayManyCases: an incident and its clocks stay on the first screen however many
// signs came after it, and what is not shown is said, here and in the list of cases.
func TestTodayManyCases(t *testing.T) {
	s, f := newServer(t)
	s.Office = &busyFirm{f, 300}
	d := enter(t, s, f, "ayame")
	page := text(t, d.visit("GET", "/?lang=en", nil))
	for _, want := range []string{`href="/cases/c1"`, "An incident is going on (301 open)", "Clocks of 281 more signs"} {
		if !strings.Contains(page, want) {
			t.Errorf("the first screen has not %q:\n%s", want, page)
		}
	}
	if all, err := s.openLines(t.Context()); err != nil || len(all) != 301 || all[0].ID != "c1" { // to freeze figures into
		t.Errorf("%d cases, %v", len(all), err)
	}
	if page := text(t, d.visit("GET", "/cases", nil)); strings.Contains(page, "/cases/c1\"") || !strings.Contains(page, "/cases?all=1") {
		t.Error("the list of cases does not say that it ends early")
	}
	if page := text(t, d.visit("GET", "/cases?all=1", nil)); !strings.Contains(page, "/cases/c1\"") || strings.Contains(page, "/cases?all=1") {
		t.Error("all cases are not all")
	}
}
