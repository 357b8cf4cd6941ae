package risk

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
)

func TestList(t *testing.T) {
	file := Traits{Open: true}
	file.Named("www/htdocs/list.bak")
	got := List([]Place{
		{Name: "shop/public.customers", Subjects: 1000, Counts: map[element.Kind]uint64{element.Name: 1000, element.Email: 900}},
		{Name: "shop/public.audit", Subjects: 3},
		{Name: "www/htdocs/list.bak", Subjects: 50, Counts: map[element.Kind]uint64{element.CardPAN: 50, element.Name: 20}, Traits: file},
		{Name: "logs/a", Subjects: 50, Counts: map[element.Kind]uint64{element.Email: 1}, Traits: Traits{Unread: true}},
		{Name: "logs/b", Subjects: 50, Counts: map[element.Kind]uint64{element.Email: 1}},
	})
	want := []Ranked{
		{Place: "www/htdocs/list.bak", Score: 1540 * 3 * 3 * 1.5, Subjects: 50, Weight: 1540, Exposure: 13.5, Advice: Delete,
			Elements: []Share{{"card.pan", 50, 30}, {"name", 20, 2}}, Reasons: []string{"card", "open", "web", "backup"}},
		{Place: "shop/public.customers", Score: 3800 * 1.5, Subjects: 1000, Weight: 3800, Exposure: 1.5, Advice: Move,
			Elements: []Share{{"name", 1000, 2}, {"email", 900, 2}}, Reasons: []string{"many"}},
		{Place: "logs/a", Score: 2, Subjects: 50, Weight: 2, Exposure: 1, Advice: Check, Elements: []Share{{"email", 1, 2}}, Reasons: []string{"unread"}},
		{Place: "logs/b", Score: 2, Subjects: 50, Weight: 2, Exposure: 1, Advice: Check, Elements: []Share{{"email", 1, 2}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Every trait has a word and a factor of at least one: knowing more never makes a place
// safer.
func TestReasons(t *testing.T) {
	all := Traits{CVV: true, Card: true, Numbers: true, Secret: true, Many: true, Public: true, Web: true, Old: true, Copy: true, Unread: true,
		Open: true, Uncovered: true, Readers: true, Unclassified: true, Drifted: true}
	seen := map[string]bool{}
	for _, kind := range []string{"", "dump", "log", "backup", "temporary", "archive"} {
		all.Kind = kind
		words, exposure := all.Reasons()
		if exposure < 2*1.5*3*2 {
			t.Errorf("%q: exposure %v", kind, exposure)
		}
		for _, w := range words {
			seen[w] = true
		}
	}
	for _, w := range Reasons {
		if !seen[w] {
			t.Errorf("no trait says %q", w)
		}
	}
	if len(seen) != len(Reasons) {
		t.Errorf("%d words are said, %d listed", len(seen), len(Reasons))
	}
}
