package webui

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/internal/event"
)

func (s *Server) personsPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_persons")
	all, err := s.Office.Persons(r.Context())
	if err != nil {
		return nil, err
	}
	return personsView(r.page, all), nil
}

// personsReview shows one pair without its score, so that the answer is the
// person's own. Which pair was shown to whom is recorded.
func (s *Server) personsReview(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("persons_review")
	all, err := s.Office.Persons(r.Context())
	if err != nil {
		return nil, err
	}
	skip, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("skip"), "0"))
	if err != nil || skip < 0 || skip >= len(all.Doubts) {
		return personsDone(r.page, all), nil
	}
	pair := &all.Doubts[skip]
	if err := s.Office.Record(r.Context(), event.Source("person/"+r.By()), &event.Act{By: r.By(), Do: "review-pair", Target: "persons", Result: "done"}); err != nil {
		return nil, err
	}
	return personsPair(r.page, pair, skip, len(all.Doubts)), nil
}

func (s *Server) personsExplain(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("persons_explain")
	a, b := strings.TrimSpace(r.URL.Query().Get("a")), strings.TrimSpace(r.URL.Query().Get("b"))
	if a == "" || b == "" {
		return nil, redirect("/persons")
	}
	pair, err := s.Office.ExplainPair(r.Context(), a, b)
	if err != nil {
		return nil, err
	}
	if err := s.Office.Record(r.Context(), event.Source("person/"+r.By()), &event.Act{By: r.By(), Do: "explain-pair", Target: "persons", Result: "done"}); err != nil {
		return nil, err
	}
	return personsExplained(r.page, pair, nil), nil
}

// personsDecide keeps an answer, and then shows what the evidence says.
func (s *Server) personsDecide(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("persons_explain")
	why, err := reason(r)
	if err != nil {
		return nil, err
	}
	answer := r.PostFormValue("answer")
	if answer != "same" && answer != "different" {
		return nil, errNothing
	}
	d, err := s.Office.DecidePair(r.Context(), office.PairDecision{A: r.PostFormValue("a"), B: r.PostFormValue("b"), Same: answer == "same", Reason: why, By: r.By()})
	if err != nil {
		return nil, err
	}
	return personsExplained(r.page, &d.Pair, d), nil
}

// step is a bar of the waterfall: from and to on a line of bits.
type step struct {
	Name     string
	Bits     float64
	From, To float64
}

// waterfall adds up what the fields say, from how likely any two records are one
// person. What is left at the end is how rare the names are and how fields hang
// together.
func waterfall(p *Page, pair *office.Pair) []step {
	at := pair.Prior
	out := []step{{p.T("persons_prior"), pair.Prior, 0, at}}
	for _, f := range pair.Fields {
		out = append(out, step{fieldName(p, f.Field), f.Bits, at, at + f.Bits})
		at += f.Bits
	}
	if rest := pair.Prior + pair.Bits - at; math.Abs(rest) >= 0.05 {
		out = append(out, step{p.T("persons_rest"), rest, at, at + rest})
		at += rest
	}
	return append(out, step{p.T("persons_sum"), at, 0, at})
}

// Geometry of the waterfall, in units of its picture.
const fallWidth, fallRow, fallLabel = 640, 28, 150

// fallScale maps bits to a coordinate.
func fallScale(steps []step) func(float64) int {
	low, high := 0.0, 0.0
	for _, s := range steps {
		low, high = min(low, s.From, s.To), max(high, s.From, s.To)
	}
	width := max(high-low, 1)
	return func(bits float64) int {
		return fallLabel + int(math.Round((fallWidth-fallLabel-70)*(bits-low)/width))
	}
}

func (s step) class() string {
	switch {
	case s.From == 0 && s.To == s.Bits:
		return "bar-ever"
	case s.Bits < 0:
		return "bar-hole"
	}
	return "bar-confirmed"
}

func bits(b float64) string { return fmt.Sprintf("%+.1f", b) }

func fieldName(p *Page, field string) string { return p.T("field_" + field) }

// agreement is what a field says, without how much it counts.
func agreement(p *Page, level int) string {
	switch {
	case level <= 1:
		return p.T("persons_differs")
	case level == 2:
		return p.T("persons_alike")
	}
	return p.T("persons_agrees")
}

// percent writes a share.
func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// reviewAt is the address of the next pair.
func reviewAt(skip int) templ.SafeURL {
	return templ.SafeURL("/persons/review?" + url.Values{"skip": {strconv.Itoa(skip)}}.Encode())
}
