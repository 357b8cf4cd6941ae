package scope

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Gates knows when which gate covered which places. Feed it the signs of life
// in ledger order; times are UTC nanoseconds, ce the clock error of the source.
//
// A place is covered at a time when at least one of its gates was running then
// and none of them was silent or had died. A gate that was stopped cleanly
// passes nothing and needs no cover; a place that a running gate ended is like one
// whose gate was stopped.
type Gates struct {
	Silence int64 // ns between two signs of life of a run; more is silence
	gates   map[string]*gate
	marks   []Mark
	open    map[string]int   // bypass by place → index into marks
	due     map[string]int64 // by remote process (remote.go)
}

type gate struct {
	source string
	runs   []*Run
}

// Run is one run of a gate.
type Run struct {
	Source  string
	Start   uint32
	Places  []string // sorted
	From    int64    // start
	ClockNS int64    // greatest clock error of the run
	Lives   []Life   // not further apart than silence within one
	Stopped bool     // cleanly, at the end of the last life
	Spells  []Spell  `json:",omitempty"` // of places that began or ended within the run, in ledger order
}

// Life is a time during which signs of life came without silence.
type Life struct{ From, To int64 }

// Mark is a gap, an uncovered interval or a bypass that somebody recorded.
type Mark struct {
	Source string
	Places []string // none: everywhere
	From   int64
	To     int64 // math.MaxInt64: until it ends
	Reason string
}

// ReasonCatalogue is the reason of a mark for a time in which the catalogue was
// changed around the gate and the gate did not know: what it attributed by the old
// catalogue may be of others.
const ReasonCatalogue = "catalogue changed around the gate"

// Doubts returns the marks in w for which exact crossings are not confirmed.
func (g *Gates) Doubts(w Frame) (list []Mark) {
	for _, m := range g.marks {
		if m.Reason == ReasonCatalogue && w.In(Span{m.From, m.To}) {
			list = append(list, m)
		}
	}
	return list
}

// Touches reports whether what happened at a place within s fell into m.
func (m Mark) Touches(place string, s Span) bool {
	return s.From <= m.To && s.To >= m.From &&
		(len(m.Places) == 0 || slices.ContainsFunc(m.Places, func(p string) bool { return Meet(p, place) }))
}

// NewGates returns an empty Gates.
func NewGates(silence time.Duration) *Gates {
	return &Gates{Silence: int64(silence), gates: map[string]*gate{}, open: map[string]int{}, due: map[string]int64{}}
}

// Started says that a run of a gate began; a second word about the same run
// adds its places.
func (g *Gates) Started(source string, at, ce int64, start uint32, places []string) *Run {
	s := g.gates[source]
	if s == nil {
		s = &gate{source: source}
		g.gates[source] = s
	}
	if n := len(s.runs); n > 0 && s.runs[n-1].Start == start && !s.runs[n-1].Stopped {
		g.live(s.runs[n-1], at, ce, places)
		return s.runs[n-1]
	}
	r := &Run{Source: source, Start: start, From: at, ClockNS: ce, Lives: []Life{{at, at}}}
	r.add(places)
	s.runs = append(s.runs, r)
	return r
}

// Alive says that a gate gave a sign of life.
func (g *Gates) Alive(source string, at, ce int64, places []string) *Run {
	r := g.last(source)
	if r == nil || r.Stopped {
		return g.Started(source, at, ce, math.MaxUint32, places)
	}
	g.live(r, at, ce, places)
	return r
}

// Stopped says that a run ended cleanly.
func (g *Gates) Stopped(source string, at, ce int64) *Run {
	r := g.last(source)
	if r != nil && !r.Stopped {
		g.live(r, at, ce, nil)
		r.Stopped = true
	}
	return r
}

// Restore puts back a run that was saved.
func (g *Gates) Restore(r *Run) {
	s := g.gates[r.Source]
	if s == nil {
		s = &gate{source: r.Source}
		g.gates[r.Source] = s
	}
	s.runs = append(s.runs, r)
}

func (g *Gates) last(source string) *Run {
	if s := g.gates[source]; s != nil && len(s.runs) > 0 {
		return s.runs[len(s.runs)-1]
	}
	return nil
}

func (g *Gates) live(r *Run, at, ce int64, places []string) {
	r.add(places)
	r.ClockNS = max(r.ClockNS, ce)
	l := &r.Lives[len(r.Lives)-1]
	switch {
	case at <= l.To: // the clock was set back, or two at once
	case at-l.To <= g.Silence:
		l.To = at
	default:
		r.Lives = append(r.Lives, Life{at, at})
	}
}

func (r *Run) add(places []string) {
	for _, p := range places {
		if i, ok := slices.BinarySearch(r.Places, p); !ok {
			r.Places = slices.Insert(r.Places, i, p)
		}
	}
}

func (r *Run) covers(place string) bool {
	return slices.ContainsFunc(r.Places, func(p string) bool { return Covers(p, place) })
}

func (r *Run) end() int64 { return r.Lives[len(r.Lives)-1].To }

// Mark adds an interval that somebody recorded as uncovered.
func (g *Gates) Mark(m Mark) { g.marks = append(g.marks, m) }

// Bypass opens or closes the direct way to the places. It returns the changed
// marks by index.
func (g *Gates) Bypass(source string, at, ce int64, places []string, open bool) []int {
	var changed []int
	if len(places) == 0 {
		places = []string{""}
	}
	for _, p := range places {
		i, is := g.open[p]
		switch {
		case open && !is:
			m := Mark{Source: source, From: at - ce, To: math.MaxInt64, Reason: "bypass"}
			if p != "" {
				m.Places = []string{p}
			}
			g.open[p] = len(g.marks)
			changed = append(changed, len(g.marks))
			g.marks = append(g.marks, m)
		case !open && is:
			g.marks[i].To = at + ce
			delete(g.open, p)
			changed = append(changed, i)
		}
	}
	return changed
}

// RestoreMark puts back a mark that was saved, in order.
func (g *Gates) RestoreMark(m Mark) {
	if m.Reason == "bypass" && m.To == math.MaxInt64 {
		p := ""
		if len(m.Places) > 0 {
			p = m.Places[0]
		}
		g.open[p] = len(g.marks)
	}
	g.marks = append(g.marks, m)
}

// Marks returns what Mark and Bypass added; the caller must not change it.
func (g *Gates) Marks() []Mark { return g.marks }

// RunsOf returns the runs of one gate in ledger order; the caller must not
// change it.
func (g *Gates) RunsOf(source string) []*Run {
	if s := g.gates[source]; s != nil {
		return s.runs
	}
	return nil
}

// Runs returns the runs of all gates by source, each in ledger order.
func (g *Gates) Runs() map[string][]*Run {
	out := make(map[string][]*Run, len(g.gates))
	for name, s := range g.gates {
		out[name] = s.runs
	}
	return out
}

// Window returns the first and last sign of life of the gates that meet
// places, and until when the record of remote processes that have them was wanted
// and is not here; both are 0 when there is none.
func (g *Gates) Window(places []string) (from, to int64) {
	from, to = math.MaxInt64, math.MinInt64
	owed := g.Owed()
	for _, s := range g.gates {
		for _, r := range s.runs {
			if l, ok := r.within(places); ok {
				from, to = min(from, max(r.From, l.From)), max(to, min(r.end(), l.To))
				if _, missing := owed[siteOf(s.source)]; missing {
					to = max(to, g.due[siteOf(s.source)])
				}
			}
		}
	}
	for site := range owed { // places before which no gate stands are missing too
		if len(places) == 0 || slices.ContainsFunc(places, func(p string) bool { return siteOfPlace(p) == site }) {
			from, to = min(from, g.due[site]), max(to, g.due[site])
		}
	}
	if from > to {
		return 0, 0
	}
	return from, to
}

// Guards reports whether any gate ever stood before a place.
func (g *Gates) Guards(place string) bool {
	for _, s := range g.gates {
		for _, r := range s.runs {
			if r.covers(place) {
				return true
			}
		}
	}
	return false
}

// Hole is an interval without cover.
type Hole struct {
	From, To int64
	Reason   string
	Source   string
}

// Frame is a window. Open ends were not asked for: nothing is missing before
// the first and after the last sign of life.
type Frame struct {
	From, To           int64
	OpenFrom, OpenTill bool
}

// Uncovered returns the holes in w for one place, sorted.
func (g *Gates) Uncovered(place string, w Frame) []Hole {
	var holes []Hole
	add := func(from, to int64, reason, source string) {
		if from >= to {
			return
		}
		if to < math.MaxInt64 {
			to++ // what happened in the very moment that ends a hole was in it
		}
		if from, to = max(from, w.From), min(to, w.To); from < to {
			holes = append(holes, Hole{from, to, reason, source})
		}
	}
	var alive []Life
	owed := g.Owed()
	away := siteOfPlace(place)
	for _, s := range g.gates {
		heard, missing := owed[siteOf(s.source)]
		till := w.To // of what is known of the gate
		if missing {
			till = min(till, heard)
		}
		var runs []*Run
		for _, r := range s.runs {
			if r.covers(place) {
				runs = append(runs, r)
			}
		}
		for i, r := range runs {
			spells := r.covering(place)
			if len(spells) == 0 {
				continue
			}
			ce := r.ClockNS
			for j := 1; j < len(r.Lives); j++ {
				silent := Life{r.Lives[j-1].To - ce, r.Lives[j].From + ce}
				for _, l := range spells { // it does not miss a gate that was not there
					add(max(silent.From, later(l.From, -ce)), min(silent.To, later(l.To, ce)), "silent", s.source)
				}
			}
			last := len(spells) - 1
			for _, l := range spells[:last] {
				alive = append(alive, Life{max(r.From, l.From) + ce, l.To - ce})
			}
			from, end := max(r.From, spells[last].From)+ce, r.end()-ce
			switch {
			case spells[last].To < math.MaxInt64:
				end = spells[last].To - ce
			case r.Stopped:
			case i+1 < len(runs):
				next := runs[i+1]
				add(end, next.From+next.ClockNS, "restart without stop", s.source)
				end = next.From + next.ClockNS // said already
			case till > r.end()+g.Silence:
				add(end, till, "silent", s.source)
				end = w.To // said already
			default:
				end = w.To // still expected to speak
			}
			alive = append(alive, Life{from, end})
		}
		if missing && len(runs) > 0 {
			add(heard, w.To, ReasonNotArrived, s.source)
			if siteOf(s.source) == away {
				away = "" // said already
			}
		}
	}
	if heard, missing := owed[away]; missing { // no gate stands before folders and stores
		add(heard, w.To, ReasonNotArrived, "@"+away)
	}
	g.absent(alive, w, add)
	for _, m := range g.marks {
		if len(m.Places) == 0 || slices.ContainsFunc(m.Places, func(p string) bool { return Meet(p, place) }) {
			add(m.From, m.To, m.Reason, m.Source)
		}
	}
	slices.SortFunc(holes, func(a, b Hole) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Source, b.Source))
	})
	return slices.Compact(holes)
}

// absent adds the times when no gate was running.
func (g *Gates) absent(alive []Life, w Frame, add func(from, to int64, reason, source string)) {
	if len(alive) == 0 {
		add(w.From, w.To, "no gate", "")
		return
	}
	slices.SortFunc(alive, func(a, b Life) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	at := alive[0].From
	if !w.OpenFrom {
		add(w.From, at, "not started", "")
	}
	for _, l := range alive {
		add(at, l.From, "stopped", "")
		at = max(at, l.To)
	}
	if !w.OpenTill {
		add(at, w.To, "stopped", "")
	}
}

// Report says which gates meet the places and whether they report at the end
// of the window.
func (g *Gates) Report(places []string, w Frame) []Gate {
	owed := g.Owed()
	out := g.unheard(places)
	for _, s := range g.gates {
		all := map[string]bool{}
		r := Gate{Source: s.source}
		known := false
		for _, run := range s.runs {
			within, ok := run.within(places)
			if !ok || max(run.From, within.From) > w.To {
				continue
			}
			known = true
			for _, p := range run.Places {
				if times := run.when(p); len(times) > 0 && times[0].From <= w.To {
					all[p] = true
				}
			}
			r.Reporting = false
			for _, l := range run.Lives {
				if l.From > w.To {
					break
				}
				last := min(l.To, w.To, within.To)
				ended := run.Stopped && l.To == run.end() && w.To > l.To || w.To > within.To
				r.Last, r.Reporting = time.Unix(0, last).UTC(), !ended && w.To <= last+g.Silence
			}
		}
		if heard, missing := owed[siteOf(s.source)]; missing && w.To > heard {
			r.Reporting = false
		}
		if !known {
			continue
		}
		for p := range all {
			r.Places = append(r.Places, p)
		}
		slices.Sort(r.Places)
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Gate) int { return cmp.Compare(a.Source, b.Source) })
	return out
}
