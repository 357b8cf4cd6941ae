package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
)

func TestMovedPlaces(t *testing.T) {
	const reason = "the sites of the gate changed"
	type places = []event.Place
	for _, c := range []struct {
		name          string
		before, after places
		direct        bool
		want          []event.Body
	}{
		{"in another order", places{"web/a", "web/b"}, places{"web/b", "web/a"}, true, nil},
		{"one came", places{"web/a"}, places{"web/b", "web/a"}, false, []event.Body{&event.PlacesChanged{Begun: places{"web/b"}}}},
		{"one went", places{"web/a", "web/b"}, places{"web/b"}, false, []event.Body{&event.PlacesChanged{Ended: places{"web/a"}}}},
		{"another name", places{"web/a"}, places{"web/b"}, true, []event.Body{
			&event.PlacesChanged{Begun: places{"web/b"}, Ended: places{"web/a"}},
			&event.Bypass{Places: places{"web/b"}, Open: true, By: "process", Reason: reason},
			&event.Bypass{Places: places{"web/a"}, By: "process", Reason: reason},
		}},
	} {
		if diff := cmp.Diff(c.want, movedPlaces(c.before, c.after).bodies(c.direct)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}
