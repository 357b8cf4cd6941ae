package webui

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
)

// span is when one statement of a session carried something.
type span struct {
	X, Width int
	Bounded  bool // it is not exact whose rows they were
	Title    string
	To       templ.SafeURL // the events behind it
}

// lane is a session in the picture of who crossed when.
type lane struct {
	Name  string
	To    templ.SafeURL // the question narrowed to the session; empty: it is of several
	From  time.Time
	Spans []span
}

// lanesPicture is who crossed when: a lane a session, the earliest first.
type lanesPicture struct {
	Lanes    []lane
	From, To time.Time
}

// Geometry of the picture, in its units.
const (
	laneRow   = 30
	laneLeft  = 250
	laneWidth = 700
	mostLanes = 12
)

// height of the picture, with its axis.
func (l *lanesPicture) height() int { return laneRow*len(l.Lanes) + 24 }

// lanesOf draws the trails over time. When there are more sessions than lanes, those
// of the fewest rows share the last one: nothing that passed is left out.
func lanesOf(p *Page, v url.Values, list []office.Trail) *lanesPicture {
	out := &lanesPicture{}
	if len(list) == 0 {
		return out
	}
	out.From, out.To = list[0].From, list[0].To
	type session struct {
		gate string
		id   uint64
	}
	rows := map[session]uint64{}
	var order []session
	for i := range list {
		t := &list[i]
		if t.From.Before(out.From) {
			out.From = t.From
		}
		if t.To.After(out.To) {
			out.To = t.To
		}
		of := session{t.Gate, t.Session}
		if _, ok := rows[of]; !ok {
			order = append(order, of)
		}
		rows[of] += t.Rows
	}
	slices.SortStableFunc(order, func(a, b session) int { return int(min(rows[b], 1<<40)) - int(min(rows[a], 1<<40)) })
	lanes := map[session]*lane{}
	var rest *lane
	for i, of := range order {
		switch {
		case i < mostLanes-1 || len(order) == mostLanes:
			lanes[of] = &lane{}
		case rest == nil:
			rest = &lane{Name: p.T("trail_others", "n", len(order)-mostLanes+1)}
			fallthrough
		default:
			lanes[of] = rest
		}
	}
	for i := range list {
		t := &list[i]
		l := lanes[session{t.Gate, t.Session}]
		if l != rest {
			l.Name, l.To = who(p, t), trailSession(v, t)
		}
		if l.From.IsZero() || t.From.Before(l.From) {
			l.From = t.From
		}
		l.Spans = append(l.Spans, out.span(p, t))
	}
	for _, of := range order {
		if l := lanes[of]; l != rest {
			out.Lanes = append(out.Lanes, *l)
		}
	}
	slices.SortStableFunc(out.Lanes, func(a, b lane) int { return a.From.Compare(b.From) })
	if rest != nil {
		out.Lanes = append(out.Lanes, *rest)
	}
	return out
}

// span places a trail; the shortest is still seen.
func (l *lanesPicture) span(p *Page, t *office.Trail) span {
	const least = 4
	all := max(l.To.Sub(l.From), 1)
	at := func(when time.Time) int { return int(float64(when.Sub(l.From)) / float64(all) * (laneWidth - least)) }
	x := at(t.From)
	return span{X: laneLeft + x, Width: max(least, at(t.To)-x+least), Bounded: t.Class != "exact", To: trailEvents(t),
		Title: fmt.Sprintf("%s · %s · %s", p.Dash(t.From, t.To), t.Table, p.T("trail_rows", "n", p.N(t.Rows)))}
}

func (s span) class() string {
	if s.Bounded {
		return "span-bounded"
	}
	return "span-exact"
}
