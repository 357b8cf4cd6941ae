package casefile

import (
	"fmt"
	"slices"
	"testing"

	"sekisho/internal/event"
)

// TestListOfMisuse: a list in several events is reported with its last part, whole,
// whatever else is reported meanwhile; of one that never ends nothing counts.
func TestListOfMisuse(t *testing.T) {
	r := newRoom(t, "2013-09-12 10:00")
	r.sign("card-misuse", "card-company", "card company", "2013-08-01 10:00", "card")
	part := func(list string, of uint64, tokens ...int) *event.CaseMisuse {
		e := &event.CaseMisuse{Case: "c1", Report: "misuse", By: "sora", List: list, Of: of}
		for _, n := range tokens {
			e.Items = append(e.Items, event.Misuse{Token: fmt.Sprintf("%032x", n), At: jst("2013-06-01 00:00").UnixNano()})
		}
		return e
	}
	tokens := func() (all []string) {
		for _, m := range r.c.Misuse {
			all = append(all, m.Token[30:])
		}
		return all
	}
	for _, step := range []struct {
		e    *event.CaseMisuse
		want []string
	}{
		{part("a", 4, 1, 2), nil},
		{part("lost", 3, 9), nil},
		{part("a", 4, 3), nil},
		{part("", 0, 7), []string{"07"}},
		{part("a", 4, 4), []string{"07", "01", "02", "03", "04"}},
		{part("lost", 3, 8), []string{"07", "01", "02", "03", "04"}},
	} {
		r.do(step.e)
		if got := tokens(); !slices.Equal(got, step.want) {
			t.Errorf("after a part of %q: %q, want %q", step.e.List, got, step.want)
		}
	}
	said := 0
	for _, e := range r.c.Log {
		if e.What == "misuse" {
			said++
		}
	}
	if said != 2 {
		t.Errorf("the timeline tells of %d lists", said)
	}
	r.not("misuse_list", part("b", 0, 1))
	r.not("misuse_list", part("", 5, 1))
}
