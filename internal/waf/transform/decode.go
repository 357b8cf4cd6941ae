package transform

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// hexValue is the value of a hexadecimal digit, -1 for no digit.
var hexValue = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range "0123456789abcdef" {
		t[c] = int8(i)
	}
	for i, c := range "ABCDEF" {
		t[c] = int8(10 + i)
	}
	return t
}()

// digits returns the value of the first n bytes of s as hexadecimal digits.
func digits(s []byte, n int) (rune, bool) {
	if len(s) < n {
		return 0, false
	}
	var v rune
	for _, c := range s[:n] {
		h := hexValue[c]
		if h < 0 {
			return 0, false
		}
		v = v<<4 | rune(h)
	}
	return v, true
}

//go:embed bestfit.txt
var bestFitText string

// bestFit tells which byte %uXXXX stands for where that is not its low byte:
// code page 20127 of ModSecurity's unicode.mapping. Made by crs/gen, which
// asks the judge.
var bestFit = func() map[rune]byte {
	m := map[rune]byte{}
	for line := range strings.Lines(bestFitText) {
		var from rune
		var to byte
		if _, err := fmt.Sscanf(line, "%04x %02x", &from, &to); err != nil {
			panic("transform: bestfit.txt: " + err.Error())
		}
		m[from] = to
	}
	return m
}()

// BestFit returns the ASCII character that programs with old code pages take
// for a character beyond ASCII: a dash for "–", an apostrophe for "′". False if
// there is none.
func BestFit(r rune) (byte, bool) {
	b, ok := bestFit[r]
	return b, ok && r >= utf8.RuneSelf
}

// lowBytes is what %uXXXX is decoded to.
var lowBytes = func() *[1 << 16]byte {
	t := new([1 << 16]byte)
	for r := range t {
		t[r] = byte(r)
	}
	for r, b := range bestFit {
		t[r] = b
	}
	return t
}()

const hexDigits = "0123456789abcdef"

func utf8ToUnicode(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		if src[i] < utf8.RuneSelf {
			dst = append(dst, src[i])
			i++
			continue
		}
		if n := uncasedRun(src[i:]); n > 0 {
			grown, at := spread(dst, n*2) // six for three
			for run := src[i : i+n]; len(run) >= 3 && len(at) >= 6; run, at = run[3:], at[6:] {
				high, mid, low := run[0], run[1], run[2]
				at[0], at[1] = '%', 'u'
				at[2], at[3], at[4], at[5] = hexDigits[high&15], hexDigits[mid>>2&15], hexDigits[mid<<2&12|low>>4&3], hexDigits[low&15]
			}
			dst = grown[:len(grown)+n*2]
			i += n
			continue
		}
		r, size := utf8.DecodeRune(src[i:])
		i += size
		dst = append(dst, '%', 'u')
		if r > 0xffff {
			dst = strconv.AppendUint(dst, uint64(r), 16)
			continue
		}
		dst = append(dst, hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
	}
	return dst
}

func urlDecodeUni(dst, src []byte) []byte {
	dst, at := spread(dst, len(src)) // never longer
	n := 0
	for i := 0; i < len(src); {
		c := src[i]
		if c != '%' {
			if c == '+' {
				c = ' '
			}
			at[n] = c
			n, i = n+1, i+1
			continue
		}
		if i+1 < len(src) && src[i+1]|0x20 == 'u' {
			if r, ok := fourDigits(src[i+2:]); ok {
				at[n] = lowBytes[r]
				n, i = n+1, i+6
				continue
			}
			at[n], at[n+1] = c, src[i+1]
			n, i = n+2, i+2
			continue
		}
		if i+2 < len(src) {
			if h, l := hexValue[src[i+1]], hexValue[src[i+2]]; h|l >= 0 {
				at[n] = byte(h<<4 | l)
				n, i = n+1, i+3
				continue
			}
		}
		at[n] = c
		n, i = n+1, i+1
	}
	return dst[:len(dst)+n]
}

// htmlEntityDecode decodes one reference after another: what one means depends on
// its letters, digits and semicolon only (HTML, "Named character reference state").
func htmlEntityDecode(dst, src []byte) []byte {
	for {
		at := bytes.IndexByte(src, '&')
		if at < 0 {
			return append(dst, src...)
		}
		dst, src = append(dst, src[:at]...), src[at:]
		end := 1
		if end < len(src) && src[end] == '#' {
			end++
		}
		for end < len(src) && (isLetter(src[end]) || src[end]-'0' <= 9) {
			end++
		}
		if end < len(src) && src[end] == ';' {
			end++
		}
		if end < 3 { // the shortest are &lt and &#1
			dst = append(dst, src[:end]...)
		} else {
			dst = append(dst, html.UnescapeString(string(src[:end]))...)
		}
		src = src[end:]
	}
}

func isLetter(c byte) bool { return c|0x20-'a' <= 'z'-'a' }

// fourDigits is digits for four.
func fourDigits(s []byte) (uint16, bool) {
	if len(s) < 4 {
		return 0, false
	}
	a, b, c, d := hexValue[s[0]], hexValue[s[1]], hexValue[s[2]], hexValue[s[3]]
	return uint16(a)<<12 | uint16(b)<<8 | uint16(c)<<4 | uint16(d), a|b|c|d >= 0
}

// jsEscapes are the letters after a backslash that stand for another byte.
var jsEscapes = map[byte]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// jsDecode decodes \uHHHH, \u{H…}, \xHH, octal and letter escapes; characters
// beyond ASCII keep their low byte, full-width ones their ASCII form.
func jsDecode(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		if src[i] != '\\' || i+1 == len(src) {
			dst = append(dst, src[i])
			i++
			continue
		}
		c, size := jsEscape(src[i+1:])
		dst = append(dst, c)
		i += 1 + size
	}
	return dst
}

// jsEscape decodes what follows a backslash, of one byte or more.
func jsEscape(s []byte) (c byte, size int) {
	switch s[0] {
	case 'u':
		if n := braced(s[1:]); n > 0 {
			r, _ := digits(s[2:], n)
			c = byte(r)
			if r >= 0xff01 && r <= 0xff5e {
				c += 0x20
			}
			return c, n + 3
		}
		if r, ok := digits(s[1:], 4); ok {
			c = byte(r)
			if c > 0 && c < 0x5f && r>>8 == 0xff {
				c += 0x20
			}
			return c, 5
		}
	case 'x':
		if r, ok := digits(s[1:], 2); ok {
			return byte(r), 3
		}
	case '0', '1', '2', '3', '4', '5', '6', '7':
		n := 1
		for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
			n++
		}
		if n == 3 && s[0] > '3' {
			n = 2
		}
		for _, d := range s[:n] {
			c = c<<3 | (d - '0')
		}
		return c, n
	}
	if e, ok := jsEscapes[s[0]]; ok {
		return e, 1
	}
	return s[0], 1
}

// braced returns how many hexadecimal digits, one to six, stand in {…} at the
// beginning of s; 0 for none.
func braced(s []byte) int {
	if len(s) == 0 || s[0] != '{' {
		return 0
	}
	n := 0
	for n < 6 && 1+n < len(s) && hexValue[s[1+n]] >= 0 {
		n++
	}
	if 1+n >= len(s) || s[1+n] != '}' {
		return 0
	}
	return n
}

// cssDecode decodes one to six hexadecimal digits after a backslash (CSS
// Syntax Level 3, 4.3.7) and drops other backslashes.
func cssDecode(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		if src[i] != '\\' {
			dst = append(dst, src[i])
			i++
			continue
		}
		i++
		n := 0
		for n < 6 && i+n < len(src) && hexValue[src[i+n]] >= 0 {
			n++
		}
		switch {
		case i == len(src):
		case n > 0:
			r, _ := digits(src[i:], n)
			if r == 0 {
				r = utf8.RuneError
			}
			if r >= 0xff01 && r <= 0xff5e {
				r -= 0xfee0
			}
			dst = utf8.AppendRune(dst, r)
			if i += n; i < len(src) && (src[i] == ' ' || '\t' <= src[i] && src[i] <= '\r') {
				i++
			}
		case src[i] == '\n':
			i++
		default:
			dst = append(dst, src[i])
			i++
		}
	}
	return dst
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

var base64Value = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i := range len(base64Alphabet) {
		t[base64Alphabet[i]] = int8(i)
	}
	return t
}()

// base64Decode decodes up to the first byte that is not of the alphabet; line
// ends are passed over.
func base64Decode(dst, src []byte) []byte {
	x, n := 0, 0
	for _, c := range src {
		if c == '\r' || c == '\n' {
			continue
		}
		v := base64Value[c]
		if v < 0 {
			break
		}
		x = x<<6 | int(v)
		if n++; n == 4 {
			dst = append(dst, byte(x>>16), byte(x>>8), byte(x))
			x, n = 0, 0
		}
	}
	switch n {
	case 2:
		dst = append(dst, byte(x>>4))
	case 3:
		dst = append(dst, byte(x>>10), byte(x>>2))
	}
	return dst
}
