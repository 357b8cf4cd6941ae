package cardproof

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
)

const place = event.Place("web/shop-web/shop.example.jp")

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// day tells of an hour of a shop with a gate, a sign of life a second, and a
// canary each ten minutes.
func day(change func(b *Book, at time.Duration)) []Site {
	b := New(noon, noon.Add(time.Hour))
	add := func(at time.Duration, body event.Body) {
		b.Add(&event.Event{Source: "gate/shop-web", At: noon.Add(at), ClockErr: time.Millisecond, Body: body})
	}
	add(-time.Minute, &event.SourceStart{Start: 1, Places: []event.Place{place}})
	add(-time.Minute, &event.SiteGuard{Place: place, Host: "shop.example.jp", Cards: "enforce", Pages: "enforce", Canary: int64(10 * time.Minute),
		Providers: []event.Provider{{Host: "pay.example.com", AOC: "2026-04", Expires: "2027-06-30"}}})
	add(-30*time.Second, &event.Canary{Place: place, Reached: "pay.example.com", Refused: true, OK: true})
	for at := -time.Minute; at <= time.Hour+time.Minute; at += time.Second {
		add(at, &event.Heartbeat{Places: []event.Place{place}})
		if at >= 0 && at%(10*time.Minute) == 0 && at != 30*time.Minute {
			add(at, &event.Canary{Place: place, Reached: "pay.example.com", Refused: true, OK: true})
		}
		if change != nil {
			change(b, at)
		}
	}
	return b.Sites()
}

func TestProven(t *testing.T) {
	tell := func(at time.Duration, bodies ...event.Body) func(*Book, time.Duration) {
		return func(b *Book, now time.Duration) {
			if now != at {
				return
			}
			for _, body := range bodies {
				b.Add(&event.Event{Source: "gate/shop-web", At: noon.Add(at), Body: body})
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*Book, time.Duration)
		want   []string
	}{
		{"a canary was left out and did not come within the time", nil, []string{"canary"}},
		{"all of it", tell(30*time.Minute, &event.Canary{Place: place, OK: true}), nil},
		{"the canary failed", tell(30*time.Minute, &event.Canary{Place: place, Problem: "step 2"}), []string{"canary"}},
		{"bypass", tell(30*time.Minute, &event.Canary{Place: place, OK: true}, &event.Bypass{Places: []event.Place{place}, Open: true}), []string{"uncovered"}},
		{"observed only", tell(30*time.Minute, &event.Canary{Place: place, OK: true}, &event.SiteGuard{Place: place, Host: "shop.example.jp", Cards: "observe",
			Canary: int64(10 * time.Minute), Providers: []event.Provider{{Host: "pay.example.com", Expires: "2026-11-21"}}}), []string{"weaker", "attestation"}},
		{"a number passed", tell(30*time.Minute, &event.Canary{Place: place, OK: true}, &event.Exchange{ID: "A", Place: place}, &event.Decision{ID: "A", Rule: "card", Action: "observe"},
			&event.ExchangeEnd{ID: "A", Unread: "encoding"}), []string{"passed", "unread"}},
		{"a part more", tell(30*time.Minute, &event.Canary{Place: place, OK: true}, &event.PageItem{Place: place, Item: "1", What: "script", Problem: "host"}), []string{"parts"}},
		{"a part that was authorised", tell(30*time.Minute, &event.Canary{Place: place, OK: true}, &event.PageItem{Place: place, Item: "1", What: "script"}), nil},
	} {
		sites := day(c.change)
		if len(sites) != 1 {
			t.Fatalf("%d sites", len(sites))
		}
		if diff := cmp.Diff(c.want, sites[0].Against); diff != "" || sites[0].Proven != (c.want == nil) {
			t.Errorf("%s: %s%+v", c.name, diff, sites[0].Canaries)
		}
	}
}

func TestIntervals(t *testing.T) {
	s := day(nil)[0]
	want := []Span{{noon.Add(35 * time.Minute), noon.Add(40 * time.Minute), "no canary"}}
	if diff := cmp.Diff(want, s.Canaries.NotProven); diff != "" || s.Canaries.OK != 5 {
		t.Errorf("%d %s", s.Canaries.OK, diff)
	}
	s = day(func(b *Book, at time.Duration) {
		e := func(id string, bodies ...event.Body) {
			b.Add(&event.Event{Source: "gate/shop-web", At: noon.Add(at), Body: &event.Exchange{ID: id, Place: place}})
			for _, body := range bodies {
				b.Add(&event.Event{Source: "gate/shop-web", At: noon.Add(at), Body: body})
			}
		}
		if at == time.Minute {
			e("A", &event.Decision{ID: "A", Rule: "card", Action: "refuse"})
			e("B", &event.Decision{ID: "B", Rule: "card", Action: "cut"}, &event.ExchangeEnd{ID: "B"})
			e("C", &event.ExchangeEnd{ID: "C"})
		}
		if at == -30*time.Second {
			e("D", &event.Decision{ID: "D", Rule: "card", Action: "refuse"})
		}
	})[0]
	if diff := cmp.Diff(Counts{Exchanges: 3, Refused: 1, Cut: 1}, s.Counts); diff != "" {
		t.Error(diff)
	}
	if got := state("2027-01-31", noon); got != "ends-soon" {
		t.Errorf("an attestation of ten weeks: %s", got)
	}
}
