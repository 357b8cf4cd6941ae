package disclosure

import (
	"context"
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"sekisho/internal/element"
	"sekisho/proof/scope"
)

// rest returns the holdings of a table at the given times: what rested there,
// and what rested where its contents were written from, since then.
func (e *evaluation) rest(ctx context.Context, id uint32, t times) (r resting, err error) {
	if t.none() {
		return r, nil
	}
	changes, err := e.own(ctx, &r, id, t)
	if err != nil {
		return r, err
	}
	var from origin
	for _, x := range e.tainting(id) {
		if during, ok := x.during(t, changes); ok {
			e.trace.event(x.index)
			from.add(x, during.To)
		}
	}
	if !r.scanned {
		r.provisional = true
		r.unknown = r.unknown || len(from.taints) == 0
	}
	if len(from.taints) == 0 {
		return r, nil
	}
	s, err := e.restOrigins(ctx, &from)
	if err != nil {
		return r, err
	}
	r.pieces = append(r.pieces, s.pieces...)
	r.rows += s.rows
	r.lost += s.lost
	r.unknown = r.unknown || s.unknown
	return r, nil
}

// origin is where contents were written from: taints, and until when what
// rested where they come from counts.
type origin struct {
	taints []*taint
	until  []int64
	key    []byte // tells origins apart
}

func (o *origin) add(x *taint, until int64) {
	o.taints, o.until = append(o.taints, x), append(o.until, until)
	o.key = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(o.key, x.index), x.table)
	o.key = binary.BigEndian.AppendUint64(o.key, uint64(until))
}

// restOrigins returns what rested in the tables that something was written
// from, with the elements that it was written on with. Tables that only share
// what was written anywhere in their database have the same origin, so each is
// followed once.
func (e *evaluation) restOrigins(ctx context.Context, o *origin) (r resting, err error) {
	if known, ok := e.origin[string(o.key)]; ok {
		return known, nil
	}
	by := map[element.Mask]map[uint32][]scope.Span{} // when what rested in the tables counts
	for i, x := range o.taints {
		if by[x.mask] == nil {
			by[x.mask] = map[uint32][]scope.Span{}
		}
		for _, from := range e.origins(x) {
			by[x.mask][from] = scope.Merge(append(by[x.mask][from], scope.Span{From: x.since, To: o.until[i]}))
		}
	}
	type most struct{ rows, lost uint64 }
	seen := map[uint32]most{}
	for _, mask := range sortedKeys(by) {
		e.follow(by[mask])
		for _, from := range sortedKeys(by[mask]) {
			var s resting
			t := times{spans: by[mask][from]}
			changes, err := e.own(ctx, &s, from, t)
			if err != nil {
				return r, err
			}
			for _, p := range s.pieces {
				r.pieces = append(r.pieces, restingSet{p.source, scanned{mask, p.component}})
			}
			seen[from] = most{max(seen[from].rows, s.rows), max(seen[from].lost, s.lost)}
			r.unknown = r.unknown || s.unknown || !s.scanned && !e.tainted(from, t, changes)
		}
	}
	for _, n := range seen {
		r.rows += n.rows
		r.lost += n.lost
	}
	e.origin[string(o.key)] = r
	return r, nil
}

// follow adds to the tables those that they were written from in turn. A taint
// counts from one time on, whatever it was met by, so it is followed again only
// when it counts for longer.
func (e *evaluation) follow(reached map[uint32][]scope.Span) {
	until := map[*taint]int64{}
	for due := sortedKeys(reached); len(due) > 0; {
		grown := map[uint32]bool{}
		for _, id := range due {
			t := times{spans: reached[id]}
			changes := e.unseen(id, t)
			for _, x := range e.tainting(id) {
				during, ok := x.during(t, changes)
				if to, met := until[x]; !ok || met && during.To <= to {
					continue
				}
				until[x] = during.To
				e.trace.event(x.index)
				for _, from := range e.origins(x) {
					if !scope.Within(reached[from], during) {
						reached[from] = scope.Merge(append(reached[from], during))
						grown[from] = true
					}
				}
			}
		}
		due = sortedKeys(grown)
	}
}

func (e *evaluation) tainted(id uint32, t times, changes []scope.Span) bool {
	return slices.ContainsFunc(e.tainting(id), func(x *taint) bool {
		_, ok := x.during(t, changes)
		return ok
	})
}

// tainting returns the taints of a table and of what it lies in.
func (e *evaluation) tainting(id uint32) []*taint {
	all, known := e.taintsOf[id]
	if !known {
		name := e.names.texts[id]
		for _, place := range e.wholes {
			if place.id != id && scope.Covers(e.names.texts[place.id], name) {
				all = append(all, place.taints...)
			}
		}
		all = append(all, e.tables[id].taints...)
		e.taintsOf[id] = all
	}
	return all
}

// wholesOf returns the places that are no tables and that something was written
// into, sorted by id.
func wholesOf(names *names, tables map[uint32]*table) (out []*table) {
	for id, t := range tables {
		if len(t.taints) > 0 && !scope.IsTable(names.texts[id]) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *table) int { return int(a.id) - int(b.id) })
	return out
}

// origins returns the known tables that x was written from.
func (e *evaluation) origins(x *taint) (out []uint32) {
	if len(x.from) == 1 {
		return e.knownUnder(string(x.from[0]))
	}
	for _, place := range x.from {
		out = append(out, e.knownUnder(string(place))...)
	}
	return out
}

// knownUnder returns the known tables that a place stands for, sorted by id.
func (e *evaluation) knownUnder(place string) []uint32 {
	all, ok := e.standsFor[place]
	if !ok {
		all = e.under(place, e.known)
		e.standsFor[place] = all
	}
	return all
}

// knownOf returns the tables among the places that are known.
func knownOf(names *names, tables map[uint32]*table) map[uint32]bool {
	known := map[uint32]bool{}
	for id := range maps.Keys(tables) {
		if scope.IsTable(names.texts[id]) {
			known[id] = true
		}
	}
	return known
}

// during returns the time whose contents of the tables that x was written from
// the table held at the given times. Changes are those that no scan shows.
func (x *taint) during(t times, changes []scope.Span) (scope.Span, bool) {
	out := scope.Span{From: x.since, To: math.MinInt64}
	if x.scanned && !scope.Touches(changes, x.span) {
		return out, false
	}
	until := max(x.until, x.span.From)
	for _, s := range t.spans {
		if x.span.From <= s.To && s.From <= x.until {
			out.To = max(out.To, min(s.To, until))
		}
	}
	for _, b := range t.seconds {
		n, ok := b.last(x.until)
		if s := secondSpan(n); ok && x.span.From <= s.To {
			out.To = max(out.To, min(s.To, until))
		}
	}
	return out, out.To >= out.From
}

// last returns the last second that begins at or before a time. What may have
// rested since ever has a member for every second: they are not gone through.
func (b *bag) last(at int64) (uint32, bool) {
	lo, ok := b.next(0)
	if !ok || int64(lo)*secondNS > at {
		return 0, false
	}
	limit := clampSecond(floorDiv(at, secondNS))
	for hi := limit; lo < hi; { // a member is in [lo, limit], and none in (hi, limit]
		middle := hi - (hi-lo)/2
		if n, more := b.next(middle); more && n <= limit {
			lo = n
		} else {
			hi = middle - 1
		}
	}
	return lo, true
}

// own adds what rested in one table itself, and returns when changes count that
// no scan shows.
func (e *evaluation) own(ctx context.Context, r *resting, id uint32, t times) (changes []scope.Span, err error) {
	tbl := e.tables[id]
	for _, src := range sortedKeys(tbl.held) {
		own, err := e.restSource(ctx, r, tbl, src, t)
		if err != nil {
			return nil, err
		}
		changes = append(changes, own...)
	}
	return everOr(tbl, changes), nil
}

// unseen is what own returns, without the sets.
func (e *evaluation) unseen(id uint32, t times) (changes []scope.Span) {
	tbl := e.tables[id]
	for _, src := range sortedKeys(tbl.held) {
		var spans []scope.Span
		for _, s := range tbl.held[src].scans {
			if s.complete() {
				spans = append(spans, s.span)
			}
		}
		changes = append(changes, e.choose(t, tableSource{id, src}, spans).changes...)
	}
	return everOr(tbl, changes)
}

// everOr returns changes in order, or all times for a table that nobody scans.
func everOr(t *table, changes []scope.Span) []scope.Span {
	if len(t.held) == 0 {
		return []scope.Span{{From: math.MinInt64, To: math.MaxInt64}}
	}
	return scope.Merge(changes)
}
