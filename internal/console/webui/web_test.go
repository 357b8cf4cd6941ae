package webui

import (
	"net/http"
	"net/url"
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
	if len(f.excepts) != 1 || f.excepts[0].By != "kaede" || f.excepts[0].Until.Format("2006-01-02") != "2027-02-28" {
		t.Errorf("%+v", f.excepts)
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
