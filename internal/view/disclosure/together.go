package disclosure

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"sekisho/internal/element"
	"sekisho/proof/scope"
)

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
	masks := make([]page, len(t.masks))
	used := make([]bool, len(t.masks))
	for {
		high := uint32(math.MaxUint32)
		for _, list := range t.curs {
			for i := range list {
				if h, ok := list[i].high(); ok && h < high {
					high = h
				}
			}
		}
		if high == math.MaxUint32 {
			return
		}
		t.leavesOf(high, masks, used)
		t.countMasks(masks, used)
	}
}

// leavesOf counts one page of all tables and enters it into the masks.
func (t *together) leavesOf(high uint32, masks []page, used []bool) {
	var leaf, sum page
	for i := 0; i < len(t.leaves); {
		table, n := t.leaves[i].table.table, 0
		for ; i < len(t.leaves) && t.leaves[i].table.table == table; i++ {
			any := false
			for j := range t.curs[i] {
				c := &t.curs[i][j]
				if h, ok := c.high(); ok && h == high {
					if !any {
						leaf, any = page{}, true
					}
					c.into(high, &leaf)
				}
			}
			if !any {
				continue
			}
			if n++; n == 1 {
				sum = leaf
			} else {
				sum.or(&leaf)
			}
			if m := t.of[i]; used[m] {
				masks[m].or(&leaf)
			} else {
				masks[m], used[m] = leaf, true
			}
		}
		if n > 0 {
			t.tables[table] += uint64(sum.count())
		}
	}
}

// countMasks counts one page by element and in all, and empties the masks.
func (t *together) countMasks(masks []page, used []bool) {
	t.all += countUnion(masks, used, nil)
	for i := range t.subsets {
		s := &t.subsets[i]
		s.n += countUnion(masks, used, s.masks)
	}
	clear(used)
}

// countUnion counts the union of the used masks of a list; nil is all.
func countUnion(masks []page, used []bool, list []int) uint64 {
	var sum page
	var only *page
	add := func(i int) {
		switch {
		case !used[i]:
		case only == nil:
			only = &masks[i]
		case only != &sum:
			sum = *only
			only = &sum
			sum.or(&masks[i])
		default:
			sum.or(&masks[i])
		}
	}
	if list == nil {
		for i := range masks {
			add(i)
		}
	}
	for _, i := range list {
		add(i)
	}
	return uint64(only.count())
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
