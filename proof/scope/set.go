package scope

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Set is a set of subject numbers. The zero value is empty. It takes memory in
// proportion to the ranges that were added, however long they are: what a
// stranger's bundle says in a few letters does not become half a gigabyte.
type Set struct {
	whole []run            // upper 16 bits of which all numbers are members
	pages map[uint16]*page // members by their upper 16 bits, where not whole
}

// Add adds first … last.
func (s *Set) Add(first, last uint32) {
	if first > last {
		return
	}
	from, till := int(first>>16), int(last>>16)
	lo, hi := uint16(first), uint16(last)
	if from == till {
		s.addTo(uint16(from), lo, hi)
		return
	}
	if lo != 0 {
		s.addTo(uint16(from), lo, maxLow)
		from++
	}
	if hi != maxLow {
		s.addTo(uint16(till), 0, hi)
		till--
	}
	if from <= till {
		s.addWhole(run{uint16(from), uint16(till)})
	}
}

const maxLow = 1<<16 - 1

// addTo adds the lower halves lo … hi to one upper half.
func (s *Set) addTo(high, lo, hi uint16) {
	if has(s.whole, high) {
		return
	}
	p := s.pages[high]
	if p == nil {
		p = new(page)
		s.put(high, p)
	}
	p.add(lo, hi)
	s.settle(high, p)
}

func (s *Set) put(high uint16, p *page) {
	if s.pages == nil {
		s.pages = map[uint16]*page{}
	}
	s.pages[high] = p
}

// settle puts a page that got more where it belongs.
func (s *Set) settle(high uint16, p *page) {
	if p.full() {
		s.addWhole(run{high, high})
	}
}

func (s *Set) addWhole(r run) {
	if int(r.last-r.first) < len(s.pages) {
		for high := int(r.first); high <= int(r.last); high++ {
			delete(s.pages, uint16(high))
		}
	} else {
		maps.DeleteFunc(s.pages, func(high uint16, _ *page) bool { return r.first <= high && high <= r.last })
	}
	s.whole = insert(s.whole, r)
}

// Or adds all members of t, which may be nil.
func (s *Set) Or(t *Set) {
	if t == nil || t == s {
		return
	}
	for _, r := range t.whole {
		s.addWhole(r)
	}
	for high, q := range t.pages {
		if has(s.whole, high) {
			continue
		}
		p := s.pages[high]
		if p == nil {
			s.put(high, q.clone())
			continue
		}
		p.or(q)
		s.settle(high, p)
	}
}

// andNot removes all members of t, which may be nil.
func (s *Set) andNot(t *Set) {
	if t == nil {
		return
	}
	for high, p := range s.pages {
		if has(t.whole, high) {
			delete(s.pages, high)
		} else if q := t.pages[high]; q != nil {
			if p.andNot(q); p.count() == 0 {
				delete(s.pages, high)
			}
		}
	}
	s.whole = without(s.whole, t.whole)
	var broken []run // whole no more
	for _, high := range slices.Sorted(maps.Keys(t.pages)) {
		if !has(s.whole, high) {
			continue
		}
		broken = insert(broken, run{high, high})
		p := &page{runs: []run{{0, maxLow}}}
		if p.andNot(t.pages[high]); p.count() > 0 {
			s.put(high, p)
		}
	}
	s.whole = without(s.whole, broken)
}

// Len returns the number of members.
func (s *Set) Len() (n uint64) {
	if s == nil {
		return 0
	}
	for _, r := range s.whole {
		n += (uint64(r.last-r.first) + 1) << 16
	}
	for _, p := range s.pages {
		n += p.count()
	}
	return n
}

// Has reports whether n is a member.
func (s *Set) Has(n uint32) bool {
	if s == nil {
		return false
	}
	p := s.pages[uint16(n>>16)]
	return p != nil && p.has(uint16(n)) || has(s.whole, uint16(n>>16))
}

// All calls yield with every member, ascending, until it returns false.
func (s *Set) All(yield func(uint32) bool) {
	for first, last := range s.Ranges {
		for n := first; ; n++ {
			if !yield(n) {
				return
			}
			if n == last {
				break
			}
		}
	}
}

// Ranges calls yield with the members as ascending ranges first … last that do
// not touch one another, until it returns false.
func (s *Set) Ranges(yield func(first, last uint32) bool) {
	if s == nil {
		return
	}
	var from, till uint32
	any := false
	next := func(first, last uint32) bool {
		if any && first == till+1 {
			till = last
			return true
		}
		if any && !yield(from, till) {
			any = false
			return false
		}
		from, till, any = first, last, true
		return true
	}
	if s.pieces(next) && any {
		yield(from, till)
	}
}

// pieces is Ranges page by page. It reports whether it came to the end.
func (s *Set) pieces(yield func(first, last uint32) bool) bool {
	whole := s.whole
	before := func(high uint16) bool { // gives what is whole before high
		for len(whole) > 0 && whole[0].first < high {
			if !yield(uint32(whole[0].first)<<16, uint32(whole[0].last)<<16|maxLow) {
				return false
			}
			whole = whole[1:]
		}
		return true
	}
	for _, high := range slices.Sorted(maps.Keys(s.pages)) {
		if !before(high) {
			return false
		}
		for _, r := range s.pages[high].ranges() {
			if !yield(uint32(high)<<16|uint32(r.first), uint32(high)<<16|uint32(r.last)) {
				return false
			}
		}
	}
	for _, r := range whole {
		if !yield(uint32(r.first)<<16, uint32(r.last)<<16|maxLow) {
			return false
		}
	}
	return true
}

// String returns the members as ascending ranges, "1-5,9".
func (s *Set) String() string {
	var b strings.Builder
	for first, last := range s.Ranges {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(first), 10))
		if last != first {
			b.WriteByte('-')
			b.WriteString(strconv.FormatUint(uint64(last), 10))
		}
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
