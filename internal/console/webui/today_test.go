package webui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/view/casefile"
	"sekisho/proof/scope"
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

// longFirm has an answer with more bounded tables than a page shows.
type longFirm struct{ *firm }

func (f *longFirm) Scope(_ context.Context, _ control.ScopeRequest, w io.Writer) error {
	r := f.result()
	for i := range 25 {
		r.Coverage.Bounded = append(r.Coverage.Bounded, scope.Bound{Table: fmt.Sprintf("shop/t%02d", i), Reason: "expression", Count: 1})
	}
	return json.NewEncoder(w).Encode(r)
}

// TestListsSayMore: a list of an answer that is not shown to its end says so.
func TestListsSayMore(t *testing.T) {
	s, f := newServer(t)
	s.Office = &longFirm{f}
	d := enter(t, s, f, "ayame")
	page := text(t, d.visit("GET", "/scope?ask=1&from=-24h&lang=en", nil))
	if n := strings.Count(page, "shop/t"); n == 0 || !strings.Contains(page, fmt.Sprintf("%d more;", 25+len(f.result().Coverage.Bounded)-maxShown)) {
		t.Errorf("%d are shown and nothing more is said:\n%s", n, page)
	}
}

// lockedFirm cannot say what was asked for in an emergency.
type lockedFirm struct{ *firm }

func (f *lockedFirm) Grants(context.Context) ([]control.Grant, error) {
	return nil, errors.New("the ledger is away")
}

// TestTodoUnread: what to do cannot be missing without a word.
func TestTodoUnread(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	const said = "A part of this page could not be read"
	if page := text(t, d.visit("GET", "/?lang=en", nil)); strings.Contains(page, said) {
		t.Fatalf("everything was read:\n%s", page)
	}
	s.Office = &lockedFirm{f}
	if page := text(t, d.visit("GET", "/?lang=en", nil)); !strings.Contains(page, said) {
		t.Errorf("the first screen does not say that a part is missing:\n%s", page)
	}
}

// quietFirm has an answer of nobody.
type quietFirm struct {
	*firm
	known int
}

func (f *quietFirm) answer() *scope.Result {
	r := &scope.Result{From: time.Unix(0, 0), To: time.Unix(0, 0)}
	if f.known > 0 {
		r.From, r.To = f.now.Add(-time.Hour), f.now
	}
	r.Coverage.Known, r.Coverage.Reporting = f.known, f.known
	for i := range f.known {
		r.Coverage.Gates = append(r.Coverage.Gates, scope.Gate{Source: fmt.Sprintf("gate/g%d", i), Reporting: true})
	}
	return r
}

func (f *quietFirm) Peek(context.Context, scope.Query) (*scope.Result, error) { return f.answer(), nil }

func (f *quietFirm) Scope(_ context.Context, _ control.ScopeRequest, w io.Writer) error {
	return json.NewEncoder(w).Encode(f.answer())
}

// TestNoBareZero: nobody is never a number alone: without a gate it is no number, with
// gates it stands beside how many reported, and a window that never was is not shown.
func TestNoBareZero(t *testing.T) {
	persons := regexp.MustCompile(`(?s)aria-labelledby="h-persons".*?</section>`)
	for known, want := range map[int][]string{0: {"no gate has reported", "The ledger holds nothing"}, 2: {"2 of 2 gates report", "2 of 2 gates report"}} {
		s, f := newServer(t)
		s.Office = &quietFirm{f, known}
		d := enter(t, s, f, "ayame")
		card := persons.FindString(text(t, d.visit("GET", "/?lang=en", nil)))
		if bare := strings.Contains(card, "figure-n"); bare != (known > 0) || !strings.Contains(card, want[0]) {
			t.Errorf("%d gates: the first screen says %s", known, card)
		}
		page := text(t, d.visit("GET", "/scope?ask=1&lang=en", nil))
		if strings.Contains(page, "1970") || !strings.Contains(page, want[1]) {
			t.Errorf("%d gates: the answer says %s", known, page)
		}
	}
}
