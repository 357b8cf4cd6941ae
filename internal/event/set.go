package event

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
)

// Set is a set of subject numbers of one source as ascending, disjoint,
// non-adjacent ranges. Its JSON form is a string of decimal numbers and ranges,
// "1-5,9,12-40", which jq can split.
type Set []Range

// Range is First … Last, both included.
type Range struct{ First, Last uint32 }

// SetOf returns the set of the given numbers, which it sorts in place.
func SetOf(numbers []uint32) Set {
	if len(numbers) == 0 {
		return nil
	}
	slices.Sort(numbers)
	set := Set{{numbers[0], numbers[0]}}
	for _, n := range numbers[1:] {
		last := &set[len(set)-1]
		switch {
		case n == last.Last:
		case n == last.Last+1:
			last.Last = n
		default:
			set = append(set, Range{n, n})
		}
	}
	return set
}

// Len returns the number of members.
func (s Set) Len() uint64 {
	var n uint64
	for _, r := range s {
		n += uint64(r.Last-r.First) + 1
	}
	return n
}

// Append appends the string form of s to dst.
func (s Set) Append(dst []byte) []byte {
	for i, r := range s {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(r.First), 10)
		if r.Last != r.First {
			dst = append(dst, '-')
			dst = strconv.AppendUint(dst, uint64(r.Last), 10)
		}
	}
	return dst
}

// MarshalJSON implements json.Marshaler.
func (s Set) MarshalJSON() ([]byte, error) {
	dst := append(make([]byte, 0, 16*len(s)+2), '"')
	return append(s.Append(dst), '"'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Set) UnmarshalJSON(text []byte) error {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return fmt.Errorf("set %.20q: not a string", text)
	}
	set, err := ParseSet(text[1 : len(text)-1])
	*s = set
	return err
}

// ParseSet parses the string form. It refuses ranges that are not ascending,
// disjoint and non-adjacent, so that every set has one spelling.
func ParseSet(text []byte) (Set, error) {
	if len(text) == 0 {
		return nil, nil
	}
	return appendSet(make(Set, 0, 1+bytes.Count(text, []byte{','})), text)
}

// appendSet is ParseSet into an empty set that may have room.
func appendSet(set Set, text []byte) (Set, error) {
	for i := 0; i < len(text); {
		first, next, ok := parseNumber(text, i)
		last := first
		if ok && next < len(text) && text[next] == '-' {
			last, next, ok = parseNumber(text, next+1)
			ok = ok && last > first
		}
		if ok && len(set) > 0 {
			ok = uint64(first) > uint64(set[len(set)-1].Last)+1
		}
		if !ok {
			return nil, fmt.Errorf("set: bad range at byte %d", i)
		}
		set = append(set, Range{first, last})
		if next < len(text) {
			if text[next] != ',' || next+1 == len(text) {
				return nil, fmt.Errorf("set: bad separator at byte %d", next)
			}
			next++
		}
		i = next
	}
	return set, nil
}

func parseNumber(text []byte, i int) (n uint32, next int, ok bool) {
	start, v := i, uint64(0)
	for ; i < len(text) && text[i] >= '0' && text[i] <= '9' && i-start < 11; i++ {
		v = v*10 + uint64(text[i]-'0')
	}
	digits := i - start
	if digits == 0 || v > 1<<32-1 || (text[start] == '0' && digits > 1) {
		return 0, i, false
	}
	return uint32(v), i, true
}
