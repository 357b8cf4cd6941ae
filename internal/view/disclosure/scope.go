package disclosure

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// Scope answers q. The answer rests on the events folded so far: wait for the
// view to reach the ledger's head first. It fails with scope.ErrQuery when q
// cannot be asked.
func (v *View) Scope(ctx context.Context, q scope.Query) (*Answer, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	e, err := v.evaluation(q)
	if err != nil {
		return nil, err
	}
	return e.evaluate(ctx)
}

func (e *evaluation) evaluate(ctx context.Context) (*Answer, error) {
	for _, step := range []func(context.Context) error{e.actorsOf, e.cross, e.intents, e.uncover, e.hold} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return e.answer(), nil
}

const noAggregates = 3 // index into evaluation.sums, after the classes

// evaluation is one question being answered. It mirrors package scope, which
// has the definition, over stored sums instead of single events.
type evaluation struct {
	*View
	q      scope.Query
	actors scope.Actors
	narrow bool // actors.Narrow()
	w      scope.Frame
	mask   element.Mask // elements asked for

	tables  map[uint32]*table   // known ones, and those that open intents name
	known   map[uint32]bool     // those of them that are tables
	wholes  []*table            // those that are not, and that something was written into
	in      map[uint32]bool     // tables at the places
	targets map[uint32][]uint32 // by place of a part: tables at the places that it stands for
	// What following taints comes by again and again: tables by place, taints
	// by table, what rested by origin.
	standsFor map[string][]uint32
	taintsOf  map[uint32][]*taint
	origin    map[string]resting
	sums      [4]sum
	wants     map[uint32]*want
	bounds    map[boundKey]*scope.Bound
	holdings  map[uint32]*scope.Holding
	exact     totals // exact series of everybody, when they were gathered anyway
	// What cross gathers, by series; the scans of a table and source.
	sureOf, maybeOf []*total
	wholeOf         map[tableSource]wholeScans
	open            int
	askedOf         []uint8 // by series: 0 not looked at, 1 no, 2 yes
	chosen          map[chosenKey]choice
	leaves          []countLeaf // what is confirmed
	temp            []*bag      // to be freed with the answer
	trace           *trace      // nil: no evidence is asked for
	// changeSets counts the sets of changes that were read.
	changeSets int
	unnamed    uint64
	doubts     []scope.Mark // times in which exact crossings are not confirmed
	apart      []int64      // hours that they touch, ascending
	holes      []scope.Interval

	// Who is asked about, when the question is narrow.
	sureClients  map[uint32]bool
	sureSessions map[uint32]bool // nil: any session of the clients
	maySessions  map[uint32]bool
}

type boundKey struct {
	table  uint32
	class  event.Class
	reason string
}

// want is what has to be added of the holdings of one table, by elements.
type want struct {
	bounded   map[element.Mask]*bag // seconds
	aggregate map[element.Mask]*bag
	// Intents that stay open take long; they are kept as spans.
	boundedSpans   map[element.Mask][]scope.Span
	aggregateSpans map[element.Mask][]scope.Span
	uncovered      []scope.Span
}

func (v *View) evaluation(q scope.Query) (*evaluation, error) {
	q = q.Canonical()
	if q.Silence < time.Duration(v.gates.Silence) {
		q.Silence = time.Duration(v.gates.Silence) // closer signs of life are not told apart
	}
	actors, err := q.Actors()
	if err != nil {
		return nil, err
	}
	e := &evaluation{View: v, q: q, actors: actors, narrow: actors.Narrow(), wholeOf: map[tableSource]wholeScans{}, in: map[uint32]bool{}, targets: map[uint32][]uint32{},
		standsFor: map[string][]uint32{}, taintsOf: map[uint32][]*taint{}, origin: map[string]resting{},
		wants: map[uint32]*want{}, bounds: map[boundKey]*scope.Bound{}, holdings: map[uint32]*scope.Holding{}, chosen: map[chosenKey]choice{}}
	if e.mask, err = maskOf(q.Elements); err != nil {
		return nil, err
	}
	if e.w, err = q.Frame(v.gates, v.rested); err != nil {
		return nil, err
	}
	for i := range e.sums {
		e.sums[i] = newSum()
	}
	e.tables = maps.Clone(v.tables)
	for _, i := range v.intents {
		for j := range i.parts {
			id := v.names.ids[string(i.parts[j].Table)]
			if e.tables[id] == nil && scope.IsTable(string(i.parts[j].Table)) {
				e.tables[id] = &table{id: id}
			}
		}
	}
	e.known, e.wholes = knownOf(e.names, e.tables), wholesOf(e.names, e.tables)
	e.places()
	return e, nil
}

// rested calls do with every scan's table and time.
func (v *View) rested(do func(table string, s scope.Span)) {
	for id, t := range v.tables {
		for _, h := range t.held {
			for _, s := range h.scans {
				do(v.names.texts[id], s.span)
			}
		}
	}
}

func maskOf(elements []string) (m element.Mask, err error) {
	if len(elements) == 0 {
		return math.MaxUint64, nil
	}
	for _, name := range elements {
		k, ok := element.ParseKind(name)
		if !ok {
			return 0, queryError("no element is called " + name)
		}
		m |= element.MaskOf(k)
	}
	return m, nil
}

// narrowed returns what the question is about of the elements of a part; ok is
// false when it is about none of them.
func (e *evaluation) narrowed(m element.Mask) (element.Mask, bool) {
	if len(e.q.Elements) == 0 {
		return m, true
	}
	return m & e.mask, m&e.mask != 0
}

// places finds the tables at the places: those under them, and those that were
// written from such tables.
func (e *evaluation) places() {
	for id := range e.tables {
		name := e.names.texts[id]
		if scope.IsTable(name) && (len(e.q.Places) == 0 || slices.ContainsFunc(e.q.Places, func(p string) bool { return scope.Covers(p, name) })) {
			e.in[id] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for id, t := range e.tables {
			if e.in[id] || !scope.IsTable(e.names.texts[id]) {
				continue
			}
			for _, x := range t.taints {
				if !x.shown && slices.ContainsFunc(e.origins(x), func(from uint32) bool { return e.in[from] }) {
					e.in[id], grown = true, true
				}
			}
		}
	}
}

// under returns those of the tables that a place stands for, sorted by id.
func (e *evaluation) under(place string, tables map[uint32]bool) (out []uint32) {
	if scope.IsTable(place) {
		if id, ok := e.names.ids[place]; ok && tables[id] {
			out = append(out, id)
		}
	}
	for id := range tables {
		if name := e.names.texts[id]; name != place && scope.Covers(place, name) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// relevant reports whether a part's place is asked about, and the tables that
// it stands for.
func (e *evaluation) relevant(place uint32) (tables []uint32, ok bool) {
	tables, known := e.targets[place]
	if !known {
		tables = e.under(e.names.texts[place], e.in)
		e.targets[place] = tables
	}
	return tables, len(tables) > 0 || e.meets(e.names.texts[place])
}

func (e *evaluation) meets(place string) bool {
	return len(e.q.Places) == 0 || slices.ContainsFunc(e.q.Places, func(p string) bool { return scope.Meet(p, place) })
}

func (e *evaluation) want(table uint32) *want {
	w := e.wants[table]
	if w == nil {
		w = &want{bounded: map[element.Mask]*bag{}, aggregate: map[element.Mask]*bag{},
			boundedSpans: map[element.Mask][]scope.Span{}, aggregateSpans: map[element.Mask][]scope.Span{}}
		e.wants[table] = w
	}
	return w
}

// uncover asks for the holdings of the tables while they were not covered.
func (e *evaluation) uncover(context.Context) error {
	hole := func(place string, h scope.Hole) {
		e.holes = append(e.holes, scope.Interval{Place: place, From: event.Time(h.From), To: event.Time(h.To), Reason: h.Reason, Source: h.Source})
	}
	for id := range e.in {
		for _, h := range e.gates.Uncovered(e.names.texts[id], e.w) {
			e.want(id).uncovered = append(e.want(id).uncovered, scope.Span{From: h.From, To: h.To})
			hole(e.names.texts[id], h)
		}
	}
	for _, p := range e.q.Places {
		if len(e.under(p, e.in)) == 0 {
			e.unknownPlace(p)
			for _, h := range e.gates.Uncovered(p, e.w) {
				hole(p, h)
			}
		}
	}
	return nil
}

// unknownPlace notes a place of which no table is known. Places that no event
// ever named get ids beyond those of names.
func (e *evaluation) unknownPlace(place string) {
	id, ok := e.names.ids[place]
	if !ok {
		id = math.MaxUint32 - uint32(len(e.holdings))
	}
	e.holdings[id] = &scope.Holding{Table: place, Unknown: true}
}

func (e *evaluation) answer() *Answer {
	reach, ever := &e.sums[scope.Reachable], &e.sums[scope.EverHeld]
	ever.include(reach)
	for t, n := range reach.records {
		ever.records[t] = max(ever.records[t], n)
	}
	for t, n := range reach.lost {
		ever.lost[t] = max(ever.lost[t], n)
	}
	a := new(Answer)
	a.Query, a.From, a.To = e.q, event.Time(e.w.From), event.Time(e.w.To)
	a.Confirmed = e.figureOf(&e.sums[scope.Confirmed], e.leaves)
	a.Reachable, a.EverHeld = e.figure(&e.sums[scope.Reachable]), e.figure(&e.sums[scope.EverHeld])
	for c := range a.mixes {
		a.mixes[c] = e.setsOf(&e.sums[c])
	}
	a.view, a.temp = e.View, e.temp
	without := e.figure(&e.sums[noAggregates])
	a.Reachable.WithoutAggregates = &without.Count
	a.Coverage = e.coverage()
	return a
}

func (e *evaluation) coverage() scope.Coverage {
	c := scope.Coverage{Gates: e.gates.Report(e.q.Places, e.w), OpenIntents: e.open, UnknownSessions: int(e.unnamed)}
	c.Known = len(c.Gates)
	for _, g := range c.Gates {
		if g.Reporting {
			c.Reporting++
		}
	}
	c.Uncovered = scope.Holes(e.holes)
	for _, h := range e.holdings {
		c.Holdings = append(c.Holdings, *h)
	}
	slices.SortFunc(c.Holdings, func(a, b scope.Holding) int { return cmp.Compare(a.Table, b.Table) })
	for _, b := range e.bounds {
		c.Bounded = append(c.Bounded, *b)
	}
	scope.SortBounds(c.Bounded)
	c.Fill()
	return c
}
