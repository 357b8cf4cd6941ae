package webui

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"sekisho/internal/console/office"
)

// TestLanesKeepEverything: however many sessions there are, everything that passed is
// in the picture over time once, between its ends, and is seen.
func TestLanesKeepEverything(t *testing.T) {
	s, f := newServer(t)
	p := s.newPage(&Request{Request: &http.Request{Header: http.Header{}, URL: &url.URL{}}})
	for _, sessions := range []int{1, mostLanes, mostLanes + 1, 40} {
		var list []office.Trail
		for i := range 2 * sessions {
			at := f.now.Add(time.Duration(i) * time.Minute)
			class := "exact"
			if i%2 == 1 {
				class = "bounded"
			}
			list = append(list, office.Trail{Gate: "gate/shop-db", Session: uint64(1 + i%sessions), User: fmt.Sprintf("u%d", i%sessions), Table: "shop/t", Class: class, From: at, To: at, Rows: uint64(i)})
		}
		pic := lanesOf(p, url.Values{}, list)
		if want := min(sessions, mostLanes); len(pic.Lanes) != want {
			t.Errorf("%d sessions: %d lanes, want %d", sessions, len(pic.Lanes), want)
		}
		spans, bounded := 0, 0
		for i, l := range pic.Lanes {
			if l.Name == "" || (l.To == "") != (sessions > mostLanes && i == mostLanes-1) {
				t.Errorf("%d sessions: lane %d is %q to %q", sessions, i, l.Name, l.To)
			}
			for _, x := range l.Spans {
				spans++
				if x.Bounded {
					bounded++
				}
				if x.X < laneLeft || x.X+x.Width > laneLeft+laneWidth || x.Width < 2 || x.To == "" {
					t.Errorf("%d sessions: a bar at %d, %d wide", sessions, x.X, x.Width)
				}
			}
		}
		if spans != len(list) || bounded != sessions {
			t.Errorf("%d sessions: %d bars, %d not exact, of %d", sessions, spans, bounded, len(list))
		}
	}
	if pic := lanesOf(p, url.Values{}, nil); len(pic.Lanes) != 0 {
		t.Errorf("nothing passed: %+v", pic)
	}
}
