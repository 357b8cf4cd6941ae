package element

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// longRun is from how many bytes on a row of digits and separators does not fit
// the window of masks that a row is read through.
const longRun = 60

// numbersIn looks at the triggers of numbers in block i: the bytes behind rows,
// and others.
func (s *Scanner) numbersIn(i int, rows, others uint64) {
	base := (i - 1) * blockSize
	for t := rows | others; t != 0; t &= t - 1 {
		at := base + trailing(t)
		if rows&t&-t != 0 && s.pos+at > s.ends.number {
			from := s.rowFrom(at)
			w, r := s.digitsFrom(from), s.pos+at-from
			if s.onlyPAN { // whose rows end before a separator behind fewer than four digits
				r = s.rowLength(from, w)
			}
			s.judgeRow(from, w, r)
		}
		if others&t&-t != 0 && s.pos+at >= s.ends.number {
			s.other(s.pos + at)
		}
	}
}

// other looks at what is not ASCII or a joint behind digits, at a full-width
// digit, or at an escape.
func (s *Scanner) other(p int) {
	switch c := s.buf[p]; {
	case c == '%' || c == '&' || c == '\\':
		s.escaped(p)
	case c < utf8.RuneSelf:
		s.jointAfter(p)
	case isDigit(s.buf[p-1]):
		s.wideAfter(p)
	default:
		s.wideDigit(p)
	}
}

// rowFrom returns where the row begins that ends before the byte at of the
// stride. What was judged of a long row is left out.
func (s *Scanner) rowFrom(at int) int {
	i, bit := at/blockSize, at%blockSize
	n := bits.LeadingZeros64(^(s.trig.joined[i+1] << (63 - bit) << 1))
	if n >= bit {
		n = bit + bits.LeadingZeros64(^s.trig.joined[i])
	}
	p := s.pos + at - n
	if p >= s.ends.row {
		return p
	}
	p = s.ends.row
	for isDigit(s.buf[p-1]) && isDigit(s.buf[p]) && p < s.pos+at {
		p++ // the rest of a group that was judged
	}
	if isSeparator(s.buf[p]) {
		p++
	}
	return p
}

// digitsFrom returns the mask of the 64 bytes from p on, which begins in the
// stride or in the block before it.
func (s *Scanner) digitsFrom(p int) uint64 {
	at := uint(p-s.pos) + blockSize
	i := at / blockSize
	return shift(s.masks.digit[i], s.masks.digit[i+1], int(at%blockSize))
}

// judgeRow judges the row of digits and separators at p, r bytes long; w are the digits
// from p on.
func (s *Scanner) judgeRow(p int, w uint64, r int) {
	if w&1 == 0 {
		return
	}
	if r >= longRun {
		s.longRow(p, p+2*blockSize)
		return
	}
	c, first := s.buf[p+r], run(w)
	if first >= r { // one group: most rows
		if c >= utf8.RuneSelf && s.mayGoOn(p+r) && s.goesOn(p+r) || (c == '%' || c == '&' || c == '\\') && s.goesOn(p+r) {
			return // and is judged there, in a view
		}
		s.solid(p, w, r)
		return
	}
	if first == 2 || first == 3 {
		// 404 76758: too short for anything with spaces. Most rows of a log.
		end := first + 1 + run(w>>(first+1))
		if c := s.buf[p+end]; s.buf[p+first] == ' ' && end < 10 && w>>(end+1)&1 == 0 && c < utf8.RuneSelf && c != '%' && c != '&' && c != '\\' && s.buf[p-1] != ' ' {
			return
		}
	}
	if (c >= utf8.RuneSelf || c == '%' || c == '&' || c == '\\') && s.goesOn(p+r) {
		return // and is judged there, in a view
	}
	for w &= 1<<r - 1; ; {
		n := run(w)
		if p >= s.ends.number {
			// Without a loop: how many groups there are, nothing foretells.
			w1 := w >> (n & 63) >> 1
			n1 := run(w1)
			w2 := w1 >> (n1 & 63) >> 1
			n2 := run(w2)
			w3 := w2 >> (n2 & 63) >> 1
			s.groupsAt(p, w, r, [4]uint8{uint8(n), uint8(n1), uint8(n2), uint8(run(w3))})
		}
		if n++; n >= r {
			return
		}
		p, w, r = p+n, w>>(n&63), r-n
	}
}

// rowLength returns how many bytes the row of digits and single separators at p has,
// longRun or more when it is too long.
func (s *Scanner) rowLength(p int, w uint64) int {
	r := run(w)
	for r < longRun && isSeparator(s.buf[p+r]) && w>>(r+1)&1 != 0 {
		r += 1 + run(w>>(r+1))
	}
	return r
}

// goesOn reports whether a number goes on at p in another writing: with a digit,
// or with a separator and a digit.
func (s *Scanner) goesOn(p int) bool {
	c, n := s.token(p)
	if c == 0 || isDigit(c) {
		return c != 0
	}
	c, _ = s.token(p + n)
	return isDigit(c)
}

// longRow judges the groups from p to limit of a row that is longer than the
// window of masks.
func (s *Scanner) longRow(p, limit int) {
	for p < limit {
		w, r, k := uint64(0), 0, 0
		var size [4]uint8
		for ; r < longRun; r++ {
			if c := s.buf[p+r]; isDigit(c) {
				w |= 1 << r
				if k < len(size) {
					size[k]++
				}
			} else if isSeparator(c) && isDigit(s.buf[p+r+1]) {
				k++
			} else {
				break
			}
		}
		if p >= s.ends.number && w&1 != 0 && run(w) < longRun/2 { // a longer group is no number
			s.groupsAt(p, w, r, size)
		}
		for p < limit && isDigit(s.buf[p]) {
			p++
		}
		if p < limit {
			if !isSeparator(s.buf[p]) || !isDigit(s.buf[p+1]) {
				break
			}
			p++
		}
	}
	s.ends.row = p
}

func isSeparator(c byte) bool {
	return c == ' ' || c == '-' || c == '+' || c == '.' || c == '/' || c == '(' || c == ')'
}

// groupsAt judges what begins with the group at p of a row with r bytes from
// there; size are the lengths of its first groups. It only sorts out.
func (s *Scanner) groupsAt(p int, w uint64, r int, size [4]uint8) {
	b := s.buf
	first := b[p]
	if s.onlyPAN && (size[0] < 4 || !mayBeCard(first)) {
		return
	}
	switch l := size[0]; l {
	case 1, 2, 3:
		sep := b[p+int(l)]
		switch {
		case first == '0' && l > 1 && size[1] != 0 && s.phone(s.fill(p, w, r)):
		case l == 2 && first == '8' && plusBefore(b[p-3:p]) > 0:
			s.phone(s.fill(p, w, r))
		case l == 3 && size[1] == 4 && sep == '-' && size[2] == 0:
			s.postalCode(s.fill(p, w, r))
		case l == 3 && size[1] == 4 && sep == '-':
			if n := s.fill(p, w, r); n.group[1].sep == ' ' {
				s.postalCode(n)
			}
		case r >= 11 && (b[p-1] == '(' && sep == ')' || b[p-1] == ' ' && b[p-2] == ')'):
			s.phoneBehindCountry(p, w, r)
		}
	case 4:
		switch {
		case first == '0' && size[1] >= 2 && size[1] <= 4 && s.phone(s.fill(p, w, r)):
		case size[1] == 4 && size[2] != 0:
			s.fours(p, w, r, size)
		case size[1] == 6 && mayBeCard(first), size[1] == 3 && size[2] == 3 && first == '4':
			s.card(s.fill(p, w, r))
		case size[1]-1 < 2 && size[2]-1 < 2:
			s.date(p, w, r)
		case size[1] == 4 && b[p-1] == ' ' && b[p-2] == ')':
			s.phoneInBrackets(p, r)
		}
	case 5:
		if first == '0' {
			s.phone(s.fill(p, w, r))
		}
	case 6:
		if size[1] == 13 && mayBeCard(first) {
			s.card(s.fill(p, w, r))
		}
	default:
		s.solid(p, w, int(l))
	}
}

// fours judges groups of four: cards have four of them, My Numbers three.
func (s *Scanner) fours(p int, w uint64, r int, size [4]uint8) {
	if size[2] != 4 || s.onlyPAN && size[3] < 2 {
		return
	}
	if size[3] > 1 && mayBeCard(s.buf[p]) {
		if s.card(s.fill(p, w, r)) || s.onlyPAN {
			return
		}
	}
	if s.buf[p-1] != '-' && size[3] != 4 {
		s.twelve(s.fill(p, w, r))
	}
}

// phoneInBrackets judges (03) 1234-5678, whose row begins behind the bracket.
func (s *Scanner) phoneInBrackets(p, r int) {
	q := p - 2
	for q > p-8 && isDigit(s.buf[q-1]) {
		q--
	}
	if s.buf[q] != '0' || s.buf[q-1] != '(' || q < s.ends.number {
		return
	}
	s.phone(s.parse(q))
}

// solid judges the n digits at p, without a separator between them.
func (s *Scanner) solid(p int, w uint64, n int) {
	b := s.buf
	before, c := b[p-1], b[p+n]
	if isWordByte(c) {
		return
	}
	switch n {
	case 7:
		if isUpper(before) {
			s.passport(p)
		} else if !isWordByte(before) || s.escapeBefore(p) > 0 {
			s.sevenDigits(s.fill(p, w, n))
		}
		return
	case 8, 10, 11, 12:
		if s.onlyPAN || isWordByte(before) && s.escapeBefore(p) == 0 {
			return
		}
	case 13, 14, 15, 16, 17, 18, 19:
		if mayBeCard(b[p]) && !(before == '.' && isDigit(b[p-2])) {
			if n := s.fill(p, w, n); IsCardPAN(n.digit[:n.n]) {
				s.card(n)
			}
		}
		return
	default:
		return
	}
	switch {
	case n == 8:
		if b[p] == '1' && b[p+1] == '9' || b[p] == '2' && b[p+1] == '0' {
			s.solidDate(s.fill(p, w, n))
		}
	case n > 10 && (before == '+' || before|0x20 == 'b' && plusBefore(b[p-3:p]) > 0):
		s.phone(s.fill(p, w, n))
	case n == 12:
		s.twelve(s.fill(p, w, n))
	case b[p] == '0':
		s.phone(s.fill(p, w, n))
	}
}

// fill reads the row of r bytes at p, all ASCII, into s.num; w are its digits.
func (s *Scanner) fill(p int, w uint64, r int) *row {
	n := &s.num
	n.n, n.groups, n.wide, n.odd = 0, 0, false, false
	w &= 1<<r - 1
	if run(w) == r && r <= maxGroup { // one group, as most
		from, to := (*[24]byte)(s.buf[p:]), (*[24]byte)(n.digit[:])
		for i := 0; i < len(from); i += 8 {
			binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(from[i:])&0x0f0f0f0f0f0f0f0f)
		}
		n.n, n.groups, n.group[0] = r, 1, group{0, r, p, p + r, 0}
		w = 0
	}
	for w != 0 && n.groups < maxGroups {
		size := run(w)
		if size > maxGroup || n.n+size > maxDigits {
			n.odd = true
			break
		}
		g := &n.group[n.groups]
		g.from, g.to, g.p, g.e, g.sep = n.n, n.n+size, p, p+size, 0
		from, to := s.buf[p:p+24], n.digit[n.n:n.n+24]
		binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(from)&0x0f0f0f0f0f0f0f0f)
		if size > 8 {
			binary.LittleEndian.PutUint64(to[8:], binary.LittleEndian.Uint64(from[8:])&0x0f0f0f0f0f0f0f0f)
			binary.LittleEndian.PutUint64(to[16:], binary.LittleEndian.Uint64(from[16:])&0x0f0f0f0f0f0f0f0f)
		}
		n.n += size
		n.groups++
		w >>= size
		gap := bits.TrailingZeros64(w)
		if w != 0 {
			g.sep = s.buf[p+size]
		}
		w >>= gap
		p += size + gap
	}
	if s.depth > 0 {
		for i := range n.groups {
			g := &n.group[i]
			n.wide = n.wide || int(s.spot[g.e]-s.spot[g.p]) != g.len()
		}
	}
	return n
}
