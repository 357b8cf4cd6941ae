package webui

import (
	"cmp"
	"context"
	"math"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
)

// mapRoom is the room of the data map.
type mapRoom struct {
	Databases []office.Database
	Chart     *office.Chart
	Draft     *office.ProposalDraft // nil: nothing waits
	Unread    []string              // databases whose section the next start reads
}

func (s *Server) mapPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_map")
	m := &mapRoom{}
	var err error
	if m.Databases, err = s.Office.Map(r.Context()); err != nil {
		return nil, err
	}
	if m.Chart, err = s.Office.Chart(r.Context()); err != nil {
		return nil, err
	}
	if m.Draft, err = s.Office.ProposalDraft(r.Context()); err != nil {
		return nil, err
	}
	if m.Unread, err = s.Office.Unread(r.Context()); err != nil {
		return nil, err
	}
	return mapView(r.page, m), nil
}

// mapProposal looks at a database, behind the page's back, and shows what could
// be added to its protect section.
func (s *Server) mapProposal(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("protect_title")
	name, language := r.URL.Query().Get("database"), string(r.page.Lang())
	p, ready, err := s.behind(r.Context(), r.By()+" "+language+" "+r.URL.RequestURI(), func(ctx context.Context) (any, error) {
		return s.Office.Proposal(ctx, name, language)
	})
	if err != nil {
		return nil, err
	}
	if !ready {
		return proposalView(r.page, name, nil, r.URL.RequestURI()), nil
	}
	return proposalView(r.page, name, p.(*office.Proposal), ""), nil
}

func (s *Server) mapPropose(r *Request) (templ.Component, error) {
	if err := s.Office.HandProposal(r.Context(), r.By(), r.PostFormValue("digest")); err != nil {
		return nil, err
	}
	return nil, redirect("/map?done=handed")
}

// mapAccept has the proposal written that a second person read.
func (s *Server) mapAccept(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("protect_done")
	receipt, err := s.Office.AcceptProposal(r.Context(), r.By(), r.PostFormValue("digest"))
	if err != nil {
		return nil, err
	}
	return protectReceipt(r.page, receipt), nil
}

func (s *Server) mapDrop(r *Request) (templ.Component, error) {
	if err := s.Office.DropProposal(r.Context(), r.By()); err != nil {
		return nil, err
	}
	return nil, redirect("/map?done=saved")
}

// mapObject shows what happened to a place.
func (s *Server) mapObject(r *Request) (templ.Component, error) {
	place := r.URL.Query().Get("place")
	r.page.Title = place
	h, err := s.Office.History(r.Context(), place)
	if err != nil {
		return nil, err
	}
	return historyView(r.page, h, r.URL.RequestURI()), nil
}

func objectOf(place string) templ.SafeURL {
	return templ.SafeURL("/map/object?" + placeQuery(place))
}

// proposalOf is the page of a database's proposal, for those who may look.
func proposalOf(database string) templ.SafeURL {
	return templ.SafeURL("/map/proposal?" + url.Values{"database": {database}}.Encode())
}

// mayAccept reports whether the person may have a proposal written.
func mayAccept(p *Page, d *office.ProposalDraft) bool {
	return d.By != p.User.Name && len(d.Proposal.Problems) == 0 && p.May(account.Publish)
}

// heat is the picture of where personal data concentrates: the worst places
// first, the elements of which most is held first.
type heat struct {
	Rows     []office.Risk
	Elements []string
	most     uint64
}

// heatElements is how many columns the picture has at most.
const heatElements = 12

func heatOf(c *office.Chart) *heat {
	h := &heat{Rows: c.Risks}
	sum := map[string]uint64{}
	for i := range c.Risks {
		for _, name := range c.Risks[i].Elements {
			if n := c.Risks[i].Count(name); n > 0 {
				sum[name] += n
				h.most = max(h.most, n)
			}
		}
	}
	for name := range sum {
		h.Elements = append(h.Elements, name)
	}
	slices.SortFunc(h.Elements, func(a, b string) int {
		return cmp.Or(cmp.Compare(sum[b], sum[a]), strings.Compare(a, b))
	})
	h.Elements = h.Elements[:min(len(h.Elements), heatElements)]
	return h
}

// side is the length of a square of at most 28 whose area is n of most: what is
// not zero is seen.
func (h *heat) side(n uint64) int {
	if n == 0 || h.most == 0 {
		return 0
	}
	return max(4, int(math.Round(28*math.Sqrt(float64(n)/float64(h.most)))))
}

// heatTitle says what a square shows.
func heatTitle(p *Page, place, element string, n uint64) string {
	return p.T("heat_cell", "place", place, "element", p.Element(element), "n", p.N(n))
}

// asksFor is the question for an element of a place.
func asksFor(place, element string) templ.SafeURL {
	return templ.SafeURL("/scope?" + url.Values{"place": {place}, "element": {element}}.Encode())
}

// placeQuery names a place in an address.
func placeQuery(place string) string { return url.Values{"place": {place}}.Encode() }
