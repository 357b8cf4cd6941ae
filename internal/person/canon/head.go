package canon

import "unicode/utf8"

// Towns repeat and house numbers do not, so an address can be read in two
// parts: its head, whose canonical form a caller remembers, and its tail.
// What Head and Tail make of an address, Address makes of it too.

// HeadEnd returns where the head of an address ends: at its first Arabic digit,
// or at the kanji numeral of a 丁目 before that (本町五丁目34), which would make
// many heads of one town. It is 0 when there is no head or no digit.
func HeadEnd(s []byte) int {
	for i, c := range s {
		if c >= '0' && c <= '9' || c == 0xEF && fullDigit(s[i:]) >= 0 {
			return beforeChome(s[:i])
		}
	}
	return 0
}

// beforeChome returns where the numeral of the 丁目 begins that s ends in; the
// end of s when there is none, or when more than one character is its number.
func beforeChome(s []byte) int {
	const chome = "丁目"
	n := len(s) - len(chome) - 3
	if n < 3 || string(s[n+3:]) != chome || kanjiDigit(s[n:]) < 0 {
		return len(s)
	}
	r, _ := utf8.DecodeLastRune(s[:n])
	if r = fold(r); !alone(r) || r == '百' || digit(r) >= 0 {
		return len(s)
	}
	return n
}

// alone reports whether a character, folded, is the same in an address whatever
// stands before it: no blank, mark of voice or 字.
func alone(r rune) bool { return r >= 0x3041 && r != '字' && (r < 0x3099 || r > '゜') }

// kanjiDigit returns the value of the numeral from 一 to 九 that s begins with,
// or -1.
func kanjiDigit(s []byte) int {
	if len(s) < 3 || s[0] < 0xE4 || s[0] > 0xE5 {
		return -1
	}
	switch string(s[:3]) {
	case "一":
		return 1
	case "二":
		return 2
	case "三":
		return 3
	case "四":
		return 4
	case "五":
		return 5
	case "六":
		return 6
	case "七":
		return 7
	case "八":
		return 8
	case "九":
		return 9
	}
	return -1
}

// WithoutPrefecture returns an address without the prefecture that it begins
// with in its usual characters. Head makes the same of both.
func WithoutPrefecture(s []byte) []byte {
	for _, n := range [...]int{9, 12} {
		if len(s) <= n {
			return s
		}
		switch string(s[n-3 : n]) {
		case "県", "府", "都", "道":
			if r, _ := utf8.DecodeRune(s[n:]); prefectureNames[string(s[:n])] && alone(fold(r)) {
				return s[n:]
			}
		}
	}
	return s
}

// fullDigit returns the value of the full-width digit that s begins with, or -1.
func fullDigit(s []byte) int {
	if len(s) >= 3 && s[0] == 0xEF && s[1] == 0xBC && s[2] >= 0x90 && s[2] <= 0x99 {
		return int(s[2] - 0x90)
	}
	return -1
}

// Head appends the canonical form of a head: town, and the numbers that it
// holds already (一丁目). It says no when the form depends on what follows.
func Head(dst, s []byte) (town, numbersText []byte, ok bool) {
	var room [96]rune
	rs := withoutPrefecture(place(room[:0], s))
	if len(rs) < 3 || rs[0] == '京' && rs[1] == '都' && rs[2] == '市' {
		return nil, nil, false
	}
	start := len(dst)
	for i := 0; i < len(rs); {
		n, end := numeralAt(rs, i)
		if end == i {
			if r := rs[i]; r != ' ' && r != '-' && r != '~' {
				dst = utf8.AppendRune(dst, r)
			}
			i++
			continue
		}
		town := len(dst)
		if !japanese(dst[start:]) {
			return nil, nil, false
		}
		joined := false
		if dst, i, joined = numbers(dst, rs, n, end); i == len(rs) {
			return dst[start:town], dst[town:], joined
		}
		if !townGoesOn(rs, i) {
			return nil, nil, false
		}
	}
	return dst[start:], nil, japanese(dst[start:])
}

// japanese reports whether s has a character that no other country's address
// has.
func japanese(s []byte) bool {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRune(s[i:])
		if r >= 0x3000 {
			return true
		}
		i += n
	}
	return false
}

// Tail appends the numbers that s begins with to those of its head. It says no
// when anything else than a blank follows them.
func Tail(dst, s []byte) ([]byte, bool) {
	if len(dst) > 0 {
		dst = append(dst, '-')
	}
	start := len(dst)
	for {
		n := 0
		if v := kanjiDigit(s); v > 0 && len(dst) == start {
			n, s = v, s[3:]
		}
		for len(s) > 0 {
			if c := s[0]; c >= '0' && c <= '9' {
				n, s = min(n*10+int(c-'0'), 99999), s[1:]
			} else if v := fullDigit(s); v >= 0 {
				n, s = min(n*10+v, 99999), s[3:]
			} else {
				break
			}
		}
		dst = appendInt(dst, n)
		for {
			w := joint(s)
			if w == 0 {
				break
			}
			s = s[w:]
		}
		switch {
		case len(s) == 0 || s[0] == ' ' || len(s) >= 3 && string(s[:3]) == "\u3000":
			return dst, true
		case s[0] >= '0' && s[0] <= '9' || fullDigit(s) >= 0:
			dst = append(dst, '-')
		default:
			return dst, false
		}
	}
}

// joint returns the length of the usual joints between numbers.
func joint(s []byte) int {
	if len(s) > 0 && s[0] == '-' {
		return 1
	}
	if len(s) < 3 {
		return 0
	}
	next := ""
	if len(s) >= 6 {
		next = string(s[3:6])
	}
	switch string(s[:3]) {
	case "－", "−", "‐", "ー", "の":
		return 3
	case "丁":
		if next == "目" {
			return 6
		}
		return 3
	case "番":
		switch next {
		case "地":
			return 6
		case "町":
			return 0
		}
		return 3
	case "号":
		if next == "室" || next == "棟" || next == "館" {
			return 0
		}
		return 3
	}
	return 0
}
