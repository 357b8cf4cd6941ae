package scope

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Set is a set of subject numbers. The zero value is empty.
type Set struct {
	pages map[uint16]*[1024]uint64 // by the upper 16 bits
}

// Add adds first … last.
func (s *Set) Add(first, last uint32) {
	for n := uint64(first); n <= uint64(last); {
		p := s.page(uint16(n >> 16))
		if n&0xffff == 0 && uint64(last)-n >= 0xffff {
			for i := range p {
				p[i] = ^uint64(0)
			}
			n += 1 << 16
			continue
		}
		end := min(uint64(last), n|0xffff)
		for ; n <= end; n++ {
			p[n>>6&1023] |= 1 << (n & 63)
		}
	}
}

func (s *Set) page(high uint16) *[1024]uint64 {
	if s.pages == nil {
		s.pages = map[uint16]*[1024]uint64{}
	}
	p := s.pages[high]
	if p == nil {
		p = new([1024]uint64)
		s.pages[high] = p
	}
	return p
}

// Or adds all members of t, which may be nil.
func (s *Set) Or(t *Set) {
	if t == nil {
		return
	}
	for high, q := range t.pages {
		p := s.page(high)
		for i := range p {
			p[i] |= q[i]
		}
	}
}

// andNot removes all members of t, which may be nil.
func (s *Set) andNot(t *Set) {
	if t == nil {
		return
	}
	for high, p := range s.pages {
		if q := t.pages[high]; q != nil {
			for i := range p {
				p[i] &^= q[i]
			}
		}
	}
}

// Len returns the number of members.
func (s *Set) Len() (n uint64) {
	if s == nil {
		return 0
	}
	for _, p := range s.pages {
		for _, w := range p {
			n += uint64(bits.OnesCount64(w))
		}
	}
	return n
}

// Has reports whether n is a member.
func (s *Set) Has(n uint32) bool {
	if s == nil {
		return false
	}
	p := s.pages[uint16(n>>16)]
	return p != nil && p[n>>6&1023]&(1<<(n&63)) != 0
}

// All calls yield with every member, ascending, until it returns false.
func (s *Set) All(yield func(uint32) bool) {
	if s == nil {
		return
	}
	highs := make([]uint16, 0, len(s.pages))
	for h := range s.pages {
		highs = append(highs, h)
	}
	slices.Sort(highs)
	for _, h := range highs {
		for i, w := range s.pages[h] {
			for ; w != 0; w &= w - 1 {
				if !yield(uint32(h)<<16 | uint32(i)<<6 | uint32(bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}

// String returns the members as ascending ranges, "1-5,9".
func (s *Set) String() string {
	var b strings.Builder
	var first, last uint32
	any := false
	flush := func() {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(first), 10))
		if last != first {
			b.WriteByte('-')
			b.WriteString(strconv.FormatUint(uint64(last), 10))
		}
	}
	for n := range s.All {
		switch {
		case !any:
			first, any = n, true
		case n != last+1:
			flush()
			first = n
		}
		last = n
	}
	if any {
		flush()
	}
	return b.String()
}

// ParseSet reads the form that String writes.
func ParseSet(text string) (*Set, error) {
	s := new(Set)
	if text == "" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		a, b, two := strings.Cut(part, "-")
		first, err := strconv.ParseUint(a, 10, 32)
		last := first
		if err == nil && two {
			last, err = strconv.ParseUint(b, 10, 32)
		}
		if err != nil || last < first {
			return nil, fmt.Errorf("set: bad range %.24q", part)
		}
		s.Add(uint32(first), uint32(last))
	}
	return s, nil
}
