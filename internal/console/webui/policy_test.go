package webui

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/fault"
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

// draftingFirm refuses every text for two reasons.
type draftingFirm struct{ *firm }

func (f *draftingFirm) CheckPolicy(context.Context, string) (*office.PolicyCheck, error) {
	wrong := fault.List{
		fault.New(fault.PolicyInvalid, "place", "rules[0].action", "problem", "is missing", "hint", "write allow or deny").At("policy.yaml", 4, "rules[0].action"),
		fault.New(fault.PolicyInvalid, "place", "rules[1].name", "problem", "is missing", "hint", "name the rule: decisions and events show the name"),
	}
	return &office.PolicyCheck{Problems: control.ProblemsOf(wrong)}, nil
}

// TestPolicyProblems: all that is wrong with a text is told in the reader's language,
// each with its line, and the text cannot be handed on.
func TestPolicyProblems(t *testing.T) {
	s, f := newServer(t)
	s.Office = &draftingFirm{f}
	d := enter(t, s, f, "ayame")
	for language, want := range map[string][]string{
		"en": {"the policy is not valid: rules[0].action is missing", "Line 4.", "write allow or deny (SK4001)", "rules[1].name is missing"},
		"ja": {"ポリシーが正しくありません: rules[0].action", "4行目。", "(SK4001)", "rules[1].name"},
	} {
		d.visit("POST", "/lang", url.Values{"csrf": {d.csrf}, "lang": {language}, "next": {"/"}})
		page := text(t, d.visit("POST", "/policy/check", url.Values{"csrf": {d.csrf}, "text": {"x"}}))
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s: the page does not say %q:\n%s", language, text, page)
			}
		}
		if strings.Contains(page, "/policy/propose") || language == "ja" && strings.Contains(page, "is missing") {
			t.Errorf("%s: %s", language, page)
		}
	}
}
