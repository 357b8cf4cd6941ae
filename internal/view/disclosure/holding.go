package disclosure

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// held is what is known of one table and subject source.
type held struct {
	scans []*scan // by the time they began; complete or not
	// changes says that there are any; they stay in the database.
	changes bool
}

type scan struct {
	id            uint32 // from 1
	origin        uint32
	number        uint64
	table, source uint32
	span          scope.Span
	parts         uint32
	seen          map[uint32]bool
	mask          element.Mask // all that it found
	rows, lost    uint64
	dirty         bool
}

func (s *scan) complete() bool { return len(s.seen) >= int(s.parts) }

type scanSet struct {
	scan  uint32
	part  uint32
	index uint64
	mask  element.Mask
	data  []byte
}

type change struct {
	table, source uint32
	lo, hi        int64
	op            uint32
	rows, lost    uint64
	index         uint64
	data          []byte
}

// taint is what was written from some places into a table, or into whatever
// lies at a place (a database).
type taint struct {
	table  uint32
	source uint32 // who recorded it
	at     int64
	span   scope.Span
	since  int64 // from when on what was written may have rested in from; never after the span
	mask   element.Mask
	from   []event.Place
	index  uint64
	// scanned says that a scan of the table shows whose rows it brought.
	scanned bool
	// until is when somebody said that it was none for what is read later, and
	// cleared the event that does.
	until   int64
	cleared uint64
	void    bool // taken back
	shown   bool // by a site, which is asked about by its own name
}

func (t *table) at(source uint32) *held {
	h := t.held[source]
	if h == nil {
		h = new(held)
		t.held[source] = h
	}
	return h
}

func (v *View) holdingScan(index event.Index, src uint32, ce int64, b *event.HoldingScan) {
	t := v.heldTable(b.Table)
	h := t.at(v.names.id(string(b.Source)))
	i := slices.IndexFunc(h.scans, func(s *scan) bool { return s.origin == src && s.number == b.Scan })
	var s *scan
	if i >= 0 {
		s = h.scans[i]
	} else {
		v.scanCount++
		s = &scan{id: v.scanCount, origin: src, number: b.Scan, table: t.id, source: v.names.id(string(b.Source)),
			span: scope.Span{From: b.From - ce, To: b.To + ce}, seen: map[uint32]bool{}}
		h.scans = append(h.scans, s)
	}
	if s.parts > 0 && s.complete() {
		v.scanEpoch++ // more of a scan that was taken for whole
	}
	s.span.From, s.span.To = min(s.span.From, b.From-ce), max(s.span.To, b.To+ce)
	s.parts = max(s.parts, b.Parts)
	s.seen[b.Part] = true
	s.rows, s.lost = max(s.rows, b.Rows), max(s.lost, b.Unknown) // every part says the whole
	s.mask |= b.Elements
	h.order()
	if !s.dirty {
		s.dirty = true
		v.changed.scans = append(v.changed.scans, s)
	}
	var set bag
	set.addRanges(b.Subjects)
	v.changed.scanSets = append(v.changed.scanSets, scanSet{s.id, b.Part, uint64(index), b.Elements, set.encode(nil)})
	set.free()
	v.cache.drop(scanKey(s.id))
}

func (h *held) order() {
	slices.SortFunc(h.scans, func(a, b *scan) int {
		switch {
		case a.span.From != b.span.From && a.span.From < b.span.From:
			return -1
		case a.span.From != b.span.From:
			return 1
		}
		return int(a.id) - int(b.id)
	})
}

// heldTable is seeTable for holdings, which are of tables by their nature.
func (v *View) heldTable(place event.Place) *table { return v.table(v.names.id(string(place))) }

func (v *View) holdingChange(index event.Index, lo, hi int64, b *event.HoldingChange) {
	t := v.heldTable(b.Table)
	src := v.names.id(string(b.Source))
	t.at(src).changes = true
	v.changeReach = max(v.changeReach, hi-lo)
	var set bag
	set.addRanges(b.Subjects)
	v.changed.changes = append(v.changed.changes, change{t.id, src, lo, hi, v.names.id(b.Op), b.Rows, b.Unknown, uint64(index), set.encode(nil)})
	set.free()
}

func (v *View) taint(index event.Index, src uint32, at, ce int64, b *event.Taint) {
	if len(b.From) == 0 { // of the rows' own subjects: nobody rests there who did not
		return
	}
	t := v.heldTable(b.Table)
	x := &taint{table: t.id, source: src, at: at, span: scope.Span{From: at - ce, To: at + ce}, since: since(b.Since, at) - ce, mask: b.Elements, from: b.From,
		index: uint64(index), scanned: b.Own && !b.Standing, until: math.MaxInt64, shown: b.Shown}
	t.taints = append(t.taints, x)
	v.changed.taints = append(v.changed.taints, x)
}

// clear ends the taints of whole databases that were recorded before: all of a
// place when a person says so. What a source takes back itself never was.
func (v *View) clear(index event.Index, src uint32, at, ce int64, b *event.Cleared) {
	for _, id := range sortedKeys(v.tables) {
		place := v.names.texts[id]
		if scope.IsTable(place) || !slices.ContainsFunc(b.Places, func(p event.Place) bool { return scope.Covers(string(p), place) }) {
			continue
		}
		t := v.tables[id]
		var kept []*taint
		for _, x := range t.taints {
			standing := x.until == math.MaxInt64 && x.at <= at
			switch {
			case standing && b.By == "" && x.source == src:
				x.void = true
				v.changed.taints = append(v.changed.taints, x)
				continue
			case standing && b.By != "":
				x.until, x.cleared = at+ce, uint64(index)
				v.changed.taints = append(v.changed.taints, x)
			}
			kept = append(kept, x)
		}
		t.taints = kept
	}
}

// scanned is what one or more scans found with the same elements.
type scanned struct {
	mask element.Mask
	*component
}

// scanSets returns the sets of a scan, one a mask.
func (v *View) scanSets(ctx context.Context, s *scan) ([]scanned, error) {
	if list, ok := v.cache.get(scanKey(s.id)).([]scanned); ok {
		return list, nil
	}
	masks := map[element.Mask]*bag{}
	if err := v.addScanSets(ctx, masks, s); err != nil {
		return nil, err
	}
	var list []scanned
	size := 64
	for _, m := range sortedKeys(masks) {
		c := newComponent(fmt.Sprintf("%d/%x/%d/%d", s.id, m, len(s.seen), v.scanEpoch), masks[m])
		c.of = tableSource{s.table, s.source}
		size += c.size()
		list = append(list, scanned{m, c})
	}
	v.cache.put(scanKey(s.id), list, size)
	return list, nil
}

// addScanSets adds the sets of a scan to those by mask.
func (v *View) addScanSets(ctx context.Context, masks map[element.Mask]*bag, s *scan) error {
	return query(ctx, v.db.Read, "SELECT mask, data FROM scan_set WHERE scan = ?", func(r *sql.Rows) error {
		var mask int64
		var data sql.RawBytes
		if err := r.Scan(&mask, &data); err != nil {
			return err
		}
		b := masks[element.Mask(mask)]
		if b == nil {
			b = new(bag)
			masks[element.Mask(mask)] = b
		}
		return b.addSet(data)
	}, s.id)
}

// rangeKey is the cache's key for what neighbouring scans found.
type rangeKey string

// rangeSets returns what scans found that follow one another in time.
func (v *View) rangeSets(ctx context.Context, scans []*scan) ([]scanned, error) {
	if len(scans) == 1 {
		return v.scanSets(ctx, scans[0])
	}
	// Scans may come late, between others: their number tells.
	key := fmt.Sprintf("%d-%d:%d/%d", scans[0].id, scans[len(scans)-1].id, len(scans), v.scanEpoch)
	if list, ok := v.cache.get(rangeKey(key)).([]scanned); ok {
		return list, nil
	}
	masks := map[element.Mask]*bag{}
	for _, s := range scans {
		if err := v.addScanSets(ctx, masks, s); err != nil {
			return nil, err
		}
	}
	var list []scanned
	size := 64
	for _, m := range sortedKeys(masks) {
		c := newComponent(fmt.Sprintf("%s/%x", key, m), masks[m])
		c.of = tableSource{scans[0].table, scans[0].source}
		size += c.size()
		list = append(list, scanned{m, c})
	}
	v.cache.put(rangeKey(key), list, size)
	return list, nil
}
