package element

import "bytes"

// scanCards looks at n classified blocks for card numbers alone.
func (s *Scanner) scanCards(n int) {
	before := s.digitBefore()
	for i := range n {
		m, next := &s.masks[i], &s.masks[i+1]
		triggers := groupStarts(m.digit, next.digit, before) | m.lead | m.escape
		before = m.digit >> 63
		for ; triggers != 0; triggers &= triggers - 1 {
			bit := trailing(triggers)
			p := s.pos + i*blockSize + bit
			if p < s.numberEnd {
				continue
			}
			switch {
			case m.digit>>bit&1 != 0:
				s.cardGroup(p, shift(m.digit, next.digit, bit))
			case m.lead>>bit&1 != 0:
				s.wideGroup(p)
			default:
				s.escapedGroup(p)
			}
		}
	}
}

// digitBefore returns 1 when the byte before the next block is a digit.
func (s *Scanner) digitBefore() uint64 {
	if isDigit(s.buf[s.pos-1]) {
		return 1
	}
	return 0
}

// groupStarts returns where, in a block with the digits d, a row of four ASCII
// digits or more begins: where every grouping of a card number begins.
func groupStarts(d, next, before uint64) uint64 {
	return d & (d>>1 | next<<63) & (d>>2 | next<<62) & (d>>3 | next<<61) &^ (d<<1 | before)
}

// cardGroup judges the row of digits at p; w are the digits from p on.
func (s *Scanner) cardGroup(p int, w uint64) {
	n := run(w)
	if c := s.buf[p-1]; c == '%' || c == 'u' { // the digits of an escape
		cut := s.escapeDigits(p)
		p, n, w = p+cut, n-cut, w>>cut
	}
	if n >= 13 {
		s.solidCard(p, n)
		return
	}
	c := s.buf[p+n]
	switch {
	case n == 4 && (c == ' ' || c == '-' || c == '+' || c == '.'):
		if !mayBeCard(s.buf[p]) {
			return
		}
		second := run(w >> 5)
		if second == 4 && s.thirdGroup(p, w) || second == 6 {
			s.judgeCard(p)
		} else if c := s.buf[p+5]; second < 4 && (c >= 0x80 || c == '%' || c == '&' || c == '\\') {
			s.judgeCard(p)
		}
	case c >= 0x80 || c == '%' || c == '&' || c == '\\':
		if mayBeCard(s.buf[p]) && n > 0 && s.mayGoOn(p+n) {
			if d, _ := s.token(p + n); d != 0 {
				s.judgeCard(p)
			}
		}
	}
}

// mayGoOn is a cheap refusal of what follows digits: in UTF-8, full-width
// forms, spaces and dashes have few beginnings.
func (s *Scanner) mayGoOn(p int) bool {
	if s.lead != 0xEF {
		return true
	}
	c, d := s.buf[p], s.buf[p+1]
	switch c {
	case '%', '&', '\\':
		return true
	case 0xEF:
		return d == 0xBC || d == 0xBD || d == 0xB9
	case 0xE3:
		return d == 0x80 || d == 0x83
	case 0xE2:
		return d == 0x80 || d == 0x88
	case 0xC2:
		return d == 0xA0
	}
	return false
}

// solidCard judges a row of 13 digits or more; nearly all fail the check digit.
func (s *Scanner) solidCard(p, n int) {
	if n > 19 || !mayBeCard(s.buf[p]) {
		return
	}
	var d [19]byte
	for i, c := range s.buf[p : p+n] {
		d[i] = c - '0'
	}
	if IsCardPAN(d[:n]) {
		s.judgeCard(p)
	}
}

// thirdGroup reports whether a third group follows the two groups of four at
// p, or may follow in another writing.
func (s *Scanner) thirdGroup(p int, w uint64) bool {
	if c := s.buf[p+9]; c >= 0x80 || c == '%' || c == '&' || c == '\\' {
		return true
	}
	return w>>10&1 != 0 || s.buf[p+10] >= 0x80
}

// escapeDigits returns how many of the digits at p belong to %20 or \u3000.
func (s *Scanner) escapeDigits(p int) int {
	switch {
	case s.buf[p-1] == '%':
		return 2
	case s.buf[p-1] == 'u' && s.buf[p-2] == '\\':
		return 4
	}
	return 0
}

// mayBeCard reports whether a card number may begin with the digit c.
func mayBeCard(c byte) bool { return c >= '2' && c <= '6' }

// wideGroup judges the group that the full-width digit at p begins.
func (s *Scanner) wideGroup(p int) {
	size, ok := s.isWideDigit(p)
	if !ok {
		return
	}
	if _, ok := s.isWideDigit(p - size); ok {
		return // inside a group that was judged
	}
	start := s.numberStart(p)
	if s.onlyPAN && !s.fourDigits(start) {
		return
	}
	s.judge(start)
}

// fourDigits reports whether four digits, ASCII or full-width, begin at p, or
// three and an escape: no group of a card number is shorter but the last.
func (s *Scanner) fourDigits(p int) bool {
	for range 4 {
		if isDigit(s.buf[p]) {
			p++
		} else if size, ok := s.isWideDigit(p); ok {
			p += size
		} else {
			c := s.buf[p]
			return c == '%' || c == '&' || c == '\\'
		}
	}
	return true
}

// escapedGroup judges the number whose first digit is the escape at p.
func (s *Scanner) escapedGroup(p int) {
	if p < s.escapeEnd {
		return
	}
	switch c, d := s.buf[p], s.buf[p+1]; {
	case c == '%' && d != '3' && d != '4' && d|0x20 != 'e', c == '&' && d != '#', c == '\\' && d != 'u':
		return
	}
	r, size := s.unescape(p)
	if c := fromRune(r); !isDigit(c) {
		if r == '@' && !s.onlyPAN {
			s.email(p, size)
		}
		return
	}
	s.escapeEnd = p + size
	start := s.numberStart(p)
	s.judge(start)
	if n := &s.num; n.groups > 0 && n.group[0].p == start {
		s.escapeEnd = max(s.escapeEnd, n.group[0].e)
	}
}

// judge reports what the number at p is.
func (s *Scanner) judge(p int) {
	if s.onlyPAN {
		s.judgeCard(p)
	} else {
		s.judgeNumber(p)
	}
}

func (s *Scanner) judgeCard(p int) {
	if p >= s.numberEnd {
		s.card(s.parse(p))
	}
}

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
}

// card reports n if its first groups are a card number.
func (s *Scanner) card(n *row) bool {
	if n.groups == 0 {
		return false
	}
	lens := n.lens()
	if l := lens[0]; l >= 13 && l <= 19 {
		return !n.odd && s.cardOf(n, 1, l, solidBase(n.digit[:l]))
	}
	if n.groups < 2 {
		return false
	}
	for i := range groupings {
		g := &groupings[i]
		used := 0
		for used < len(g.lens) && g.lens[used] != 0 && g.lens[used] == lens[used] {
			used++
		}
		if (used == len(g.lens) || g.lens[used] == 0) && sameSeparator(n, used) {
			if s.cardOf(n, used, g.total, g.base) {
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
	return bytes.IndexByte([]byte(" -+."), sep) >= 0
}

// solidBase returns the confidence in digits without separators whose check
// digit is right: a random number of the length passes with 0.1 times the share
// of the range.
func solidBase(d []byte) int {
	switch len(d) {
	case 16:
		if validDay(int(d[2])*10+int(d[3]), int(d[4])*10+int(d[5])) && d[0] == 2 {
			return 42 // 2405011234567890: a day and a counter
		}
		if b := BrandOf(d); b == Diners {
			return 35
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
