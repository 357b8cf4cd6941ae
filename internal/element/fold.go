package element

import "unicode/utf8"

// maxValue bounds the values that Classify looks into, in bytes after folding.
// Longer texts are for the scanner: their beginning is judged.
const maxValue = 512

// fold writes value to dst with full-width ASCII (U+FF01–U+FF5E), the
// spaces of Unicode and the dashes that Japanese keyboards give brought to
// ASCII. It stops when dst is full and returns the number of bytes written.
//
// The long-vowel mark ー is a dash only between digits: in words it is a letter.
func fold(dst []byte, value []byte) int {
	n := 0
	for i := 0; i < len(value) && n+utf8.UTFMax <= len(dst); {
		c := value[i]
		if c < utf8.RuneSelf {
			dst[n] = c
			n++
			i++
			continue
		}
		r, size := utf8.DecodeRune(value[i:])
		if a := ascii(r, n > 0 && isDigit(dst[n-1])); a != 0 {
			dst[n] = a
			n++
		} else {
			n += copy(dst[n:], value[i:i+size])
		}
		i += size
	}
	return n
}

// ascii returns the ASCII character that r stands for, or 0.
func ascii(r rune, afterDigit bool) byte {
	switch {
	case r >= 0xFF01 && r <= 0xFF5E:
		return byte(r - 0xFEE0)
	case r == 0x3000, r == 0x00A0, r >= 0x2000 && r <= 0x200A, r == 0x202F:
		return ' '
	case r >= 0x2010 && r <= 0x2015, r == 0x2212, r == 0xFE63:
		return '-'
	case r == 'ー' && afterDigit, r == 'ｰ' && afterDigit:
		return '-'
	case r == '·' && afterDigit, r == '•' && afterDigit:
		return '-'
	case r == 0x00AD && afterDigit, r == 0x200B && afterDigit, r == 0x2060 && afterDigit, r == 0xFEFF && afterDigit:
		return '-' // a soft hyphen, and what has no width
	}
	return 0
}

func isDigit(c byte) bool { return c-'0' <= 9 }
func isUpper(c byte) bool { return c-'A' <= 'Z'-'A' }
func isLower(c byte) bool { return c-'a' <= 'z'-'a' }

// digits copies the digits of s to dst, allowing single separators between
// them, and reports how many there were; ok is false when s holds anything
// else, or more digits than dst.
func digits(dst, s []byte) (n, separators int, ok bool) {
	for i, c := range s {
		switch {
		case isDigit(c):
			if n == len(dst) {
				return n, separators, false
			}
			dst[n] = c - '0'
			n++
		case c == '-' || c == ' ' || c == '.':
			if i == 0 || i == len(s)-1 || !isDigit(s[i-1]) || !isDigit(s[i+1]) {
				return n, separators, false
			}
			separators++
		default:
			return n, separators, false
		}
	}
	return n, separators, n > 0
}

// hasPrefix is bytes.HasPrefix without a conversion.
func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

// decodeRune is utf8.DecodeRune for text that is mostly of three bytes a
// character. It takes surrogates for characters.
func decodeRune(b []byte) (rune, int) {
	if len(b) > 2 && b[0]&0xF0 == 0xE0 && b[1]&0xC0 == 0x80 && b[2]&0xC0 == 0x80 {
		if r := rune(b[0]&0xF)<<12 | rune(b[1]&0x3F)<<6 | rune(b[2]&0x3F); r >= 0x800 {
			return r, 3
		}
	}
	return utf8.DecodeRune(b)
}
