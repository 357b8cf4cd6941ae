package disclosure

import "slices"

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
		if err == nil {
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
