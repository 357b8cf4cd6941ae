package element

import (
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"
)

const (
	leastBase64   = 20  // characters: fewer hold no number
	mostBase64    = 896 // characters looked at together, a multiple of four
	overlapBase64 = 88  // characters that the next look begins before the end of this one
)

// base64 looks at the row of base64 around p (RFC 4648 §4, with the line breaks of
// RFC 2045 §6.8). The masks lead here where two times eight characters of it stand
// together, each with a capital letter: hexadecimal numbers and paths have none,
// and what stands for digits or Japanese always has.
func (s *Scanner) base64(p int) {
	b := s.buf
	from, goesOn := p, s.ends.base > p-blockSize && s.ends.base > 0
	for from > max(p-lookBehind/2, s.ends.base) && isBase64.has(b[from-1]) {
		from--
	}
	goesOn = goesOn && from == s.ends.base && from < p
	end := p
	for end < p+lookAhead/2 && isBase64.has(b[end]) {
		end++
	}
	s.ends.base = end
	if s.depth == maxDepth {
		return
	}
	if isURLSign(b[end]) && isBase64.has(b[end+1]) || !goesOn && isURLSign(b[from-1]) && isBase64.has(b[from-2]) {
		s.base64OfURL(from, end, goesOn)
		return
	}
	if end-from < leastBase64 {
		return
	}
	for range 3 { // a slash or letters before it may belong to something else
		if goesOn || s.beginsText(from) {
			break
		}
		from++
	}
	if !goesOn && !s.beginsText(from) {
		return
	}
	s.viewBase64(from, goesOn)
}

// base64OfURL looks at the row buf[from:end] of base64 that - or _ touches: they are
// digits of it (RFC 4648 §5), or stand between it and something else.
func (s *Scanner) base64OfURL(from, end int, goesOn bool) {
	b := s.buf
	for end < from+lookAhead/2 && (isBase64.has(b[end]) || isURLSign(b[end])) {
		end++
	}
	s.ends.base = end
	if end-from < leastBase64 {
		return
	}
	for range 3 {
		if goesOn || s.beginsText(from) {
			s.viewBase64(from, goesOn)
			return
		}
		from++
	}
	from -= 3
	for least := max(from-lookBehind/4, s.ends.view); from > least; { // it may begin before the sign
		from--
		for from > least && isBase64.has(b[from-1]) {
			from--
		}
		if s.beginsText(from) {
			s.viewBase64(from, false)
			return
		}
		if !isURLSign(b[from-1]) {
			return
		}
	}
}

// isURLSign reports whether c is one of the two digits that the alphabet for URLs has
// instead of + and /.
func isURLSign(c byte) bool { return c == '-' || c == '_' }

// viewBase64 looks at the text in the base64 from on.
func (s *Scanner) viewBase64(from int, goesOn bool) {
	b := s.buf
	var text, plain [mostBase64]byte
	var spot [mostBase64]int32
	n, e := 0, from
	for n < len(text) {
		c := b[e]
		if isBase64.has(c) {
			text[n], spot[n] = c, int32(e)
			n, e = n+1, e+1
			continue
		}
		if isURLSign(c) {
			text[n], spot[n] = "+/"[sextet[c]-62], int32(e)
			n, e = n+1, e+1
			continue
		}
		gap := lineBreak(b[e : e+4])
		if gap == 0 || n%4 != 0 || n < 60 || !isBase64.has(b[e+gap]) || !isBase64.has(b[e+gap+3]) {
			break
		}
		e += gap
	}
	k, err := base64.RawStdEncoding.Decode(plain[:], text[:n])
	if err != nil && k == 0 { // one character too many is an error after the others
		return
	}
	in := s.view()
	for i, c := range plain[:k] {
		s.show(in, c, int(spot[i/3*4+i%3]))
	}
	if goesOn {
		in.within.endFrom = in.pos + overlapBase64/4*3 + 1
	}
	s.ends.base = e
	if n == len(text) {
		s.ends.base = int(spot[n-overlapBase64])
		in.within.endTo = in.end - 1
	}
	s.seal(in, e)
	in.scanView()
}

// beginsText reports whether the base64 at p decodes to text, by its first
// characters: other data does not by chance.
func (s *Scanner) beginsText(p int) bool {
	b := s.buf[p : p+leastBase64]
	x := uint32(sextet[b[0]])<<18 | uint32(sextet[b[1]])<<12 | uint32(sextet[b[2]])<<6 | uint32(sextet[b[3]])
	if textStep[textStep[textStep[textBegins][byte(x>>16)]][byte(x>>8)]][byte(x)] == noText { // as most
		return false
	}
	var plain [leastBase64]byte
	for i := 0; i < leastBase64/4*4; i += 4 {
		if isAnyBase64[b[i]]&isAnyBase64[b[i+1]]&isAnyBase64[b[i+2]]&isAnyBase64[b[i+3]] == 0 {
			k, err := base64.RawStdEncoding.Decode(plain[:], b) // it goes over line breaks
			return err == nil && isText(plain[:k])
		}
		x := uint32(sextet[b[i]])<<18 | uint32(sextet[b[i+1]])<<12 | uint32(sextet[b[i+2]])<<6 | uint32(sextet[b[i+3]])
		binary.BigEndian.PutUint32(plain[i/4*3:], x<<8)
	}
	return isText(plain[:leastBase64/4*3])
}

// isText reports whether v is UTF-8 without control characters; its last
// character may be cut.
func isText(v []byte) bool {
	for len(v) > 0 {
		if v[0] < ' ' && v[0] != '\t' && v[0] != '\n' && v[0] != '\r' || v[0] == 0x7f {
			return false
		}
		r, n := utf8.DecodeRune(v)
		if r == utf8.RuneError && n == 1 {
			return !utf8.FullRune(v)
		}
		v = v[n:]
	}
	return true
}

// lineBreak returns the size of the line break at b, also as JSON writes it.
func lineBreak(b []byte) int {
	switch {
	case b[0] == '\n':
		return 1
	case b[0] == '\r' && b[1] == '\n', b[0] == '\\' && b[1] == 'n':
		return 2
	case b[0] == '\\' && b[1] == 'r' && b[2] == '\\' && b[3] == 'n':
		return 4
	}
	return 0
}

// isBase64 are the characters of base64 but the padding.
var isBase64 = bytesOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

// isAnyBase64 are those, and the two of the alphabet for URLs.
var isAnyBase64 = bytesOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")

// sextet are the values of the characters of base64 (RFC 4648 §4 and §5).
var sextet = func() (t [256]uint8) {
	t['-'], t['_'] = 62, 63
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = uint8(i)
	}
	return t
}()

// What the next byte of a text may be, by what stands before it.
const (
	noText     = iota // it is no text
	textBegins        // the first byte of a character
	textOneMore
	textTwoMore
	textThreeMore // bytes of the character in hand
)

// textStep says what follows a byte. It lets more pass than UTF-8 has.
var textStep = func() (t [textThreeMore + 1][256]uint8) {
	for c := range 256 {
		switch {
		case c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f:
		case c < 0x80:
			t[textBegins][c] = textBegins
		case c < 0xC0:
			t[textOneMore][c], t[textTwoMore][c], t[textThreeMore][c] = textBegins, textOneMore, textTwoMore
		case c >= 0xC2 && c < 0xE0:
			t[textBegins][c] = textOneMore
		case c >= 0xE0 && c < 0xF0:
			t[textBegins][c] = textTwoMore
		case c >= 0xF0 && c <= 0xF4:
			t[textBegins][c] = textThreeMore
		}
	}
	return t
}()
