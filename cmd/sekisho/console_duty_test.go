package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/rule"
	"sekisho/internal/view/casefile/roster"
)

// TestDuty: who holds each rank on a Monday, and on a Sunday on which one has a
// deputy and another has none.
func TestDuty(t *testing.T) {
	r := &roster.Roster{People: []roster.Person{
		{ID: "sora", Name: "S", Rank: "duty"},
		{ID: "ren", Name: "R", Rank: "csirt", Weekdays: true, Deputy: "mio"},
		{ID: "mio", Name: "M", Rank: "duty", Away: []roster.Away{{From: "2026-11-23", To: "2026-11-24"}}},
		{ID: "ayame", Name: "A", Rank: "officer", Weekdays: true},
	}}
	say := func(day string) (out []string) {
		at, err := time.ParseInLocation(time.DateOnly, day, rule.Tokyo)
		if err != nil {
			t.Fatal(err)
		}
		for _, rank := range dutyAt(r, at) {
			var people []string
			for _, p := range rank.People {
				people = append(people, fmt.Sprintf("%s %s", p.ID, p.Stands))
			}
			out = append(out, rank.Rank+": "+strings.Join(people, ", "))
		}
		return out
	}
	for day, want := range map[string][]string{
		"2026-11-25": {"duty: sora there, mio there", "csirt: ren there, mio stands in", "ciso: ", "officer: ayame there"},
		"2026-11-22": {"duty: sora there, mio there", "csirt: mio stands in, ren away", "ciso: ", "officer: ayame away"},
		"2026-11-24": {"duty: sora there, mio away", "csirt: ren there", "ciso: ", "officer: ayame there"},
	} {
		if diff := cmp.Diff(want, say(day)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", day, diff)
		}
	}
	if dutyAt(&roster.Roster{}, time.Now()) != nil || dutyAt(nil, time.Now()) != nil {
		t.Error("ranks without a file of people")
	}
}
