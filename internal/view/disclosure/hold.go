package disclosure

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// times are moments that count: whole seconds, and longer spans.
type times struct {
	seconds []*bag
	spans   []scope.Span
}

func (t times) none() bool { return len(t.seconds) == 0 && len(t.spans) == 0 }

func (t times) and(o times) times {
	return times{slices.Concat(t.seconds, o.seconds), slices.Concat(t.spans, o.spans)}
}

// choice is what scope.ChooseAll returns.
type choice struct {
	use                  []bool
	changes              []scope.Span
	unknown, provisional bool
}

// chosen is choose for seconds, which several steps of an answer ask for.
type chosenKey struct {
	seconds *bag
	of      tableSource
}

// choose is scope.ChooseAll over the scans of a table and source.
func (e *evaluation) choose(t times, of tableSource, scans []scope.Span) (c choice) {
	c.use, c.changes, c.unknown, c.provisional = scope.ChooseAll(scans, t.spans)
	for _, b := range t.seconds {
		key := chosenKey{b, of}
		s, ok := e.chosen[key]
		if !ok {
			s = chooseSeconds(b, scans)
			e.chosen[key] = s
		}
		for i, use := range s.use {
			c.use[i] = c.use[i] || use
		}
		c.changes = append(c.changes, s.changes...)
		c.unknown, c.provisional = c.unknown || s.unknown, c.provisional || s.provisional
	}
	c.changes = scope.Merge(c.changes)
	return c
}

// chooseSeconds chooses for each second. Seconds between two scans all choose
// the same, so after the first one the others are skipped.
func chooseSeconds(b *bag, scans []scope.Span) choice {
	c := choice{use: make([]bool, len(scans))}
	at, ok := b.next(0)
	for ok {
		x := scope.Choose(scans, secondSpan(at))
		for i := x.First; i <= x.Last; i++ {
			c.use[i] = true
		}
		c.changes = append(c.changes, x.Changes)
		c.unknown, c.provisional = c.unknown || x.Unknown, c.provisional || x.Provisional
		if x.Provisional {
			break
		}
		next := max(int64(at)+1, floorDiv(scans[x.Last].From, secondNS))
		if next > 1<<32-1 {
			break
		}
		at, ok = b.next(uint32(next))
	}
	c.changes = scope.Merge(c.changes)
	return c
}

func secondSpan(s uint32) scope.Span {
	return scope.Span{From: int64(s) * secondNS, To: (int64(s) + 1) * secondNS}
}

// resting is what rested in a table at some times.
type resting struct {
	pieces         []restingSet
	rows, lost     uint64
	unknown        bool
	provisional    bool
	scanned        bool // at any time
	lastScan       time.Time
	changedUnknown uint64
}

type restingSet struct {
	source uint32
	scanned
}

func (e *evaluation) restSource(ctx context.Context, r *resting, tbl *table, src uint32, t times) ([]scope.Span, error) {
	h := tbl.held[src]
	done := e.wholeScans(tableSource{tbl.id, src}, h)
	whole, spans := done.scans, done.spans
	c := e.choose(t, tableSource{tbl.id, src}, spans)
	use, changes := c.use, c.changes
	if len(whole) > 0 {
		r.unknown, r.provisional = r.unknown || c.unknown, r.provisional || c.provisional
		r.scanned = true
	}
	var rows, lost uint64
	var mask element.Mask
	if len(whole) > 0 { // these show the last scan, and what it has not seen
		if at := event.Time(done.latest.span.To); at.After(r.lastScan) {
			r.lastScan = at
		}
		e.trace.scans([]*scan{done.latest, whole[len(whole)-1]})
	}
	for i := 0; i < len(whole); i++ {
		first := i
		for i < len(whole) && use[i] {
			rows, lost = max(rows, whole[i].rows), max(lost, whole[i].lost)
			mask |= whole[i].mask
			i++
		}
		if first == i {
			continue
		}
		if err := e.addScans(ctx, r, src, whole[first:i]); err != nil {
			return nil, err
		}
	}
	r.rows += rows
	r.lost += lost
	for _, s := range done.parts {
		if scope.Touches(changes, s.span) { // what it saw was there
			if err := e.addScans(ctx, r, src, []*scan{s}); err != nil {
				return nil, err
			}
		}
	}
	if !h.changes {
		return changes, nil
	}
	if mask == 0 {
		mask = element.MaskOf(element.Unclassified)
	}
	return changes, e.addChanges(ctx, r, tableSource{tbl.id, src}, mask, changes, spans)
}

// wholeScans are the scans of a table and source that came to their end, in the
// order of their spans, and those that did not.
type wholeScans struct {
	scans, parts []*scan
	spans        []scope.Span
	latest       *scan // the one that ended last
}

// wholeScans returns those of h; a question comes by them again and again.
func (e *evaluation) wholeScans(of tableSource, h *held) wholeScans {
	if w, ok := e.wholeOf[of]; ok {
		return w
	}
	w := wholeScans{scans: make([]*scan, 0, len(h.scans)), spans: make([]scope.Span, 0, len(h.scans))}
	for _, s := range h.scans {
		if !s.complete() {
			w.parts = append(w.parts, s)
			continue
		}
		w.scans, w.spans = append(w.scans, s), append(w.spans, s.span)
		if w.latest == nil || s.span.To > w.latest.span.To {
			w.latest = s
		}
	}
	e.wholeOf[of] = w
	return w
}

func (e *evaluation) addScans(ctx context.Context, r *resting, src uint32, scans []*scan) error {
	e.trace.scans(scans)
	sets, err := e.rangeSets(ctx, scans)
	for _, x := range sets {
		r.pieces = append(r.pieces, restingSet{src, x})
	}
	return err
}

// addChanges adds the changes that meet one of the spans, which ascend. Changed
// rows had the elements of mask: all that the scans found.
func (e *evaluation) addChanges(ctx context.Context, r *resting, of tableSource, mask element.Mask, spans, scans []scope.Span) error {
	set := new(bag)
	seen := map[int64]bool{}
	for _, s := range spans {
		from := s.From
		if from > -1<<62 {
			from -= e.changeReach
		}
		err := query(ctx, e.db.Read, `SELECT id, hi, rows, lost, idx, data FROM change
			WHERE tbl = ? AND source = ? AND lo BETWEEN ? AND ? AND hi >= ?`, func(row *sql.Rows) error {
			var id, hi, rows, lost, index int64
			var data sql.RawBytes
			if err := row.Scan(&id, &hi, &rows, &lost, &index, &data); err != nil {
				return err
			}
			e.trace.event(uint64(index))
			if len(spans) > 1 {
				if seen[id] {
					return nil
				}
				seen[id] = true
			}
			r.rows += uint64(rows)
			r.lost += uint64(lost)
			if len(scans) == 0 || hi > scans[len(scans)-1].From {
				r.changedUnknown += uint64(lost)
			}
			return set.addSet(data)
		}, of.table, of.source, from, s.To, s.From)
		if err != nil {
			return err
		}
	}
	e.changeSets++
	c := newComponent(fmt.Sprintf("changes %d", e.changeSets), set) // of this answer only
	c.private = true
	r.pieces = append(r.pieces, restingSet{of.source, scanned{mask, c}})
	return nil
}

// hold adds the holdings that were asked for, and those of the whole window to
// what was ever held.
func (e *evaluation) hold(ctx context.Context) error {
	for _, id := range sortedKeys(e.in) {
		if err := e.holdTable(ctx, id); err != nil {
			return err
		}
	}
	return e.holdElsewhere(ctx)
}

func (e *evaluation) holdTable(ctx context.Context, id uint32) error {
	window := times{spans: []scope.Span{{From: e.w.From, To: e.w.To}}}
	all, plain, err := e.holdWanted(ctx, id)
	if err != nil {
		return err
	}
	ever, err := e.rest(ctx, id, window)
	if err != nil {
		return err
	}
	held := map[uint32]*mix{} // by source: everybody who was held
	for _, p := range ever.pieces {
		if m, ok := e.narrowed(p.mask); ok {
			e.sums[scope.EverHeld].keep(id, p.source, m, p.component)
			at(held, p.source).keep(p.component)
		}
	}
	e.sums[scope.EverHeld].count(id, ever.rows, ever.lost)
	for _, x := range []struct {
		class int
		times times
	}{{int(scope.Reachable), all}, {noAggregates, plain}} {
		r, err := e.rest(ctx, id, x.times)
		if err != nil {
			return err
		}
		e.sums[x.class].count(id, r.rows, r.lost)
	}
	r, err := e.rest(ctx, id, window.and(all))
	if err != nil {
		return err
	}
	e.holdings[id] = &scope.Holding{Table: e.names.texts[id], Unknown: r.unknown, Provisional: r.provisional,
		LastScan: r.lastScan, ChangedUnknown: r.changedUnknown}
	return e.strays(ctx, id, held)
}

// holdWanted adds what is behind bounded crossings and uncovered intervals,
// and returns the times that count with and without aggregates.
func (e *evaluation) holdWanted(ctx context.Context, id uint32) (all, plain times, err error) {
	w := e.wants[id]
	if w == nil {
		return all, plain, nil
	}
	add := func(classes []int, m element.Mask, own bool, t times) error {
		r, err := e.rest(ctx, id, t)
		if err != nil {
			return err
		}
		for _, p := range r.pieces {
			mask, ok := m, true
			if own {
				mask, ok = e.narrowed(p.mask)
			}
			for _, c := range classes {
				if ok {
					e.sums[c].keep(id, p.source, mask, p.component)
				}
			}
		}
		return nil
	}
	both := []int{int(scope.Reachable), noAggregates}
	collect := func(classes []int, seconds map[element.Mask]*bag, spans map[element.Mask][]scope.Span) (sum times) {
		for _, m := range union(seconds, spans) {
			t := times{spans: spans[m]}
			if seconds[m] != nil {
				t.seconds = []*bag{seconds[m]}
			}
			if err == nil {
				err = add(classes, m, false, t)
			}
			sum = sum.and(t)
		}
		return sum
	}
	plain = collect(both, w.bounded, w.boundedSpans)
	all = collect(both[:1], w.aggregate, w.aggregateSpans)
	if len(w.uncovered) > 0 && err == nil {
		t := times{spans: w.uncovered}
		err = add(both, 0, true, t)
		plain = plain.and(t)
	}
	return plain.and(all), plain, err
}

func union(a map[element.Mask]*bag, b map[element.Mask][]scope.Span) []element.Mask {
	keys := map[element.Mask]bool{}
	for m := range a {
		keys[m] = true
	}
	for m := range b {
		keys[m] = true
	}
	return sortedKeys(keys)
}

// strays adds to what was ever held those who crossed exactly in the window,
// whoever read them, and are not among those held. When everybody who ever
// crossed is held, nobody can be astray.
func (e *evaluation) strays(ctx context.Context, id uint32, held map[uint32]*mix) error {
	astray := false
	everybody := map[uint32]*bag{}
	for key, x := range e.rolls.ever {
		if key.table != id {
			continue
		}
		m := held[key.source]
		switch {
		case m == nil:
			astray = astray || !x.set.within(nil)
		case len(m.owns) == 0 && len(m.parts) > 0:
			c := e.joined(m)
			everybody[key.source] = c.set
			astray = astray || !x.within(c)
		default:
			everybody[key.source] = e.union(m)
			astray = astray || !x.set.within(everybody[key.source])
		}
	}
	if !astray {
		return nil
	}
	crossed, err := e.crossedAt(ctx, id)
	if err != nil {
		return err
	}
	for s, x := range crossed {
		k := e.series.list[s]
		if k.class != event.Exact || k.table != id {
			continue
		}
		m, ok := e.narrowed(k.mask)
		if !ok {
			continue
		}
		rest := &x.set // nobody is held: whoever crossed, without going through them
		if h := everybody[k.source]; h != nil {
			rest = x.set.beyond(h)
			e.temp = append(e.temp, rest)
		}
		e.sums[scope.EverHeld].add(id, k.source, m, rest)
	}
	return nil
}

// crossedAt returns the crossings of a place by anybody.
func (e *evaluation) crossedAt(ctx context.Context, id uint32) (totals, error) {
	if e.exact != nil {
		return e.exact, nil
	}
	t := totals{}
	err := e.gather(ctx, e.w, nil, dimTable, []uint32{id}, func(x entry) error {
		return t.wait(x, e.series.list[x.series].class)
	}, func(r *record) {
		if k := e.series.list[r.series]; k.table == id {
			t.addRecord(r, k.class, nil)
		}
	})
	return t, err
}

// holdElsewhere does what strays does for places that are no table, such as a
// whole database: exact crossings there are of nobody's holdings.
func (e *evaluation) holdElsewhere(ctx context.Context) error {
	done := map[uint32]bool{} // a place may be crossed by subjects of several sources
	for key := range e.rolls.ever {
		if _, ok := e.relevant(key.table); !ok || e.in[key.table] || done[key.table] {
			continue
		}
		done[key.table] = true
		if err := e.strays(ctx, key.table, nil); err != nil {
			return err
		}
	}
	return nil
}
