package scope

import (
	"math/bits"
	"slices"
	"sort"
)

// run is first … last, both included.
type run struct{ first, last uint16 }

// insert adds a run to ascending runs that do not touch one another.
func insert(runs []run, r run) []run {
	i := sort.Search(len(runs), func(i int) bool { return int(runs[i].last)+1 >= int(r.first) })
	j := i
	for ; j < len(runs) && int(runs[j].first) <= int(r.last)+1; j++ {
		r.first, r.last = min(r.first, runs[j].first), max(r.last, runs[j].last)
	}
	return slices.Replace(runs, i, j, r)
}

func has(runs []run, n uint16) bool {
	i := sort.Search(len(runs), func(i int) bool { return runs[i].last >= n })
	return i < len(runs) && runs[i].first <= n
}

// without returns what of a is not in b, as new runs.
func without(a, b []run) []run {
	var out []run
	for _, r := range a {
		from := int(r.first)
		for len(b) > 0 && int(b[0].last) < from {
			b = b[1:]
		}
		for _, cut := range b {
			if cut.first > r.last {
				break
			}
			if from < int(cut.first) {
				out = append(out, run{uint16(from), cut.first - 1})
			}
			from = int(cut.last) + 1
		}
		if from <= int(r.last) {
			out = append(out, run{uint16(from), r.last})
		}
	}
	return out
}

// page is a set of 16-bit numbers: runs, or bits once they take less room.
type page struct {
	runs []run
	bits *[1024]uint64 // instead of runs
}

// maxRuns is how many runs take as much room as bits.
const maxRuns = 2048

func (p *page) add(first, last uint16) {
	if p.bits == nil {
		if p.runs = insert(p.runs, run{first, last}); len(p.runs) > maxRuns {
			p.dense()
		}
		return
	}
	p.set(run{first, last})
}

// set adds a run to the bits.
func (p *page) set(r run) {
	for w := r.first >> 6; w <= r.last>>6; w++ {
		mask := ^uint64(0)
		if w == r.first>>6 {
			mask &= ^uint64(0) << (r.first & 63)
		}
		if w == r.last>>6 {
			mask &= ^uint64(0) >> (63 - r.last&63)
		}
		p.bits[w] |= mask
	}
}

func (p *page) dense() {
	if p.bits != nil {
		return
	}
	p.bits = new([1024]uint64)
	for _, r := range p.runs {
		p.set(r)
	}
	p.runs = nil
}

// full reports whether all numbers are known to be members: bits may be all set
// without being full.
func (p *page) full() bool { return len(p.runs) == 1 && p.runs[0] == run{0, maxLow} }

func (p *page) clone() *page {
	q := &page{runs: slices.Clone(p.runs)}
	if p.bits != nil {
		b := *p.bits
		q.bits = &b
	}
	return q
}

func (p *page) or(q *page) {
	if q.bits != nil {
		p.dense()
		for i, w := range q.bits {
			p.bits[i] |= w
		}
		return
	}
	if len(p.runs)+len(q.runs) > maxRuns {
		p.dense()
	}
	for _, r := range q.runs {
		p.add(r.first, r.last)
	}
}

func (p *page) andNot(q *page) {
	if p.bits == nil && q.bits == nil {
		if p.runs = without(p.runs, q.runs); len(p.runs) > maxRuns {
			p.dense()
		}
		return
	}
	p.dense()
	q = q.clone()
	q.dense()
	for i, w := range q.bits {
		p.bits[i] &^= w
	}
}

func (p *page) count() (n uint64) {
	for _, r := range p.runs {
		n += uint64(r.last-r.first) + 1
	}
	if p.bits != nil {
		for _, w := range p.bits {
			n += uint64(bits.OnesCount64(w))
		}
	}
	return n
}

func (p *page) has(n uint16) bool {
	if p.bits != nil {
		return p.bits[n>>6]&(1<<(n&63)) != 0
	}
	return has(p.runs, n)
}

// ranges returns the members as runs, which must not be changed.
func (p *page) ranges() []run {
	if p.bits == nil {
		return p.runs
	}
	var out []run
	for i, w := range p.bits {
		for w != 0 {
			first := bits.TrailingZeros64(w)
			n := bits.TrailingZeros64(^(w >> first))
			at := uint16(i<<6 | first)
			if k := len(out); k > 0 && out[k-1].last+1 == at {
				out[k-1].last = at + uint16(n) - 1
			} else {
				out = append(out, run{at, at + uint16(n) - 1})
			}
			if first+n == 64 {
				break
			}
			w = w >> (first + n) << (first + n)
		}
	}
	return out
}
