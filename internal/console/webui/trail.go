package webui

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
)

// scopeTrail is the part of the explorer that says how it passed: who, through
// which gate, which data; then sessions, statements and the events behind them.
func (s *Server) scopeTrail(r *Request) (templ.Component, error) {
	v := r.URL.Query()
	q, err := queryOf(v, s.Now())
	if err != nil {
		return nil, err
	}
	trails, ready, err := s.behind(r.Context(), r.By()+" "+r.URL.RequestURI(), func(ctx context.Context) (any, error) {
		return s.Office.Trails(ctx, q)
	})
	if err != nil {
		return nil, err
	}
	if !ready {
		return comes(r.page, r.URL.RequestURI()), nil
	}
	return trailView(r.page, v, trails.(*office.Trails)), nil
}

// node is a who, a gate or a table in the picture.
type node struct {
	Name string
	To   templ.SafeURL // the question narrowed to it; empty: it cannot be
	Rows uint64
	Y    int
}

// strand is what passed between two nodes.
type strand struct {
	From, To int // Y of both ends
	Width    int
	Rows     uint64
	Bounded  bool // something of it is not exact
}

// flowPicture is who → gate → data.
type flowPicture struct {
	Who, Gates, Data []node
	Left, Right      []strand
	Height           int
}

// Geometry of the picture, in its units.
const (
	flowRow   = 44
	mostNodes = 8
)

// who names a session's client. Nobody known is a client of its own.
func who(p *Page, t *office.Trail) string {
	if t.User == "" && t.Address == "" {
		return p.T("trail_unknown")
	}
	return strings.TrimSuffix(t.User+" · "+t.Address, " · ")
}

// flowOf draws the trails. Of each column the eight of most rows are shown; the
// others are one node.
func flowOf(p *Page, v url.Values, list []office.Trail) *flowPicture {
	whos, gates, data := map[string]*node{}, map[string]*node{}, map[string]*node{}
	add := func(all map[string]*node, name string, to templ.SafeURL, rows uint64) {
		if all[name] == nil {
			all[name] = &node{Name: name, To: to}
		}
		all[name].Rows += rows
	}
	for i := range list {
		t := &list[i]
		var narrow templ.SafeURL
		if t.User != "" {
			narrow = narrowed(v, "user", t.User, "address", t.Address)
		}
		add(whos, who(p, t), narrow, t.Rows)
		add(gates, t.Gate, "", t.Rows)
		add(data, t.Table, narrowed(v, "place", t.Table), t.Rows)
	}
	f := &flowPicture{}
	f.Who, f.Gates, f.Data = column(p, whos), column(p, gates), column(p, data)
	f.Height = flowRow * max(len(f.Who), len(f.Gates), len(f.Data), 1)
	type ends struct{ a, b int }
	left, right := map[ends]*strand{}, map[ends]*strand{}
	most := uint64(1)
	join := func(all map[ends]*strand, a, b int, t *office.Trail) {
		l := all[ends{a, b}]
		if l == nil {
			l = &strand{From: a, To: b}
			all[ends{a, b}] = l
		}
		l.Rows += t.Rows
		l.Bounded = l.Bounded || t.Class != "exact"
		most = max(most, l.Rows)
	}
	for i := range list {
		t := &list[i]
		gate := at(f.Gates, t.Gate)
		join(left, at(f.Who, who(p, t)), gate, t)
		join(right, gate, at(f.Data, t.Table), t)
	}
	for _, side := range []struct {
		all map[ends]*strand
		out *[]strand
	}{{left, &f.Left}, {right, &f.Right}} {
		for _, l := range side.all {
			l.Width = 1 + int(math.Round(11*math.Log1p(float64(l.Rows))/math.Log1p(float64(most))))
			*side.out = append(*side.out, *l)
		}
		slices.SortFunc(*side.out, func(a, b strand) int { return cmp.Or(a.From-b.From, a.To-b.To) })
	}
	return f
}

// column sorts nodes and joins those that do not fit.
func column(p *Page, all map[string]*node) []node {
	var out []node
	for _, n := range all {
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b node) int { return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Name, b.Name)) })
	if len(out) > mostNodes {
		rest := node{Name: p.T("trail_others", "n", len(out)-mostNodes+1)}
		for _, n := range out[mostNodes-1:] {
			rest.Rows += n.Rows
		}
		out = append(out[:mostNodes-1], rest)
	}
	for i := range out {
		out[i].Y = i*flowRow + flowRow/2
	}
	return out
}

// at is where a name stands in its column; the last node is of those that did
// not fit.
func at(all []node, name string) int {
	i := slices.IndexFunc(all, func(n node) bool { return n.Name == name })
	if i < 0 {
		i = len(all) - 1
	}
	return all[i].Y
}

// curve is a line from one column to the next.
func curve(x, width int, l strand) string {
	return fmt.Sprintf("M%d %d C%d %d %d %d %d %d", x, l.From, x+width/2, l.From, x+width/2, l.To, x+width, l.To)
}

func (l strand) class() string {
	if l.Bounded {
		return "flow flow-bounded flow-" + px(l.Width)
	}
	return "flow flow-" + px(l.Width)
}

// trailSession narrows the question to one session.
func trailSession(v url.Values, t *office.Trail) templ.SafeURL {
	return narrowed(v, "session", fmt.Sprintf("%s/%d", t.Gate, t.Session))
}

// trailEvents are the events behind a trail.
func trailEvents(t *office.Trail) templ.SafeURL {
	v := url.Values{"source": {t.Gate}, "session": {fmt.Sprint(t.Session)}, "kind": {"crossing", "session-open", "decision"},
		"from": {t.From.UTC().Format(time.RFC3339Nano)}, "to": {t.To.Add(time.Second).UTC().Format(time.RFC3339Nano)}}
	return templ.SafeURL("/events?" + v.Encode())
}

// shortName fits a name into the picture.
func shortName(name string) string {
	const most = 26
	if r := []rune(name); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return name
}
