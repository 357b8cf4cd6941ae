package match

import (
	"slices"

	"sekisho/internal/person/record"
)

const (
	// rowBits is how much of a packed key is the row: 134 million records.
	rowBits = 27
	// MaxRecords is how many rows a table may have.
	MaxRecords = 1 << rowBits
	// bucketBits is the first cut of the keys; a bucket is sorted in cache.
	bucketBits = 12
)

// packed is the upper bits of a key's hash above a row number. Two keys whose
// 37 upper bits agree share a group: that costs a comparison, nothing else.
type packed = uint64

// Skipped is what the cap of one rule left out. Finer rules find most of it
// again.
type Skipped struct {
	Rule    string
	Groups  int // groups above the cap
	Records int // records in them
	Pairs   uint64
}

// index is the keys of one rule that more than one row may have, in buckets
// that are sorted.
type index struct {
	room   *record.Room
	keys   []packed
	starts []int // of buckets
	ends   []int
	all    int // keys before those of one row alone were left out
}

// keyTables are the keys of several rules by row, 0 for none. They are made in
// one pass, since reading rows costs more than making keys of them.
type keyTables struct {
	room          *record.Room
	rows, workers int
	raw           [][]packed
	counts        [][]bucketCounts // of the keys, by rule and part
	sorted        []packed
}

// bucketCounts is how many keys each bucket gets, and then where they go.
type bucketCounts [1 << bucketBits]uint32

// roomPart is how many keys are cut into buckets at once in a room: each may be
// written to a page of its own.
const roomPart = 1 << 16

// batch is how many rules' keys are held at once.
const batch = 4

// fill makes the keys of up to batch rules for all rows.
func (k *keyTables) fill(t *record.Table, names *record.Names, use []Rule) {
	for len(k.raw) < len(use) {
		k.raw = append(k.raw, record.Make[packed](k.room, k.rows))
	}
	parts := k.parts()
	for len(k.counts) < len(use) {
		k.counts = append(k.counts, make([]bucketCounts, parts))
	}
	parallelEach(k.room, parts, k.workers, func(_, part int) {
		for n := range use {
			k.counts[n][part] = bucketCounts{}
		}
		from, to := k.bounds(part)
		for i := from; i < to; i++ {
			if i%roomPart == 0 {
				k.room.Ease()
			}
			row := uint32(i)
			r := t.At(row)
			for n := range use {
				key := pack(use[n].key(names, r), r, row)
				k.raw[n][i] = key
				if key != 0 {
					k.counts[n][part][key>>(64-bucketBits)]++
				}
			}
		}
	})
}

// parts is how many parts the rows are cut into buckets in.
func (k *keyTables) parts() int {
	parts := 4 * k.workers
	if k.room != nil {
		parts = max(parts, k.rows/roomPart)
	}
	return parts
}

// bounds returns the rows of a part.
func (k *keyTables) bounds(part int) (from, to int) {
	parts := k.parts()
	return k.rows * part / parts, k.rows * (part + 1) / parts
}

// pack joins a key's hash and its row; 0 stays 0.
func pack(key uint64, r *record.Record, row uint32) packed {
	if key == 0 || r.Flags&record.Alive == 0 {
		return 0
	}
	return key>>rowBits<<rowBits | 1<<rowBits | uint64(row) // never zero
}

// index cuts the keys of rule n of the batch into buckets and sorts those, once.
// It is good until the next call. keep, if it is not nil, gets all keys first.
func (k *keyTables) index(n int, keep func(sorted []packed) error) (*index, error) {
	if k.sorted == nil {
		k.sorted = record.Make[packed](k.room, k.rows)
	}
	raw := k.raw[n]
	at := k.counts[n]
	x := &index{room: k.room, starts: make([]int, 1<<bucketBits), ends: make([]int, 1<<bucketBits)}
	for b := range x.starts {
		x.starts[b] = x.all
		for part := range at {
			count := at[part][b]
			at[part][b] = uint32(x.all)
			x.all += int(count)
		}
		x.ends[b] = x.all
	}
	x.keys = k.sorted[:x.all]
	parallelEach(k.room, len(at), k.workers, func(_, part int) {
		next := &at[part]
		from, to := k.bounds(part)
		for _, key := range raw[from:to] {
			if key != 0 {
				b := key >> (64 - bucketBits)
				x.keys[next[b]] = key
				next[b]++
			}
		}
	})
	if keep != nil {
		parallelBuckets(k.room, k.workers, func(_, b int) {
			radix(x.keys[x.starts[b]:x.ends[b]], raw[x.starts[b]:x.ends[b]])
		})
		if err := keep(x.keys); err != nil {
			return nil, err
		}
	}
	seen := make([]lonely, k.workers)
	parallelBuckets(k.room, k.workers, func(w, b int) {
		part := seen[w].drop(x.keys[x.starts[b]:x.ends[b]])
		x.ends[b] = x.starts[b] + len(part)
		if keep == nil {
			radix(part, raw[x.starts[b]:x.ends[b]])
		}
	})
	return x, nil
}

// lonely counts the keys of a bucket by some bits of theirs.
type lonely [1 << lonelyBits]uint8

const lonelyBits = 14

// drop leaves out keys that no second row of the bucket has, most of them at
// least, and keeps the order of the others.
func (l *lonely) drop(keys []packed) []packed {
	const shift = 64 - bucketBits - lonelyBits
	*l = lonely{}
	for _, k := range keys {
		if c := &l[k>>shift&(1<<lonelyBits-1)]; *c < 2 {
			*c++
		}
	}
	out := keys[:0]
	for _, k := range keys {
		if l[k>>shift&(1<<lonelyBits-1)] > 1 {
			out = append(out, k)
		}
	}
	return out
}

// parallelBuckets calls f for every bucket, one at a time a worker.
func parallelBuckets(room *record.Room, workers int, f func(w, b int)) {
	const step = 64
	parallelEach(room, 1<<bucketBits/step, workers, func(w, k int) {
		for b := k * step; b < (k+1)*step; b++ {
			room.Ease()
			f(w, b)
		}
	})
}

// radix sorts keys of one bucket by hash; equal hashes stay in the order of
// rows, in which they came. scratch has the same length.
func radix(keys, scratch []packed) {
	if len(keys) < 256 {
		slices.Sort(keys)
		return
	}
	const digit = 9
	a, b := keys, scratch
	for shift := rowBits + 1; shift < 64-bucketBits; shift += digit {
		var count [1 << digit]int
		for _, k := range a {
			count[k>>shift&(1<<digit-1)]++
		}
		sum := 0
		for i, c := range count {
			count[i] = sum
			sum += c
		}
		for _, k := range a {
			d := k >> shift & (1<<digit - 1)
			b[count[d]] = k
			count[d]++
		}
		a, b = b, a
	}
	if &a[0] != &keys[0] {
		copy(keys, a)
	}
}

// groups calls f for every group of at least two rows of a bucket.
func (x *index) groups(b int, f func(rows []packed)) {
	keys := x.keys[x.starts[b]:x.ends[b]]
	for i := 0; i < len(keys); {
		j := i + 1
		for j < len(keys) && keys[j]>>rowBits == keys[i]>>rowBits {
			j++
		}
		if j > i+1 {
			f(keys[i:j])
		}
		i = j
	}
}

func row(k packed) uint32 { return uint32(k & (1<<rowBits - 1)) }

// fitCap returns the largest cap up to most at which a rule makes no more than
// budget pairs: it depends on the sizes of groups alone.
func (x *index) fitCap(most int, budget uint64, workers int) int {
	sizes := make([][]uint64, workers)
	for w := range sizes {
		sizes[w] = make([]uint64, most+1)
	}
	parallelBuckets(x.room, workers, func(w, b int) {
		x.groups(b, func(rows []packed) {
			if len(rows) <= most {
				sizes[w][len(rows)]++
			}
		})
	})
	total := uint64(0)
	for size := 2; size <= most; size++ {
		for w := range sizes {
			total += sizes[w][size] * uint64(size*(size-1)/2)
		}
		if total > budget {
			return size - 1
		}
	}
	return most
}

// manyGivens is how many different given names behind one address, number or
// document say that it belongs to no person and no family.
const manyGivens = 6

// markShared sets flag on the records of groups that many people share, and
// returns how many groups and records those are.
func (x *index) markShared(t *record.Table, names *record.Names, mark func(r *record.Record), workers int) (groups, records int) {
	counts := make([][2]int, workers)
	parallelBuckets(x.room, workers, func(w, b int) {
		x.groups(b, func(rows []packed) {
			if len(rows) < manyGivens || givens(t, names, rows) < manyGivens {
				return
			}
			counts[w][0]++
			counts[w][1] += len(rows)
			for _, k := range rows {
				t.Update(row(k), mark)
			}
		})
	})
	for _, c := range counts {
		groups, records = groups+c[0], records+c[1]
	}
	return groups, records
}

// givens counts different given names in a group, up to manyGivens. Spellings
// of one name that differ by a typing error count once: half of them at most
// do, so the count asks for one more each.
func givens(t *record.Table, names *record.Names, rows []packed) int {
	var latin, kanji [manyGivens]record.Word
	nl, nk := 0, 0
	var buf record.Record
	for _, k := range rows {
		r := t.Peek(row(k), &buf)
		nl = addWord(latin[:], nl, r.Given)
		nk = addWord(kanji[:], nk, r.KanjiGiven)
	}
	return max(nl, nk)
}

func addWord(set []record.Word, n int, w record.Word) int {
	if w == 0 || n == len(set) || slices.Contains(set[:n], w) {
		return n
	}
	set[n] = w
	return n + 1
}
