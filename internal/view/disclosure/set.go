package disclosure

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"sekisho/internal/event"
)

// A stored set is a tag byte and then
//
//	0  ascending numbers as varints: the first, then the differences
//	1  a Roaring bitmap, portable format, run-optimised
//
// Sets of fewer than smallSet members have tag 0, so every set has one spelling.
// The Roaring form is that of github.com/RoaringBitmap/RoaringFormatSpec.
const (
	tagDeltas  = 0
	tagRoaring = 1
	smallSet   = 2048
)

var errSet = errors.New("stored set is malformed; run sekisho rebuild (SK5403)")

// encodeSet appends the stored form of b.
func (b *bag) encode(dst []byte) []byte {
	if b.empty() {
		return append(dst, tagDeltas)
	}
	b.sort()
	n := b.count()
	if b.pages == nil && n < smallSet {
		return appendDeltas(append(dst, tagDeltas), b.list)
	}
	if n < smallSet {
		return appendDeltas(append(dst, tagDeltas), slices.AppendSeq(make([]uint32, 0, n), b.all))
	}
	return b.appendRoaring(append(dst, tagRoaring))
}

// container is a page on its way into the portable form.
type container struct {
	high uint16
	card int
	runs int
	page *page
	list []uint32 // instead of page
}

// isRun says which form is smallest, as the library's RunOptimize does.
func (c *container) isRun() bool { return 2+4*c.runs < min(8192, 2*c.card) }

func (c *container) size() int {
	switch {
	case c.isRun():
		return 2 + 4*c.runs
	case c.card > 4096:
		return 8192
	}
	return 2 * c.card
}

// runs counts the runs of ones of a page.
func (p *page) runs() (n int) {
	carry := uint64(0)
	for _, w := range p {
		n += bits.OnesCount64(w &^ (w<<1 | carry))
		carry = w >> 63
	}
	return n
}

// eachRun calls fn with the runs of a page, ascending.
func (p *page) eachRun(fn func(first, last uint32)) {
	for at := uint32(0); at < 1<<16; {
		first, ok := p.find(at, 0)
		if !ok {
			return
		}
		end, ok := p.find(first, ^uint64(0))
		if !ok {
			end = 1 << 16
		}
		fn(first, end-1)
		at = end
	}
}

// find returns the first position from at whose bit differs from that of flip.
func (p *page) find(at uint32, flip uint64) (uint32, bool) {
	w := (p[at>>6] ^ flip) >> (at & 63) << (at & 63)
	for i := at >> 6; ; {
		if w != 0 {
			return i<<6 | uint32(bits.TrailingZeros64(w)), true
		}
		if i++; i == 1024 {
			return 0, false
		}
		w = p[i] ^ flip
	}
}

// appendRoaring appends the portable form, which is the one that the library
// writes after RunOptimize.
func (b *bag) appendRoaring(dst []byte) []byte {
	b.sort()
	var list []container
	if b.pages == nil {
		list = containersOf(b.list)
	}
	for high, p := range b.pages {
		if card := p.count(); card > 0 {
			list = append(list, container{high: uint16(high), card: card, runs: p.runs(), page: p})
		}
	}
	anyRun := slices.ContainsFunc(list, func(c container) bool { return c.isRun() })
	return appendContainers(dst, list, anyRun)
}

// containersOf cuts a sorted list.
func containersOf(numbers []uint32) (out []container) {
	for len(numbers) > 0 {
		high := numbers[0] >> 16
		c := container{high: uint16(high), runs: 1}
		for c.card = 1; c.card < len(numbers) && numbers[c.card]>>16 == high; c.card++ {
			if numbers[c.card] != numbers[c.card-1]+1 {
				c.runs++
			}
		}
		c.list, numbers = numbers[:c.card], numbers[c.card:]
		out = append(out, c)
	}
	return out
}

func appendContainers(dst []byte, list []container, anyRun bool) []byte {
	le := binary.LittleEndian
	begin := len(dst)
	if anyRun {
		dst = le.AppendUint32(dst, cookieRuns|uint32(len(list)-1)<<16)
		flags := make([]byte, (len(list)+7)/8)
		for i := range list {
			if list[i].isRun() {
				flags[i/8] |= 1 << (i % 8)
			}
		}
		dst = append(dst, flags...)
	} else {
		dst = le.AppendUint32(le.AppendUint32(dst, cookieNoRuns), uint32(len(list)))
	}
	for i := range list {
		dst = le.AppendUint16(le.AppendUint16(dst, list[i].high), uint16(list[i].card-1))
	}
	if !anyRun || len(list) >= noOffsets {
		off := len(dst) - begin + 4*len(list)
		for i := range list {
			dst = le.AppendUint32(dst, uint32(off))
			off += list[i].size()
		}
	}
	for i := range list {
		dst = list[i].append(dst)
	}
	return dst
}

func (c *container) append(dst []byte) []byte {
	le := binary.LittleEndian
	if c.list != nil {
		if !c.isRun() && c.card <= 4096 {
			for _, n := range c.list {
				dst = le.AppendUint16(dst, uint16(n))
			}
			return dst
		}
		var p page
		for _, n := range c.list {
			p[n>>6&1023] |= 1 << (n & 63)
		}
		c = &container{high: c.high, card: c.card, runs: c.runs, page: &p}
	}
	switch {
	case c.isRun():
		dst = le.AppendUint16(dst, uint16(c.runs))
		c.page.eachRun(func(first, last uint32) {
			dst = le.AppendUint16(le.AppendUint16(dst, uint16(first)), uint16(last-first))
		})
	case c.card > 4096:
		for _, w := range c.page {
			dst = le.AppendUint64(dst, w)
		}
	default:
		for i, w := range c.page {
			for ; w != 0; w &= w - 1 {
				dst = le.AppendUint16(dst, uint16(i<<6|bits.TrailingZeros64(w)))
			}
		}
	}
	return dst
}

// addSet adds a stored set.
func (b *bag) addSet(data []byte) error {
	if len(data) == 0 {
		return errSet
	}
	if data[0] == tagRoaring {
		return b.addRoaring(data[1:])
	}
	d := deltas{rest: data[1:]}
	if b.pages == nil && !b.sparse && len(b.list)+len(d.rest) > maxList {
		b.dense()
	}
	if b.pages == nil {
		b.sorted = len(b.list) == 0
		for d.next() {
			b.list = append(b.list, d.last)
		}
		return d.err()
	}
	for d.next() {
		if p := b.own(d.last >> 16); p != nil {
			p[d.last>>6&1023] |= 1 << (d.last & 63)
		}
	}
	return d.err()
}

// Cookies of the portable format.
const (
	cookieNoRuns = 12346
	cookieRuns   = 12347
	noOffsets    = 4 // with runs and fewer containers there is no offset header
)

// addRoaring adds a bitmap in portable form without building it.
func (b *bag) addRoaring(data []byte) error {
	if b.sparse && b.pages == nil {
		return eachStored(data, func(n uint32) { b.add(n) })
	}
	b.dense()
	s, err := openStored(data)
	if err != nil {
		return err
	}
	for {
		high, ok := s.high()
		if !ok {
			return nil
		}
		p := b.own(high)
		if p == nil { // full
			err = s.skip()
		} else if err = s.intoPage(p); err == nil && s.wasFull {
			b.fill(high)
		}
		if err != nil {
			return err
		}
	}
}

// addRanges adds a set of an event.
func (b *bag) addRanges(s event.Set) {
	for _, r := range s {
		b.addRange(r.First, r.Last)
	}
}

// ranges returns b as a set of an event.
func (b *bag) ranges() event.Set {
	b.fetch()
	var out event.Set
	for high, p := range b.pages {
		if p == nil {
			continue
		}
		p.eachRun(func(first, last uint32) {
			first, last = uint32(high)<<16|first, uint32(high)<<16|last
			if k := len(out); k > 0 && out[k-1].Last+1 == first {
				out[k-1].Last = last
				return
			}
			out = append(out, event.Range{First: first, Last: last})
		})
	}
	if b.pages != nil {
		return out
	}
	for n := range b.all {
		if k := len(out); k > 0 && out[k-1].Last+1 == n {
			out[k-1].Last = n
			continue
		}
		out = append(out, event.Range{First: n, Last: n})
	}
	return out
}
