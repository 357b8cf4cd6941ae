package element

import (
	"encoding/binary"
	"unicode/utf8"
)

// A view is a piece of text that was decoded for a second look: a number in
// full-width digits or with escapes within it, as ASCII; a line of JSON, of a
// form or of a mail whose letters are escaped; the text in base64. It is scanned
// by a scanner of its own, the inner one, whose findings stand where the bytes
// stand in the stream.
const (
	viewBytes  = 1536 // decoded bytes of one view
	maxTokens  = 60   // digits and separators of one number
	maxDepth   = 3    // views in views: full-width digits in a JSON escape in base64
	viewBehind = 48   // bytes before a number that a view shows: its context and what touches it
	viewAhead  = 80   // and behind it: besideBytes, for card numbers
	viewNear   = 48   // behind numbers too short for those: the context
)

// view returns the inner scanner, empty.
func (s *Scanner) view() *Scanner {
	in := s.inner
	if in == nil {
		in = &Scanner{kinds: s.kinds, least: s.least, hash: s.hash, adjust: s.adjust, report: s.report, path: s.path,
			lead: 0xEF, wide: wideUTF8, words: wordsUTF8, want: wantedOf(s.kinds, s.depth+1), onlyPAN: s.onlyPAN, depth: s.depth + 1}
		in.enc = decoder{is: UTF8, raw: true}
		in.buf = make([]byte, lookBehind+viewBytes+lookAhead+2*blockSize)
		in.outer = s
		in.spot = make([]int32, len(in.buf))
		s.inner = in
	}
	in.ends, in.within = ends{}, span{}
	in.pos, in.end, in.base = lookBehind, lookBehind, -lookBehind
	in.room = lookBehind + viewBytes
	return in
}

// show adds the byte c, which stands at p of the outer buffer.
func (s *Scanner) show(in *Scanner, c byte, p int) {
	in.buf[in.end] = c
	in.spot[in.end] = int32(p)
	in.end++
}

// showRune adds a character as UTF-8.
func (s *Scanner) showRune(in *Scanner, r rune, p int) {
	var b [utf8.UTFMax]byte
	for _, c := range b[:utf8.EncodeRune(b[:], r)] {
		s.show(in, c, p)
	}
}

// seal ends the view at p of the outer buffer.
func (s *Scanner) seal(in *Scanner, p int) {
	in.spot[in.end] = int32(p)
	if in.dirty > in.end {
		clear(in.buf[in.end:in.dirty])
	}
	in.dirty = in.end
}

// scanView scans the view in s. Numbers are judged without it.
func (s *Scanner) scanView() {
	s.carry, s.trig.joined[0] = carry{}, 0
	s.masks.forget()
	s.scan(true)
}

// wideAfter looks at the character at p that is not ASCII, behind ASCII digits:
// the number may go on in full width.
func (s *Scanner) wideAfter(p int) {
	if s.mayGoOn(p) && !s.kanjiDate(p) && s.goesOn(p) {
		s.viewNumber(s.rowStart(p - 1))
	}
}

// mayGoOn is a cheap refusal of what follows digits: in UTF-8, full-width forms,
// spaces, dashes, 年 and 月 have few beginnings.
func (s *Scanner) mayGoOn(p int) bool {
	if s.lead != 0xEF {
		return true
	}
	c, d := s.buf[p], s.buf[p+1]
	switch c {
	case 0xEF:
		return d == 0xBC || d == 0xBD || d == 0xB9 || d == 0xBB
	case 0xE3:
		return d == 0x80 || d == 0x83
	case 0xE2:
		return d == 0x80 || d == 0x81 || d == 0x88 || d == 0x94
	case 0xE5:
		return d == 0xB9 && !s.onlyPAN
	case 0xC2:
		return d == 0xA0 || d == 0xAD || d == 0xB7
	}
	return false
}

// rowStart goes back from the digit at p over digits and single separators.
func (s *Scanner) rowStart(p int) int {
	b := s.buf
	for least := max(p-maxTokens/2, s.ends.number); p > least; p-- {
		if c := b[p-1]; !isDigit(c) && !(isSeparator(c) && isDigit(b[p-2]) && s.escapeBefore(p-1) == 0) {
			break
		}
	}
	for isSeparator(s.buf[p]) {
		p++
	}
	if p < s.ends.number { // behind another number
		p = s.ends.number
	}
	return p + s.escapeDigits(p)
}

// escapeDigits returns how many of the digits at p belong to %20 or \u3000.
func (s *Scanner) escapeDigits(p int) int {
	switch {
	case s.buf[p-1] == '%' || s.buf[p-1] == '=' && s.hexBefore(p):
		return 2
	case s.buf[p-1] == 'u' && s.buf[p-2] == '\\':
		return 4
	case s.buf[p-1] == 'x' && s.buf[p-2] == '\\':
		return 2
	}
	return 0
}

// hexBefore reports whether the = before p goes on a row of =E3=81.
func (s *Scanner) hexBefore(p int) bool {
	return s.buf[p-4] == '=' && hex(s.buf[p-3]) >= 0 && hex(s.buf[p-2]) >= 0
}

// wideDigit looks at the byte at p that may begin a full-width digit.
func (s *Scanner) wideDigit(p int) {
	if _, ok := s.isWideDigit(p); ok {
		if c := s.buf[p-1]; isDigit(c) || isSeparator(c) && isDigit(s.buf[p-2]) {
			p = s.rowStart(p - 1)
		}
		s.viewNumber(p)
	}
}

// escaped looks at the %, & or \ at p.
func (s *Scanner) escaped(p int) {
	c, d := s.buf[p], s.buf[p+1]
	if c == '\\' && d != 'u' && d != 'x' || c == '&' && d != '#' && !isLower(d) {
		return
	}
	r, n := s.unescape(p)
	if n == 0 {
		return
	}
	before := isDigit(s.buf[p-1])
	switch a := fromRune(r); {
	case isDigit(a) && before, a != 0 && before && s.goesOn(p):
		s.viewNumber(s.rowStart(p - 1))
	case isDigit(a):
		s.viewNumber(p)
	case r == '@':
		if !s.onlyPAN {
			s.email(p, n)
		}
	case c != '&' && isDigit(s.buf[p+n]): // the digits of the escape are none of the number
		s.viewNumber(p + n)
	}
}

// viewNumber reads the number that begins at p in a view.
func (s *Scanner) viewNumber(p int) {
	if s.depth == maxDepth || p < s.ends.number {
		return
	}
	var text [maxTokens]byte
	var spot [maxTokens]int32
	q, tokens, count, last, shown := p, 0, 0, p, 0
	separators := 0
	digits, seps := uint64(0), uint64(0)
	for tokens < maxTokens && q-p < lookAhead/2 {
		c, n := s.buf[q], 1
		switch {
		case isDigit(c): // as most, and as those in full width
		case c == 0xEF && s.lead == 0xEF && s.buf[q+1] == 0xBC && s.buf[q+2]-0x90 <= 9:
			c, n = s.buf[q+2]-0x90+'0', 3
		case c == 0x82 && s.lead == 0x82 && s.buf[q+1]-0x4F <= 9:
			c, n = s.buf[q+1]-0x4F+'0', 2
		default:
			c, n = s.token(q)
		}
		if c == 0 {
			break
		}
		text[tokens], spot[tokens] = c, int32(q)
		q += n
		if isDigit(c) {
			digits |= 1 << tokens
			separators, last, shown = 0, q, tokens+1
			count++
		} else if seps |= 1 << tokens; separators == 2 {
			break
		} else {
			separators++
		}
		tokens++
	}
	s.ends.number = max(s.ends.number, last)
	if count < 6 || s.onlyPAN && count < 13 {
		return
	}
	in := s.view()
	s.showText(in, s.lineStart(p, p-viewBehind), p)
	start, ahead := in.end, viewAhead
	switch {
	case s.onlyPAN && !s.kinds.Has(CardCVV) && !s.kinds.Has(CardExpiry):
		ahead = viewAhead / 2
	case count < 13:
		ahead = viewNear
	}
	copy(in.buf[start:], text[:shown])
	copy(in.spot[start:], spot[:shown])
	in.end += shown
	end := s.lineEnd(last, last+ahead)
	s.showText(in, last, end)
	s.seal(in, end)
	for in.ends.beside = in.pos; in.ends.beside < in.end && int(in.spot[in.ends.beside]) < s.ends.beside; {
		in.ends.beside++
	}
	rows := digits | seps&(digits<<1)&(digits>>1) // separators behind the last digit are none
	for rows != 0 {
		at := trailing(rows)
		r := run(rows >> at)
		if r >= 7 {
			in.judgeRow(start+at, digits>>at, r)
		}
		rows &^= (1<<r - 1) << at
	}
	s.ends.beside = max(s.ends.beside, int(in.spot[in.ends.beside]))
}

// showText adds buf[p:e] with full-width ASCII brought to ASCII.
func (s *Scanner) showText(in *Scanner, p, e int) {
	utf8Text := s.enc.is == UTF8 || !s.enc.raw
	for p < e && in.end+utf8.UTFMax < in.room {
		c := s.buf[p]
		if c < utf8.RuneSelf {
			p = s.showASCII(in, p, e)
			continue
		}
		if utf8Text && (c > 0xE3 && c < 0xEA || c == 0xE3 && s.buf[p+1] != 0x80) { // kanji, kana
			at := in.end
			*(*[3]byte)(in.buf[at:]) = [3]byte(s.buf[p:])
			*(*[3]int32)(in.spot[at:]) = [3]int32{int32(p), int32(p), int32(p)}
			in.end += 3
			p += 3
			continue
		}
		r, n := s.rune(p)
		a := byte('?')
		if r == 0 {
			n = 1
		} else {
			a = ascii(r, false)
		}
		switch {
		case a != 0:
			s.show(in, a, p)
		case utf8Text:
			for i := range n {
				s.show(in, s.buf[p+i], p)
			}
		default:
			s.showRune(in, r, p)
		}
		p += n
	}
}

// showASCII adds the ASCII from p to e at most and returns where it ends.
func (s *Scanner) showASCII(in *Scanner, p, e int) int {
	e = min(e, p+in.room-utf8.UTFMax-in.end)
	from := s.buf[p:e]
	to := in.buf[in.end:][:len(from)]
	spot := in.spot[in.end:][:len(from)]
	i := 0
	for ; i+8 <= len(from) && i+8 <= len(to) && i+8 <= len(spot); i += 8 {
		x := binary.LittleEndian.Uint64(from[i:])
		if x&high != 0 {
			break
		}
		binary.LittleEndian.PutUint64(to[i:], x)
		at, q := (*[8]int32)(spot[i:]), int32(p+i)
		at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7] = q, q+1, q+2, q+3, q+4, q+5, q+6, q+7
	}
	for ; i < len(from); i++ {
		c := from[i]
		if c >= utf8.RuneSelf {
			break
		}
		to[i], spot[i] = c, int32(p+i)
	}
	in.end += i
	return p + i
}

// viewText looks at the line from p on with its escapes decoded, if more than one
// character there is escaped that is not ASCII, and hides it from the scanner
// itself. What stands before p gives context only.
func (s *Scanner) viewText(p int, unescape func(p int) (rune, int)) {
	if s.depth > 1 || p < s.ends.view {
		return
	}
	r, n := unescape(p)
	if r < utf8.RuneSelf {
		return
	}
	if r, _ := unescape(p + n); r < utf8.RuneSelf {
		return
	}
	in := s.view()
	s.showText(in, s.lineStart(p, p-2*viewBehind), p)
	in.within.startFrom = in.end
	q := p
	for q < p+lookAhead-viewAhead && in.end+utf8.UTFMax < in.room {
		r, n := unescape(q)
		switch c := s.buf[q]; {
		case n > 0 && r == noRune: // a soft line break
			q += n
			continue
		case n > 0 && r >= oneByte: // its characters may be cut by a line break
			s.show(in, byte(r), q)
		case n > 0:
			s.showRune(in, r, q)
		case c == '\n' || c == 0:
			s.finishText(in, q)
			return
		case c >= utf8.RuneSelf:
			for k := max(1, utf8Size(s.buf[q:q+utf8.UTFMax])); k > 0; k-- {
				s.show(in, s.buf[q], q)
				q++
			}
			continue
		default:
			n = 1
			s.show(in, c, q)
		}
		q += n
	}
	s.finishText(in, q)
}

func utf8Size(b []byte) int {
	_, n := utf8.DecodeRune(b)
	return n
}

// finishText scans the text in the view, which ends at p, and hides it.
func (s *Scanner) finishText(in *Scanner, p int) {
	s.seal(in, p)
	from := int(in.spot[in.within.startFrom])
	in.scanView()
	s.ends.view = p
	s.hide(from, p)
	s.trigger()
}

// hide takes buf[p:e] out of the masks: it was looked at in a view.
func (s *Scanner) hide(p, e int) {
	first, last := max(p-s.pos, 0), e-s.pos
	for i := first / blockSize; i*blockSize < last && i < stride+1; i++ {
		keep := uint64(0)
		if i*blockSize < first {
			keep = 1<<(first-i*blockSize) - 1
		}
		if (i+1)*blockSize > last {
			keep |= ^uint64(0) << (last - i*blockSize)
		}
		for _, c := range s.masks.each() {
			c[i+1] &= keep
		}
	}
}

// viewsIn looks at the escapes, the quoted-printable and the base64 of block i.
func (s *Scanner) viewsIn(i int, t uint64) {
	for base := s.pos + (i-1)*blockSize; t != 0; t &= t - 1 {
		p := base + trailing(t)
		switch c := s.buf[p]; {
		case c == '%' || c == '&' || c == '\\':
			if p >= s.ends.view && mayBeLetter(s.buf[p:p+6]) {
				s.viewText(p, s.unescape)
			}
		case c == '=' || c == ':':
			if p >= s.ends.view {
				s.viewText(p, s.unquote)
			}
		case p-7 >= s.ends.base:
			s.base64(p - 7)
		}
	}
}

// mayBeLetter is a cheap refusal of escapes that are ASCII.
func mayBeLetter(b []byte) bool {
	switch b[0] {
	case '%':
		return b[1] >= 'C' && b[1] <= 'F' || b[1] >= 'c' && b[1] <= 'f'
	case '\\':
		return b[1] == 'u' && (b[2] != '0' || b[3] != '0')
	}
	return b[1] == '#'
}

// oneByte and more are bytes of a character that is not decoded yet.
const oneByte = utf8.MaxRune + 1

// unquote decodes a byte in quoted-printable (RFC 2045 §6.7), =E3, or a soft line
// break, which is noRune.
func (s *Scanner) unquote(p int) (rune, int) {
	b := s.buf[p : p+3]
	if b[0] != '=' {
		return 0, 0
	}
	if n := softBreak(b); n > 0 {
		return noRune, n
	}
	hi, lo := hex(b[1]), hex(b[2])
	switch {
	case hi < 0 || lo < 0 || isLower(b[1]) || isLower(b[2]):
		return 0, 0
	case hi >= 8:
		return oneByte + rune(hi<<4|lo), 3
	}
	return rune(hi<<4 | lo), 3
}

// softBreak returns the size of the soft line break at b, 0 when there is none.
func softBreak(b []byte) int {
	switch {
	case b[0] != '=':
		return 0
	case b[1] == '\n':
		return 2
	case b[1] == '\r' && b[2] == '\n':
		return 3
	}
	return 0
}

// broken looks at the soft line break at p for a number that is cut by it.
func (s *Scanner) broken(p int) {
	n := softBreak(s.buf[p : p+3])
	if n == 0 || !isDigit(s.buf[p-1]) && !isSeparator(s.buf[p-1]) || s.depth == maxDepth || p < s.ends.split {
		return
	}
	if c := s.buf[p+n]; !isDigit(c) && !isSeparator(c) {
		return
	}
	from := p - 1
	for from > p-40 && (isDigit(s.buf[from-1]) || isSeparator(s.buf[from-1])) {
		from--
	}
	in := s.view()
	s.showText(in, s.lineStart(from, from-viewBehind), p)
	in.within = span{startTo: in.end, endFrom: in.end + 1} // only what lies on both sides
	e := s.lineEnd(p+n, p+n+40)
	s.showText(in, p+n, e)
	s.seal(in, e)
	s.ends.split = p + 1
	in.scanView()
}

// span says which findings of a view are reported: those that begin from
// startFrom to before startTo and end from endFrom to before endTo. The limits
// that are 0 are none.
type span struct{ startFrom, startTo, endFrom, endTo int }

func (l *span) has(p, e int) bool {
	return p >= l.startFrom && e >= l.endFrom && (l.startTo == 0 || p < l.startTo) && (l.endTo == 0 || e < l.endTo)
}
