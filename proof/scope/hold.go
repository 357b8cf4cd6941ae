package scope

import (
	"cmp"
	"slices"
	"time"
)

// hold adds the holdings that were asked for, and those of the whole window to
// what was ever held.
func (e *evaluation) hold() {
	tables := make([]string, 0, len(e.in))
	for t := range e.in {
		tables = append(tables, t)
	}
	slices.Sort(tables)
	for _, t := range tables {
		e.holdTable(t)
	}
	for _, c := range e.crossed { // those who are not among the held
		rest := new(Set)
		rest.Or(c.set)
		rest.andNot(e.resident[c.table][c.source])
		e.sums[EverHeld].add(c.table, c.source, c.elements, rest)
	}
}

func (e *evaluation) holdTable(table string) {
	w := e.wants[table]
	var all, plain []Span // times that count, with and without aggregates
	add := func(class int, elements []string, times []Span) {
		for _, p := range e.rest(table, times, nil).pieces {
			own := elements
			if own == nil {
				var ok bool
				if own, ok = e.narrowed(p.elements); !ok {
					continue
				}
			}
			e.sums[class].add(table, p.source, own, p.set)
		}
	}
	if w != nil {
		for _, b := range w.bounded {
			add(int(Reachable), b.elements, b.times)
			add(noAggregates, b.elements, b.times)
			plain = append(plain, b.times...)
		}
		add(int(Reachable), nil, w.uncovered)
		add(noAggregates, nil, w.uncovered)
		plain = append(plain, w.uncovered...)
		all = plain
		for _, b := range w.aggregate {
			add(int(Reachable), b.elements, b.times)
			all = append(slices.Clone(all), b.times...)
		}
	}
	window := []Span{{e.w.From, e.w.To}}
	ever := e.rest(table, window, nil)
	for _, p := range ever.pieces {
		if own, ok := e.narrowed(p.elements); ok {
			e.sums[EverHeld].add(table, p.source, own, p.set)
			orIn(e.resident, table, p.source, p.set)
		}
	}
	e.sums[EverHeld].records[table] = ever.rows
	e.sums[EverHeld].lost[table] = ever.lost
	for class, times := range map[int][]Span{int(Reachable): all, noAggregates: plain} {
		if len(times) > 0 {
			r := e.rest(table, times, nil)
			e.sums[class].records[table] += r.rows
			e.sums[class].lost[table] += r.lost
		}
	}
	whole := e.rest(table, append(window, all...), nil)
	e.holdings[table] = &Holding{Table: table, Unknown: whole.unknown, Provisional: whole.provisional,
		LastScan: whole.lastScan, ChangedUnknown: whole.changedUnknown}
}

// resting is what rested in a table at some times.
type resting struct {
	pieces         []sourced
	rows, lost     uint64
	unknown        bool
	provisional    bool
	lastScan       time.Time
	changedUnknown uint64
}

type sourced struct {
	source string
	piece
}

// rest returns the holdings of a table at the given times. Path holds the
// tables whose taint is being followed.
func (e *evaluation) rest(table string, times []Span, path []string) (r resting) {
	if len(times) == 0 || slices.Contains(path, table) {
		return r
	}
	sources := make([]string, 0, len(e.held[table]))
	for s := range e.held[table] {
		sources = append(sources, s)
	}
	slices.Sort(sources)
	scanned := false
	var changes []Span // union over the sources
	for _, source := range sources {
		h := e.held[table][source]
		scans := h.completed()
		scanned = scanned || len(scans) > 0
		changes = append(changes, e.restSource(&r, source, h, scans, times)...)
	}
	if len(sources) == 0 {
		changes = []Span{{minTime, maxTime}}
	}
	changes = Merge(changes)
	tainted := false
	for _, x := range e.taints[table] {
		var during []Span
		for _, t := range times {
			if x.span.From <= t.To && Touches(changes, x.span) {
				during = append(during, Span{min(x.span.From, t.To), t.To})
			}
		}
		if len(during) == 0 {
			continue
		}
		tainted = true
		for _, place := range x.from {
			for _, from := range e.all(place) {
				s := e.rest(from, during, append(path, table))
				for _, p := range s.pieces {
					r.pieces = append(r.pieces, sourced{p.source, piece{x.elements, p.set}})
				}
				r.rows += s.rows
				r.lost += s.lost
				r.unknown = r.unknown || s.unknown
			}
		}
	}
	if !scanned {
		r.provisional = true
		r.unknown = r.unknown || !tainted
	}
	return r
}

// all returns the known tables that a place stands for.
func (e *evaluation) all(place string) []string {
	var out []string
	for t := range e.tables {
		if Covers(place, t) {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// completed returns the scans that are whole, by the time they began.
func (h *held) completed() []*scan {
	var out []*scan
	for _, s := range h.scans {
		if s.complete() {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *scan) int {
		return cmp.Or(cmp.Compare(a.span.From, b.span.From), cmp.Compare(a.order, b.order))
	})
	return out
}

// elementsOf are the elements of a row that changed between scans: all that the
// scans found.
func elementsOf(scans []*scan, use []bool) []string {
	var all []string
	for i, s := range scans {
		if !use[i] {
			continue
		}
		for _, p := range s.pieces {
			all = append(all, p.elements...)
		}
	}
	if len(all) == 0 {
		return []string{Unclassified}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (e *evaluation) restSource(r *resting, source string, h *held, scans []*scan, times []Span) []Span {
	spans := make([]Span, len(scans))
	for i, s := range scans {
		spans[i] = s.span
	}
	use, changes, unknown, provisional := ChooseAll(spans, times)
	if len(scans) > 0 {
		r.unknown = r.unknown || unknown
		r.provisional = r.provisional || provisional
	}
	var rows, lost uint64
	for i, s := range scans {
		if at := time.Unix(0, s.span.To).UTC(); at.After(r.lastScan) {
			r.lastScan = at
		}
		if !use[i] {
			continue
		}
		rows, lost = max(rows, s.rows), max(lost, s.lost)
		for _, p := range s.pieces {
			r.pieces = append(r.pieces, sourced{source, p})
		}
	}
	r.rows += rows
	r.lost += lost
	for _, s := range h.scans {
		if !s.complete() && Touches(changes, s.span) { // what it saw was there
			for _, p := range s.pieces {
				r.pieces = append(r.pieces, sourced{source, p})
			}
		}
	}
	all := elementsOf(scans, use)
	for _, c := range h.changes {
		if !Touches(changes, c.span) {
			continue
		}
		r.pieces = append(r.pieces, sourced{source, piece{all, c.set}})
		r.rows += c.rows
		r.lost += c.lost
		if len(spans) == 0 || c.span.To > spans[len(spans)-1].From {
			r.changedUnknown += c.lost
		}
	}
	return changes
}
