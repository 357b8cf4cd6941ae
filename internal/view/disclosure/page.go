package disclosure

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// leaf is one row of the table page.
type leaf struct {
	part  int
	first uint64
	n     int
	data  []byte
}

// tail is the last leaf of an hour, and the full ones before it that are not
// saved yet.
type tail struct {
	hour int64
	done []leaf
	last leaf
	used bool // changed in this batch
}

// pages holds the hours that grow.
type pages struct {
	tails  map[int64]*tail
	spills []spill
	first  int64 // hours with records; first > last: none
	last   int64
	reach  int64 // the longest time, in ns, that a spilled record takes
}

// spill is a record that reaches into a later hour.
type spill struct {
	hi, lo int64
	first  uint64
	data   []byte
}

func newSpill(r *record) spill { return spill{r.hi, r.lo, r.index, r.append(nil, r.index)} }

// maxTails bounds the hours that stay in memory between batches.
const maxTails = 8

func (p *pages) tail(db *sql.DB, hour int64) (*tail, error) {
	t := p.tails[hour]
	if t == nil {
		t = &tail{hour: hour}
		row := db.QueryRow("SELECT part, first, n, data FROM page WHERE hour = ? ORDER BY part DESC LIMIT 1", hour)
		err := row.Scan(&t.last.part, &t.last.first, &t.last.n, &t.last.data)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("read page of hour %d: %w", hour, err)
		}
		p.tails[hour] = t
	}
	return t, nil
}

// see notes that an hour has records.
func (p *pages) see(hour int64) {
	if p.first > p.last {
		p.first, p.last = hour, hour
	}
	p.first, p.last = min(p.first, hour), max(p.last, hour)
}

func (t *tail) add(r *record) {
	if t.last.n == recordsPerPage {
		t.done = append(t.done, t.last)
		t.last = leaf{part: t.last.part + 1}
	}
	if t.last.n == 0 {
		t.last.first = r.index
	}
	t.last.data = r.append(t.last.data, t.last.first)
	t.last.n++
	t.used = true
}

func (v *View) savePages(ctx context.Context, tx *sql.Tx) error {
	put, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO page VALUES (?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer put.Close()
	for _, hour := range sortedKeys(v.pages.tails) {
		t := v.pages.tails[hour]
		if !t.used {
			continue
		}
		for _, l := range append(t.done, t.last) {
			if _, err := put.ExecContext(ctx, hour, l.part, int64(l.first), l.n, l.data); err != nil {
				return err
			}
			v.cache.drop(pageKey(hour))
		}
		t.done, t.used = nil, false
	}
	for _, s := range v.pages.spills {
		if _, err := tx.ExecContext(ctx, "INSERT INTO spill VALUES (?, ?, ?, ?, ?)", s.hi, s.lo, int64(s.first), hourOf(s.lo), s.data); err != nil {
			return err
		}
	}
	v.pages.spills = nil
	for _, hour := range sortedKeys(v.pages.tails) { // the oldest go first
		if len(v.pages.tails) <= maxTails {
			break
		}
		delete(v.pages.tails, hour)
	}
	return nil
}

// readHour calls fn with every record of an hour, in ledger order. The record
// is overwritten by the next.
func (v *View) readHour(ctx context.Context, db querier, hour int64, fn func(*record)) error {
	leaves, err := v.leavesOf(ctx, db, hour)
	if err != nil {
		return err
	}
	return eachRecord(hour, leaves, fn)
}

// leavesOf returns the pages of an hour, which must not be changed.
func (v *View) leavesOf(ctx context.Context, db querier, hour int64) ([]leaf, error) {
	leaves, ok := v.cache.get(pageKey(hour)).([]leaf)
	if !ok {
		size := 0
		err := query(ctx, db, "SELECT part, first, n, data FROM page WHERE hour = ? ORDER BY part", func(r *sql.Rows) error {
			var l leaf
			var first int64
			if err := r.Scan(&l.part, &first, &l.n, &l.data); err != nil {
				return err
			}
			l.first = uint64(first)
			leaves = append(leaves, l)
			size += len(l.data)
			return nil
		}, hour)
		if err != nil {
			return nil, err
		}
		v.cache.put(pageKey(hour), leaves, size+64)
	}
	return leaves, nil
}

func eachRecord(hour int64, leaves []leaf, fn func(*record)) error {
	for _, l := range leaves {
		p := records{data: l.data, first: l.first, start: hour * hourNS}
		n := 0
		for p.next() {
			fn(&p.r)
			n++
		}
		if p.bad || n != l.n {
			return fmt.Errorf("page %d of hour %d: %w", l.part, hour, errSet)
		}
	}
	return nil
}

// readSpills calls fn with the records that began in an earlier hour than the
// given one and reach the time at, or a later one.
func (v *View) readSpills(ctx context.Context, db querier, at, hour int64, fn func(*record)) error {
	return query(ctx, db, "SELECT lo, first, hour, data FROM spill WHERE hi BETWEEN ? AND ? AND hour < ? ORDER BY first", func(r *sql.Rows) error {
		var lo, first, begun int64
		var data []byte
		if err := r.Scan(&lo, &first, &begun, &data); err != nil {
			return err
		}
		p := records{data: data, first: uint64(first), start: begun * hourNS}
		for p.next() {
			fn(&p.r)
		}
		if p.bad {
			return errSet
		}
		return nil
	}, at, at+v.pages.reach, hour)
}
