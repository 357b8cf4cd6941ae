package webui

import (
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/event"
)

// scores are what the machine thinks of the groups of the firm.
var scores = []string{"97.3", "8.1", "3.2", "4.4", "4.8", "9.5", "95.0"} // 4.8 is the sum

func scoresShown(t *testing.T, page string, want bool) {
	t.Helper()
	for _, score := range scores {
		if strings.Contains(page, score) != want {
			t.Errorf("%s is shown: %v, want %v", score, !want, want)
		}
	}
}

// lastAct is what was recorded last.
func lastAct(t *testing.T, f *firm) *event.Act {
	t.Helper()
	a, ok := f.bodies[len(f.bodies)-1].(*event.Act)
	if !ok {
		t.Fatalf("recorded last: %+v", f.bodies[len(f.bodies)-1])
	}
	return a
}

// TestGroupsByEffect: the room lists whole groups in the order of their effect,
// with what each answer does to the head count; it names no record and shows no
// score, and who may not look at records cannot open one.
func TestGroupsByEffect(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	ren := enter(t, s, f, "ren", account.CSIRT)
	page := text(t, ren.visit("GET", "/persons", nil))
	first, second := strings.Index(page, "/persons/review?skip=0"), strings.Index(page, "/persons/review?skip=1")
	if first < 0 || second < first {
		t.Errorf("the groups are at %d and %d", first, second)
	}
	for _, want := range []string{`>3</td><td class="num">2</td><td class="num">-1</td><td class="num">&#43;1</td>`, `>2</td><td class="num">1</td><td class="num">±0</td><td class="num">&#43;1</td>`} {
		if !strings.Contains(strings.ReplaceAll(page, "+1", "&#43;1"), want) {
			t.Errorf("%s is not shown", want)
		}
	}
	scoresShown(t, page, false)
	if strings.Contains(page, "shop/8") || strings.Contains(page, "shop/3") {
		t.Error("records are named in the list")
	}
	viewer := enter(t, s, f, "mio", account.Viewer)
	if page := text(t, viewer.visit("GET", "/persons", nil)); strings.Contains(page, "/persons/review") || !strings.Contains(page, "Groups to decide") {
		t.Error("who may only see is offered to decide, or sees no groups")
	}
}

// TestReviewHidesScores: a group is shown whole without anything that tells what
// the machine thinks, until somebody asks or answers; either is recorded.
func TestReviewHidesScores(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	ren := enter(t, s, f, "ren", account.CSIRT)
	before := text(t, ren.visit("GET", "/persons/review", nil))
	scoresShown(t, before, false)
	for _, want := range []string{"shop/2", "shop/3", "Family name", "Group 1 of 2", "2 more links", `name="digest" value="abc"`} {
		if !strings.Contains(before, want) {
			t.Errorf("%q is not shown: %s", want, before)
		}
	}
	if a := lastAct(t, f); a.Do != "review-group" || a.By != "ren" {
		t.Errorf("the look is not recorded: %+v", a)
	}
	if next := text(t, ren.visit("GET", "/persons/review?skip=1", nil)); !strings.Contains(next, "shop/8, shop/9") || strings.Contains(next, "shop/3") {
		t.Errorf("the second group: %s", next)
	}
	if none := text(t, ren.visit("GET", "/persons/review?skip=2", nil)); !strings.Contains(none, "No group waits") {
		t.Errorf("behind the last group: %s", none)
	}
	asked := text(t, ren.visit("GET", "/persons/scores?group=41&digest=abc", nil))
	scoresShown(t, asked, true)
	if a := lastAct(t, f); a.Do != "explain-group" || a.By != "ren" {
		t.Errorf("that scores were asked for is not recorded: %+v", a)
	}
	if strings.Contains(asked, "Kept and recorded") || len(f.answers) != 0 {
		t.Errorf("asking was an answer: %+v", f.answers)
	}
}

// TestDecideGroup: an answer is about the whole group that was shown, or about
// the records that are ticked, and shows the scores.
func TestDecideGroup(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	ren := enter(t, s, f, "ren", account.CSIRT)
	form := url.Values{"csrf": {ren.csrf}, "group": {"41"}, "digest": {"abc"}, "boxes": {"3"}, "record": {nasty, "shop/2", "shop/3"}, "answer": {"maybe"}, "reason": {"same telephone"}}
	if resp := ren.visit("POST", "/persons/decide", form); resp.StatusCode != http.StatusNotFound || len(f.answers) != 0 {
		t.Errorf("maybe: %s", resp.Status)
	}
	form.Set("answer", "different")
	after := text(t, ren.visit("POST", "/persons/decide", form))
	scoresShown(t, after, true)
	if !strings.Contains(after, "Kept and recorded: different persons") {
		t.Errorf("after the answer: %s", after)
	}
	form.Set("answer", "same")
	form["record"] = []string{"shop/2", "shop/3"}
	ren.visit("POST", "/persons/decide", form)
	want := []office.GroupDecision{
		{Number: 41, Digest: "abc", Reason: "same telephone", By: "ren"},
		{Number: 41, Digest: "abc", Records: []string{"shop/2", "shop/3"}, Same: true, Reason: "same telephone", By: "ren"},
	}
	if d := cmp.Diff(want, f.answers); d != "" {
		t.Errorf("decided (-want +got):\n%s", d)
	}
	form["record"] = []string{"shop/2"}
	if page := text(t, ren.visit("POST", "/persons/decide", form)); !strings.Contains(page, "two records or more") {
		t.Errorf("one record: %s", page)
	}
	form.Set("group", "x")
	form["record"] = want[1].Records
	if resp := ren.visit("POST", "/persons/decide", form); resp.StatusCode != http.StatusNotFound {
		t.Errorf("group x: %s", resp.Status)
	}
	if len(f.answers) != 2 {
		t.Errorf("decided: %+v", f.answers)
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
