package canon

import (
	"bytes"
	"unicode/utf8"
)

// Phone returns a telephone number as the decimal number 1 followed by its
// digits in the national form (so that leading zeros count), 0 when there are
// less than six digits. +81 and 0081 become 0; (0), extensions and a second
// number behind a slash are dropped.
func Phone(s []byte) uint64 {
	if v, ok := plainPhone(s); ok {
		return v
	}
	return phone(s)
}

func phone(s []byte) uint64 {
	var room [20]byte
	d := room[:0]
	plus := false
	for len(s) > 0 && len(d) < 18 {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		r = fold(r)
		switch {
		case r >= '0' && r <= '9':
			d = append(d, byte(r))
		case r == '+' && len(d) == 0:
			plus = true
		case (r == '/' || r == '内' || r == 'x' || r == ',' || r == ';' || r == '、') && len(d) >= 9:
			s = nil
		}
	}
	switch {
	case plus && bytes.HasPrefix(d, []byte("81")):
		d = d[2:]
	case bytes.HasPrefix(d, []byte("0081")):
		d = d[4:]
	case !plus && len(d) >= 11 && bytes.HasPrefix(d, []byte("81")) && d[2] != '0' && len(d) <= 12:
		d = d[2:]
	default:
		return number(d, 6)
	}
	v := number(bytes.TrimLeft(d, "0"), 5)
	if v == 0 {
		return 0
	}
	return number(append([]byte("0"), bytes.TrimLeft(d, "0")...), 6)
}

// number is 1 and the digits; 0 when there are less than least.
func number(d []byte, least int) uint64 {
	if len(d) < least {
		return 0
	}
	v := uint64(1)
	for _, c := range d {
		v = v*10 + uint64(c-'0')
	}
	return v
}

// Postal returns a postal code as the number 1 followed by its digits, 0 when
// the field has none or more than nine.
func Postal(s []byte) uint32 {
	if v, ok := plainPostal(s); ok {
		return v
	}
	return postal(s)
}

func postal(s []byte) uint32 {
	v := uint64(1)
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		if r = fold(r); r >= '0' && r <= '9' {
			if v = v*10 + uint64(r-'0'); v >= 1e9*2 {
				return 0
			}
		}
	}
	if v == 1 {
		return 0
	}
	return uint32(v)
}

// Email appends an address in lower case without blanks, display name and
// sub-address (RFC 5233), and for Google's mail without dots in the local
// part. It appends nothing when there is no local part or no domain.
func Email(dst, s []byte) []byte {
	if out, at, ok := plainEmail(dst, s); ok {
		return google(out, len(dst), at)
	}
	return email(dst, s)
}

func email(dst, s []byte) []byte {
	start := len(dst)
	if i := bytes.LastIndexByte(s, '<'); i >= 0 {
		s = s[i+1:]
	}
	at := -1
	for len(s) > 0 {
		r, n := rune(s[0]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(s)
		}
		s = s[n:]
		if r = fold(r); r == drop || r == ' ' || r == '<' || r == '>' || r == '"' {
			continue
		}
		if r == ',' || r == ';' {
			break
		}
		if r == '@' {
			if at >= 0 {
				break
			}
			at = len(dst)
		}
		if r >= 'A' && r <= 'Z' {
			r |= 0x20
		}
		dst = utf8.AppendRune(dst, r)
	}
	if at <= start || at+1 >= len(dst) {
		return dst[:start]
	}
	if i := bytes.IndexByte(dst[start:at], '+'); i > 0 {
		dst = append(dst[:start+i], dst[at:]...)
		at = start + i
	}
	return google(dst, start, at)
}

// google takes the dots out of an address of Google's mail whose @ is at at,
// and all of it when nothing is left before the @.
func google(dst []byte, start, at int) []byte {
	if d := dst[at+1:]; string(d) == "gmail.com" || string(d) == "googlemail.com" {
		dst = append(undot(dst[:at], start), "@gmail.com"...)
	}
	if dst[start] == '@' {
		return dst[:start]
	}
	return dst
}

func undot(dst []byte, start int) []byte {
	out := dst[:start]
	for _, c := range dst[start:] {
		if c != '.' {
			out = append(out, c)
		}
	}
	return out
}

// Local returns the part of a canonical address before the @.
func Local(email []byte) []byte {
	if i := bytes.IndexByte(email, '@'); i >= 0 {
		return email[:i]
	}
	return nil
}

// Document returns a passport or other document number of three to eleven letters
// and digits (passports have up to nine, ICAO Doc 9303-4) as one number: 1 and its
// characters in base 36, so that equal prefixes stay near; 0 for shorter and longer
// ones.
func Document(s []byte) uint64 {
	if v, ok := plainDocument(s); ok {
		return v
	}
	return document(s)
}

func document(s []byte) uint64 {
	v := uint64(1)
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		r = fold(r)
		if r >= 'a' && r <= 'z' {
			r -= 0x20
		}
		var c uint64
		switch {
		case r >= '0' && r <= '9':
			c = uint64(r - '0')
		case r >= 'A' && r <= 'Z':
			c = uint64(r-'A') + 10
		default:
			continue
		}
		if v >= maxDocument {
			return 0
		}
		v = v*36 + c
	}
	if v < 36*36*36 {
		return 0
	}
	return v
}

// maxDocument is 36^11: a number that has eleven characters already.
const maxDocument = 36 * 36 * 36 * 36 * 36 * 36 * 36 * 36 * 36 * 36 * 36

// Sex is what a record says about it.
type Sex uint8

// The values: unknown covers empty fields and those that are neither.
const (
	UnknownSex Sex = iota
	Male
	Female
)

// ParseSex reads letters, words, kanji and the codes of ISO/IEC 5218.
func ParseSex(s []byte) Sex {
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		switch fold(r) {
		case 'M', 'm', '男', '1', '♂':
			return Male
		case 'F', 'f', 'W', 'w', '女', '2', '♀':
			return Female
		case ' ', drop:
			continue
		}
		return UnknownSex
	}
	return UnknownSex
}
