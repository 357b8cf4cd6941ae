package webui

import (
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sekisho/internal/console/account"
	"sekisho/internal/event"
)

// TestReviewHidesScores: the pair is shown without anything that tells what the
// machine thinks; after the answer it is shown.
func TestReviewHidesScores(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	ren := enter(t, s, f, "ren", account.CSIRT)
	scores := []string{"97.3", "8.1", "3.2", "4.8", "9.5", "95.0"}
	before := text(t, ren.visit("GET", "/persons/review", nil))
	for _, score := range scores {
		if strings.Contains(before, score) {
			t.Errorf("%s is shown before the answer", score)
		}
	}
	if !strings.Contains(before, "differs") || !strings.Contains(before, "Family name") {
		t.Errorf("the fields are not shown: %s", before)
	}
	if a, ok := f.bodies[len(f.bodies)-1].(*event.Act); !ok || a.Do != "review-pair" || a.By != "ren" {
		t.Errorf("the look is not recorded: %+v", f.bodies[len(f.bodies)-1])
	}
	form := url.Values{"csrf": {ren.csrf}, "a": {"shop/1"}, "b": {"shop/2"}, "answer": {"maybe"}, "reason": {"same telephone"}}
	if resp := ren.visit("POST", "/persons/decide", form); resp.StatusCode != http.StatusNotFound || len(f.pairs) != 0 {
		t.Errorf("maybe: %s", resp.Status)
	}
	form.Set("answer", "different")
	after := text(t, ren.visit("POST", "/persons/decide", form))
	for _, score := range scores {
		if !strings.Contains(after, score) {
			t.Errorf("%s is not shown after the answer", score)
		}
	}
	if len(f.pairs) != 1 || f.pairs[0].Same || f.pairs[0].By != "ren" || f.pairs[0].A != "shop/1" {
		t.Errorf("%+v", f.pairs)
	}
}

// TestWaterfallAddsUp: each bar begins where the one before ended, and the last
// is the sum.
func TestWaterfallAddsUp(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	r := &Request{Request: (&http.Request{Header: http.Header{"Accept-Language": {"en"}}, URL: &url.URL{}}), w: nil}
	p := d.server.newPage(r)
	one := pair()
	steps := waterfall(p, &one)
	last := steps[len(steps)-1]
	if want := one.Prior + one.Bits; math.Abs(last.To-want) > 1e-9 || last.From != 0 {
		t.Errorf("sum %v, want %v", last.To, want)
	}
	for i := 1; i < len(steps)-1; i++ {
		if math.Abs(steps[i].From-steps[i-1].To) > 1e-9 {
			t.Errorf("bar %d begins at %v, the one before ended at %v", i, steps[i].From, steps[i-1].To)
		}
	}
}
