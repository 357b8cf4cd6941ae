package webui

import (
	"context"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
)

func (f *firm) Duty(context.Context) ([]office.Rank, error) {
	return []office.Rank{{Rank: "duty", People: []office.OnDuty{{ID: "sora", Name: "Sora", Stands: "there"}, {ID: nasty, Name: nasty, Stands: "stands in"}}}, {Rank: "ciso"}}, f.fail()
}

var tags = regexp.MustCompile(`<[^>]*>`)

// TestRoles: who holds which rank, who answered, and that nobody holds one.
func TestRoles(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	page := tags.ReplaceAllString(text(t, d.visit("GET", "/cases/c1", nil)), " ")
	at := strings.Index(page, "Who is on duty now")
	if at < 0 {
		t.Fatal(page)
	}
	for _, want := range []string{`On duty\s+Sora \(sora\)\s+called, no answer yet`, `deputy\s+answered`, `CISO\s+nobody`} {
		if !regexp.MustCompile(want).MatchString(page[at:]) {
			t.Errorf("no %q in %s", want, page[at:min(len(page), at+800)])
		}
	}
}

// TestLiveFigures: the question is asked again up to now, and the difference to
// what was frozen is shown; those who may not ask do not see it.
func TestLiveFigures(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	const part = "/cases/c1/figures"
	if page := text(t, d.visit("GET", "/cases/c1", nil)); !strings.Contains(page, part) {
		t.Error("the case does not ask for its figures again")
	}
	page := ""
	for page == "" || strings.Contains(page, "load delay:1s") { // until it was worked out
		page = text(t, d.visit("GET", part, nil))
	}
	for _, want := range []string{`>1</td><td class="num">3</td><td class="num">+2<`, `>5</td><td class="num">5</td><td class="num">±0<`, `>12</td><td class="num">9</td><td class="num">−3<`, "frozen (v2)"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	mori := enter(t, s, f, "mori", account.Entrustee)
	if page := text(t, mori.visit("GET", "/cases/c1", nil)); strings.Contains(page, part) {
		t.Error("somebody who may not ask is led to the question")
	}
}

// TestFigureSources: each figure of a document says how it was measured.
func TestFigureSources(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	page := text(t, d.visit("GET", "/cases/c1/draft/web", nil))
	if n := strings.Count(page, "Version 2, measured at event 9"); n != 3 || !strings.Contains(page, "/scope?ask=1&amp;place=shop&amp;to=") {
		t.Errorf("%d sources in %s", n, page)
	}
}

// TestLiveCase: what a case draws again while it is open is on its page once: who
// was called and that nobody was reached as well as the timeline that says so.
func TestLiveCase(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	page := text(t, d.visit("GET", "/cases/c1", nil))
	live := regexp.MustCompile(`hx-select-oob="([^"]+)"`).FindStringSubmatch(page)
	if live == nil {
		t.Fatal("nothing is drawn again with the timeline")
	}
	ids := strings.Split(live[1], ",")
	slices.Sort(ids)
	if !slices.Equal(ids, []string{"#case-calls", "#case-red", "#case-roles"}) {
		t.Errorf("drawn again: %q", ids)
	}
	for _, id := range append(ids, "#case-log") {
		if n := strings.Count(page, ` id="`+id[1:]+`"`); n != 1 {
			t.Errorf("%s is on the page %d times", id, n)
		}
	}
	for _, id := range []string{"case-calls", "case-red", "case-roles"} { // what somebody types into is never drawn again
		at := strings.Index(page, ` id="`+id+`"`)
		if part := page[at : at+strings.Index(page[at:], "</section>")]; strings.Contains(part, "<textarea") || strings.Contains(part, `type="text"`) {
			t.Errorf("%s has fields", id)
		}
	}
}

// TestUnreadChart: before the ledger was read, nothing is said of what is at risk;
// after that, that nothing is known.
func TestUnreadChart(t *testing.T) {
	s, _ := newServer(t)
	for reading, want := range map[bool]bool{true: false, false: true} {
		var b strings.Builder
		p := s.newPage(&Request{Request: httptest.NewRequest("GET", "/map", nil)})
		if err := chartView(p, &office.Chart{Reading: reading}).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if err := historyView(p, &office.History{Place: "shop/x", Reading: reading}, "/map/object").Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		for _, none := range []string{"chart_no_risks", "history_none"} {
			if got := strings.Contains(b.String(), p.T(none)); got != want {
				t.Errorf("reading %v: %s is said: %v", reading, none, got)
			}
		}
	}
}
