package element

import (
	"unicode/utf8"
)

// A row is a sequence of digit groups with one separator between them, in any
// writing: ASCII or full-width digits, escaped for URLs, HTML or JSON.
type row struct {
	digit  [maxDigits + 24]byte // values 0–9; the rest is room for words of eight
	n      int
	group  [maxGroups]group
	groups int
	wide   bool // some digit is full-width
	odd    bool // goes on with digits that did not fit: a number of another kind
}

// group is one row of digits.
type group struct {
	from, to int  // digits
	p, e     int  // bytes of the window
	sep      byte // the separator after it, as ASCII; 0 when it is the last
}

const (
	maxDigits = 40
	maxGroups = 7
	maxGroup  = 22
)

func (g *group) len() int { return g.to - g.from }

// size returns the length of group i, 0 when it is missing.
func (n *row) size(i int) int {
	if i >= n.groups {
		return 0
	}
	return n.group[i].len()
}

// parse reads the number that begins at p into s.num. It looks at most
// maxGroups·maxGroup tokens of nine bytes ahead.
func (s *Scanner) parse(p int) *row {
	n := &s.num
	n.n, n.groups, n.wide, n.odd = 0, 0, false, false
	limit := p + lookAhead - 2*blockSize
	for n.groups < maxGroups {
		g := &n.group[n.groups]
		g.from, g.to, g.p, g.e, g.sep = n.n, n.n, p, p, 0
		for p < limit {
			c, size := s.buf[p], 1
			if !isDigit(c) {
				if c < utf8.RuneSelf && c != '%' && c != '&' && c != '\\' {
					break
				}
				c, size = s.token(p)
			}
			if !isDigit(c) {
				break
			}
			if g.len() == maxGroup || n.n == maxDigits {
				n.odd = true
				break
			}
			n.wide = n.wide || size > 1
			n.digit[n.n] = c - '0'
			n.n++
			p += size
			g.to, g.e = n.n, p
		}
		if g.len() == 0 || n.odd {
			break
		}
		n.groups++
		c, size := s.token(p)
		if c == 0 || p+size >= limit {
			break
		}
		if c == ')' { // (03) 1234-5678
			if c2, size2 := s.token(p + size); c2 == ' ' || c2 == '-' {
				size += size2
			}
		}
		if d := s.buf[p+size]; !isDigit(d) {
			if d, _ = s.token(p + size); !isDigit(d) {
				break
			}
		}
		g.sep = c
		p += size
	}
	if n.groups > 0 {
		n.group[n.groups-1].sep = 0
	}
	return n
}

// token returns the digit ('0'–'9') or separator at p as ASCII and its size, 0
// when there is neither.
func (s *Scanner) token(p int) (c byte, size int) {
	switch c = s.buf[p]; {
	case isDigit(c):
		return c, 1
	case c == ' ' || c == '-' || c == '+' || c == '.' || c == '/' || c == '(' || c == ')':
		return c, 1
	case c == '%' || c == '&' || c == '\\':
		r, size := s.unescape(p)
		return fromRune(r), size
	case c == 0xEF && s.lead == 0xEF && s.buf[p+1] == 0xBC && s.buf[p+2]-0x81 <= 0xBF-0x81: // ！ to ＿
		if c = s.buf[p+2] - (0x81 - '!'); !isDigit(c) && !isSeparator(c) {
			c = 0
		}
		return c, 3
	case c >= utf8.RuneSelf:
		r, size := s.rune(p)
		return fromRune(r), size
	}
	return 0, 0
}

// fromRune returns the ASCII digit or separator that r stands for, or 0.
func fromRune(r rune) byte {
	switch r {
	case '年', '月':
		return '/'
	case '・', '･':
		return '-'
	}
	c := byte(0)
	if r < utf8.RuneSelf {
		c = byte(r)
	} else {
		c = ascii(r, true)
	}
	switch {
	case isDigit(c), c == ' ', c >= '(' && c <= '/' && c != '*' && c != ',':
		return c
	}
	return 0
}

// rune decodes the character at p in the window's encoding, 0 when there is
// none.
func (s *Scanner) rune(p int) (rune, int) {
	if s.enc.raw && (s.enc.is == ShiftJIS || s.enc.is == EUCJP) {
		r := rune(s.enc.pairs[int(s.buf[p])<<8|int(s.buf[p+1])])
		if c := s.buf[p]; r == 0 && s.enc.is == ShiftJIS && (c == 0xA5 || c == 0xB0) { // half-width ・ and ー
			return 0xFF61 + rune(c-0xA1), 1
		}
		return r, 2
	}
	r, n := decodeRune(s.buf[p : p+utf8.UTFMax])
	if r == utf8.RuneError {
		return 0, 1
	}
	return r, n
}

// unescape decodes %34, %EF%BC%94, &#52;, &#x34;, &nbsp;, \u0034 and \uff14 at
// p; 0 when there is no such escape.
func (s *Scanner) unescape(p int) (rune, int) {
	b := s.buf[p : p+12]
	switch b[0] {
	case '%':
		return unescapeURL(b)
	case '\\':
		size := 6
		switch b[1] {
		case 'u':
		case 'x': // of programs: \x34
			size = 4
		default:
			return 0, 0
		}
		r := rune(0)
		for _, c := range b[2:size] {
			h := hex(c)
			if h < 0 {
				return 0, 0
			}
			r = r<<4 | rune(h)
		}
		if size == 4 && r >= utf8.RuneSelf {
			return 0, 0
		}
		return r, size
	}
	if b[1] == '#' {
		return unescapeHTML(b)
	}
	for _, e := range [...]struct {
		name string
		r    rune
	}{{"&nbsp;", ' '}, {"&ensp;", ' '}, {"&emsp;", ' '}, {"&thinsp;", ' '}, {"&minus;", '-'}, {"&ndash;", '-'}, {"&mdash;", '-'}, {"&hyphen;", '-'}, {"&middot;", '-'}, {"&plus;", '+'}} {
		if hasPrefix(b, e.name) {
			return e.r, len(e.name)
		}
	}
	return 0, 0
}

// unescapeURL decodes the bytes of a character written as %E5%B1%B1.
func unescapeURL(b []byte) (rune, int) {
	var raw [utf8.UTFMax]byte
	for i := range utf8.UTFMax {
		hi, lo := hex(b[3*i+1]), hex(b[3*i+2])
		if b[3*i] != '%' || hi < 0 || lo < 0 {
			return 0, 0
		}
		raw[i] = byte(hi<<4 | lo)
		if r, n := utf8.DecodeRune(raw[:i+1]); n == i+1 && r != utf8.RuneError {
			return r, 3 * n
		}
	}
	return 0, 0
}

func unescapeHTML(b []byte) (rune, int) {
	base, i := 10, 2
	if b[2]|0x20 == 'x' {
		base, i = 16, 3
	}
	r := rune(0)
	for start := i; i < len(b); i++ {
		h := hex(b[i])
		if b[i] == ';' && i > start {
			return r, i + 1
		}
		if h < 0 || h >= base || i-start >= 6 {
			break
		}
		r = r*rune(base) + rune(h)
	}
	return 0, 0
}

// hex returns the value of a hexadecimal digit, -1 for other bytes.
func hex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// isWideDigit reports whether a full-width digit begins at p, and its size.
func (s *Scanner) isWideDigit(p int) (int, bool) {
	b := s.buf
	switch {
	case b[p] != s.lead:
		return 0, false
	case s.lead == 0xEF:
		return 3, b[p+1] == 0xBC && b[p+2]-0x90 <= 9
	case s.lead == 0x82:
		return 2, b[p+1]-0x4F <= 9
	}
	return 2, b[p+1]-0xB0 <= 9
}
