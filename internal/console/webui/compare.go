package webui

import (
	"context"
	"net/url"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/proof/scope"
)

// comparison is two answers and who is in both.
type comparison struct {
	Values [2]url.Values
	Result [2]*scope.Result
	Both   office.Shared
	Path   string // of the page
}

// otherField is what the fields of the second question are called.
const otherField = "other_"

// scopeCompare answers two questions and says who is in both. Each is recorded as
// a question alone is.
func (s *Server) scopeCompare(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("compare_title")
	c := &comparison{Path: r.URL.RequestURI(), Values: [2]url.Values{r.URL.Query(), otherOf(r.URL.Query())}}
	var q [2]scope.Query
	for i, v := range c.Values {
		var err error
		if q[i], err = queryOf(v, s.Now()); err != nil {
			return nil, err
		}
		if c.Result[i], err = s.answer(r, q[i]); err != nil {
			return nil, err
		}
		q[i].To = c.Result[i].To // as it was answered; see explorer.fixed
	}
	both, ready, err := s.behind(r.Context(), r.By()+" "+r.URL.RequestURI(), func(ctx context.Context) (any, error) {
		return s.Office.Shared(ctx, q[0], q[1])
	})
	if err != nil {
		return nil, err
	}
	if ready {
		c.Both = both.(office.Shared)
	}
	return compareView(r.page, c, ready), nil
}

// answer asks and records; a page that asks again for what was being worked out
// asks the same, and is not recorded again.
func (s *Server) answer(r *Request, q scope.Query) (*scope.Result, error) {
	if r.Header.Get("HX-Request") != "" {
		return s.Office.Peek(r.Context(), q)
	}
	return s.ask(r.Context(), r.By(), q)
}

// otherOf is the second question: the first one with the fields that say
// otherwise.
func otherOf(v url.Values) url.Values {
	out := url.Values{"place": v["place"], "element": v["element"], "user": v["user"], "address": v["address"], "session": v["session"]}
	for _, name := range []string{"from", "to", "user", "address"} {
		if text := v.Get(otherField + name); text != "" {
			out.Set(name, text)
		}
	}
	return out
}

// comparedRow is one of the three figures in both answers.
type comparedRow struct {
	Name             string
	One, Other, Both uint64
}

func (c *comparison) rows(p *Page) []comparedRow {
	a, b := c.Result[0], c.Result[1]
	return []comparedRow{
		{p.T("confirmed"), a.Confirmed.Subjects, b.Confirmed.Subjects, c.Both.Confirmed},
		{p.T("reachable"), a.Reachable.Subjects, b.Reachable.Subjects, c.Both.Reachable},
		{p.T("ever_held"), a.EverHeld.Subjects, b.EverHeld.Subjects, c.Both.EverHeld},
	}
}

// less is how many are in n and not in both.
func less(n, both uint64) uint64 { return n - min(n, both) }
