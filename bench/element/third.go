package main

import (
	"strings"

	"sekisho/bench/element/corpus"
	"sekisho/bench/element/corpus3"
)

// third judges the engine by the third corpus, as second does.
func (e *evaluation) third(seed uint64, megabytes int) {
	c := corpus3.NewClerk(seed)
	for _, p := range c.Papers(megabytes << 17) {
		t := corpus.Text{Bytes: p.Text}
		for _, x := range p.Pieces {
			t.Spans = append(t.Spans, corpus.Span{Kind: x.Element, From: x.From, To: x.To})
		}
		e.text("third, "+p.Kind, t)
	}
	for _, l := range c.Lists(500) {
		e.tableAs("third, table", corpus.Table{Header: l.Header, Kinds: l.Elements, Rows: l.Rows})
	}
	e.allOf("third, ")
}

// allOf adds the scores of a corpus element by element.
func (e *evaluation) allOf(prefix string) {
	sums := scores{}
	for name, s := range e.scores {
		if _, kind, _ := strings.Cut(name, "."); strings.HasPrefix(name, prefix) {
			all := sums.of(prefix + "all." + kind)
			all.right, all.wrong, all.missed = all.right+s.right, all.wrong+s.wrong, all.missed+s.missed
		}
	}
	for name, s := range sums {
		e.scores[name] = s
	}
}
