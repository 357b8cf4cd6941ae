package scope

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Evaluate answers q from event lines in ledger order. It also returns the
// sets themselves. Lines of other kinds are skipped.
func Evaluate(lines [][]byte, q Query) (*Result, Sets, error) {
	q = q.Canonical()
	actors, err := q.Actors()
	if err != nil {
		return nil, Sets{}, err
	}
	f := newFacts(NewGates(q.Silence))
	for _, l := range lines {
		if err := f.add(l); err != nil {
			return nil, Sets{}, err
		}
	}
	for _, i := range f.intents { // a table that only a completed intent named is not known
		f.see(i.parts)
	}
	frame, err := q.Frame(f.gates, f.rested)
	if err != nil {
		return nil, Sets{}, err
	}
	e := &evaluation{facts: f, paths: newPaths(), q: q, actors: actors, w: frame, wants: map[string]*want{}, holdings: map[string]*Holding{},
		bounds: map[Bound]*Bound{}, resident: map[string]map[string]*Set{}}
	for i := range e.sums {
		e.sums[i] = newSum()
	}
	e.doubts = e.gates.Doubts(frame)
	e.places()
	e.cross()
	e.uncover()
	e.hold()
	r, sets, err := e.result()
	if err != nil {
		return nil, Sets{}, err
	}
	left := NewLeavings(q, frame)
	for _, l := range lines {
		if _, err := left.Add(l); err != nil {
			return nil, Sets{}, err
		}
	}
	r.Leaving = left.Result()
	return r, sets, nil
}

// Frame returns the window of q; what q leaves open ends with the signs of life of the
// gates at its places and, at places before which no gate stands, with the first and
// last sight of what rested there. Rested calls its argument with each span in which a
// table was scanned.
func (q Query) Frame(g *Gates, rested func(func(table string, s Span))) (Frame, error) {
	w := Frame{From: nanos(q.From), To: nanos(q.To), OpenFrom: q.From.IsZero(), OpenTill: q.To.IsZero()}
	from, to := g.Window(q.Places)
	if w.OpenFrom || w.OpenTill {
		none := from == 0 && to == 0
		guarded := map[string]bool{}
		rested(func(table string, s Span) {
			known, ok := guarded[table]
			if !ok {
				known = len(q.Places) > 0 && !slices.ContainsFunc(q.Places, func(p string) bool { return Covers(p, table) }) || g.Guards(table)
				guarded[table] = known
			}
			switch {
			case known:
			case none:
				from, to, none = s.From, s.To, false
			default:
				from, to = min(from, s.From), max(to, s.To)
			}
		})
	}
	if w.OpenFrom {
		w.From = from
	}
	if w.OpenTill {
		w.To = max(to+1, w.From)
	}
	if w.To < w.From {
		return w, fmt.Errorf("%w: the window ends before it begins", ErrQuery)
	}
	return w, nil
}

// Clip returns the part of s that is in the window. What counts is what passed
// in the window: of something long only what rested then. s must be in it.
func (w Frame) Clip(s Span) Span {
	if !w.OpenFrom {
		s.From = max(s.From, w.From)
	}
	return s
}

// In reports whether something that happened within s counts in the window.
// What is open has no end.
func (w Frame) In(s Span) bool {
	return (w.OpenTill || s.From < w.To) && (w.OpenFrom || s.To >= w.From)
}

// sum gathers one figure.
type sum struct {
	all      map[string]*Set            // by subject source
	elements map[string]map[string]*Set // by element, source
	tables   map[string]map[string]*Set // by table, source
	records  map[string]uint64          // by table
	lost     map[string]uint64          // rows without number, by table
}

func newSum() *sum {
	return &sum{map[string]*Set{}, map[string]map[string]*Set{}, map[string]map[string]*Set{}, map[string]uint64{}, map[string]uint64{}}
}

func or(m map[string]*Set, source string, set *Set) {
	if m[source] == nil {
		m[source] = new(Set)
	}
	m[source].Or(set)
}

func orIn(m map[string]map[string]*Set, key, source string, set *Set) {
	if m[key] == nil {
		m[key] = map[string]*Set{}
	}
	or(m[key], source, set)
}

func (s *sum) add(table, source string, elements []string, set *Set) {
	or(s.all, source, set)
	orIn(s.tables, table, source, set)
	for _, e := range elements {
		orIn(s.elements, e, source, set)
	}
}

// include adds all subjects of t, not its records.
func (s *sum) include(t *sum) {
	for source, set := range t.all {
		or(s.all, source, set)
	}
	for key, m := range t.elements {
		for source, set := range m {
			orIn(s.elements, key, source, set)
		}
	}
	for key, m := range t.tables {
		for source, set := range m {
			orIn(s.tables, key, source, set)
		}
	}
}

func count(m map[string]*Set) (n uint64) {
	for _, s := range m {
		n += s.Len()
	}
	return n
}

func (s *sum) figure() Figure {
	f := Figure{Elements: map[string]uint64{}, Tables: map[string]Count{}}
	f.Subjects = count(s.all)
	for e, m := range s.elements {
		if n := count(m); n > 0 {
			f.Elements[e] = n
		}
	}
	for t, m := range s.tables {
		f.Tables[t] = Count{Subjects: count(m)}
	}
	for t, n := range s.records {
		c := f.Tables[t]
		c.Records = n
		f.Tables[t] = c
		f.Records += n
	}
	maps.DeleteFunc(f.Tables, func(_ string, c Count) bool { return c == Count{} })
	for _, n := range s.lost {
		f.WithoutNumber += n
	}
	return f
}

// want is what has to be added of the holdings of one table.
type want struct {
	bounded   map[string]*timed // by canonical element list
	aggregate map[string]*timed
	uncovered []Span
}

type timed struct {
	elements []string
	times    []Span
}

// stray is a set that crossed exactly.
type stray struct {
	table, source string
	elements      []string
	set           *Set
}

const noAggregates = 3 // index into evaluation.sums, after the classes

type evaluation struct {
	*facts
	paths
	q         Query
	actors    Actors
	w         Frame
	in        map[string]bool // tables at the places
	wants     map[string]*want
	sums      [4]*sum
	holdings  map[string]*Holding
	bounds    map[Bound]*Bound
	resident  map[string]map[string]*Set // everybody held in the window, by table and source
	crossed   []stray                    // exactly, in the window, by anybody
	strangers int
	open      int
	doubts    []Mark // times in which exact parts are not confirmed
	holes     []Interval
}

// places finds the tables at the places: those under them, and those that were
// written from such tables.
func (e *evaluation) places() {
	e.in = map[string]bool{}
	for t := range e.tables {
		if len(e.q.Places) == 0 || slices.ContainsFunc(e.q.Places, func(p string) bool { return Covers(p, t) }) {
			e.in[t] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for t, list := range e.taints {
			if e.in[t] || !IsTable(t) {
				continue
			}
			for _, x := range list {
				if !x.shown && slices.ContainsFunc(e.from(x), func(from string) bool { return e.in[from] }) {
					e.in[t], grown = true, true
				}
			}
		}
	}
}

// targets returns the tables at the places that a part's table stands for. A
// part may name a database: then it stands for all tables in it.
func (e *evaluation) targets(place string) []string {
	var out []string
	for t := range e.in {
		if Covers(place, t) {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// meets reports whether a place has something in common with those asked for.
func (e *evaluation) meets(place string) bool {
	return len(e.q.Places) == 0 || slices.ContainsFunc(e.q.Places, func(p string) bool { return Meet(p, place) })
}

// narrowed returns the elements of a part that the question is about; ok is
// false when it is about none of them.
func (e *evaluation) narrowed(elements []string) (out []string, ok bool) {
	if len(e.q.Elements) == 0 {
		return elements, true
	}
	for _, x := range elements {
		if slices.Contains(e.q.Elements, x) {
			out = append(out, x)
		}
	}
	return out, len(out) > 0
}

// fit says how a session fits the actors.
func (e *evaluation) fit(k sessionKey) (sure, maybe bool) {
	if !e.actors.Narrow() {
		return true, true
	}
	c, known := e.sessions[k]
	if !known {
		// Which session it was is known; who it was is not.
		return false, e.actors.Session(k.source, k.id)
	}
	sure = e.actors.Session(k.source, k.id) && e.actors.Client(c.user, c.address)
	return sure, sure || e.actors.Labelled(c.label)
}

func (e *evaluation) cross() {
	for i := range e.crossings {
		c := &e.crossings[i]
		if !e.w.In(c.span) {
			continue
		}
		sure, maybe := e.fit(c.session)
		for j := range c.parts {
			e.part(c.session, &c.parts[j], c.span, c.held, sure, maybe)
		}
	}
	for _, i := range e.intents {
		span := Span{i.from, min(i.end, max(e.w.To, i.from))}
		if !e.w.In(span) {
			continue
		}
		span = e.w.Clip(span)
		held := span.since(i)
		_, maybe := e.fit(i.session)
		if maybe {
			e.open++
		}
		for j := range i.parts {
			p := i.parts[j]
			p.Rows, p.Unknown, p.Subjects, p.Reason = 0, 0, "", ReasonOpenIntent
			if p.Class == classExact {
				p.Class = classBounded
			}
			e.part(i.session, &p, span, held, false, maybe)
		}
	}
}

func (e *evaluation) part(k sessionKey, p *part, span, held Span, sure, maybe bool) {
	tables := e.targets(p.Table)
	elements, ok := e.narrowed(p.Elements)
	if !ok || len(tables) == 0 && !e.meets(p.Table) {
		return
	}
	if p.Class == classExact {
		set, err := ParseSet(p.Subjects)
		if err != nil {
			set = new(Set) // Unknown below makes it count
		}
		e.crossed = append(e.crossed, stray{p.Table, p.Source, elements, set})
		if !maybe {
			return
		}
		e.stranger(k)
		for _, c := range []int{int(Reachable), noAggregates} {
			e.exact(c, p, elements, set)
		}
		if sure && !slices.ContainsFunc(e.doubts, func(m Mark) bool { return m.Touches(p.Table, span) }) {
			e.exact(int(Confirmed), p, elements, set)
		}
		if p.Unknown == 0 && err == nil {
			return
		}
	}
	if !maybe {
		return
	}
	if p.Class != classExact {
		e.stranger(k)
	}
	b := Bound{Table: p.Table, Class: "bounded", Reason: p.Reason}
	rows := p.Rows
	switch p.Class {
	case classExact:
		b.Reason, rows = ReasonNoNumber, p.Unknown
	case classAggregate:
		b.Class = "aggregate"
	}
	if e.bounds[b] == nil {
		at := b
		e.bounds[b] = &at
	}
	e.bounds[b].Count++
	e.bounds[b].Rows += rows
	if len(tables) == 0 {
		e.holdings[p.Table] = &Holding{Table: p.Table, Unknown: true}
	}
	for _, t := range tables {
		w := e.want(t)
		m := w.bounded
		if p.Class == classAggregate {
			m = w.aggregate
		}
		key := fmt.Sprint(elements)
		if m[key] == nil {
			m[key] = &timed{elements: elements}
		}
		m[key].times = append(m[key].times, Seconds(held))
	}
}

func (e *evaluation) exact(class int, p *part, elements []string, set *Set) {
	s := e.sums[class]
	s.add(p.Table, p.Source, elements, set)
	s.records[p.Table] += p.Rows
	s.lost[p.Table] += p.Unknown
}

func (e *evaluation) stranger(k sessionKey) {
	if _, known := e.sessions[k]; !known {
		e.strangers++
	}
}

func (e *evaluation) want(table string) *want {
	if e.wants[table] == nil {
		e.wants[table] = &want{bounded: map[string]*timed{}, aggregate: map[string]*timed{}}
	}
	return e.wants[table]
}

// uncover asks for the holdings of the tables while they were not covered.
func (e *evaluation) uncover() {
	for t := range e.in {
		for _, h := range e.gates.Uncovered(t, e.w) {
			e.want(t).uncovered = append(e.want(t).uncovered, Span{h.From, h.To})
			e.holes = append(e.holes, Interval{t, time.Unix(0, h.From).UTC(), time.Unix(0, h.To).UTC(), h.Reason, h.Source})
		}
	}
	// A place without any known table shows its holes, and that it is unknown.
	for _, p := range e.q.Places {
		if len(e.targets(p)) == 0 && !e.in[p] {
			e.holdings[p] = &Holding{Table: p, Unknown: true}
			for _, h := range e.gates.Uncovered(p, e.w) {
				e.holes = append(e.holes, Interval{p, time.Unix(0, h.From).UTC(), time.Unix(0, h.To).UTC(), h.Reason, h.Source})
			}
		}
	}
}

func (e *evaluation) result() (*Result, Sets, error) {
	e.sums[Reachable].include(e.sums[Confirmed])
	e.sums[EverHeld].include(e.sums[Reachable])
	ever := e.sums[EverHeld]
	for t, n := range e.sums[Reachable].records {
		ever.records[t] = max(ever.records[t], n)
		ever.lost[t] = max(ever.lost[t], e.sums[Reachable].lost[t])
	}
	r := &Result{Query: e.q, From: time.Unix(0, e.w.From).UTC(), To: time.Unix(0, e.w.To).UTC()}
	var sets Sets
	for c, f := range map[Class]*Figure{Confirmed: &r.Confirmed, Reachable: &r.Reachable, EverHeld: &r.EverHeld} {
		*f = e.sums[c].figure()
		sets[c] = e.sums[c].all
	}
	without := e.sums[noAggregates].figure()
	r.Reachable.WithoutAggregates = &without.Count
	r.Coverage = Coverage{Gates: e.gates.Report(e.q.Places, e.w), OpenIntents: e.open, UnknownSessions: e.strangers}
	r.Coverage.Known = len(r.Coverage.Gates)
	for _, g := range r.Coverage.Gates {
		if g.Reporting {
			r.Coverage.Reporting++
		}
	}
	r.Coverage.Uncovered = Holes(e.holes)
	for _, h := range e.holdings {
		r.Coverage.Holdings = append(r.Coverage.Holdings, *h)
	}
	slices.SortFunc(r.Coverage.Holdings, func(a, b Holding) int { return cmp.Compare(a.Table, b.Table) })
	for _, b := range e.bounds {
		r.Coverage.Bounded = append(r.Coverage.Bounded, *b)
	}
	SortBounds(r.Coverage.Bounded)
	r.Coverage.Fill()
	return r, sets, nil
}

// SortBounds sorts by table, class and reason.
func SortBounds(list []Bound) {
	slices.SortFunc(list, func(a, b Bound) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Reason, b.Reason))
	})
}

// Holes sorts intervals and joins those of the same place, reason and source
// that meet.
func Holes(list []Interval) []Interval {
	slices.SortFunc(list, func(a, b Interval) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Source, b.Source),
			a.From.Compare(b.From), a.To.Compare(b.To))
	})
	var out []Interval
	for _, h := range list {
		if n := len(out); n > 0 {
			p := &out[n-1]
			if p.Place == h.Place && p.Reason == h.Reason && p.Source == h.Source && !h.From.After(p.To) {
				if h.To.After(p.To) {
					p.To = h.To
				}
				continue
			}
		}
		out = append(out, h)
	}
	return out
}
