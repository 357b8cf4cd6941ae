package webui

import "github.com/a-h/templ"

// glossary are the words that are explained, in an order in which they can be
// read.
var glossary = []string{"gate", "crossing", "holding", "element", "subject", "person", "confirmed", "reachable", "ever", "coverage", "gap", "ledger", "checkpoint", "witness",
	"policy", "cut", "receipt", "case", "candidate", "clock", "first_report", "freeze", "bundle", "purpose", "drift"}

func (s *Server) glossaryPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("glossary_title")
	return glossaryView(r.page), nil
}
