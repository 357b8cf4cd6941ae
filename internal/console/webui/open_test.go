package webui

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sekisho/proof/scope"
)

// openFirm answers a question without a beginning with one person, and the same with
// its beginning written down with five: the other gates were not there yet.
type openFirm struct {
	*firm
	asked []scope.Query
}

func (f *openFirm) Peek(_ context.Context, q scope.Query) (*scope.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, q)
	return f.result(), nil
}

// TestOpenBeginningStaysOpen: what a page of an answer leads to (the picture over time,
// a case, a bundle, the way down) asks the question that was answered.
func TestOpenBeginningStaysOpen(t *testing.T) {
	s, f := newServer(t)
	office := &openFirm{firm: f}
	s.Office = office
	d := enter(t, s, f, "ayame")
	next := regexp.MustCompile(`(?:hx-get|href)="(/scope/[a-z]+\?[^"]*|/scope\?[^"]*)"`)
	for from, open := range map[string]bool{"": true, "2026-11-22T09:00": false} {
		page := text(t, d.visit("GET", "/scope?ask=1&lang=en&from="+url.QueryEscape(from), nil))
		found := 0
		for _, m := range next.FindAllStringSubmatch(page, -1) {
			u, err := url.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
			if err != nil {
				t.Fatal(err)
			}
			if u.Query().Get("to") == "" {
				continue
			}
			found++
			if got := u.Query().Get("from") == ""; got != open {
				t.Errorf("from %q: %s", from, u)
			}
		}
		if hidden := strings.Contains(page, `<input type="hidden" name="from"`); found < 5 || hidden == open {
			t.Errorf("from %q: %d ways down; the beginning is in forms: %v", from, found, hidden)
		}
	}
	p := func(q scope.Query) []bar {
		office.asked = nil
		bars, err := slicesOf(t.Context(), q, f.now, office.Peek)
		if err != nil || len(bars) < 2 {
			t.Fatal(bars, err)
		}
		return bars
	}
	bars := p(scope.Query{To: f.now})
	if first := office.asked[1]; !first.From.IsZero() || !bars[0].Open || bars[0].From.IsZero() || bars[1].Open || office.asked[2].From.IsZero() {
		t.Errorf("the first slice asks %+v, the bar is %+v", first, bars[0])
	}
	if from, _ := between(bars[0]); from != "" {
		t.Errorf("the first bar leads from %s", from)
	}
	if bars := p(scope.Query{From: f.now.Add(-time.Hour), To: f.now}); bars[0].Open || office.asked[0].From.IsZero() {
		t.Errorf("a beginning that was asked for is open: %+v", bars[0])
	}
}
