package disclosure

import (
	"context"
	"database/sql"
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

type taint struct {
	table uint32
	span  scope.Span
	mask  element.Mask
	from  []event.Place
	index uint64
}

func (t *table) at(source uint32) *held {
	h := t.held[source]
	if h == nil {
		h = new(held)
		t.held[source] = h
	}
	return h
}

func (t *table) holds(m element.Mask) { t.mask, t.masked = t.mask|m, true }

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
	s.span.From, s.span.To = min(s.span.From, b.From-ce), max(s.span.To, b.To+ce)
	s.parts = max(s.parts, b.Parts)
	s.seen[b.Part] = true
	s.rows, s.lost = max(s.rows, b.Rows), max(s.lost, b.Unknown) // every part says the whole
	t.holds(b.Elements)
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

func (v *View) taint(index event.Index, lo, hi int64, b *event.Taint) {
	t := v.heldTable(b.Table)
	t.holds(b.Elements)
	x := &taint{t.id, scope.Span{From: lo, To: hi}, b.Elements, b.From, uint64(index)}
	t.taints = append(t.taints, x)
	v.changed.taints = append(v.changed.taints, x)
}

// elements are those of a changed row of the table.
func (t *table) elements() element.Mask {
	if t.mask == 0 {
		return element.MaskOf(element.Unclassified)
	}
	return t.mask
}

// scanned is one set of a scan.
type scanned struct {
	mask element.Mask
	set  *bag // shared: only read
}

// sets returns the sets of a scan, one a mask.
func (v *View) sets(ctx context.Context, s *scan) ([]scanned, error) {
	if list, ok := v.cache.get(scanKey(s.id)).([]scanned); ok {
		return list, nil
	}
	var list []scanned
	size := 64
	err := query(ctx, v.db.Read, "SELECT mask, data FROM scan_set WHERE scan = ? ORDER BY mask, part", func(r *sql.Rows) error {
		var mask int64
		var data sql.RawBytes
		if err := r.Scan(&mask, &data); err != nil {
			return err
		}
		if n := len(list); n == 0 || list[n-1].mask != element.Mask(mask) {
			list = append(list, scanned{element.Mask(mask), new(bag)})
		}
		size += 2 * len(data)
		return list[len(list)-1].set.addSet(data)
	}, s.id)
	if err != nil {
		return nil, err
	}
	for _, x := range list {
		x.set.sort() // readers must not write
		for _, p := range x.set.pages {
			if p != nil && p != full {
				size += 8192
			}
		}
	}
	v.cache.put(scanKey(s.id), list, size)
	return list, nil
}
