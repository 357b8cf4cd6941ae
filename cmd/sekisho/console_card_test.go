package main

import (
	"fmt"
	"testing"
	"time"

	"sekisho/internal/cardproof"
	"sekisho/internal/event"
)

// TestPaymentShort: of long lists the newest are shown, of parts of pages those
// with a problem, and how many there are is not how many are shown.
func TestPaymentShort(t *testing.T) {
	const all = 3 * itemsShown
	begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s := &cardproof.Site{}
	for i := range all {
		at := begin.Add(time.Duration(i) * time.Minute)
		s.Uncovered = append(s.Uncovered, cardproof.Span{From: at, To: at})
		s.Canaries.Failed = append(s.Canaries.Failed, cardproof.Walk{At: at})
		s.Findings = append(s.Findings, cardproof.Finding{At: at})
		item := cardproof.Item{PageItem: event.PageItem{Item: fmt.Sprint(i), Host: fmt.Sprintf("h%d.example.jp", i)}}
		if i == all-1 {
			item.Problem = "unknown"
		}
		s.Items = append(s.Items, item)
	}
	got := paymentSite(s)
	last := begin.Add((all - 1) * time.Minute)
	if n := got.All; n.Uncovered != all || n.Failed != all || n.Changes != all || n.Items != all || n.Hosts != all || n.Weaker != 0 {
		t.Errorf("%+v", n)
	}
	if n := len(got.Uncovered); n != spansShown || !got.Uncovered[n-1].From.Equal(last) || !got.Failed[n-1].From.Equal(last) || !got.Changes[n-1].At.Equal(last) {
		t.Errorf("%d of %d are shown, the last of %s", n, all, got.Uncovered[n-1].From)
	}
	if len(got.Items) != itemsShown || got.Items[0].Problem == "" || len(got.Hosts) != itemsShown {
		t.Errorf("%d items, the first %+v; %d hosts", len(got.Items), got.Items[0], len(got.Hosts))
	}
}
