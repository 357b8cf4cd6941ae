package webui

import (
	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/internal/lang"
)

// glossary are the words that are explained, in an order in which they can be
// read.
var glossary = []string{"gate", "crossing", "holding", "element", "subject", "person", "confirmed", "reachable", "ever", "coverage", "gap", "ledger", "checkpoint", "witness",
	"policy", "cut", "receipt", "case", "candidate", "clock", "first_report", "freeze", "bundle", "purpose", "drift"}

// Glossary explains the console's words, in an order in which they can be read.
func Glossary(l lang.Language) []office.Word {
	say := texts.In(l)
	out := make([]office.Word, len(glossary))
	for i, word := range glossary {
		out[i] = office.Word{ID: word, Name: say.Text("word_" + word), Means: say.Text("word_" + word + "_means")}
	}
	return out
}

func (s *Server) glossaryPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("glossary_title")
	return glossaryView(r.page, Glossary(r.page.Lang())), nil
}
