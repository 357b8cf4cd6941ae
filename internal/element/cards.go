package element

import (
	"bytes"
)

// scanCards looks at n classified blocks for card numbers alone. Base64 is left to
// who looks for everything.
func (s *Scanner) scanCards(n int) {
	t := &s.trig
	for i := 1; i <= n; i++ {
		if t.joined[i] == ^uint64(0) {
			s.longRow(s.rowFrom((i-1)*blockSize), s.pos+i*blockSize)
		}
		if t.rows[i]|t.others[i] != 0 {
			s.numbersIn(i, t.rows[i], t.others[i])
		}
	}
}

// mayBeCard reports whether a card number may begin with the digit c.
func mayBeCard(c byte) bool { return c >= '2' && c <= '6' }

// A grouping is the lengths of a card number's groups, and what they are worth.
type grouping struct {
	lens  [5]int
	base  int
	total int
}

var groupings = []grouping{
	{[5]int{4, 4, 4, 4}, 85, 16},
	{[5]int{4, 6, 5}, 85, 15},
	{[5]int{4, 6, 4}, 80, 14},
	{[5]int{4, 4, 4, 4, 3}, 75, 19},
	{[5]int{4, 4, 4, 3}, 45, 15},
	{[5]int{4, 4, 4, 2}, 45, 14},
	{[5]int{8, 8}, 45, 16},
	{[5]int{6, 13}, 60, 19},
	{[5]int{4, 3, 3, 3}, 25, 13},
}

// card reports n if its first groups are a card number.
func (s *Scanner) card(n *row) bool {
	if n.groups == 0 {
		return false
	}
	if l := n.size(0); l >= 13 && l <= 19 {
		return s.cardOf(n, 1, l, solidBase(n.digit[:l]))
	}
	if n.groups < 2 {
		return false
	}
	for i := range groupings {
		g := &groupings[i]
		used := 0
		for used < len(g.lens) && g.lens[used] != 0 && g.lens[used] == n.size(used) {
			used++
		}
		if (used == len(g.lens) || g.lens[used] == 0) && sameSeparator(n, used) {
			base := g.base
			if n.group[0].sep == '/' {
				base = min(base, 45) // a word must say what it is
			}
			if s.cardOf(n, used, g.total, base) {
				return true
			}
		}
	}
	return false
}

// sameSeparator reports whether the first used groups of n have one separator
// between them, of those that people put into card numbers.
func sameSeparator(n *row, used int) bool {
	sep := n.group[0].sep
	for i := range used - 1 {
		if n.group[i].sep != sep {
			return false
		}
	}
	return bytes.IndexByte([]byte(" -+./"), sep) >= 0
}

// solidBase returns the confidence in digits without separators whose check
// digit is right: a random number of the length passes with 0.1 times the share
// of the range.
func solidBase(d []byte) int {
	if len(d) != 14 && BrandOf(d) == Diners {
		return 35 // the range has room for them, few were given out
	}
	switch len(d) {
	case 16:
		if validDay(int(d[2])*10+int(d[3]), int(d[4])*10+int(d[5])) && d[0] == 2 {
			return 42 // 2405011234567890: a day and a counter
		}
		return 62
	case 15:
		return 58
	case 14:
		return 52
	case 19:
		if d[0] == 4 {
			return 52
		}
		return 45
	}
	return 25
}
