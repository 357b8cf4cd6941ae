package canon

import "bytes"

// The functions of this file read the usual ASCII forms of a field, byte by
// byte. They say no to everything else, and then the general ones decide; a
// fuzz test holds the two together.

// emailByte is what a byte of an address becomes: lower case, and 0 for those
// that mean something or are no letter, digit or mark of ASCII.
var emailByte = func() (t [256]byte) {
	for c := byte('!'); c < 0x7F; c++ {
		if bytes.IndexByte([]byte(`<>",;@+`), c) < 0 {
			t[c] = c
		}
	}
	for c := byte('A'); c <= 'Z'; c++ {
		t[c] = c | 0x20
	}
	return t
}()

// plainEmail appends an address without sub-address and returns where its @
// is.
func plainEmail(dst, s []byte) (out []byte, at int, ok bool) {
	start := len(dst)
	at = -1
	for _, c := range s {
		if t := emailByte[c]; t != 0 {
			dst = append(dst, t)
			continue
		}
		if c != '@' || at >= 0 {
			return dst[:start], 0, false
		}
		at = len(dst)
		dst = append(dst, c)
	}
	if at <= start || at+1 == len(dst) {
		return dst[:start], 0, false
	}
	return dst, at, true
}

// plainPhone reads national numbers with or without hyphens.
func plainPhone(s []byte) (uint64, bool) {
	if len(s) < 10 || len(s) > 13 || s[0] != '0' || s[1] == '0' {
		return 0, false
	}
	v, n := uint64(1), 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			v = v*10 + uint64(c-'0')
			n++
		case c != '-':
			return 0, false
		}
	}
	return v, n >= 6
}

// plainPostal reads 1234567 and 123-4567.
func plainPostal(s []byte) (uint32, bool) {
	if len(s) == 0 || len(s) > 8 {
		return 0, false
	}
	v := uint32(1)
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			v = v*10 + uint32(c-'0')
		case c != '-':
			return 0, false
		}
	}
	return v, v > 1
}

// eras are the years before the first of each era.
func eraOf(c byte) int {
	switch c | 0x20 {
	case 'm':
		return 1867
	case 't':
		return 1911
	case 's':
		return 1925
	case 'h':
		return 1988
	case 'r':
		return 2018
	}
	return 0
}

// kanjiEra reads the name of an era at the beginning of s.
func kanjiEra(s []byte) int {
	if len(s) < 6 {
		return 0
	}
	switch string(s[:6]) {
	case "明治":
		return 1867
	case "大正":
		return 1911
	case "昭和":
		return 1925
	case "平成":
		return 1988
	case "令和":
		return 2018
	}
	return 0
}

// plainDate reads 1979-03-02, 1979/3/2, 19790302, S54.3.2, 昭和54年3月2日.
func plainDate(s []byte) (uint32, bool) {
	if len(s) < 6 {
		return 0, false
	}
	era := 0
	if c := s[0]; c > '9' {
		if era = eraOf(c); c < 0x80 && era != 0 {
			s = s[1:]
		} else if era = kanjiEra(s); era != 0 {
			s = s[6:]
		} else {
			return 0, false
		}
	}
	var part [3]int
	for i := range part {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			part[i] = part[i]*10 + int(s[n]-'0')
			if n++; n > 8 {
				return 0, false
			}
		}
		s = s[n:]
		switch {
		case i == 0 && n == 8 && era == 0 && len(s) == 0:
			return uint32(part[0]), true
		case n == 0 || n > 4 || i == 0 && n < 3 && era == 0:
			return 0, false
		case i == 2:
			if len(s) > 0 && string(s) != "日" {
				return 0, false
			}
		case len(s) > 0 && (s[0] == '-' || s[0] == '/' || s[0] == '.'):
			s = s[1:]
		case len(s) > 3 && (string(s[:3]) == "年" || string(s[:3]) == "月"):
			s = s[3:]
		default:
			return 0, false
		}
	}
	y := part[0] + era
	if y <= 0 || y > 9999 || part[1] > 99 || part[2] > 99 {
		return 0, true
	}
	return uint32(y*10000 + part[1]*100 + part[2]), true
}

// plainDocument reads letters and digits without blanks.
func plainDocument(s []byte) (uint64, bool) {
	if len(s) < 3 || len(s) > 11 {
		return 0, false
	}
	v := uint64(1)
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			v = v*36 + uint64(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80:
			v = v*36 + uint64(c|0x20-'a') + 10
		default:
			return 0, false
		}
	}
	return v, true
}
