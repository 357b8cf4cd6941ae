package webui

import (
	"context"

	"sekisho/internal/console/office"
)

func pair() office.Pair {
	return office.Pair{A: nasty, B: "shop/2", Prior: -9.5, Bits: 14.3, Probability: 0.9731, LinkAt: 0.95, Veto: nasty, Decided: "same", Path: []string{nasty},
		Fields: []office.PairField{{Field: "family", Level: 3, Bits: 8.1}, {Field: "phone", Level: 1, Bits: -3.2}}}
}

func (f *firm) Persons(context.Context) (*office.Persons, error) {
	return &office.Persons{Configured: true, Problem: nasty, At: f.now, Records: 100, Persons: 90, IfAccepted: 80, Low: 82, Estimate: 86, High: 91, Review: 4, Doubts: []office.Pair{pair()}}, f.fail()
}

func (f *firm) ExplainPair(context.Context, string, string) (*office.Pair, error) {
	p := pair()
	return &p, f.fail()
}

func (f *firm) DecidePair(_ context.Context, r office.PairDecision) (*office.Decided, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pairs = append(f.pairs, r)
	return &office.Decided{Pair: pair(), Same: r.Same, Changes: 1}, f.fail()
}
