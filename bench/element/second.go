package main

import (
	"strings"

	"sekisho/bench/element/corpus"
	"sekisho/bench/element/corpus2"
)

// second judges the engine by the second corpus: an eighth of the size of the first, of
// each kind of document, and its tables.
func (e *evaluation) second(seed uint64, megabytes int) {
	a := corpus2.NewAuthor(seed)
	for _, d := range a.Documents(megabytes << 17) {
		t := corpus.Text{Bytes: d.Text}
		for _, m := range d.Marks {
			t.Spans = append(t.Spans, corpus.Span{Kind: m.Element, From: m.Start, To: m.End})
		}
		e.text("second, "+d.Kind, t)
	}
	for _, s := range a.Sheets(500) {
		e.tableAs("second, table", corpus.Table{Header: s.Header, Kinds: s.Elements, Rows: s.Rows})
	}
	e.allOf("second, ")
}

// isOther tells names of scores of other corpora than the first.
func isOther(name string) bool {
	return strings.HasPrefix(name, "second, ") || strings.HasPrefix(name, "third, ")
}
