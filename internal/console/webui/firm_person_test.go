package webui

import (
	"context"

	"sekisho/internal/console/office"
)

func pair() office.Pair {
	return office.Pair{A: nasty, B: "shop/2", Prior: -9.5, Bits: 14.3, Probability: 0.9731, LinkAt: 0.95, Veto: nasty, Decided: "same", Path: []string{nasty},
		Fields: []office.PairField{{Field: "family", Level: 3, Bits: 8.1}, {Field: "phone", Level: 1, Bits: -3.2}}}
}

// groups are three records of two persons, scored or as it is shown first; then two
// records whose join is in doubt.
func groups(scored bool) []office.Group {
	one := pair()
	two := pair()
	two.A, two.B = "shop/2", "shop/3"
	two.Fields = []office.PairField{{Field: "family", Level: 2, Bits: 4.4}}
	three := office.Pair{A: "shop/8", B: "shop/9", Fields: []office.PairField{{Field: "family", Level: 3}}}
	if !scored {
		one = office.Pair{A: one.A, B: one.B, Fields: []office.PairField{{Field: "family", Level: 3}, {Field: "phone", Level: 1}}}
		two = office.Pair{A: two.A, B: two.B, Fields: []office.PairField{{Field: "family", Level: 2}}}
	}
	return []office.Group{
		{Number: 41, Digest: "abc", Persons: 2, Records: []string{nasty, "shop/2", "shop/3"}, Merged: -1, Split: 1, Links: []office.Pair{one, two}, More: 2},
		{Number: 77, Digest: "def", Persons: 1, Records: []string{"shop/8", "shop/9"}, Split: 1, Links: []office.Pair{three}},
	}
}

func (f *firm) Persons(context.Context) (*office.Persons, error) {
	return &office.Persons{Configured: true, Problems: nastyProblems, At: f.now, Records: 100, Persons: 90, IfAccepted: 80, Low: 82, Estimate: 86, High: 91, Review: 4, Groups: groups(false)}, f.fail()
}

func (f *firm) ExplainPair(context.Context, string, string) (*office.Pair, error) {
	p := pair()
	return &p, f.fail()
}

func (f *firm) ExplainGroup(_ context.Context, number uint32, digest string) (*office.Group, error) {
	for _, g := range groups(true) {
		if g.Number == number && g.Digest == digest {
			return &g, f.fail()
		}
	}
	return &office.Group{Links: []office.Pair{pair()}}, f.fail()
}

func (f *firm) DecideGroup(_ context.Context, r office.GroupDecision) (*office.Decided, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers = append(f.answers, r)
	return &office.Decided{Group: groups(true)[0], Same: r.Same, Changes: 1}, f.fail()
}
