package webui

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
)

func (f *firm) Settings(context.Context) (*office.Settings, error) {
	return &office.Settings{File: nasty, Problems: nastyProblems, Parts: []office.Part{{Name: "web", On: true, Lines: []string{nasty}}, {Name: "egress"}}}, f.fail()
}

func (f *firm) TestCall(context.Context, string, control.TestRequest) (control.TestAnswer, error) {
	return control.TestAnswer{Reached: []string{nasty}, Failed: []string{nasty}}, f.fail()
}

// settledFirm says what it runs with, and what it lacks.
type settledFirm struct {
	*firm
	changed bool
	nobody  bool
	called  []string
}

func (f *settledFirm) Settings(context.Context) (*office.Settings, error) {
	return &office.Settings{File: "sekisho.yaml", Changed: f.changed, Parts: []office.Part{{Name: "gates", On: true, Lines: []string{"shop-db · 127.0.0.1:6432"}}, {Name: "witnesses"}, {Name: "people", On: !f.nobody}}}, nil
}

func (f *settledFirm) Case(ctx context.Context, q control.CaseQuery) (json.RawMessage, error) {
	if q.About == "ready" {
		return json.RawMessage(`[{"key":"deputy","ja":"代理がいない","en":"nobody stands in"}]`), nil
	}
	return f.firm.Case(ctx, q)
}

func (f *settledFirm) TestCall(_ context.Context, by string, r control.TestRequest) (control.TestAnswer, error) {
	f.called = append(f.called, by+" "+r.Lang)
	return control.TestAnswer{Reached: []string{"sora"}, Failed: []string{"ren"}}, nil
}

// TestSettings: the room says of every part whether it is configured, else the one
// thing to do; what is missing for the night; and who a test call reached.
func TestSettings(t *testing.T) {
	s, f := newServer(t)
	office := &settledFirm{firm: f}
	s.Office = office
	enter(t, s, f, "ayame")
	d := enter(t, s, f, "ren", account.CSIRT)
	page := text(t, d.visit("GET", "/settings", nil))
	for _, want := range []string{"shop-db · 127.0.0.1:6432", `href="/sessions"`, "Name ledger.witnesses", "nobody stands in", "/settings/test-call"} {
		if !strings.Contains(page, want) {
			t.Errorf("the room has not %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "The file was changed") {
		t.Error("a file that nobody changed is said to be changed")
	}
	office.changed = true
	if page := text(t, d.visit("GET", "/settings", nil)); !strings.Contains(page, "The file was changed") {
		t.Error("a changed file is not told")
	}
	got := text(t, d.visit("POST", "/settings/test-call", url.Values{"csrf": {d.csrf}}))
	if !slices.Equal(office.called, []string{"ren en"}) || !strings.Contains(got, "Reached: 1 (sora). Not reached: ren") {
		t.Errorf("called %q:\n%s", office.called, got)
	}
	office.nobody = true
	if page := text(t, d.visit("GET", "/settings", nil)); strings.Contains(page, "test-call") {
		t.Error("nobody is written down, and can be called")
	}
	office.nobody = false
	viewer := enter(t, s, f, "sora", account.Viewer)
	if page := text(t, viewer.visit("GET", "/settings", nil)); strings.Contains(page, "test-call") {
		t.Error("a viewer may call everybody")
	}
}

// TestPartsHaveWords: every part that the process may tell of has its words.
func TestPartsHaveWords(t *testing.T) {
	for _, name := range slices.Concat([]string{"databases", "gates", "web", "egress", "exits", "files", "stores", "policy", "people", "calls", "persons", "retention", "witnesses", "hub", "metrics", "console", "passkeys"}) {
		if !texts.Has("part_"+name) || !texts.Has("part_"+name+"_try") {
			t.Errorf("part %s has no words", name)
		}
	}
}
