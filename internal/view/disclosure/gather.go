package disclosure

import (
	"context"
	"database/sql"
	"slices"

	"sekisho/proof/scope"
)

// block is a block of hours whose sums are stored.
type block struct {
	level  int
	number int64
}

// plan says where the records of a window are: in sums, and one by one in
// hours. Of the hours at its edges not every record counts.
type plan struct {
	blocks []block
	hours  []int64
	edges  []int64
}

// planned cuts a window into blocks that are over and single hours. Hours that
// are apart, ascending, are in no block.
func (v *View) planned(w scope.Frame, apart []int64) (p plan) {
	first, last := v.pages.first, v.pages.last // hours with records
	if first > last {
		return p
	}
	from, till := first, max(last+1, hourOf(v.watermark)) // whole hours: from ≤ h < till
	everything := true
	if h := hourOf(w.From); !w.OpenFrom && h >= first {
		everything, from = false, h
		if h*hourNS < w.From {
			from++
			p.edges = append(p.edges, h)
		}
	}
	if h := hourOf(w.To); !w.OpenTill && h < till {
		till = h
		if h*hourNS < w.To && !slices.Contains(p.edges, h) {
			p.edges = append(p.edges, h)
		}
	}
	if end := floorDiv(hourOf(v.watermark), widths[levelTop]) * widths[levelTop]; everything && till >= end && end > first && len(apart) == 0 {
		p.blocks = append(p.blocks, block{levelEver, 0})
		from = end
	}
	for h := from; h < till; {
		level := v.widest(h, till, apart)
		if level < 0 {
			p.hours = append(p.hours, h)
			h++
			continue
		}
		p.blocks = append(p.blocks, block{level, floorDiv(h, widths[level])})
		h += widths[level]
	}
	return p
}

// widest returns the level of the widest block that begins with hour h, ends
// by till, is over and has no hour that is apart; -1 when there is none.
func (v *View) widest(h, till int64, apart []int64) int {
	next, _ := slices.BinarySearch(apart, h)
	if next < len(apart) {
		till = min(till, apart[next])
	}
	for level := levelTop; level >= 0; level-- {
		b := floorDiv(h, widths[level])
		if b*widths[level] == h && h+widths[level] <= till && over(level, b, v.watermark) {
			return level
		}
	}
	return -1
}

type busyKey int64

// busy reports whether an hour has sums of its own.
func (v *View) busy(ctx context.Context, hour int64) (bool, error) {
	if is, ok := v.cache.get(busyKey(hour)).(bool); ok {
		return is, nil
	}
	is := false
	err := query(ctx, v.db.Read, "SELECT 1 FROM roll WHERE level = 0 AND block = ? LIMIT 1", func(*sql.Rows) error {
		is = true
		return nil
	}, hour)
	v.cache.put(busyKey(hour), is, 64)
	return is, err
}

// gather goes through the crossings in a window: those of the given tables or
// clients where they are summed up, and all of them where they are not; it is
// for fromRecord to leave out what is not asked for. Hours that are apart are read
// record by record.
func (v *View) gather(ctx context.Context, w scope.Frame, apart []int64, dim int, keys []uint32, fromEntry func(entry) error, fromRecord func(*record)) error {
	p := v.planned(w, apart)
	if err := v.gatherBlocks(ctx, &p, dim, keys, fromEntry); err != nil {
		return err
	}
	for _, h := range p.hours {
		if err := v.readHour(ctx, v.db.Read, h, fromRecord); err != nil {
			return err
		}
	}
	return v.gatherEdges(ctx, w, p.edges, fromRecord)
}

// gatherBlocks goes through the blocks of p. Hours that have no sums of their
// own move to p.hours.
func (v *View) gatherBlocks(ctx context.Context, p *plan, dim int, keys []uint32, fn func(entry) error) error {
	for _, b := range p.blocks {
		if b.level == 0 {
			busy, err := v.busy(ctx, b.number)
			if err != nil {
				return err
			}
			if !busy {
				p.hours = append(p.hours, b.number)
				continue
			}
		}
		for _, key := range keys {
			data, err := v.roll(ctx, rollKey{b.level, dim, b.number, key})
			if err != nil {
				return err
			}
			if err := entries(data, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// gatherAll is gather without sums.
func (v *View) gatherAll(ctx context.Context, w scope.Frame, fromRecord func(*record)) error {
	return v.gatherEdges(ctx, w, v.hoursIn(w), fromRecord)
}

// hoursIn returns the hours of a window from the first with records to the last.
func (v *View) hoursIn(w scope.Frame) (hours []int64) {
	from, till := v.pages.first, v.pages.last
	if !w.OpenFrom {
		from = max(from, hourOf(w.From))
	}
	if !w.OpenTill {
		till = min(till, hourOf(w.To))
	}
	for h := from; h <= till; h++ {
		hours = append(hours, h)
	}
	return hours
}

// gatherEdges goes through the hours, and through the records that reach into
// the window from before its first hour.
func (v *View) gatherEdges(ctx context.Context, w scope.Frame, hours []int64, fn func(*record)) error {
	for _, h := range hours {
		if err := v.readHour(ctx, v.db.Read, h, within(w, fn)); err != nil {
			return err
		}
	}
	return v.gatherSpills(ctx, w, fn)
}

// gatherSpills goes through the records that reach into the window from before
// its first hour.
func (v *View) gatherSpills(ctx context.Context, w scope.Frame, fn func(*record)) error {
	if w.OpenFrom {
		return nil
	}
	return v.readSpills(ctx, v.db.Read, w.From, hourOf(w.From), within(w, fn))
}

// within returns fn for the records in a window only.
func within(w scope.Frame, fn func(*record)) func(*record) {
	return func(r *record) {
		if w.In(scope.Span{From: r.lo, To: r.hi}) {
			fn(r)
		}
	}
}
