package disclosure

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"sekisho/internal/event"
)

// Blocks of hours are summed up on five levels, by table and by client, once
// they are over; the sixth level is everything in complete blocks of the fifth.
// A block that gets a record afterwards is summed up again. So what is stored
// depends only on the records and on the latest time that any event had.
//
// A stored sum is a list of entries, ascending by series, each: series, number
// of records, rows, rows without number, length of the set (varints), and the
// set: of subjects for exact series, else of the whole seconds (UTC, since
// 1970) that the crossings touched.
var widths = [...]int64{1, 24, 192, 1536, 12288} // hours: 1 h, 1 d, 8 d, 64 d, 512 d

const (
	levelDay  = 1
	levelTop  = len(widths) - 1
	levelEver = len(widths)

	dimTable  = 0
	dimClient = 1
)

// rolls knows which sums are due.
type rolls struct {
	touched map[int64]bool              // hours that got records in this batch
	pending [len(widths)]map[int64]bool // blocks with records that are not over
	due     [len(widths)]map[int64]bool // blocks to sum up in this batch
	ever    map[tableSource]*ever       // everybody who ever crossed exactly, but for crossed
	crossed map[tableSource]event.Set   // exactly in this batch, in any order
	put     *sql.Stmt                   // of the transaction under way
}

type tableSource struct{ table, source uint32 }

func (r *rolls) init() {
	r.touched, r.ever, r.crossed = map[int64]bool{}, map[tableSource]*ever{}, map[tableSource]event.Set{}
	for l := range widths {
		r.pending[l], r.due[l] = map[int64]bool{}, map[int64]bool{}
	}
}

func (r *rolls) touch(hour int64) { r.touched[hour] = true }

// redo has the sums of all blocks from one hour to another made again.
func (r *rolls) redo(first, last int64) {
	for level := levelDay; level <= levelTop; level++ {
		for b := floorDiv(first, widths[level]); b <= floorDiv(last, widths[level]); b++ {
			r.due[level][b] = true
		}
	}
	for h := first; h <= last; h++ {
		r.due[0][h] = true
	}
}

func over(level int, block, watermark int64) bool {
	end := (block + 1) * widths[level]
	return watermark != math.MinInt64 && end <= floorDiv(watermark, hourNS)
}

// schedule finds the blocks to sum up. Blocks that are not over have no sum.
func (r *rolls) schedule(watermark int64) {
	for h := range r.touched {
		for level, width := range widths {
			r.pending[level][floorDiv(h, width)] = true
		}
	}
	clear(r.touched)
	for level := range widths {
		for b := range r.pending[level] {
			if over(level, b, watermark) {
				r.due[level][b] = true
				delete(r.pending[level], b)
			}
		}
		for b := range r.due[level] {
			if !over(level, b, watermark) {
				delete(r.due[level], b)
			}
		}
	}
}

// entry is one series of a sum.
type entry struct {
	series        uint32
	n, rows, lost uint64
	set           []byte // stored form; alive as long as the sum
}

// entries calls fn with every entry of a stored sum.
func entries(data []byte, fn func(entry) error) error {
	for len(data) > 0 {
		var x [5]uint64
		for i := range x {
			v, n := binary.Uvarint(data)
			if n <= 0 {
				return errSet
			}
			x[i], data = v, data[n:]
		}
		if x[4] > uint64(len(data)) {
			return errSet
		}
		if err := fn(entry{uint32(x[0]), x[1], x[2], x[3], data[:x[4]]}); err != nil {
			return err
		}
		data = data[x[4]:]
	}
	return nil
}

// total is an entry in the making.
type total struct {
	n, rows, lost uint64
	set           bag
}

// totals is a sum in the making, by series.
type totals map[uint32]*total

func (t totals) at(series uint32) *total {
	x := t[series]
	if x == nil {
		x = new(total)
		t[series] = x
	}
	return x
}

// addRecord adds a record. few, when it is not nil, are all its subjects.
func (t totals) addRecord(r *record, class event.Class, few []uint32) {
	t.at(r.series).addRecord(r, class, few)
}

func (x *total) addRecord(r *record, class event.Class, few []uint32) {
	x.n++
	x.rows += r.rows
	x.lost += r.lost
	switch {
	case class != event.Exact:
		x.set.sparse = true
		x.set.addRange(r.seconds())
	case few != nil:
		x.set.add(few...)
	default:
		x.set.addRanges(r.set)
	}
}

// few lists the subjects of a record in dst; nil when they are many.
func (r *record) few(dst []uint32) []uint32 {
	dst = dst[:0]
	for _, x := range r.set {
		if uint64(len(dst))+uint64(x.Last-x.First) >= uint64(cap(dst)) {
			return nil
		}
		for n := x.First; ; n++ {
			dst = append(dst, n)
			if n == x.Last {
				break
			}
		}
	}
	return dst
}

func (t totals) addEntry(e entry, class event.Class) error {
	x := t.at(e.series)
	x.set.sparse = class != event.Exact
	x.n += e.n
	x.rows += e.rows
	x.lost += e.lost
	return x.set.addSet(e.set)
}

// wait is addEntry for a question, of what View.roll returned: the set waits in
// its bag.
func (t totals) wait(e entry, class event.Class) error {
	x := t.at(e.series)
	x.set.sparse = class != event.Exact
	x.n += e.n
	x.rows += e.rows
	x.lost += e.lost
	return x.set.wait(e.set)
}

// encode writes the stored form and frees the sets.
func (t totals) encode() []byte {
	var out, set []byte
	for _, series := range sortedKeys(t) {
		x := t[series]
		set = x.set.encode(set[:0])
		x.set.free()
		out = binary.AppendUvarint(out, uint64(series))
		out = binary.AppendUvarint(out, x.n)
		out = binary.AppendUvarint(out, x.rows)
		out = binary.AppendUvarint(out, x.lost)
		out = binary.AppendUvarint(out, uint64(len(set)))
		out = append(out, set...)
	}
	return out
}

type rollKey struct {
	level, dim int
	block      int64
	key        uint32
}

// saveRolls sums up what is due. The pages must be saved before.
func (v *View) saveRolls(ctx context.Context, tx *sql.Tx) error {
	defer func() { v.rolls.put = nil }() // closed with the transaction
	v.rolls.schedule(v.watermark)
	v.rolls.gatherEver()
	if err := v.sumUpHours(ctx, tx, sortedKeys(v.rolls.due[0])); err != nil {
		return err
	}
	clear(v.rolls.due[0])
	top := len(v.rolls.due[levelTop]) > 0
	for level := levelDay; level <= levelTop; level++ {
		for _, block := range sortedKeys(v.rolls.due[level]) {
			if err := v.sumUp(ctx, tx, level, block); err != nil {
				return err
			}
		}
		clear(v.rolls.due[level])
	}
	if top {
		return v.sumUpAll(ctx, tx)
	}
	return nil
}

// sumUp makes the sums of one block.
func (v *View) sumUp(ctx context.Context, tx *sql.Tx, level int, block int64) error {
	if level > levelDay {
		first := block * (widths[level] / widths[level-1])
		return v.merge(ctx, tx, rollKey{level: level, block: block}, first, first+widths[level]/widths[level-1]-1, level-1)
	}
	s := newDaySums()
	for hour := block * widths[level]; hour < (block+1)*widths[level]; hour++ {
		rolled, err := v.addHour(ctx, tx, hour, s.at)
		if err != nil {
			return err
		}
		if rolled {
			continue
		}
		leaves, err := v.leavesOf(ctx, tx, hour)
		if err == nil {
			err = v.addLeaves(s, hour, leaves)
		}
		if err != nil {
			return err
		}
	}
	s.encode()
	return v.putSums(ctx, tx, level, block, s)
}

// sums are the sums of an hour or a day, by dimension and key.
type sums struct {
	totals [2]map[uint32]totals
	texts  [2]map[uint32][]byte // encoded
}

func newDaySums() *sums { return &sums{totals: [2]map[uint32]totals{{}, {}}} }

func (s *sums) at(dim int, key uint32) totals {
	t := s.totals[dim][key]
	if t == nil {
		t = totals{}
		s.totals[dim][key] = t
	}
	return t
}

func (s *sums) encode() {
	for dim := range s.totals {
		s.texts[dim] = map[uint32][]byte{}
		for key, t := range s.totals[dim] {
			s.texts[dim][key] = t.encode()
		}
	}
}

func (v *View) addLeaves(s *sums, hour int64, leaves []leaf) error {
	room := make([]uint32, 0, 64)
	return eachRecord(hour, leaves, func(r *record) {
		k := v.series.list[r.series]
		few := r.few(room)
		s.at(dimTable, k.table).addRecord(r, k.class, few)
		s.at(dimClient, v.clientOf[r.session]).addRecord(r, k.class, few)
	})
}

func (v *View) putSums(ctx context.Context, tx *sql.Tx, level int, block int64, s *sums) error {
	for dim := range s.texts {
		for _, key := range sortedKeys(s.texts[dim]) {
			if err := v.putRoll(ctx, tx, rollKey{level, dim, block, key}, s.texts[dim][key]); err != nil {
				return err
			}
		}
	}
	return v.dropRolls(ctx, tx, level, block, s.totals)
}

// hoursAtOnce bounds the hours that are summed up side by side: their records
// are in memory.
const hoursAtOnce = 8

// sumUpHours makes the sums of hours. An hour has sums of its own when it is
// busy.
func (v *View) sumUpHours(ctx context.Context, tx *sql.Tx, hours []int64) error {
	for part := range slices.Chunk(hours, hoursAtOnce) {
		var work []func()
		made, errs := make([]*sums, len(part)), make([]error, len(part))
		for i, hour := range part {
			leaves, err := v.leavesOf(ctx, tx, hour)
			if err != nil {
				return err
			}
			if len(leaves) < 2 {
				continue
			}
			made[i] = newDaySums()
			work = append(work, func() {
				errs[i] = v.addLeaves(made[i], hour, leaves)
				made[i].encode()
			})
		}
		inParallel(work)
		if err := errors.Join(errs...); err != nil {
			return err
		}
		for i, hour := range part {
			if made[i] == nil {
				continue
			}
			if err := v.putSums(ctx, tx, 0, hour, made[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *View) adder(t totals) func(entry) error {
	return func(e entry) error { return t.addEntry(e, v.series.list[e.series].class) }
}

// addHour adds the sums of a busy hour.
func (v *View) addHour(ctx context.Context, tx *sql.Tx, hour int64, at func(int, uint32) totals) (found bool, err error) {
	err = query(ctx, tx, "SELECT dim, key, data FROM roll WHERE level = 0 AND block = ?", func(r *sql.Rows) error {
		var dim int
		var key uint32
		var data sql.RawBytes
		if err := r.Scan(&dim, &key, &data); err != nil {
			return err
		}
		found = true
		return entries(data, v.adder(at(dim, key)))
	}, hour)
	return found, err
}

// dropRolls removes the sums of a block that another client has now.
func (v *View) dropRolls(ctx context.Context, tx *sql.Tx, level int, block int64, keep [2]map[uint32]totals) error {
	var gone []rollKey
	err := query(ctx, tx, "SELECT dim, key FROM roll WHERE level = ? AND block = ?", func(r *sql.Rows) error {
		k := rollKey{level: level, block: block}
		if err := r.Scan(&k.dim, &k.key); err != nil {
			return err
		}
		if keep[k.dim][k.key] == nil {
			gone = append(gone, k)
		}
		return nil
	}, level, block)
	if err != nil {
		return err
	}
	for _, k := range gone {
		v.cache.drop(k)
		if _, err := tx.ExecContext(ctx, "DELETE FROM roll WHERE level = ? AND block = ? AND dim = ? AND key = ?", level, block, k.dim, k.key); err != nil {
			return err
		}
	}
	return nil
}

func (v *View) sumUpAll(ctx context.Context, tx *sql.Tx) error {
	return v.merge(ctx, tx, rollKey{level: levelEver},
		floorDiv(v.pages.first, widths[levelTop]), floorDiv(v.pages.last, widths[levelTop]), levelTop)
}

// merge makes the sums of a block from those of its parts, key by key.
func (v *View) merge(ctx context.Context, tx *sql.Tx, to rollKey, first, last int64, from int) error {
	var keep [2]map[uint32]totals
	keep[dimTable], keep[dimClient] = map[uint32]totals{}, map[uint32]totals{}
	var keys []rollKey
	err := query(ctx, tx, "SELECT DISTINCT dim, key FROM roll WHERE level = ? AND block BETWEEN ? AND ? ORDER BY dim, key", func(r *sql.Rows) error {
		k := to
		if err := r.Scan(&k.dim, &k.key); err != nil {
			return err
		}
		keys = append(keys, k)
		return nil
	}, from, first, last)
	if err != nil {
		return err
	}
	parts, err := tx.PrepareContext(ctx, "SELECT data FROM roll WHERE level = ? AND block = ? AND dim = ? AND key = ?")
	if err != nil {
		return err
	}
	defer parts.Close()
	for _, k := range keys {
		sum := totals{}
		for block := first; block <= last; block++ {
			err := query(ctx, prepared{parts}, "", func(r *sql.Rows) error {
				var data sql.RawBytes
				if err := r.Scan(&data); err != nil {
					return err
				}
				return entries(data, v.adder(sum))
			}, from, block, k.dim, k.key)
			if err != nil {
				return fmt.Errorf("sum up block %d of level %d: %w", to.block, to.level, err)
			}
		}
		keep[k.dim][k.key] = totals{}
		if err := v.putRoll(ctx, tx, k, sum.encode()); err != nil {
			return err
		}
	}
	return v.dropRolls(ctx, tx, to.level, to.block, keep)
}

func (v *View) putRoll(ctx context.Context, tx *sql.Tx, k rollKey, sum []byte) error {
	v.cache.drop(k)
	if v.rolls.put == nil {
		var err error
		if v.rolls.put, err = tx.PrepareContext(ctx, "INSERT OR REPLACE INTO roll VALUES (?, ?, ?, ?, ?)"); err != nil {
			return err
		}
	}
	_, err := v.rolls.put.ExecContext(ctx, k.level, k.block, k.dim, k.key, sum)
	return err
}

// roll returns a stored sum; nil when there is none.
func (v *View) roll(ctx context.Context, k rollKey) ([]byte, error) {
	if data, ok := v.cache.get(k).([]byte); ok {
		return data, nil
	}
	var data []byte
	err := query(ctx, v.db.Read, "SELECT data FROM roll WHERE level = ? AND block = ? AND dim = ? AND key = ?",
		func(r *sql.Rows) error { return r.Scan(&data) }, k.level, k.block, k.dim, k.key)
	if err != nil {
		return nil, err
	}
	// Looked at once, and not by every question.
	if err := entries(data, func(e entry) error { return checkStored(e.set) }); err != nil {
		return nil, err
	}
	v.cache.put(k, data, len(data)+128)
	return data, nil
}
