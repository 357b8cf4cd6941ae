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
	for _, sessions := range []int{1, mostLanes, mostLanes + 1, 40, 500} {
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
		var rows uint64
		count, events := 0, 0
		for i, l := range pic.Lanes {
			if l.Name == "" || (l.To == "") != (sessions > mostLanes && i == mostLanes-1) {
				t.Errorf("%d sessions: lane %d is %q to %q", sessions, i, l.Name, l.To)
			}
			for _, x := range l.Spans {
				count++
				rows, events = rows+x.all.Rows, events+x.of
				if x.of == 1 && x.Bounded != (x.all.Class != "exact") {
					t.Errorf("%d sessions: lane %d: %+v", sessions, i, x)
				}
				if x.X < laneLeft || x.X+x.Width > laneLeft+laneWidth || x.Width < 2 || x.To == "" {
					t.Errorf("%d sessions: a bar at %d, %d wide", sessions, x.X, x.Width)
				}
			}
		}
		if n := uint64(len(list)); events != len(list) || rows != n*(n-1)/2 || count > mostSpans {
			t.Errorf("%d sessions: %d statements and %d rows in %d bars, of %d", sessions, events, rows, count, len(list))
		}
	}
	two := []office.Trail{{Gate: "g", Session: 1, Class: "exact", From: f.now, To: f.now.Add(time.Minute), Rows: 1}, {Gate: "g", Session: 1, Class: "bounded", From: f.now, To: f.now.Add(time.Hour), Rows: 2, Times: 3}}
	if pic := lanesOf(p, url.Values{}, two); len(pic.Lanes) != 1 || len(pic.Lanes[0].Spans) != 1 || !pic.Lanes[0].Spans[0].Bounded || pic.Lanes[0].Spans[0].Width != laneWidth {
		t.Errorf("two at the same time: %+v", pic)
	}
	if pic := lanesOf(p, url.Values{}, nil); len(pic.Lanes) != 0 {
		t.Errorf("nothing passed: %+v", pic)
	}
}
