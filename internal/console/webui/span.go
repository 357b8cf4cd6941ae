package webui

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
)

// span is when statements of a session carried something: one, or several that stand too
// close together to be told apart.
type span struct {
	X, Width int
	Bounded  bool // it is not exact whose rows some of them were
	Title    string
	To       templ.SafeURL // the events behind it

	all office.Trail // of one: it is; of several: their time, rows and number of events
	of  int          // how many
	one bool         // they are of one session
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
	mostSpans = 80 // bars in all: a page has a bound, and so has what one can tell apart
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
		l.Spans = append(l.Spans, span{all: *t, of: 1, one: true})
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
	out.draw(p, v)
	return out
}

// draw places the bars, and makes one of those that are closer together than there is
// room for.
func (l *lanesPicture) draw(p *Page, v url.Values) {
	for gap, n := 0, mostSpans+1; n > mostSpans; gap = 2*gap + 2 {
		n = 0
		for i := range l.Lanes {
			l.Lanes[i].Spans = l.together(l.Lanes[i].Spans, gap)
			n += len(l.Lanes[i].Spans)
		}
	}
	for i := range l.Lanes {
		for k := range l.Lanes[i].Spans {
			s := &l.Lanes[i].Spans[k]
			t := &s.all
			s.Title = fmt.Sprintf("%s · %s · %s", p.Dash(t.From, t.To), t.Table, p.T("trail_rows", "n", p.N(t.Rows)))
			if s.of > 1 {
				s.Title = fmt.Sprintf("%s · %s · %s", p.Dash(t.From, t.To), p.T("trail_events", "n", t.Times), p.T("trail_rows", "n", p.N(t.Rows)))
			}
			if s.To = trailEvents(t); !s.one {
				s.To = narrowed(v, "from", t.From.UTC().Format(time.RFC3339Nano), "to", t.To.Add(time.Second).UTC().Format(time.RFC3339Nano))
			}
		}
	}
}

// together places the bars of a lane and makes one of those with at most gap between
// them.
func (l *lanesPicture) together(spans []span, gap int) (out []span) {
	slices.SortStableFunc(spans, func(a, b span) int { return a.all.From.Compare(b.all.From) })
	for _, s := range spans {
		l.place(&s)
		if len(out) == 0 || s.X > out[len(out)-1].X+out[len(out)-1].Width+gap {
			out = append(out, s)
			continue
		}
		last := &out[len(out)-1]
		last.one = last.one && s.one && last.all.Gate == s.all.Gate && last.all.Session == s.all.Session
		if last.all.To.Before(s.all.To) {
			last.all.To = s.all.To
		}
		last.all.Rows, last.all.Times, last.of = last.all.Rows+s.all.Rows, last.all.Times+s.all.Times, last.of+s.of
		bounded := last.Bounded || s.Bounded
		l.place(last)
		last.Bounded = bounded
	}
	return out
}

// place puts a bar where its time is; the shortest is still seen.
func (l *lanesPicture) place(s *span) {
	const least = 4
	all := max(l.To.Sub(l.From), 1)
	at := func(when time.Time) int { return int(float64(when.Sub(l.From)) / float64(all) * (laneWidth - least)) }
	x := at(s.all.From)
	s.X, s.Width = laneLeft+x, max(least, at(s.all.To)-x+least)
	s.Bounded = s.Bounded || s.all.Class != "exact"
}

func (s span) class() string {
	if s.Bounded {
		return "span-bounded"
	}
	return "span-exact"
}
