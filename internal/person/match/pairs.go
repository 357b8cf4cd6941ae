package match

import (
	"math/bits"
	"slices"

	"sekisho/internal/person/record"
)

// pairList collects candidate pairs in buckets by the lower row.
type pairList struct {
	room   *record.Room
	shift  uint
	worker []pairWriter
}

const (
	pairBuckets = 512
	// pairBlock is how many pairs of a bucket lie together, and pairArena how
	// many blocks are taken at once.
	pairBlock = 1 << 10
	pairArena = 1 << 10
)

// pairWriter is the part of one worker. Pairs are never moved to make room.
type pairWriter struct {
	last  [pairBuckets][]uint64 // the block that is being filled
	full  [pairBuckets][][]uint64
	arena []uint64
	most  int // blocks that the next arena has
}

func newPairList(room *record.Room, rows, workers int) *pairList {
	return &pairList{room: room, shift: uint(max(0, bits.Len(uint(max(rows-1, 1)))-9)), worker: make([]pairWriter, workers)}
}

func (p *pairList) add(w int, a, b uint32) {
	if a > b {
		a, b = b, a
	}
	pw := &p.worker[w]
	last := &pw.last[a>>p.shift]
	if len(*last) == cap(*last) {
		pw.next(p.room, int(a>>p.shift))
	}
	*last = append(*last, uint64(a)<<32|uint64(b))
}

// next gives a bucket a new block.
func (pw *pairWriter) next(room *record.Room, k int) {
	if len(pw.last[k]) > 0 {
		pw.full[k] = append(pw.full[k], pw.last[k])
	}
	if len(pw.arena) == 0 {
		pw.most = min(max(2*pw.most, 16), pairArena)
		pw.arena = record.Make[uint64](room, pw.most*pairBlock)
	}
	pw.last[k] = pw.arena[:0:pairBlock]
	pw.arena = pw.arena[pairBlock:]
}

// take returns the distinct pairs of a bucket, sorted, and forgets them. The
// buffers of a worker are used again.
func (p *pairList) take(k int, room *[2][]uint64) []uint64 {
	all := room[0][:0]
	for w := range p.worker {
		pw := &p.worker[w]
		for _, block := range pw.full[k] {
			all = append(all, block...)
		}
		all = append(all, pw.last[k]...)
		pw.full[k], pw.last[k] = nil, nil
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
