package disclosure

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// maxFew is how many numbers, doubles counted, are sorted instead of gone
// through page by page.
const maxFew = 1 << 18

// maxFewMasks bounds the table of mask combinations.
const maxFewMasks = 12

// numbers returns an upper bound for the numbers in a cursor.
func (c *cursor) numbers() (n int) {
	switch {
	case c.bitmap.size > 0:
		for i := range c.bitmap.size {
			n += int(binary.LittleEndian.Uint16(c.bitmap.heads[4*i+2:])) + 1
		}
		return n
	case c.list != nil:
		return len(c.list)
	case c.done:
		return 0
	}
	return len(c.deltas.rest) + 1
}

// few reports whether the small way pays, and returns room for the numbers.
func (t *together) few() ([]uint64, bool) {
	if len(t.masks) > maxFewMasks || len(t.leaves) >= 1<<16 {
		return nil, false
	}
	n := 0
	for _, list := range t.curs {
		for i := range list {
			if n += list[i].numbers(); n > maxFew {
				return nil, false
			}
		}
	}
	return make([]uint64, 0, n), true
}

// runFew sorts all numbers with their leaves and goes through them once.
func (t *together) runFew(all []uint64) {
	for i, list := range t.curs {
		for j := range list {
			all = list[j].appendTo(all, uint64(i))
		}
	}
	all = sortKeys(all)
	table := make([]int, len(t.leaves)) // leaf → index of its table
	var tables []uint32
	for i := range t.leaves {
		if id := t.leaves[i].table.table; i == 0 || id != t.leaves[i-1].table.table {
			tables = append(tables, id)
		}
		table[i] = len(tables) - 1
	}
	counts, last := make([]uint64, len(tables)), make([]uint64, len(tables)) // last: number+1
	combos := make([]uint64, 1<<len(t.masks))
	for i := 0; i < len(all); {
		number, in := all[i]>>16, uint(0)
		for ; i < len(all) && all[i]>>16 == number; i++ {
			leaf := all[i] & 0xffff
			in |= 1 << t.of[leaf]
			if k := table[leaf]; last[k] != number+1 {
				last[k] = number + 1
				counts[k]++
			}
		}
		combos[in]++
	}
	for k, id := range tables {
		t.tables[id] += counts[k]
	}
	for in, n := range combos {
		t.all += n
		for s := range t.subsets {
			if slices.ContainsFunc(t.subsets[s].masks, func(m int) bool { return in&(1<<m) != 0 }) {
				t.subsets[s].n += n
			}
		}
	}
}

// appendTo appends number<<16|leaf for all numbers of a cursor.
func (c *cursor) appendTo(dst []uint64, leaf uint64) []uint64 {
	switch {
	case c.bitmap.size > 0:
		for {
			high, ok := c.bitmap.high()
			if !ok {
				return dst
			}
			var p sheet
			c.into(high, &p)
			for i, t := range p.touched {
				for ; t != 0; t &= t - 1 {
					k := i<<6 | bits.TrailingZeros64(t)
					for w := p.page[k]; w != 0; w &= w - 1 {
						dst = append(dst, uint64(high<<16|uint32(k)<<6|uint32(bits.TrailingZeros64(w)))<<16|leaf)
					}
				}
			}
		}
	case c.list != nil:
		for _, n := range c.list {
			dst = append(dst, uint64(n)<<16|leaf)
		}
		return dst
	}
	for ; !c.done; c.done = !c.deltas.next() {
		dst = append(dst, uint64(c.deltas.last)<<16|leaf)
	}
	return dst
}

// sortKeys sorts by the number, 11 bits at a time, and returns the list, which
// may have moved. Keys of one number keep their order.
func sortKeys(list []uint64) []uint64 {
	const width = 11
	other := make([]uint64, len(list))
	var top uint64
	for _, n := range list {
		top |= n
	}
	for shift := 16; shift < 48 && top>>shift != 0; shift += width {
		var at [1<<width + 1]int
		for _, n := range list {
			at[n>>shift&(1<<width-1)+1]++
		}
		for i := 1; i < len(at); i++ {
			at[i] += at[i-1]
		}
		for _, n := range list {
			k := n >> shift & (1<<width - 1)
			other[at[k]] = n
			at[k]++
		}
		list, other = other, list
	}
	return list
}
