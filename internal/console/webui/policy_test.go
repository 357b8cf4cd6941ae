package webui

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/console/account"
)

// TestPolicyByTwo: whoever wrote a draft gets no button to publish it, another
// does, and the digest of what was shown is part of the order.
func TestPolicyByTwo(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	kaede := enter(t, s, f, "kaede", account.Operator)
	ren := enter(t, s, f, "ren", account.CSIRT)
	const button = `action="/policy/publish"`
	if page := text(t, kaede.visit("GET", "/policy", nil)); strings.Contains(page, button) {
		t.Error("the writer may publish")
	}
	if page := text(t, ren.visit("GET", "/policy", nil)); !strings.Contains(page, button) || !strings.Contains(page, `value="sha256:abc"`) {
		t.Error("the second person cannot publish")
	}
	kaede.visit("POST", "/policy/propose", url.Values{"csrf": {kaede.csrf}, "text": {"generation: 3\r\nrules: []\r\n"}})
	ren.visit("POST", "/policy/publish", url.Values{"csrf": {ren.csrf}, "digest": {"sha256:abc"}})
	if want := []string{"kaede: generation: 3\nrules: []\n", "ren publishes sha256:abc"}; !slices.Equal(f.drafts, want) {
		t.Errorf("%q, want %q", f.drafts, want)
	}
}
