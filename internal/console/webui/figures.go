package webui

import (
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"sekisho/proof/scope"
)

// maxShown bounds the lines of one list; the command line and the API have all.
const maxShown = 20

// figureRow is a line of a table of three figures.
type figureRow struct {
	Name                       string
	To                         templ.SafeURL
	Confirmed, Reachable, Ever uint64
}

func elementRows(p *Page, e *explorer) []figureRow {
	var out []figureRow
	for _, name := range e.elements() {
		out = append(out, figureRow{p.Element(name), narrowed(e.fixed(), "element", name),
			e.Result.Confirmed.Elements[name], e.Result.Reachable.Elements[name], e.Result.EverHeld.Elements[name]})
	}
	return out
}

func tableRows(e *explorer) []figureRow {
	var out []figureRow
	for _, name := range e.tables() {
		out = append(out, figureRow{name, narrowed(e.fixed(), "place", name),
			e.Result.Confirmed.Tables[name].Subjects, e.Result.Reachable.Tables[name].Subjects, e.Result.EverHeld.Tables[name].Subjects})
	}
	return out
}

// eventsOf is the address of what passed in the window that was answered.
func eventsOf(e *explorer) string {
	v := url.Values{"kind": {"crossing", "session-open", "decision"}}
	fixed := e.fixed()
	for _, name := range []string{"from", "to"} {
		if t := fixed.Get(name); t != "" {
			v.Set(name, t)
		}
	}
	return v.Encode()
}

func barTitle(p *Page, b bar) string {
	text := p.T("bar_title", "from", p.Time(b.From), "to", p.Time(b.To), "confirmed", p.N(b.Confirmed), "reachable", p.N(b.Reachable))
	if b.Uncovered {
		text += " " + p.T("scope_hole")
	}
	return strings.TrimSpace(text)
}

// hole is an interval that was not covered, at all places at once.
type hole struct {
	scope.Interval
	all []string
}

// holes joins the intervals that differ in their place only: a gate that was
// away was away for every table behind it.
func holes(c *scope.Coverage) []hole {
	var out []hole
	for _, u := range c.Uncovered {
		i := slices.IndexFunc(out, func(h hole) bool { return h.From.Equal(u.From) && h.To.Equal(u.To) && h.Reason == u.Reason })
		if i < 0 {
			out = append(out, hole{u, nil})
			i = len(out) - 1
		}
		out[i].all = append(out[i].all, u.Place)
	}
	return out
}

func (h hole) places() string { return strings.Join(h.all, " ") }
