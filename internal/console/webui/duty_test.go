package webui

import (
	"context"
	"regexp"
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
