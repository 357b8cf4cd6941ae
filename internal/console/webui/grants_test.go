package webui

import (
	"context"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
)

// TestEveryActHasAForm: what the console takes from somebody, some page of it asks for.
func TestEveryActHasAForm(t *testing.T) {
	s, _ := newServer(t)
	files, err := filepath.Glob("*.templ")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	var all strings.Builder
	for _, file := range append(files, "static/console.js") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	forms := 0
	for _, p := range s.pages {
		method, at, _ := strings.Cut(p.at, " ")
		if method != "POST" {
			continue
		}
		want := `"` + at + `"`
		if strings.Contains(at, "{") {
			want = `"/` + path.Base(at) + `"`
		}
		if !strings.Contains(all.String(), want) {
			t.Errorf("no page has a form for %s", at)
		}
		forms++
	}
	if forms < 40 {
		t.Errorf("only %d acts were looked at", forms)
	}
}

// grantFirm has a policy with or without exceptional access, and keeps what is asked.
type grantFirm struct {
	*firm
	longest time.Duration
	asked   []control.GrantRequest
}

func (f *grantFirm) Policy(context.Context) (*office.Policy, error) {
	return &office.Policy{Grant: f.longest}, nil
}

func (f *grantFirm) Status(context.Context) (control.Status, error) {
	return control.Status{Gates: []control.GateStatus{{Name: "a", Database: "shop"}, {Name: "b", Database: "shop"}, {Name: "web"}}}, nil
}

func (f *grantFirm) RequestGrant(_ context.Context, r control.GrantRequest) (control.Grant, error) {
	f.asked = append(f.asked, r)
	return control.Grant{}, nil
}

// TestGrantForm: exceptional access is asked for in the console, for no longer than
// the policy in force lets it last; where that knows none, the room says so.
func TestGrantForm(t *testing.T) {
	s, f := newServer(t)
	office := &grantFirm{firm: f, longest: 90 * time.Minute}
	s.Office = office
	enter(t, s, f, "ayame")
	d := enter(t, s, f, "ren", account.Operator)
	page := text(t, d.visit("GET", "/sessions", nil))
	for want, n := range map[string]int{`action="/grants/request"`: 1, `<option value="shop">`: 1, `<option value="1h0m0s">`: 1, `<option value="1h30m0s">`: 1, `<option value="2h0m0s">`: 0} {
		if got := strings.Count(page, want); got != n {
			t.Errorf("%q is there %d times, not %d:\n%s", want, got, n, page)
		}
	}
	d.visit("POST", "/grants/request", url.Values{"csrf": {d.csrf}, "database": {"shop"}, "user": {"support"}, "table": {"public.a, public.b"}, "element": {"email"}, "purpose": {"lost"}, "for": {"1h0m0s"}})
	if len(office.asked) != 1 || office.asked[0].For != time.Hour || !slices.Equal(office.asked[0].Tables, []string{"public.a", "public.b"}) || office.asked[0].By != "ren" {
		t.Errorf("asked: %+v", office.asked)
	}
	office.longest = 0
	if page := text(t, d.visit("GET", "/sessions", nil)); strings.Contains(page, "/grants/request") || !strings.Contains(page, "knows no exceptional access") {
		t.Errorf("without exceptional access in the policy:\n%s", page)
	}
	auditor := enter(t, s, f, "sora", account.Auditor)
	office.longest = time.Hour
	if page := text(t, auditor.visit("GET", "/sessions", nil)); strings.Contains(page, "/grants/request") {
		t.Error("an auditor may ask")
	}
}
