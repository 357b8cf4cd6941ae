package match

import (
	"math/bits"
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

// index is the keys of one rule, sorted.
type index struct {
	keys   []packed
	starts []int // of buckets
}

// buildIndex computes and sorts the keys of rows from first on.
func buildIndex(t *record.Table, names *record.Names, rule *Rule, first, workers int, room *[2][]packed) *index {
	n := t.Len() - first
	for i := range room {
		if cap(room[i]) < n {
			room[i] = make([]packed, n)
		}
	}
	raw, out := room[0][:n], room[1][:n]
	count := make([][1 << bucketBits]uint32, workers)
	record.Parallel(n, workers, func(w, from, to int) {
		c := &count[w]
		for i := from; i < to; i++ {
			r := t.At(uint32(first + i))
			k := rule.key(names, r)
			if k == 0 || r.Flags&record.Alive == 0 {
				raw[i] = 0
				continue
			}
			k = k>>rowBits<<rowBits | 1<<rowBits // never zero
			raw[i] = k | uint64(first+i)
			c[k>>(64-bucketBits)]++
		}
	})
	x := &index{starts: make([]int, 1<<bucketBits+1)}
	at := make([]int, 1<<bucketBits)
	sum := 0
	for b := range at {
		x.starts[b], at[b] = sum, sum
		for w := range count {
			sum += int(count[w][b])
		}
	}
	x.starts[len(at)] = sum
	for _, k := range raw {
		if k != 0 {
			b := k >> (64 - bucketBits)
			out[at[b]] = k
			at[b]++
		}
	}
	x.keys = out[:sum]
	parallelBuckets(1<<bucketBits, workers, func(w, b int) {
		part := x.keys[x.starts[b]:x.starts[b+1]]
		radix(part, raw[x.starts[b]:x.starts[b+1]])
	})
	return x
}

func parallelBuckets(n, workers int, f func(w, b int)) {
	const step = 64
	record.Parallel((n+step-1)/step<<14, workers, func(w, from, to int) {
		for b := from >> 14 * step; b < min(to>>14*step, n); b++ {
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
	keys := x.keys[x.starts[b]:x.starts[b+1]]
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
	parallelBuckets(1<<bucketBits, workers, func(w, b int) {
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
	parallelBuckets(1<<bucketBits, workers, func(w, b int) {
		x.groups(b, func(rows []packed) {
			if len(rows) < manyGivens || givens(t, names, rows) < manyGivens {
				return
			}
			counts[w][0]++
			counts[w][1] += len(rows)
			for _, k := range rows {
				mark(t.At(row(k)))
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
	for _, k := range rows {
		r := t.At(row(k))
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

// pairList collects candidate pairs in buckets by the lower row.
type pairList struct {
	shift  uint
	bucket [][][]uint64 // worker, bucket
}

const pairBuckets = 512

func newPairList(rows, workers int) *pairList {
	p := &pairList{shift: uint(max(0, bits.Len(uint(max(rows-1, 1)))-9)), bucket: make([][][]uint64, workers)}
	for w := range p.bucket {
		p.bucket[w] = make([][]uint64, pairBuckets)
	}
	return p
}

func (p *pairList) add(w int, a, b uint32) {
	if a > b {
		a, b = b, a
	}
	k := a >> p.shift
	p.bucket[w][k] = append(p.bucket[w][k], uint64(a)<<32|uint64(b))
}

// take returns the distinct pairs of a bucket, sorted, and forgets them. The
// buffers of a worker are used again.
func (p *pairList) take(k int, room *[2][]uint64) []uint64 {
	all := room[0][:0]
	for w := range p.bucket {
		all = append(all, p.bucket[w][k]...)
		p.bucket[w][k] = nil
	}
	if cap(room[1]) < len(all) {
		room[1] = make([]uint64, len(all), cap(all))
	}
	room[0] = all
	sortPairs(all, room[1][:len(all)], p.shift)
	return slices.Compact(all)
}

// sortPairs sorts pairs whose lower rows share all but shift bits: by the
// higher row, then by the lower one.
func sortPairs(all, scratch []uint64, shift uint) {
	if len(all) < 1024 {
		slices.Sort(all)
		return
	}
	const digit = 11
	a, b := all, scratch
	pass := func(at uint) {
		var count [1 << digit]int
		for _, k := range a {
			count[k>>at&(1<<digit-1)]++
		}
		sum := 0
		for i, c := range count {
			count[i] = sum
			sum += c
		}
		for _, k := range a {
			d := k >> at & (1<<digit - 1)
			b[count[d]] = k
			count[d]++
		}
		a, b = b, a
	}
	for at := uint(0); at < rowBits; at += digit {
		pass(at)
	}
	for at := uint(32); at < 32+shift; at += digit {
		pass(at)
	}
	if &a[0] != &all[0] {
		copy(all, a)
	}
}
