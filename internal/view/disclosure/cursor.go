package disclosure

import (
	"encoding/binary"
	"slices"
)

// countLeaf is a set that counts for one table and one mask.
type countLeaf struct {
	table tableSource
	mask  maskSource
	set   *bag
}

// cursor goes through one set page by page.
type cursor struct {
	bitmap stored
	deltas deltas   // or these
	list   []uint32 // or these, sorted
	done   bool
}

// cursors returns what goes through all of b.
func (b *bag) cursors(dst []cursor) []cursor {
	for _, data := range b.stored {
		if data[0] == tagRoaring {
			s, err := openStored(data[1:])
			if err != nil {
				panic("disclosure: a set that was checked: " + err.Error())
			}
			dst = append(dst, cursor{bitmap: s})
			continue
		}
		c := cursor{deltas: deltas{rest: data[1:]}}
		c.done = !c.deltas.next()
		dst = append(dst, c)
	}
	for _, o := range b.subs {
		dst = o.cursors(dst)
	}
	if b.pages != nil {
		own := &bag{pages: b.pages}
		s, err := openStored(own.appendRoaring(nil))
		if err == nil && s.size > 0 {
			dst = append(dst, cursor{bitmap: s})
		}
	} else if len(b.list) > 0 {
		if !b.sorted {
			b.list, b.sorted = slices.Compact(sortNumbers(b.list)), true
		}
		dst = append(dst, cursor{list: b.list})
	}
	return dst
}

// high returns the page at hand; false at the end.
func (c *cursor) high() (uint32, bool) {
	switch {
	case c.bitmap.size > 0:
		return c.bitmap.high()
	case c.list != nil:
		if len(c.list) == 0 {
			return 0, false
		}
		return c.list[0] >> 16, true
	}
	return c.deltas.last >> 16, !c.done
}

// into adds the page at hand to p and goes to the next.
func (c *cursor) into(high uint32, p *sheet) {
	switch {
	case c.bitmap.size > 0:
		if err := c.bitmap.into(p); err != nil {
			panic("disclosure: a set that was checked: " + err.Error())
		}
	case c.list != nil:
		i := 0
		for ; i < len(c.list) && c.list[i]>>16 == high; i++ {
			p.add(uint16(c.list[i]))
		}
		c.list = c.list[i:]
	default:
		for !c.done && c.deltas.last>>16 == high {
			p.add(uint16(c.deltas.last))
			c.done = !c.deltas.next()
		}
	}
}

// seek goes to the first page from high on.
func (c *cursor) seek(high uint32) {
	switch {
	case c.bitmap.size > 0:
		for h, ok := c.bitmap.high(); ok && h < high; h, ok = c.bitmap.high() {
			if err := c.bitmap.skip(); err != nil {
				panic("disclosure: a set that was checked: " + err.Error())
			}
		}
	case c.list != nil:
		i, _ := slices.BinarySearch(c.list, high<<16)
		c.list = c.list[i:]
	default:
		for !c.done && c.deltas.last>>16 < high {
			c.done = !c.deltas.next()
		}
	}
}

// bytes is how many there are to be read.
func (c *cursor) bytes() int { return len(c.bitmap.rest) + 4*len(c.list) + len(c.deltas.rest) }

// last returns the last page; of deltas the one at hand.
func (c *cursor) last() uint32 {
	switch {
	case c.bitmap.size > 0:
		return uint32(binary.LittleEndian.Uint16(c.bitmap.heads[4*(c.bitmap.size-1):]))
	case len(c.list) > 0:
		return c.list[len(c.list)-1] >> 16
	}
	return c.deltas.last >> 16
}
