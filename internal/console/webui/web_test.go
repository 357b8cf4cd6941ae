package webui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
)

// TestSiteOrders: a stop names one site and a reason, an exception a last day.
func TestSiteOrders(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	kaede := enter(t, s, f, "kaede", account.Operator)
	for _, form := range []url.Values{
		{"host": {""}, "reason": {"an attack"}, "what": {"site"}},
		{"host": {"shop.example.jp"}, "reason": {""}, "what": {"site"}},
	} {
		form.Set("csrf", kaede.csrf)
		if resp := kaede.visit("POST", "/web/stop", form); resp.StatusCode < 400 || len(f.sites) != 0 {
			t.Errorf("%v: %s, %+v", form, resp.Status, f.sites)
		}
	}
	kaede.visit("POST", "/web/stop", url.Values{"csrf": {kaede.csrf}, "host": {"shop.example.jp"}, "reason": {"an attack"}, "what": {"payment"}})
	if len(f.sites) != 1 || f.sites[0].Do != control.WebStop || f.sites[0].What != "payment" || f.sites[0].By != "kaede" || f.sites[0].Host != "shop.example.jp" {
		t.Errorf("%+v", f.sites)
	}
	form := url.Values{"csrf": {kaede.csrf}, "id": {"ABCDEFGHIJKLMNOP"}, "reason": {"a search box"}, "until": {"never"}}
	if resp := kaede.visit("POST", "/web/except", form); resp.StatusCode != http.StatusConflict || len(f.excepts) != 0 {
		t.Errorf("without an end: %s", resp.Status)
	}
	form.Set("until", "2027-02-28")
	kaede.visit("POST", "/web/except", form)
	if len(f.excepts) != 1 || f.excepts[0].By != "kaede" || f.excepts[0].Until.UTC().Format("2006-01-02") != "2027-02-28" {
		t.Errorf("%+v", f.excepts)
	}
	form["rule"], form["path"], form["target"] = []string{"942100", "942190"}, []string{" /contact "}, []string{"ARGS:comment"}
	kaede.visit("POST", "/web/except", form)
	if len(f.excepts) != 2 || !slices.Equal(f.excepts[1].Rules, []int{942100, 942190}) || f.excepts[1].Path != "/contact" || f.excepts[1].Target != "ARGS:comment" {
		t.Errorf("%+v", f.excepts)
	}
	form.Set("rule", "all")
	if resp := kaede.visit("POST", "/web/except", form); resp.StatusCode < 400 || len(f.excepts) != 2 {
		t.Errorf("a rule that is none: %s", resp.Status)
	}
}

// TestAuthorisePart: a part of the pages that lead to payment is authorised with a
// reason, by who may, where it is shown.
func TestAuthorisePart(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	kaede, ren := enter(t, s, f, "kaede", account.Operator), enter(t, s, f, "ren", account.CSIRT)
	sora := enter(t, s, f, "sora", account.Viewer)
	const action = `action="/web/authorise"`
	if page := text(t, kaede.visit("GET", "/web?payment=1", nil)); !strings.Contains(page, action) {
		t.Error("the page does not offer it")
	}
	for who, b := range map[string]*desktop{"CSIRT": ren, "viewer": sora} {
		if page := text(t, b.visit("GET", "/web?payment=1", nil)); strings.Contains(page, action) {
			t.Errorf("it is offered to a %s", who)
		}
		if resp := b.visit("POST", "/web/authorise", url.Values{"csrf": {b.csrf}, "site": {"shop.example.jp"}, "item": {"0123456789abcdef"}, "reason": {"the checkout"}}); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", who, resp.Status)
		}
	}
	form := url.Values{"csrf": {kaede.csrf}, "site": {"shop.example.jp"}, "item": {"0123456789abcdef"}, "reason": {" "}}
	if resp := kaede.visit("POST", "/web/authorise", form); resp.StatusCode != http.StatusConflict || len(f.authorised) != 0 {
		t.Errorf("without a reason: %s", resp.Status)
	}
	form.Set("reason", "the checkout")
	if resp := kaede.visit("POST", "/web/authorise", form); resp.StatusCode != http.StatusSeeOther || len(f.authorised) != 1 ||
		f.authorised[0].By != "kaede" || f.authorised[0].Site != "shop.example.jp" || !slices.Equal(f.authorised[0].Items, []string{"0123456789abcdef"}) {
		t.Errorf("%s, %+v", resp.Status, f.authorised)
	}
	f.mu.Lock()
	f.broken = true
	f.mu.Unlock()
	if resp := kaede.visit("POST", "/web/authorise", form); resp.StatusCode == http.StatusSeeOther {
		t.Error("it is told as done though it is not")
	}
}

// TestPaymentCounts: what is counted of payment is all, not what is shown.
func TestPaymentCounts(t *testing.T) {
	s, f := newServer(t)
	page := text(t, enter(t, s, f, "ayame").visit("GET", "/web?payment=1", nil))
	for _, want := range []string{"5,101 intervals without a gate", "7,301 not", "12,400 more in the signed evidence", "8 more in the signed evidence"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestScopeOfLogin: whose data an address got is asked from when it began, and
// from the beginning of everything while that is not known.
func TestScopeOfLogin(t *testing.T) {
	l := office.LoginSource{Place: "shop", Address: "198.51.100.7"}
	if got := scopeOfLogin(l); strings.Contains(got, "from=") {
		t.Error(got)
	}
	l.First = time.Date(2026, 11, 20, 2, 2, 0, 0, time.UTC)
	if got := scopeOfLogin(l); !strings.Contains(got, "from=2026-11-20T02%3A02%3A00Z") {
		t.Error(got)
	}
}
