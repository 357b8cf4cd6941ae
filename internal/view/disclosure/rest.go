package disclosure

import (
	"context"
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
	by := map[element.Mask]map[uint32][]scope.Span{} // when what rested in the tables that it was written from counts
	for _, x := range e.tainting(id) {
		during, ok := x.during(t, changes)
		if !ok {
			continue
		}
		e.trace.event(x.index)
		if by[x.mask] == nil {
			by[x.mask] = map[uint32][]scope.Span{}
		}
		for _, from := range e.origins(x) {
			by[x.mask][from] = scope.Merge(append(by[x.mask][from], during))
		}
	}
	if !r.scanned {
		r.provisional = true
		r.unknown = r.unknown || len(by) == 0
	}
	return r, e.restOrigins(ctx, &r, by)
}

// restOrigins adds what rested in tables, with the elements that something of
// it was written on with.
func (e *evaluation) restOrigins(ctx context.Context, r *resting, by map[element.Mask]map[uint32][]scope.Span) error {
	type most struct{ rows, lost uint64 }
	seen := map[uint32]most{}
	for _, mask := range sortedKeys(by) {
		e.follow(by[mask])
		for _, from := range sortedKeys(by[mask]) {
			var s resting
			t := times{spans: by[mask][from]}
			changes, err := e.own(ctx, &s, from, t)
			if err != nil {
				return err
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
	return nil
}

// follow adds to the tables those that they were written from in turn.
func (e *evaluation) follow(reached map[uint32][]scope.Span) {
	for grown := true; grown; {
		grown = false
		for _, id := range sortedKeys(reached) {
			t := times{spans: reached[id]}
			changes := e.unseen(id, t)
			for _, x := range e.tainting(id) {
				during, ok := x.during(t, changes)
				if !ok {
					continue
				}
				e.trace.event(x.index)
				for _, from := range e.origins(x) {
					before := slices.Clone(reached[from])
					reached[from] = scope.Merge(append(reached[from], during))
					grown = grown || !slices.Equal(before, reached[from])
				}
			}
		}
	}
}

func (e *evaluation) tainted(id uint32, t times, changes []scope.Span) bool {
	return slices.ContainsFunc(e.tainting(id), func(x *taint) bool {
		_, ok := x.during(t, changes)
		return ok
	})
}

// tainting returns the taints of a table and of what it lies in.
func (e *evaluation) tainting(id uint32) (out []*taint) {
	name := e.names.texts[id]
	for _, place := range e.wholes {
		if place.id != id && scope.Covers(e.names.texts[place.id], name) {
			out = append(out, place.taints...)
		}
	}
	return append(out, e.tables[id].taints...)
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
	for _, place := range x.from {
		out = append(out, e.under(string(place), e.known)...)
	}
	return out
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
	out := scope.Span{From: x.span.From, To: math.MinInt64}
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

// last returns the last second that begins at or before a time.
func (b *bag) last(at int64) (last uint32, ok bool) {
	for n, more := b.next(0); more && int64(n)*secondNS <= at; n, more = b.next(n + 1) {
		if last, ok = n, true; n == math.MaxUint32 {
			break
		}
	}
	return last, ok
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
