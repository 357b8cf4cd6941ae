package webui

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
)

// TestProtectByTwo: whoever handed a proposal on gets no button to accept it,
// another does, and the digest of what was shown is part of the order.
func TestProtectByTwo(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	kaede := enter(t, s, f, "kaede", account.Operator)
	ren := enter(t, s, f, "ren", account.CSIRT)
	mio := enter(t, s, f, "mio", account.Viewer)
	const button = `action="/map/accept"`
	for name, d := range map[string]*desktop{"the first person": kaede, "a viewer": mio} {
		if page := text(t, d.visit("GET", "/map", nil)); strings.Contains(page, button) {
			t.Errorf("%s may accept", name)
		}
	}
	if page := text(t, ren.visit("GET", "/map", nil)); !strings.Contains(page, button) || !strings.Contains(page, `value="sha256:abc"`) {
		t.Error("the second person cannot accept")
	}
	if page := text(t, mio.visit("GET", "/map", nil)); strings.Contains(page, "/map/proposal") {
		t.Error("a viewer is led to a look at the database")
	}
	kaede.visit("POST", "/map/propose", url.Values{"csrf": {kaede.csrf}, "digest": {"sha256:abc"}})
	if page := text(t, ren.visit("POST", "/map/accept", url.Values{"csrf": {ren.csrf}, "digest": {"sha256:abc"}})); !strings.Contains(page, "receipt-paper") {
		t.Errorf("no receipt: %s", page)
	}
	if want := []string{"kaede hands on sha256:abc", "ren accepts sha256:abc"}; !slices.Equal(f.drafts, want) {
		t.Errorf("%q, want %q", f.drafts, want)
	}
}

// TestHeat: the places in their order, the elements by the number of persons,
// areas as the numbers.
func TestHeat(t *testing.T) {
	h := heatOf(&office.Chart{Risks: []office.Risk{
		{Place: "a", Elements: []string{"email", "name"}, Counts: []uint64{100, 400}},
		{Place: "b", Elements: []string{"kana", "email", "note"}, Counts: []uint64{400, 1, 0}},
	}})
	if want := []string{"kana", "name", "email"}; !slices.Equal(h.Elements, want) {
		t.Errorf("%q, want %q", h.Elements, want)
	}
	for n, want := range map[uint64]int{400: 28, 100: 14, 1: 4, 0: 0} {
		if got := h.side(n); got != want {
			t.Errorf("%d: %d, want %d", n, got, want)
		}
	}
	if h := heatOf(&office.Chart{}); len(h.Elements) != 0 || h.side(1) != 0 {
		t.Errorf("%+v", h)
	}
}
