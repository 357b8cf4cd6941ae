package webui

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sekisho/internal/console/account"
)

// TestCutShowsReceipt: an order needs a reason, goes out in the person's name,
// and what is shown is what the gates answered, also that one did not.
func TestCutShowsReceipt(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	ren := enter(t, s, f, "ren", account.CSIRT)
	form := url.Values{"csrf": {ren.csrf}, "target": {"files.example"}, "for": {"4h"}, "reason": {"x"}}
	if resp := ren.visit("POST", "/egress/cut", form); resp.StatusCode != http.StatusConflict || len(f.orders) != 0 {
		t.Fatalf("without a reason: %s, %d orders", resp.Status, len(f.orders))
	}
	form.Set("reason", "data leaves there")
	form.Set("by", "somebody else")
	page := text(t, ren.visit("POST", "/egress/cut", form))
	if len(f.orders) != 1 || f.orders[0].By != "ren" || f.orders[0].Target != "files.example" || f.orders[0].For != 4*time.Hour || f.orders[0].As != "" {
		t.Fatalf("orders %+v", f.orders)
	}
	if !strings.Contains(page, "1 of 2 gates has not put it in force") {
		t.Errorf("the gate that did not answer is not shown:\n%s", page)
	}
	form.Set("all", "1")
	ren.visit("POST", "/egress/cut", form)
	if len(f.orders) != 2 || f.orders[1].As != "all" || f.orders[1].Target != "" {
		t.Errorf("everything: %+v", f.orders[1:])
	}
	ren.visit("POST", "/egress/lift", url.Values{"csrf": {ren.csrf}, "id": {"k1"}, "reason": {"all clear"}})
	if len(f.lifts) != 1 || f.lifts[0].By != "ren" || f.lifts[0].IDs[0] != "k1" {
		t.Errorf("lifts %+v", f.lifts)
	}
}
