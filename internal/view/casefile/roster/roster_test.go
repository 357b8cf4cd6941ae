package roster

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/rule"
)

func TestCall(t *testing.T) {
	r := &Roster{People: []Person{
		{ID: "a", Rank: "csirt", Reach: []string{"x"}, Weekdays: true, Deputy: "b"},
		{ID: "b", Rank: "duty", Reach: []string{"x"}, Away: []Away{{From: "2026-05-04", To: "2026-05-05"}}, Deputy: "c"},
		{ID: "c", Rank: "duty", Reach: []string{"x"}},
	}}
	for _, tt := range []struct{ rank, day, want string }{
		{"csirt", "2026-05-01", "a b"}, // the deputy, should a not be reached
		{"csirt", "2026-05-03", "b a"}, // a holiday: the deputy first
		{"csirt", "2026-05-04", "c a"}, // the deputy is away: hers
		{"duty", "2026-05-04", "c b"},
		{"csirt", "2026-12-30", "b a"},
		{"officer", "2026-05-01", ""},
	} {
		at, _ := time.ParseInLocation(time.DateOnly, tt.day, rule.Tokyo)
		var got []string
		for _, p := range r.Call(tt.rank, at.Add(3*time.Hour)) {
			got = append(got, p.ID)
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s on %s: %s", tt.rank, tt.day, diff)
		}
	}
	if (*Roster)(nil).Call("duty", time.Now()) != nil || (*Roster)(nil).Level("a") != -1 {
		t.Error("no roster has nobody")
	}
}

func TestCheck(t *testing.T) {
	r := &Roster{People: []Person{{ID: "a", Rank: "duty", Reach: []string{"x"}, Weekdays: true}, {ID: "a", Rank: "boss", Deputy: "z"}}}
	want := []Problem{{"reach", []any{"person", "a"}}, {"twice", []any{"person", "a"}}, {"rank", []any{"person", "a"}}, {"reach", []any{"person", "a"}}, {"deputy", []any{"person", "a"}},
		{"holidays", []any{"rank", "duty"}}, {"holidays", []any{"rank", "csirt"}}, {"holidays", []any{"rank", "ciso"}}, {"holidays", []any{"rank", "officer"}}}
	if diff := cmp.Diff(want[1:], r.Check()); diff != "" {
		t.Error(diff)
	}
}
