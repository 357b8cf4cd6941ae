package sqlscan

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"
)

// classOf classifies a literal by its token and, for numbers, its value.
func classOf(kind tokenKind, text []byte) Class {
	switch kind {
	case tokBits:
		return Bits
	case tokNation, tokNationEscape:
		return National
	case tokFloat:
		return Numeric
	case tokInt:
		n, ok := integer(text)
		switch {
		case !ok:
			return Numeric
		case n >= math.MinInt32 && n <= math.MaxInt32:
			return Int
		}
		return BigInt
	}
	return String
}

// integer reads decimal, 0x, 0o and 0b digits with underscores after an
// optional minus, spaces and comments between. ok is false outside int64.
func integer(text []byte) (n int64, ok bool) {
	neg := len(text) > 0 && text[0] == '-'
	if neg {
		text = number(text)
	}
	base := uint64(10)
	if len(text) > 2 && text[0] == '0' {
		if b := map16(lower(text[1])); b != 0 {
			base, text = uint64(b), text[2:]
		}
	}
	var v uint64
	for _, c := range text {
		if c == '_' {
			continue
		}
		if v > math.MaxUint64/16 {
			return 0, false
		}
		v = v*base + uint64(digitValue(c))
	}
	switch {
	case neg && v <= 1<<63:
		return -int64(v), true
	case !neg && v < 1<<63:
		return int64(v), true
	}
	return 0, false
}

// number returns the digits of a negative number's text: what follows the
// minus, and the spaces and comments after it.
func number(text []byte) []byte {
	for i := len(text) - 1; i >= 0; i-- {
		switch c := text[i]; {
		case isDigit(c), c == '.', c == '_', class[c]&clsStart != 0, (c == '+' || c == '-') && i > 0 && lower(text[i-1]) == 'e' && i+1 < len(text):
		default:
			return text[i+1:]
		}
	}
	return text
}

// AppendValue appends the value of a literal of the text it was scanned from,
// as the server's input functions would be given it: strings without quotes
// and escapes, numbers in decimal, bit strings with their letter. ok is false
// when a string has an escape the server refuses, or when U& is used with a
// code point that UTF-8 does not have; dst is then returned as it was.
func (l *Literal) AppendValue(dst, sql []byte) (value []byte, ok bool) {
	text := sql[l.Span.From:l.endBody]
	switch l.kind {
	case tokInt:
		if n, ok := integer(text); ok {
			return strconv.AppendInt(dst, n, 10), true
		}
		fallthrough
	case tokFloat:
		if text[0] == '-' {
			dst, text = append(dst, '-'), number(text)
		}
		for _, c := range text {
			if c != '_' {
				dst = append(dst, c)
			}
		}
		return dst, true
	case tokDollar:
		tag := bytes.IndexByte(text[1:], '$') + 2
		return append(dst, text[tag:len(text)-tag]...), true
	case tokBits:
		return quotedBody(append(dst, lower(text[0])), text[1:], false)
	case tokNation, tokNationEscape:
		return quotedBody(dst, text[1:], l.kind == tokNationEscape)
	case tokUnicode:
		return l.unicode(dst, text[2:])
	case tokEscape:
		if text[0] != '\'' {
			text = text[1:]
		}
		return quotedBody(dst, text, true)
	}
	return quotedBody(dst, text, false)
}

// quotedBody decodes '…' with its continuations.
func quotedBody(dst, text []byte, escapes bool) ([]byte, bool) {
	out, i := dst, 1
	for i < len(text) {
		switch c := text[i]; {
		case c == '\'' && i+1 < len(text) && text[i+1] == '\'':
			out = append(out, '\'')
			i += 2
		case c == '\'':
			next := continuation(text, i+1)
			if next < 0 {
				return out, true
			}
			i = next
		case c == '\\' && escapes && i+1 < len(text):
			var n int
			if out, n = appendEscape(out, text[i+1:]); n == 0 {
				return dst, false
			}
			i += 1 + n
		default:
			out = append(out, c)
			i++
		}
	}
	return out, true
}

// appendEscape decodes what follows a backslash in E'…' and returns how many
// bytes it was; 0 when the server refuses it.
func appendEscape(dst, b []byte) ([]byte, int) {
	switch c := b[0]; c {
	case 'b':
		return append(dst, '\b'), 1
	case 'f':
		return append(dst, '\f'), 1
	case 'n':
		return append(dst, '\n'), 1
	case 'r':
		return append(dst, '\r'), 1
	case 't':
		return append(dst, '\t'), 1
	case 'v':
		return append(dst, '\v'), 1
	case 'x':
		if n := hexRun(b[1:], 2); n > 0 {
			return append(dst, byte(hexValue(b[1:1+n]))), 1 + n
		}
		return append(dst, c), 1
	case 'u', 'U':
		want := 4
		if c == 'U' {
			want = 8
		}
		if hexRun(b[1:], want) != want {
			return dst, 0
		}
		r := hexValue(b[1 : 1+want])
		if r>>10 == 0xD800>>10 { // first of a surrogate pair
			rest := b[1+want:]
			n := 0
			if len(rest) > 2 && rest[0] == '\\' && lower(rest[1]) == 'u' {
				n = 4
				if rest[1] == 'U' {
					n = 8
				}
			}
			if n == 0 || hexRun(rest[2:], n) != n || hexValue(rest[2:2+n])>>10 != 0xDC00>>10 {
				return dst, 0
			}
			return appendRune(dst, 0x10000+(r&0x3FF)<<10+hexValue(rest[2:2+n])&0x3FF, 1+want+2+n)
		}
		return appendRune(dst, r, 1+want)
	}
	if b[0] >= '0' && b[0] <= '7' {
		v, n := 0, 0
		for n < 3 && n < len(b) && b[n] >= '0' && b[n] <= '7' {
			v = v<<3 + int(b[n]-'0')
			n++
		}
		return append(dst, byte(v)), n
	}
	return append(dst, b[0]), 1
}

func appendRune(dst []byte, r, n int) ([]byte, int) {
	if r <= 0 || r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
		return dst, 0
	}
	return utf8.AppendRune(dst, rune(r)), n
}

func hexRun(b []byte, limit int) int {
	n := 0
	for n < limit && n < len(b) && digitValue(b[n]) < 16 {
		n++
	}
	return n
}

func hexValue(b []byte) int {
	v := 0
	for _, c := range b {
		v = v<<4 + digitValue(c)
	}
	return v
}

// unicode decodes U&'…': \XXXX and \+XXXXXX, the backslash being the escape
// character.
func (l *Literal) unicode(dst, text []byte) ([]byte, bool) {
	esc := l.escape
	if esc == 0 {
		esc = '\\'
	}
	plain, ok := quotedBody(nil, text, false)
	out, high := dst, 0
	for i := 0; ok && i < len(plain); {
		if plain[i] != esc {
			if high != 0 {
				return dst, false
			}
			out = append(out, plain[i])
			i++
			continue
		}
		rest := plain[i+1:]
		var r, n int
		switch {
		case len(rest) > 0 && rest[0] == esc && high == 0:
			out = append(out, esc)
			i += 2
			continue
		case hexRun(rest, 4) == 4:
			r, n = hexValue(rest[:4]), 5
		case len(rest) > 6 && rest[0] == '+' && hexRun(rest[1:], 6) == 6:
			r, n = hexValue(rest[1:7]), 8
		default:
			return dst, false
		}
		i += n
		switch {
		case r>>10 == 0xD800>>10 && high == 0:
			high = r
			continue
		case high != 0 && r>>10 == 0xDC00>>10:
			r, high = 0x10000+(high&0x3FF)<<10+r&0x3FF, 0
		case high != 0:
			return dst, false
		}
		var good int
		if out, good = appendRune(out, r, 1); good == 0 {
			return dst, false
		}
	}
	return out, ok && high == 0
}
