package disclosure

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

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
	n := b.count()
	if b.pages == nil && n < smallSet {
		return appendDeltas(append(dst, tagDeltas), b.list)
	}
	if n < smallSet {
		return appendDeltas(append(dst, tagDeltas), slices.AppendSeq(make([]uint32, 0, n), b.all))
	}
	return append(append(dst, tagRoaring), b.roaring()...)
}

// roaring returns the portable form.
func (b *bag) roaring() []byte {
	r := b.bitmap()
	text, err := r.ToBytes()
	if err != nil {
		panic("disclosure: " + err.Error()) // writing to memory
	}
	return text
}

func (b *bag) bitmap() *roaring.Bitmap {
	r := roaring.New()
	if b.empty() {
		return r
	}
	if b.pages == nil {
		b.sort()
		r.AddMany(b.list)
	}
	var numbers []uint32
	for high, p := range b.pages {
		switch p {
		case nil:
		case full:
			r.AddRange(uint64(high)<<16, uint64(high+1)<<16)
		default:
			numbers = numbers[:0]
			for n := range (&bag{pages: []*page{p}}).all {
				numbers = append(numbers, uint32(high)<<16|n)
			}
			r.AddMany(numbers)
		}
	}
	r.RunOptimize()
	return r
}

// addSet adds a stored set.
func (b *bag) addSet(data []byte) error {
	if len(data) == 0 {
		return errSet
	}
	if data[0] == tagRoaring {
		return b.addRoaring(data[1:])
	}
	data = data[1:]
	if b.pages == nil && len(b.list)+len(data) > maxList {
		b.dense()
	}
	last := uint32(0)
	if b.pages == nil {
		b.sorted = len(b.list) == 0
		for len(data) > 0 {
			d, n := uint32(data[0]), 1
			if d >= 0x80 {
				v, m := binary.Uvarint(data)
				if m <= 0 {
					return errSet
				}
				d, n = uint32(v), m
			}
			last += d
			b.list = append(b.list, last)
			data = data[n:]
		}
		return nil
	}
	for len(data) > 0 {
		v, m := binary.Uvarint(data)
		if m <= 0 {
			return errSet
		}
		last += uint32(v)
		if p := b.own(last >> 16); p != nil {
			p[last>>6&1023] |= 1 << (last & 63)
		}
		data = data[m:]
	}
	return nil
}

// Cookies of the portable format.
const (
	cookieNoRuns = 12346
	cookieRuns   = 12347
	noOffsets    = 4 // with runs and fewer containers there is no offset header
)

// addRoaring adds a bitmap in portable form without building it.
func (b *bag) addRoaring(data []byte) error {
	b.dense()
	le := binary.LittleEndian
	if len(data) < 8 {
		return errSet
	}
	cookie, size := le.Uint32(data), 0
	var runs []byte
	rest := data[4:]
	switch {
	case cookie&0xffff == cookieRuns:
		size = int(cookie>>16) + 1
		n := (size + 7) / 8
		if len(rest) < n {
			return errSet
		}
		runs, rest = rest[:n], rest[n:]
	case cookie == cookieNoRuns:
		size, rest = int(le.Uint32(rest)), rest[4:]
	default:
		return errSet
	}
	if size > 1<<16 || len(rest) < 4*size {
		return errSet
	}
	heads, rest := rest[:4*size], rest[4*size:]
	if runs == nil || size >= noOffsets {
		if len(rest) < 4*size {
			return errSet
		}
		rest = rest[4*size:]
	}
	for i := range size {
		high, card := uint32(le.Uint16(heads[4*i:])), int(le.Uint16(heads[4*i+2:]))+1
		isRun := runs != nil && runs[i/8]&(1<<(i%8)) != 0
		n, err := b.addContainer(high, card, isRun, rest)
		if err != nil {
			return fmt.Errorf("container %d: %w", i, err)
		}
		rest = rest[n:]
	}
	return nil
}

func (b *bag) addContainer(high uint32, card int, isRun bool, data []byte) (n int, err error) {
	le := binary.LittleEndian
	if isRun {
		if len(data) < 2 {
			return 0, errSet
		}
		runs := int(le.Uint16(data))
		n = 2 + 4*runs
		if len(data) < n {
			return 0, errSet
		}
		for i := range runs {
			first, length := uint32(le.Uint16(data[2+4*i:])), uint32(le.Uint16(data[4+4*i:]))
			if first+length > 0xffff {
				return 0, errSet
			}
			if length == 0xffff {
				b.fill(high)
			} else if p := b.own(high); p != nil {
				p.fill(first, first+length)
			}
		}
		return n, nil
	}
	p := b.own(high)
	if card > 4096 {
		if len(data) < 8192 {
			return 0, errSet
		}
		if p != nil {
			for i := range p {
				p[i] |= le.Uint64(data[8*i:])
			}
		}
		return 8192, nil
	}
	if len(data) < 2*card {
		return 0, errSet
	}
	if p != nil {
		for d := data[:2*card]; len(d) >= 2; d = d[2:] {
			v := le.Uint16(d)
			p[v>>6] |= 1 << (v & 63)
		}
	}
	return 2 * card, nil
}

// addRanges adds a set of an event.
func (b *bag) addRanges(s event.Set) {
	for _, r := range s {
		b.addRange(r.First, r.Last)
	}
}

// ranges returns b as a set of an event.
func (b *bag) ranges() event.Set {
	var out event.Set
	for n := range b.all {
		if k := len(out); k > 0 && out[k-1].Last+1 == n {
			out[k-1].Last = n
			continue
		}
		out = append(out, event.Range{First: n, Last: n})
	}
	return out
}
