package scope

import (
	"cmp"
	"fmt"
	"maps"
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
		for _, p := range e.rest(table, times).pieces {
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
	ever := e.rest(table, window)
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
			r := e.rest(table, times)
			e.sums[class].records[table] += r.rows
			e.sums[class].lost[table] += r.lost
		}
	}
	whole := e.rest(table, append(window, all...))
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

// rest returns the holdings of a table at the given times: what rested there,
// and what rested where its contents were written from, since then.
func (e *evaluation) rest(table string, times []Span) (r resting) {
	if len(times) == 0 {
		return r
	}
	own := e.own(table, times)
	r = own.resting
	var from origin
	for _, x := range e.tainting(table) {
		if during, ok := x.during(times, own.changes); ok {
			from.add(x, during)
		}
	}
	if !own.scanned {
		r.provisional = true
		r.unknown = r.unknown || len(from.taints) == 0
	}
	s := e.restOrigins(&from)
	r.pieces = append(r.pieces, s.pieces...)
	r.rows += s.rows
	r.lost += s.lost
	r.unknown = r.unknown || s.unknown
	return r
}

// origin is where contents were written from: taints, and when what rested
// where they come from counts.
type origin struct {
	taints []*taint
	during []Span
	key    []byte // tells origins apart
}

func (o *origin) add(x *taint, during Span) {
	o.taints, o.during = append(o.taints, x), append(o.during, during)
	o.key = fmt.Appendf(o.key, "%p %d ", x, during)
}

// restOrigins returns what rested in the tables that something was written
// from, with the elements that it was written on with. Tables that only share
// what was written anywhere in their database have the same origin, so each is
// followed once.
func (e *evaluation) restOrigins(o *origin) (r resting) {
	if known, ok := e.origin[string(o.key)]; ok {
		return known
	}
	by := map[string]*reached{} // by elements
	for i, x := range o.taints {
		key := fmt.Sprint(x.elements)
		if by[key] == nil {
			by[key] = &reached{x.elements, map[string][]Span{}}
		}
		for _, from := range e.from(x) {
			by[key].add(from, o.during[i])
		}
	}
	seen := map[string]resting{}
	for _, to := range by {
		e.follow(to)
		for from, during := range to.times {
			s := e.own(from, during)
			for _, p := range s.pieces {
				r.pieces = append(r.pieces, sourced{p.source, piece{to.elements, p.set}})
			}
			was := seen[from]
			seen[from] = resting{rows: max(was.rows, s.rows), lost: max(was.lost, s.lost), unknown: was.unknown || s.unknown || !s.scanned && !e.tainted(from, during, s.changes)}
		}
	}
	for _, s := range seen {
		r.rows += s.rows
		r.lost += s.lost
		r.unknown = r.unknown || s.unknown
	}
	e.origin[string(o.key)] = r
	return r
}

// reached are the tables that something was written from, and when what rested
// there counts.
type reached struct {
	elements []string
	times    map[string][]Span
}

// add reports whether that is new.
func (r *reached) add(table string, s Span) bool {
	if Within(r.times[table], s) {
		return false
	}
	r.times[table] = Merge(append(r.times[table], s))
	return true
}

// follow adds to r the tables that its tables were written from in turn. A
// taint counts from one time on, whatever it was met by, so it is followed
// again only when it counts for longer.
func (e *evaluation) follow(r *reached) {
	until := map[*taint]int64{}
	for due := slices.Sorted(maps.Keys(r.times)); len(due) > 0; {
		grown := map[string]bool{}
		for _, table := range due {
			times := r.times[table]
			changes := e.own(table, times).changes
			for _, x := range e.tainting(table) {
				during, ok := x.during(times, changes)
				if to, met := until[x]; !ok || met && during.To <= to {
					continue
				}
				until[x] = during.To
				for _, from := range e.from(x) {
					if r.add(from, during) {
						grown[from] = true
					}
				}
			}
		}
		due = slices.Sorted(maps.Keys(grown))
	}
}

// tainted says that anything was written into a table that counts then.
func (e *evaluation) tainted(table string, times, changes []Span) bool {
	return slices.ContainsFunc(e.tainting(table), func(x *taint) bool {
		_, ok := x.during(times, changes)
		return ok
	})
}

// paths is what following taints comes by again and again.
type paths struct {
	standsFor map[string][]string // known tables, by place
	taintsOf  map[string][]*taint // by table
	origin    map[string]resting  // what rested, by origin
}

func newPaths() paths {
	return paths{map[string][]string{}, map[string][]*taint{}, map[string]resting{}}
}

// tainting returns the taints of a table and of what it lies in.
func (e *evaluation) tainting(table string) []*taint {
	all, known := e.taintsOf[table]
	if !known {
		for _, place := range slices.Sorted(maps.Keys(e.taints)) {
			if place == table || !IsTable(place) && Covers(place, table) {
				all = append(all, e.taints[place]...)
			}
		}
		e.taintsOf[table] = all
	}
	return all
}

// from returns the known tables that x was written from.
func (e *evaluation) from(x *taint) (out []string) {
	for _, place := range x.from {
		out = append(out, e.all(place)...)
	}
	return out
}

// during returns the time whose contents of the tables that x was written from
// the table held at the given times. Changes are those that no scan shows.
func (x *taint) during(times, changes []Span) (Span, bool) {
	out := Span{x.since, minTime}
	if x.scanned && !Touches(changes, x.span) {
		return out, false
	}
	for _, t := range times {
		if x.span.From <= t.To && t.From <= x.until {
			out.To = max(out.To, min(t.To, max(x.until, x.span.From)))
		}
	}
	return out, out.To >= out.From
}

// owned is what rested in one table itself.
type owned struct {
	resting
	changes []Span // when changes count that no scan shows
	scanned bool   // at any time
}

func (e *evaluation) own(table string, times []Span) (o owned) {
	for _, source := range slices.Sorted(maps.Keys(e.held[table])) {
		h := e.held[table][source]
		scans := h.completed()
		o.scanned = o.scanned || len(scans) > 0
		o.changes = append(o.changes, e.restSource(&o.resting, source, h, scans, times)...)
	}
	if len(e.held[table]) == 0 {
		o.changes = []Span{{minTime, maxTime}}
	}
	o.changes = Merge(o.changes)
	return o
}

// all returns the known tables that a place stands for.
func (e *evaluation) all(place string) []string {
	out, known := e.standsFor[place]
	if !known {
		for t := range e.tables {
			if Covers(place, t) {
				out = append(out, t)
			}
		}
		slices.Sort(out)
		e.standsFor[place] = out
	}
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
