package element

// numberGroup judges the row of four ASCII digits or more at p; w are the
// digits from p on. It only sorts out: most rows in a log are times.
func (s *Scanner) numberGroup(p int, w uint64) {
	n := run(w)
	if c := s.buf[p-1]; c == '%' || c == 'u' {
		cut := s.escapeDigits(p)
		p, n, w = p+cut, n-cut, w>>cut
	}
	c := s.buf[p+n]
	switch {
	case n == 4:
		s.groupOfFour(p, w)
	case n == 7, n == 8, n == 10, n == 11, n == 12:
		if isWordByte(c) || n > 7 && isWordByte(s.buf[p-1]) && s.escapeBefore(p) == 0 {
			return // within an identifier
		}
		if s.soleNumber(p, n) {
			s.judgeNumber(p)
		}
	case n >= 13:
		s.solidCard(p, n)
	case (c >= 0x80 || c == '%' || c == '&' || c == '\\') && n > 0 && n < 20:
		if !s.mayGoOn(p + n) {
			return
		}
		if d, _ := s.token(p + n); d != 0 {
			s.judgeNumber(p)
		}
	case n == 6 && c == '-' && mayBeCard(s.buf[p]), n == 5 && s.buf[p] == '0':
		s.judgeNumber(p)
	}
}

// soleNumber is a cheap refusal of what cannot be a number by its first digits
// and its length, without a separator or another writing behind it.
func (s *Scanner) soleNumber(p, n int) bool {
	b := s.buf
	switch c := b[p+n]; {
	case c >= 0x80 || c == '%' || c == '&' || c == '\\' || c == '-' || c == ' ' || c == '(':
		return true
	case n == 8:
		return b[p] == '1' && b[p+1] == '9' || b[p] == '2' && b[p+1] == '0'
	case n == 10 || n == 11:
		return b[p] == '0' || b[p-1] == '+'
	}
	return true
}

// groupOfFour judges a row of exactly four digits: the first of a card number,
// a My Number, a date, or the last of a phone number or postal code.
func (s *Scanner) groupOfFour(p int, w uint64) {
	b := s.buf
	if c := b[p-1]; (c == '-' || c == ' ' || c == ')') && isDigit(b[p-2]) {
		if s.groupAtEnd(p) {
			return
		}
	}
	switch c := b[p+4]; {
	case c == '-' || c == ' ' || c == '+' || c == '/' || c == '.':
		second := run(w >> 5)
		switch {
		case second == 4 && s.thirdGroup(p, w), second == 6, second == 0 && b[p+5] >= 0x80, b[p] == '0' && second == 3:
			s.judgeNumber(p)
		case second == 1 || second == 2:
			s.date(p)
		}
	case c >= 0x80 || c == '%' || c == '&' || c == '\\':
		if c != 0xE5 && !s.mayGoOn(p+4) { // E5: 年
			return
		}
		if d, _ := s.token(p + 4); d != 0 {
			s.judgeNumber(p)
		}
	}
}

// groupAtEnd judges the number whose last group of four digits is at p.
func (s *Scanner) groupAtEnd(p int) bool {
	q := s.groupBefore(p)
	if q == 0 || q < s.numberEnd {
		return false
	}
	if r := s.groupBefore(q); r != 0 && r >= s.numberEnd && s.phone(s.parse(r)) {
		return true
	}
	n := s.parse(q)
	return s.phone(n) || s.postalCode(n)
}

// groupBefore returns where the group of one to five digits before the one at p
// begins, 0 when there is none.
func (s *Scanner) groupBefore(p int) int {
	b := s.buf
	q := p - 1
	switch b[q] {
	case '-', ' ', ')', '(':
	default:
		return 0
	}
	if (b[q] == '-' || b[q] == ' ') && b[q-1] == ')' {
		q--
	}
	end := q
	for q > 0 && end-q < 6 && isDigit(b[q-1]) {
		q--
	}
	if end == q || end-q > 5 {
		return 0
	}
	return q
}

// judgeNumber reports what the number at p is.
func (s *Scanner) judgeNumber(p int) {
	if p < s.numberEnd {
		return
	}
	n := s.parse(p)
	if n.groups == 0 {
		return
	}
	switch n.group[0].len() {
	case 7:
		if s.passport(n) || s.sevenDigits(n) {
			return
		}
	case 8:
		s.solidDate(n)
		return
	case 4:
		if n.group[0].sep != 0 && n.digit[0] <= 2 && n.digit[0] >= 1 && s.dateOf(n) {
			return
		}
	}
	_ = s.card(n) || s.twelve(n) || s.phone(n) || s.postalCode(n)
}

// alone reports whether buf[p:e] touches no letter, digit or underscore.
func (s *Scanner) alone(p, e int) bool {
	if isWordByte(s.buf[e]) {
		return false
	}
	return !isWordByte(s.buf[p-1]) || s.escapeBefore(p) > 0
}

// text appends the first digits of n as ASCII.
func (n *row) text(dst []byte, digits int) []byte {
	for _, v := range n.digit[:digits] {
		dst = append(dst, '0'+v)
	}
	return dst
}

// number ends the search for other numbers in buf[p:e] and reports it.
func (s *Scanner) number(n *row, used int, kind Kind, confidence int, why Reason) bool {
	if confidence < s.least && s.adjust == nil || !s.kinds.Has(kind) {
		return false
	}
	p, e := n.group[0].p, n.group[used-1].e
	if n.wide {
		why |= ByWidth
	}
	s.numberEnd = e
	s.emit(p, e, kind, confidence, why, n.text(s.text[:0], n.group[used-1].to))
	return true
}

// twelve reports My Numbers and driver's licences: both pass by chance, so a
// word must say what they are.
func (s *Scanner) twelve(n *row) bool {
	l := n.lens()
	used := 0
	switch {
	case l[0] == 12:
		used = 1
	case l[0] == 4 && l[1] == 4 && l[2] == 4 && l[3] != 4 && n.group[0].sep == n.group[1].sep && (n.group[0].sep == ' ' || n.group[0].sep == '-'):
		used = 3
	default:
		return false
	}
	p, e := n.group[0].p, n.group[used-1].e
	d := n.digit[:12]
	my, licence := IsMyNumber(d), used == 1 && IsDriversLicence(d)
	if !my && !licence || !s.alone(p, e) {
		return false
	}
	nearest := s.nearest(p, e, aboutMyNumber|aboutLicence|aboutOther)
	switch {
	case my && nearest == aboutMyNumber:
		return s.number(n, used, MyNumber, 92, ByCheckDigit|ByContext)
	case licence && nearest == aboutLicence:
		return s.number(n, used, DriversLicence, 92, ByCheckDigit|ByRange|ByContext)
	case my:
		return s.number(n, used, MyNumber, 25, ByCheckDigit|LessLikely|ByOtherWord)
	}
	return false
}

// phone reports n's first groups if they are a Japanese telephone number.
func (s *Scanner) phone(n *row) bool {
	if n.groups == 0 {
		return false
	}
	p := n.group[0].p
	var d [12]byte
	country := s.buf[p-1] == '+' && n.digit[0] == 8 && n.digit[1] == 1
	if n.digit[0] != 0 && !country || n.odd && n.groups < 4 {
		return false
	}
	for used := 1; used <= min(n.groups, 4); used++ {
		digits := n.group[used-1].to
		if digits < 10 {
			continue
		}
		if digits > 13 {
			return false
		}
		v := n.digit[:digits]
		if country { // +81 90-1234-5678, +81-(0)90-1234-5678
			v = v[2:]
			if v[0] == 0 {
				v = v[1:]
			}
			d[0] = 0
			v = d[:copy(d[1:], v)+1]
		}
		if !IsPhone(v) || !phoneGroups(n, used, country) {
			continue
		}
		return s.phoneOf(n, used, v, country)
	}
	return false
}

// phoneGroups reports whether the groups are cut where people cut them.
func phoneGroups(n *row, used int, country bool) bool {
	if used == 1 {
		return true
	}
	for i := range used - 1 {
		if c := n.group[i].sep; c != '-' && c != ' ' && c != '(' && c != ')' {
			return false
		}
	}
	last := n.group[used-1].len()
	first := n.group[0].len()
	if country {
		return last == 4 || last == 8
	}
	freeCall := first == 4 && (last == 3 || last == 4)
	return first >= 2 && first <= 5 && (last == 4 || last == 8 && first == 3 || freeCall)
}

func (s *Scanner) phoneOf(n *row, used int, v []byte, country bool) bool {
	p, e := n.group[0].p, n.group[used-1].e
	if country {
		p--
	}
	b := s.buf
	if b[p-1] == '(' && n.group[0].sep == ')' {
		p--
	}
	if !s.alone(p, e) || (b[p-1] == '-' || b[p-1] == '.') && isWordByte(b[p-2]) || (b[e] == '-' || b[e] == '.') && isWordByte(b[e+1]) {
		return false
	}
	why, confidence := ByForm|ByRange, 60
	switch {
	case country:
		confidence = 90
	case used > 1 && n.group[0].sep != ' ':
		confidence, why = 85, why|ByGrouping
	case used > 1:
		confidence, why = 60, why|ByGrouping
	case len(v) == 10:
		confidence = 30
	}
	if confidence < 85 {
		nearest := s.nearest(p, e, aboutPhone|aboutOther|aboutBank)
		switch nearest {
		case aboutPhone:
			confidence, why = confidence+30, why|ByContext
		case aboutOther, aboutBank:
			confidence, why = confidence-25, why|LessLikely|ByOtherWord
		}
	}
	n.group[0].p = p
	if confidence < s.least && s.adjust == nil || !s.kinds.Has(Phone) {
		return false
	}
	for i, c := range v {
		s.text[i] = '0' + c
	}
	s.numberEnd = e
	s.emit(p, e, Phone, confidence, why, s.text[:len(v)])
	return true
}
