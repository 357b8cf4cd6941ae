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
	"sekisho/internal/fault"
)

func (s *Server) personsPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_persons")
	all, err := s.Office.Persons(r.Context())
	if err != nil {
		return nil, err
	}
	return personsView(r.page, all), nil
}

// personsReview shows one group without its scores, so that the answer is the
// person's own. Which group was shown to whom is recorded.
func (s *Server) personsReview(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("persons_review")
	all, err := s.Office.Persons(r.Context())
	if err != nil {
		return nil, err
	}
	skip, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("skip"), "0"))
	if err != nil || skip < 0 || skip >= len(all.Groups) {
		return personsDone(r.page, all), nil
	}
	if err := s.looked(r, "review-group"); err != nil {
		return nil, err
	}
	return personsGroup(r.page, &all.Groups[skip], skip, len(all.Groups)), nil
}

// personsScores shows what the evidence is for a group, to whoever asks before
// the answer. That somebody did is recorded.
func (s *Server) personsScores(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("persons_explain")
	number, digest, err := groupAsked(r.URL.Query())
	if err != nil {
		return nil, redirect("/persons")
	}
	g, err := s.Office.ExplainGroup(r.Context(), number, digest)
	if err != nil {
		return nil, err
	}
	if err := s.looked(r, "explain-group"); err != nil {
		return nil, err
	}
	return personsGroupExplained(r.page, g, nil), nil
}

// looked records what of the persons somebody was shown.
func (s *Server) looked(r *Request, do string) error {
	return s.Office.Record(r.Context(), event.Source("person/"+r.By()), &event.Act{By: r.By(), Do: do, Target: "persons", Result: "done"})
}

// groupAsked is the group that an address or a form is about.
func groupAsked(v url.Values) (number uint32, digest string, err error) {
	n, err := strconv.ParseUint(v.Get("group"), 10, 32)
	return uint32(n), v.Get("digest"), err
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
	if err := s.looked(r, "explain-pair"); err != nil {
		return nil, err
	}
	return personsExplained(r.page, pair), nil
}

// personsDecide keeps an answer, and then shows what the evidence says.
func (s *Server) personsDecide(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("persons_explain")
	why, err := reason(r)
	if err != nil {
		return nil, err
	}
	answer := r.PostFormValue("answer")
	number, digest, err := groupAsked(r.PostForm)
	if err != nil || answer != "same" && answer != "different" {
		return nil, errNothing
	}
	records := r.PostForm["record"]
	switch shown := r.PostFormValue("boxes"); {
	case shown == strconv.Itoa(len(records)): // every box is ticked, or there are none
		records = nil
	case len(records) < 2:
		return nil, fault.New(fault.ConsoleForm, "problem", "an answer is about two records or more", "hint", "tick the records that you mean")
	}
	d, err := s.Office.DecideGroup(r.Context(), office.GroupDecision{Number: number, Digest: digest, Records: records, Same: answer == "same", Reason: why, By: r.By()})
	if err != nil {
		return nil, err
	}
	return personsGroupExplained(r.page, &d.Group, d), nil
}

// mostBoxes is how many records of a group can be ticked one by one; the answer
// about a larger one is about all of them.
const mostBoxes = 30

// boxes is how many records of a group can be ticked.
func boxes(g *office.Group) int {
	if len(g.Records) > mostBoxes || len(g.Records) < 3 {
		return 0
	}
	return len(g.Records)
}

// signed writes by how much the head count changes.
func signed(n int) string {
	if n == 0 {
		return "±0"
	}
	return fmt.Sprintf("%+d", n)
}

// fieldsWith names the fields that say one thing about two records.
func fieldsWith(p *Page, pair *office.Pair, said string) string {
	var names []string
	for _, f := range pair.Fields {
		if agreement(f.Level) == said {
			names = append(names, fieldName(p, f.Field))
		}
	}
	return joined(p, names)
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
func agreement(level int) string {
	switch {
	case level <= 1:
		return "differs"
	case level == 2:
		return "alike"
	}
	return "agrees"
}

// percent writes a share.
func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// scoresAt is the address of what the evidence is for a group.
func scoresAt(g *office.Group) templ.SafeURL {
	return templ.SafeURL("/persons/scores?" + url.Values{"group": {groupName(g)}, "digest": {g.Digest}}.Encode())
}

func groupName(g *office.Group) string { return strconv.FormatUint(uint64(g.Number), 10) }

// reviewAt is the address of a group by its place in the list.
func reviewAt(skip int) templ.SafeURL {
	return templ.SafeURL("/persons/review?" + url.Values{"skip": {strconv.Itoa(skip)}}.Encode())
}
