package disclosure

import (
	"encoding/binary"
	"math/bits"
	"sort"
)

// deltas reads ascending numbers (without the tag byte).
type deltas struct {
	rest []byte
	last uint32 // the number at hand, once next has returned true
	bad  bool
}

// next goes to the next number; false at the end.
func (d *deltas) next() bool {
	if len(d.rest) == 0 {
		return false
	}
	v, n := varint(d.rest, 0)
	if n > len(d.rest) {
		d.rest, d.bad = nil, true
		return false
	}
	d.last += uint32(v)
	d.rest = d.rest[n:]
	return true
}

// err says whether the end was that of the set.
func (d *deltas) err() error {
	if d.bad {
		return errSet
	}
	return nil
}

// stored reads a Roaring bitmap in portable form where it lies. Its containers
// are read in order with next.
type stored struct {
	heads []byte // 4 bytes a container: high, cardinality less 1
	runs  []byte // bit set: container is runs; nil: none is
	rest  []byte // containers from at on
	at    int
	size  int
	// wasFull says that the last container that intoPage read had every number.
	wasFull bool
}

// openStored parses the header of a bitmap (without the tag byte).
func openStored(data []byte) (s stored, err error) {
	le := binary.LittleEndian
	if len(data) < 8 {
		return s, errSet
	}
	cookie, rest := le.Uint32(data), data[4:]
	switch {
	case cookie&0xffff == cookieRuns:
		s.size = int(cookie>>16) + 1
		n := (s.size + 7) / 8
		if len(rest) < n {
			return s, errSet
		}
		s.runs, rest = rest[:n], rest[n:]
	case cookie == cookieNoRuns:
		s.size, rest = int(le.Uint32(rest)), rest[4:]
	default:
		return s, errSet
	}
	if s.size > 1<<16 || len(rest) < 4*s.size {
		return s, errSet
	}
	s.heads, rest = rest[:4*s.size], rest[4*s.size:]
	if s.runs == nil || s.size >= noOffsets {
		if len(rest) < 4*s.size {
			return s, errSet
		}
		rest = rest[4*s.size:]
	}
	s.rest = rest
	return s, nil
}

// high returns the upper bits of the container at hand; false at the end.
func (s *stored) high() (uint32, bool) {
	if s.at >= s.size {
		return 0, false
	}
	return uint32(binary.LittleEndian.Uint16(s.heads[4*s.at:])), true
}

// length returns the bytes of the container at hand, and its form.
func (s *stored) length() (n, card int, isRun bool, err error) {
	le := binary.LittleEndian
	card = int(le.Uint16(s.heads[4*s.at+2:])) + 1
	switch {
	case s.runs != nil && s.runs[s.at/8]&(1<<(s.at%8)) != 0:
		if len(s.rest) < 2 {
			return 0, 0, false, errSet
		}
		n, isRun = 2+4*int(le.Uint16(s.rest)), true
	case card > 4096:
		n = 8192
	default:
		n = 2 * card
	}
	if len(s.rest) < n {
		return 0, 0, false, errSet
	}
	return n, card, isRun, nil
}

// skip goes to the next container.
func (s *stored) skip() error {
	n, _, _, err := s.length()
	s.rest, s.at = s.rest[min(n, len(s.rest)):], s.at+1
	return err
}

// fewNumbers is where touching words one by one stops to pay.
const fewNumbers = 48

// into adds the container at hand to p and goes to the next.
func (s *stored) into(p *sheet) error {
	n, card, isRun, err := s.length()
	if err != nil {
		return err
	}
	if isRun || card > fewNumbers {
		return s.intoPage(p.all())
	}
	for d := s.rest[:n]; len(d) >= 2; d = d[2:] {
		p.add(binary.LittleEndian.Uint16(d))
	}
	s.rest, s.at = s.rest[n:], s.at+1
	return nil
}

// intoPage is into for a page, and notes whether the container was full.
func (s *stored) intoPage(p *page) error {
	le := binary.LittleEndian
	n, card, isRun, err := s.length()
	if err != nil {
		return err
	}
	data := s.rest[:n]
	s.wasFull = false
	switch {
	case isRun:
		for d := data[2:]; len(d) >= 4; d = d[4:] {
			first, length := uint32(le.Uint16(d)), uint32(le.Uint16(d[2:]))
			if first+length > 0xffff {
				return errSet
			}
			p.fill(first, first+length)
			s.wasFull = length == 0xffff
		}
	case card > 4096:
		for i := range p {
			p[i] |= le.Uint64(data[8*i:])
		}
	default:
		for d := data; len(d) >= 2; d = d[2:] {
			v := le.Uint16(d)
			p[v>>6&1023] |= 1 << (v & 63)
		}
	}
	s.rest, s.at = s.rest[n:], s.at+1
	return nil
}

// checkStored returns an error when a stored set cannot be read to its end.
func checkStored(data []byte) error {
	if len(data) == 0 {
		return errSet
	}
	if data[0] != tagRoaring {
		d := deltas{rest: data[1:]}
		for d.next() {
		}
		return d.err()
	}
	s, err := openStored(data[1:])
	for err == nil && s.at < s.size {
		err = s.skip()
	}
	return err
}

// eachStored calls fn with every member of a bitmap, ascending.
func eachStored(data []byte, fn func(uint32)) error {
	s, err := openStored(data)
	if err != nil {
		return err
	}
	for {
		high, ok := s.high()
		if !ok {
			return nil
		}
		var p sheet
		if err := s.into(&p); err != nil {
			return err
		}
		for i, t := range p.touched {
			for ; t != 0; t &= t - 1 {
				k := i<<6 | bits.TrailingZeros64(t)
				for w := p.page[k]; w != 0; w &= w - 1 {
					fn(high<<16 | uint32(k)<<6 | uint32(bits.TrailingZeros64(w)))
				}
			}
		}
	}
}

// nextStored returns the smallest member of a stored set that is at least n.
func nextStored(data []byte, n uint32) (uint32, bool) {
	if data[0] != tagRoaring {
		d := deltas{rest: data[1:]}
		for d.next() {
			if d.last >= n {
				return d.last, true
			}
		}
		return 0, false
	}
	s, err := openStored(data[1:])
	if err != nil {
		return 0, false
	}
	// The offset header, when there is one, leads straight to the container.
	first := sort.Search(s.size, func(i int) bool {
		return uint32(binary.LittleEndian.Uint16(s.heads[4*i:])) >= n>>16
	})
	if s.runs == nil || s.size >= noOffsets {
		if first == s.size {
			return 0, false
		}
		whole := data[1:]
		offsets := whole[len(whole)-len(s.rest)-4*s.size:]
		off := int(binary.LittleEndian.Uint32(offsets[4*first:]))
		if off > len(whole) {
			return 0, false
		}
		s.rest, s.at = whole[off:], first
	}
	for {
		high, ok := s.high()
		if !ok {
			return 0, false
		}
		if high < n>>16 {
			if s.skip() != nil {
				return 0, false
			}
			continue
		}
		from := uint32(0)
		if high == n>>16 {
			from = n & 0xffff
		}
		if v, found := s.nextIn(from); found {
			return high<<16 | v, true
		}
		if s.skip() != nil {
			return 0, false
		}
	}
}

// nextIn returns the smallest lower half of the container at hand that is at
// least from.
func (s *stored) nextIn(from uint32) (uint32, bool) {
	le := binary.LittleEndian
	n, card, isRun, err := s.length()
	if err != nil {
		return 0, false
	}
	data := s.rest[:n]
	switch {
	case isRun:
		for d := data[2:]; len(d) >= 4; d = d[4:] {
			first, last := uint32(le.Uint16(d)), uint32(le.Uint16(d))+uint32(le.Uint16(d[2:]))
			if last >= from {
				return max(first, from), true
			}
		}
		return 0, false
	case card > 4096:
		var p page
		for i := range p {
			p[i] = le.Uint64(data[8*i:])
		}
		return p.find(from, 0)
	}
	i := sort.Search(card, func(i int) bool { return uint32(le.Uint16(data[2*i:])) >= from })
	if i == card {
		return 0, false
	}
	return uint32(le.Uint16(data[2*i:])), true
}

// wait puts a stored set that checkStored has found whole into b, without
// reading it. The bytes must stay as they are. Small ones go into a sparse bag at
// once.
func (b *bag) wait(data []byte) error {
	if b.sparse && len(data) > 0 && data[0] == tagDeltas {
		return b.addSet(data)
	}
	if len(data) > 1 {
		b.stored = append(b.stored, data)
	}
	return nil
}
