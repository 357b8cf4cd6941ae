package disclosure

import (
	"cmp"
	"math"
	"math/bits"
	"runtime"
	"slices"
	"strings"
	"sync"

	"sekisho/internal/element"
	"sekisho/proof/scope"
)

// sheet is a page that remembers which words were touched, so that a page with
// few numbers costs little.
type sheet struct {
	page
	touched [16]uint64 // bit i: word i may be other than 0
}

func (s *sheet) add(v uint16) {
	s.page[v>>6&1023] |= 1 << (v & 63)
	s.touched[v>>12] |= 1 << (v >> 6 & 63)
}

// all marks every word as touched and gives the page for writing.
func (s *sheet) all() *page {
	for i := range s.touched {
		s.touched[i] = ^uint64(0)
	}
	return &s.page
}

func (s *sheet) or(o *sheet) {
	for i, t := range o.touched {
		s.touched[i] |= t
		if t == ^uint64(0) {
			for k := i << 6; k < (i+1)<<6; k++ {
				s.page[k] |= o.page[k]
			}
			continue
		}
		for ; t != 0; t &= t - 1 {
			k := i<<6 | bits.TrailingZeros64(t)
			s.page[k] |= o.page[k]
		}
	}
}

func (s *sheet) count() (n int) {
	for i, t := range s.touched {
		if t == ^uint64(0) {
			for k := i << 6; k < (i+1)<<6; k++ {
				n += bits.OnesCount64(s.page[k])
			}
			continue
		}
		for ; t != 0; t &= t - 1 {
			n += bits.OnesCount64(s.page[i<<6|bits.TrailingZeros64(t)])
		}
	}
	return n
}

func (s *sheet) clear() {
	for i, t := range s.touched {
		if t == ^uint64(0) {
			clear(s.page[i<<6 : (i+1)<<6])
			continue
		}
		for ; t != 0; t &= t - 1 {
			s.page[i<<6|bits.TrailingZeros64(t)] = 0
		}
	}
	s.touched = [16]uint64{}
}

// together counts many sets at once, page by page, so that nothing is held but
// a few pages: by table, by element and in all. All leaves are of one source.
type together struct {
	leaves  []countLeaf
	curs    [][]cursor
	masks   []element.Mask
	of      []int // leaf → index into masks
	subsets []subset

	all    uint64
	tables map[uint32]uint64
}

// subset is the masks that some elements are in.
type subset struct {
	elements []element.Kind
	masks    []int
	n        uint64
}

func newTogether(leaves []countLeaf) *together {
	t := &together{leaves: leaves, tables: map[uint32]uint64{}}
	slices.SortFunc(t.leaves, func(a, b countLeaf) int {
		return cmp.Or(cmp.Compare(a.table.table, b.table.table), cmp.Compare(a.mask.mask, b.mask.mask))
	})
	for i := range t.leaves {
		l := &t.leaves[i]
		t.curs = append(t.curs, l.set.cursors(nil))
		m := slices.Index(t.masks, l.mask.mask)
		if m < 0 {
			m = len(t.masks)
			t.masks = append(t.masks, l.mask.mask)
		}
		t.of = append(t.of, m)
	}
	byMasks := map[string]int{}
	for k := range element.Kind(64) {
		var in []int
		var key strings.Builder
		for i, m := range t.masks {
			if m.Has(k) {
				in = append(in, i)
				key.WriteByte(byte(i))
				key.WriteByte(byte(i >> 8))
			}
		}
		if len(in) == 0 {
			continue
		}
		at, known := byMasks[key.String()]
		if !known {
			at = len(t.subsets)
			byMasks[key.String()] = at
			t.subsets = append(t.subsets, subset{masks: in})
		}
		t.subsets[at].elements = append(t.subsets[at].elements, k)
	}
	return t
}

func (t *together) run() {
	if room, ok := t.few(); ok {
		t.runFew(room)
		return
	}
	t.count(t.processors())
}

// count counts with n processors.
func (t *together) count(n uint32) {
	parts := t.parts(n)
	if len(parts) == 1 {
		parts[0].run(t)
	} else {
		var wg sync.WaitGroup
		for _, p := range parts {
			wg.Go(func() { p.run(t) })
		}
		wg.Wait()
	}
	for _, p := range parts {
		t.all += p.all
		for id, n := range p.tables {
			t.tables[id] += n
		}
		for i, n := range p.subsets {
			t.subsets[i].n += n
		}
	}
}

// Sets of fewer stored bytes are counted by one processor, and others by at most
// so many.
const (
	aloneBytes = 1 << 20
	maxParts   = 4
)

// processors is how many count.
func (t *together) processors() uint32 {
	bytes := 0
	for _, list := range t.curs {
		for i := range list {
			bytes += list[i].bytes()
		}
	}
	if bytes < aloneBytes {
		return 1
	}
	return min(uint32(runtime.GOMAXPROCS(0)), maxParts)
}

// parts shares the pages out among n processors.
func (t *together) parts(n uint32) []*part {
	last := uint32(0)
	for _, list := range t.curs {
		for i := range list {
			last = max(last, list[i].last())
		}
	}
	n = min(n, last+1)
	var parts []*part
	for k := range n {
		p := &part{curs: t.curs, end: math.MaxUint32, tables: map[uint32]uint64{}, subsets: make([]uint64, len(t.subsets))}
		if k < n-1 {
			p.end = (k + 1) * (last + 1) / n
			p.curs = make([][]cursor, len(t.curs))
			for i, list := range t.curs {
				p.curs[i] = slices.Clone(list)
			}
		}
		p.from = k * (last + 1) / n
		parts = append(parts, p)
	}
	return parts
}

// part counts the pages from (inclusive) to end (exclusive).
type part struct {
	from, end uint32
	curs      [][]cursor

	sum, leaf sheet // empty between uses

	all     uint64
	tables  map[uint32]uint64
	subsets []uint64
}

func (p *part) run(t *together) {
	if p.from > 0 {
		for _, list := range p.curs {
			for i := range list {
				list[i].seek(p.from)
			}
		}
	}
	masks := make([]sheet, len(t.masks))
	for {
		high := p.end
		for _, list := range p.curs {
			for i := range list {
				if h, ok := list[i].high(); ok && h < high {
					high = h
				}
			}
		}
		if high == p.end {
			return
		}
		p.leavesOf(t, high, masks)
		p.countMasks(t, masks)
	}
}

// leavesOf counts one page of all tables and enters it into the masks.
func (p *part) leavesOf(t *together, high uint32, masks []sheet) {
	for i := 0; i < len(t.leaves); {
		table, several := t.leaves[i].table.table, false
		for ; i < len(t.leaves) && t.leaves[i].table.table == table; i++ {
			into := &p.sum // the table's first leaf; further ones are put to it
			if several {
				into = &p.leaf
			}
			for j := range p.curs[i] {
				c := &p.curs[i][j]
				if h, ok := c.high(); ok && h == high {
					c.into(high, into)
				}
			}
			masks[t.of[i]].or(into)
			if several {
				p.sum.or(&p.leaf)
				p.leaf.clear()
			}
			several = true
		}
		p.tables[table] += uint64(p.sum.count())
		p.sum.clear()
	}
}

// countMasks counts one page by element and in all, and empties the masks.
func (p *part) countMasks(t *together, masks []sheet) {
	for i := range masks {
		p.sum.or(&masks[i])
	}
	p.all += uint64(p.sum.count())
	p.sum.clear()
	for i := range t.subsets {
		s := &t.subsets[i]
		if len(s.masks) == 1 {
			p.subsets[i] += uint64(masks[s.masks[0]].count())
			continue
		}
		for _, m := range s.masks {
			p.sum.or(&masks[m])
		}
		p.subsets[i] += uint64(p.sum.count())
		p.sum.clear()
	}
	for i := range masks {
		masks[i].clear()
	}
}

// figureOf counts sets that share nothing with other figures.
func (v *View) figureOf(s *sum, leaves []countLeaf) scope.Figure {
	f := scope.Figure{Elements: map[string]uint64{}, Tables: map[string]scope.Count{}}
	bySource := map[uint32][]countLeaf{}
	for _, l := range leaves {
		bySource[l.table.source] = append(bySource[l.table.source], l)
	}
	for _, list := range bySource {
		t := newTogether(list)
		t.run()
		f.Subjects += t.all
		for id, n := range t.tables {
			c := f.Tables[v.names.texts[id]]
			c.Subjects += n
			f.Tables[v.names.texts[id]] = c
		}
		for _, x := range t.subsets {
			for _, k := range x.elements {
				if x.n > 0 {
					f.Elements[k.String()] += x.n
				}
			}
		}
	}
	v.figureRecords(s, &f)
	return f
}
