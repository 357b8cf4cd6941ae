package element

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// postalCode reports NNN-NNNN: alone it is any number, so 〒, a word or a
// prefecture must stand beside it.
func (s *Scanner) postalCode(n *row) bool {
	if n.groups < 2 || n.size(0) != 3 || n.size(1) != 4 || n.group[0].sep != '-' || n.group[1].sep == '-' || n.group[1].sep == '.' {
		return false
	}
	p, e := n.group[0].p, n.group[1].e
	if !s.alone(p, e) || (s.buf[p-1] == '-' || s.buf[p-1] == '.') && isWordByte(s.buf[p-2]) || s.buf[e] == '-' && isWordByte(s.buf[e+1]) {
		return false
	}
	return s.postalOf(n, 2, p, e)
}

func (s *Scanner) postalOf(n *row, used, p, e int) bool {
	why, confidence := ByForm, 40
	if used == 1 {
		confidence = 10
	}
	after := s.prefectureAfter(e)
	if after || s.postalMarkBefore(p) {
		if !after {
			s.ends.postal = e
		}
		return s.number(n, used, PostalCode, 97, why|ByAnchor)
	}
	if nearest := s.nearest(p, e, aboutPostal|aboutOther|aboutPhone|aboutBank); nearest == aboutPostal {
		confidence, why = confidence+45, why|ByContext
		s.ends.postal = e
	}
	return s.number(n, used, PostalCode, confidence, why)
}

func (s *Scanner) postalMarkBefore(p int) bool {
	least := p - 8
	for p > least && s.buf[p-1] == ' ' {
		p--
	}
	b := s.buf[least:p]
	return bytes.HasSuffix(b, []byte("〒")) || bytes.HasSuffix(b, []byte("〒　"))
}

// isGap reports whether c may stand between a postal code and its address.
func isGap(c byte) bool { return c == ' ' || c == '\t' || c == '"' || c == ',' }

// prefectureAfter reports whether a prefecture follows e, after white space.
func (s *Scanner) prefectureAfter(e int) bool {
	b := s.buf[e : e+24]
	for len(b) > 0 && isGap(b[0]) {
		b = b[1:]
	}
	b = bytes.TrimPrefix(b, []byte("　"))
	return len(b) > 9 && prefectureAt(b) > 0
}

// passport reports two capital letters and seven digits.
func (s *Scanner) passport(digits int) {
	b := s.buf
	p, e := digits-2, digits+7
	if !isUpper(b[p]) || !isUpper(b[p+1]) || !s.alone(p, e) || b[p-1] == '-' || b[e] == '-' && isWordByte(b[e+1]) {
		return
	}
	nearest := s.nearest(p, e, aboutPassport|aboutOther)
	confidence, why := 35, ByForm
	if b[p] == 'T' || b[p] == 'M' { // the series of ordinary Japanese passports
		confidence, why = 45, why|ByRange
	}
	if nearest == aboutPassport {
		confidence, why = confidence+50, why|ByContext
	}
	if confidence < s.least && s.adjust == nil {
		return
	}
	s.ends.number = e
	s.emit(p, e, Passport, confidence, why, b[p:e])
}

// sevenDigits reports bank accounts and postal codes without a hyphen.
func (s *Scanner) sevenDigits(n *row) bool {
	p, e := n.group[0].p, n.group[0].e
	if n.group[0].sep == '-' || n.group[0].sep == '.' || !s.alone(p, e) {
		return false
	}
	nearest := s.nearest(p, e, aboutBank|aboutPostal|aboutOther|aboutPhone|aboutPassport|aboutMyNumber|aboutCard)
	switch nearest {
	case aboutBank:
		return s.number(n, 1, BankAccount, 75, ByForm|ByContext)
	case aboutPostal:
		return s.postalOf(n, 1, p, e)
	}
	return false
}

// solidDate reports 19850304 when a word says that it is a birth date.
func (s *Scanner) solidDate(n *row) {
	d := n.digit[:8]
	year := int(d[0])*1000 + int(d[1])*100 + int(d[2])*10 + int(d[3])
	if year < 1900 || year > 2030 || !validDay(int(d[4])*10+int(d[5]), int(d[6])*10+int(d[7])) || !s.alone(n.group[0].p, n.group[0].e) {
		return
	}
	if s.isBirth(n.group[0].p, n.group[0].e) {
		s.number(n, 1, BirthDate, 85, ByForm|ByContext)
	}
}

// date is the way in for the row YYYY-MM-DD in ASCII: nothing is parsed when the
// line says nothing of a birth.
func (s *Scanner) date(p int, w uint64, r int) {
	b := s.buf
	if b[p] == '0' {
		s.phone(s.fill(p, w, r))
		return
	}
	if b[p] != '1' && b[p] != '2' || isWordByte(b[p-1]) || b[p-1] == '-' {
		return
	}
	if s.depth == 0 && (b[p-1] == '\n' || b[p-1] == '[' || b[p-1] == 0) { // of a line in a log
		return
	}
	if b[p+10] == 'T' || b[p+10] == ' ' && b[p+13] == ':' { // a time of day follows
		return
	}
	if s.mayBeBirth(p) {
		s.dateOf(s.fill(p, w, r))
	}
}

// mayBeBirth is a cheap refusal: a word for birth has a b, or 生 or 誕 stands near.
func (s *Scanner) mayBeBirth(p int) bool {
	for q := p - 8; q >= p-contextBefore; q -= 8 {
		x := binary.LittleEndian.Uint64(s.buf[q:])
		hits, line := equal(x|ones*0x20, 'b'), equal(x, '\n')
		if x&high|hits|line == 0 {
			continue // as most in ASCII
		}
		if hits |= equal(x, 0xE7) | equal(x, 0xE8); hits > line {
			return true
		}
		if line != 0 {
			break
		}
	}
	b, after := (*[contextBefore]byte)(s.buf[p:]), uint64(0)
	for i := 0; i < len(b); i += 8 {
		after |= binary.LittleEndian.Uint64(b[i:])
	}
	return after&high != 0 && bytes.Contains(b[:s.lineEnd(p, p+len(b))-p], []byte("生"))
}

// dateOf reports year, month and day in separate groups.
func (s *Scanner) dateOf(n *row) bool {
	if n.groups < 3 || n.size(0) != 4 || n.size(1) > 2 || n.size(2) > 2 || n.group[0].sep == ' ' || n.group[0].sep == '+' {
		return false
	}
	at := func(g int) int {
		v := 0
		for _, d := range n.digit[n.group[g].from:n.group[g].to] {
			v = v*10 + int(d)
		}
		return v
	}
	if y := at(0); y < 1900 || y > 2030 || !validDay(at(1), at(2)) {
		return false
	}
	p, e := n.group[0].p, n.group[2].e
	if isWordByte(s.buf[p-1]) {
		return false
	}
	if hasPrefix(s.buf[e:e+3], "日") {
		n.group[2].e += 3
		e += 3
	}
	return s.isBirth(p, e) && s.number(n, 3, BirthDate, 90, ByForm|ByContext)
}

// kanjiDate reads 1985年3月4日 whose 年 may be at p, without a view, and says whether it
// stands there as nearly all do. The rest is left to a view.
func (s *Scanner) kanjiDate(p int) bool {
	b := s.buf
	start := p - 4
	if s.lead != 0xEF || !hasPrefix(b[p:p+3], "年") || start < s.ends.number || b[start]-'1' > 1 || !isDigit(b[p-3]) || !isDigit(b[p-2]) {
		return false
	}
	switch c := b[start-1]; {
	case isDigit(c) || isSeparator(c) && c != ' ' || isWordByte(c) || c == '%' || c == '=', c == ' ' && isDigit(b[start-2]):
		return false
	case c >= utf8.RuneSelf && !(b[start-3] == 0xE3 && b[start-2] != 0x80) && !hasPrefix(b[start-3:start], "：") && b[start-3]-0xE4 > 5:
		return false // it may be a digit or a letter in full width
	}
	e := monthInKanji(b, p+3)
	if e == 0 {
		return false
	}
	s.ends.number = max(s.ends.number, e-3)
	if !s.kinds.Has(BirthDate) || !s.mayBeBirth(start) {
		return true
	}
	n := &s.num
	n.n, n.groups, n.wide, n.odd = 0, 0, false, false
	for q := start; q < e; q++ {
		g := &n.group[n.groups]
		g.from, g.p, g.sep = n.n, q, '/'
		for ; isDigit(b[q]); q++ {
			n.digit[n.n] = b[q] - '0'
			n.n++
		}
		g.to, g.e = n.n, q
		n.groups++
		q += 2
	}
	n.group[2].sep = 0
	s.dateOf(n)
	return true
}

// monthInKanji returns where 3月4日 at q ends, 0 when it does not stand there.
func monthInKanji(b []byte, q int) int {
	for _, sign := range [...]string{"月", "日"} {
		n := twoDigits(b[q:])
		if q += n + 3; n == 0 || !hasPrefix(b[q-3:q], sign) {
			return 0
		}
	}
	return q
}

// twoDigits returns the size of a number of one or two digits at b, 0 when there is
// none.
func twoDigits(b []byte) int {
	switch {
	case !isDigit(b[0]):
		return 0
	case !isDigit(b[1]):
		return 1
	case !isDigit(b[2]):
		return 2
	}
	return 0
}

// isBirth reports whether the words around buf[p:e] speak of a birth.
func (s *Scanner) isBirth(p, e int) bool {
	after := s.buf[e : e+12]
	for len(after) > 0 && (after[0] == ' ' || after[0] == ')') {
		after = after[1:]
	}
	if hasPrefix(after, "生") {
		return true
	}
	nearest := s.nearest(p, e, aboutBirth|aboutTime|aboutExpiry)
	return nearest == aboutBirth
}

// isEraLetter reports whether an era begins with the small letter c.
func isEraLetter(c byte) bool { return c == 's' || c == 'h' || c == 't' || c == 'm' || c == 'r' }

// shortEra reports S44.10.18 or 昭44年10月18日 behind a word for a birth date that ends
// at q: era dates with the era's first letter, by which alone anything could be meant.
func (s *Scanner) shortEra(q int) {
	b := s.buf
	for limit := q + 8; q < limit; q++ {
		switch c := b[q]; {
		case c == ' ' || c == '"' || c == '\'' || c == ',' || c == '\t' || c == '(':
			continue
		case hasPrefix(b[q:q+3], "　"), hasPrefix(b[q:q+3], "は"), hasPrefix(b[q:q+3], "（"):
			q += 2
			continue
		}
		break
	}
	p := q
	switch {
	case isEraLetter(b[q] | 0x20):
		q++
	case b[q] >= 0xE4 && flagOf(b[q:q+3])&beginsEra != 0:
		q += 3
	default:
		return
	}
	if b[q]-0xE4 < 6 {
		return // kanji: 昭和 is looked at by itself
	}
	n := s.parse(q)
	if n.groups < 3 || n.size(0) > 2 || n.size(1) > 2 || n.size(2) > 2 || n.group[0].sep != n.group[1].sep || n.group[0].sep == ' ' || n.group[0].sep == '+' {
		return
	}
	at := func(g int) (v int) {
		for _, d := range n.digit[n.group[g].from:n.group[g].to] {
			v = v*10 + int(d)
		}
		return v
	}
	e := n.group[2].e
	if at(0) < 1 || at(0) > 64 || !validDay(at(1), at(2)) || isWordByte(b[e]) {
		return
	}
	if hasPrefix(b[e:e+3], "日") {
		e += 3
	}
	s.emit(p, e, BirthDate, 90, ByForm|ByAnchor|ByContext, nil)
}

// eraEnd returns where the date of an era ends whose year, or whose month in its first
// year, is at q; 0 when there is none.
func (s *Scanner) eraEnd(q int, first bool) int {
	b := s.buf
	from := q
	if !first {
		if n := twoDigits(b[q:]); n > 0 && hasPrefix(b[q+n:q+n+3], "年") {
			from += n + 3
		}
	}
	if first || from > q {
		if e := monthInKanji(b, from); e > 0 { // as nearly all
			return e
		}
	}
	n := s.parse(q)
	groups := 3
	if first {
		groups = 2
	}
	if n.groups < groups {
		return 0
	}
	for i := range groups {
		if n.group[i].len() > 2 {
			return 0
		}
	}
	e := n.group[groups-1].e
	if hasPrefix(b[e:e+3], "日") {
		e += 3
	}
	return e
}

// eraDate reports 昭和60年3月4日 at p. An era date is a birth date when a word
// says so, and also beside a name: until 2030 few other dates are 明治 to 昭和.
func (s *Scanner) eraDate(p int) {
	b := s.buf
	old := false
	found := false
	for i, era := range eras {
		if hasPrefix(b[p:p+6], era) {
			found, old = true, i <= 2
		}
	}
	q := p + 6
	if !found {
		return
	}
	if hasPrefix(b[q:q+3], "元") {
		q += 6 // 元年
	}
	e := s.eraEnd(q, q > p+6)
	if e == 0 {
		return
	}
	confidence, why := 20, ByForm|ByAnchor
	if old {
		confidence = 40
	}
	if s.isBirth(p, e) {
		confidence, why = 92, why|ByContext
	}
	s.emit(p, e, BirthDate, confidence, why, nil)
}
