package element

import "encoding/binary"

// alone reports whether buf[p:e] touches no letter, digit or underscore.
func (s *Scanner) alone(p, e int) bool {
	if isWordByte(s.buf[e]) {
		return false
	}
	return !isWordByte(s.buf[p-1]) || s.escapeBefore(p) > 0
}

// text writes the first digits of n to dst as ASCII.
func (n *row) text(dst *[maxDigits]byte, digits int) []byte {
	for i := 0; i < digits; i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(n.digit[i:])|ones*'0')
	}
	return dst[:digits]
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
	s.ends.number = e
	s.emit(p, e, kind, confidence, why, n.text(&s.text, n.group[used-1].to))
	return true
}

// twelve reports My Numbers and driver's licences: both pass by chance, so a
// word must say what they are.
func (s *Scanner) twelve(n *row) bool {
	used := 0
	switch {
	case n.size(0) == 12:
		used = 1
	case n.size(0) == 4 && n.size(1) == 4 && n.size(2) == 4 && n.size(3) != 4 && n.group[0].sep == n.group[1].sep && (n.group[0].sep == ' ' || n.group[0].sep == '-'):
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
	country := n.digit[0] == 8 && n.digit[1] == 1 && plusBefore(s.buf[p-3:p]) > 0
	if n.digit[0] != 0 && !country || n.odd && n.groups < 4 {
		return false
	}
	most := 4
	if country {
		most = 5 // +81(0)90-1234-5678
	}
	for used := 1; used <= min(n.groups, most); used++ {
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

// plusBefore returns the size of the plus sign that b, three bytes, ends with: + or %2B, as
// addresses of pages write it.
func plusBefore(b []byte) int {
	switch {
	case b[2] == '+':
		return 1
	case b[2]|0x20 == 'b' && b[0] == '%' && b[1] == '2':
		return 3
	}
	return 0
}

// phoneGroups reports whether the groups are cut where people cut them.
func phoneGroups(n *row, used int, country bool) bool {
	if used == 1 {
		return true
	}
	dots := 0
	for i := range used - 1 {
		switch n.group[i].sep {
		case '-', ' ', '(', ')':
		case '.':
			dots++
		default:
			return false
		}
	}
	last := n.group[used-1].len()
	first := n.group[0].len()
	if dots > 0 && (dots < used-1 || !country && !dottedPhone(n, used)) {
		return false
	}
	if country {
		return last == 4 || last == 8
	}
	freeCall := first == 4 && (last == 3 || last == 4)
	return first >= 2 && first <= 5 && (last == 4 || last == 8 && first == 3 || freeCall)
}

// dottedPhone reports whether n's groups are those of a telephone number when dots are
// between them, as versions and places in files have them too: 03.1234.5678.
func dottedPhone(n *row, used int) bool {
	a, b := n.size(0), n.size(1)
	switch {
	case used != 3 || n.digit[0] != 0:
		return false
	case a == 2: // the area codes of two digits
		return b == 4 && (n.digit[1] == 3 || n.digit[1] == 4 || n.digit[1] == 6)
	case a == 3:
		return b == 3 || b == 4
	}
	return a == 4 && (b == 2 || b == 3)
}

// phoneBehindCountry judges the row at p, of r bytes, that +81 may stand before apart
// from it: +81 (0)90-1234-5678, (+81) 90-1234-5678.
func (s *Scanner) phoneBehindCountry(p int, w uint64, r int) bool {
	b := s.buf
	q := p - 1 // behind the space, the bracket or the hyphen
	if b[q] == '(' && b[p] == '0' && b[p+1] == ')' {
		if b[q-1] == ' ' || b[q-1] == '-' {
			q--
		}
	} else if b[q] == ' ' && b[q-1] == ')' && b[p] != '0' {
		q--
	} else {
		return false
	}
	if b[q-1] != '1' || b[q-2] != '8' || b[q-3] != '+' || q-3 < s.ends.number {
		return false
	}
	n := s.fill(p, w, r)
	for used := 2; used <= min(n.groups, 5); used++ {
		digits := n.group[used-1].to
		if digits < 9 || digits > 11 {
			continue
		}
		var d [12]byte
		v := d[:copy(d[1:], n.digit[:digits])+1]
		if n.digit[0] == 0 {
			v = v[1:]
		}
		if !IsPhone(v) || !phoneGroups(n, used, true) {
			continue
		}
		n.group[0].p = q - 2
		if b[q-4] == '(' {
			n.group[0].p--
		}
		return s.phoneOf(n, used, v, true)
	}
	return false
}

// phoneWordBefore reports whether the letters that end before p are a word for
// telephones: TEL03-1234-5678.
func (s *Scanner) phoneWordBefore(p int) bool {
	q := p
	for p-q < 8 && isLower(s.buf[q-1]|0x20) {
		q--
	}
	if q == p || isWordByte(s.buf[q-1]) {
		return false
	}
	var word [8]byte
	copyLower(word[:], s.buf[q:p])
	switch string(word[:p-q]) {
	case "tel", "fax", "phone", "mobile", "cell", "ph", "denwa":
		return true
	}
	return false
}

// phoneAlone reports whether the telephone number buf[p:e] is no part of something
// else: a word for telephones may touch it, and an extension.
func (s *Scanner) phoneAlone(p, e int) bool {
	if c := s.buf[e]; isWordByte(c) && !(c|0x20 == 'x' && isDigit(s.buf[e+1])) {
		return false
	}
	return !isWordByte(s.buf[p-1]) || s.escapeBefore(p) > 0 || s.phoneWordBefore(p)
}

// phoneLabel reports whether a word for telephones ends before the sign before p:
// Tel.03-1234-5678.
func (s *Scanner) phoneLabel(p int) bool {
	about, distance := s.labelledAt(p, aboutPhone)
	return about != 0 && distance == 1
}

func (s *Scanner) phoneOf(n *row, used int, v []byte, country bool) bool {
	p, e := n.group[0].p, n.group[used-1].e
	b := s.buf
	if country {
		p -= max(1, plusBefore(b[p-3:p])) // a bracket of (+81) is within
	}
	if b[p-1] == '(' && n.group[0].sep == ')' {
		p--
	}
	if !s.phoneAlone(p, e) || (b[p-1] == '-' || b[p-1] == '.') && isWordByte(b[p-2]) && !s.phoneLabel(p) || (b[e] == '-' || b[e] == '.') && isWordByte(b[e+1]) {
		return false
	}
	why, confidence := ByForm|ByRange, 60
	switch {
	case country:
		confidence = 90
	case used > 1 && n.group[0].sep == '.':
		why |= ByGrouping
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
	s.ends.number = e
	s.emit(p, e, Phone, confidence, why, s.text[:len(v)])
	return true
}
