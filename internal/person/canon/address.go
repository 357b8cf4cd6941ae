package canon

import (
	"bytes"
	"unicode/utf8"
)

// Place is a canonical address. Both slices are parts of what Address
// appended.
type Place struct {
	Town   []byte // municipality and town, without prefecture
	Street []byte // Town and the numbers joined by hyphens: 中央区北1条西2-3-4
}

// Exact reports whether the address goes down to a number.
func (p Place) Exact() bool { return len(p.Street) > len(p.Town) }

// Numbers is what Street has behind Town; all of it in other countries, where
// numbers come first.
func (p Place) Numbers() []byte {
	if bytes.HasPrefix(p.Street, p.Town) {
		return p.Street[len(p.Town):]
	}
	return p.Street
}

// Address appends the canonical form of an address and returns its parts. The
// prefecture is left out, as many forms leave it out; so is the building, with
// everything behind the numbers. 丁目, 番, 番地, 号, の and dashes join numbers,
// kanji numerals before them become Arabic, 大字 and 字 are dropped, ヶ ケ が
// between kanji are one, and the street names of Kyoto (上る, 下る, 東入, 西入)
// are taken out between ward and town. Addresses of other countries keep their
// letters and digits in lower case.
func Address(dst, s []byte) ([]byte, Place) {
	var room [160]rune
	rs := place(room[:0], s)
	rs = withoutPrefecture(rs)
	rs = withoutKyotoStreet(rs)
	start := len(dst)
	if foreign(rs) {
		return foreignAddress(dst, rs)
	}
	i := 0
	for i < len(rs) {
		n, end := numeralAt(rs, i)
		if end == i {
			if r := rs[i]; r != ' ' && r != '-' && r != '~' {
				dst = utf8.AppendRune(dst, rs[i])
			}
			i++
			continue
		}
		town := len(dst)
		if town > start && ascii(dst[start:]) {
			return foreignAddress(dst[:start], rs)
		}
		dst, i, _ = numbers(dst, rs, n, end)
		if i >= len(rs) || !townGoesOn(rs, i) {
			return dst, Place{Town: dst[start:town], Street: dst[start:]}
		}
	}
	return dst, Place{Town: dst[start:], Street: dst[start:]}
}

// foreign reports whether an address has letters and no Japanese character
// before its first number behind a letter.
func foreign(rs []rune) bool {
	latin := false
	for _, r := range rs {
		switch {
		case r >= 0x3000:
			return false
		case r >= '0' && r <= '9' && latin:
			return true
		}
		latin = latin || r >= 'a' && r <= 'z'
	}
	return latin
}

func ascii(s []byte) bool {
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// foreignAddress appends letters and digits, then once more the letters alone,
// which stand for the town.
func foreignAddress(dst []byte, rs []rune) ([]byte, Place) {
	start := len(dst)
	for _, r := range rs {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 0x80 {
			dst = utf8.AppendRune(dst, r)
		}
	}
	end := len(dst)
	for _, c := range dst[start:end] {
		if c < '0' || c > '9' {
			dst = append(dst, c)
		}
	}
	return dst, Place{Town: dst[end:], Street: dst[start:end:end]}
}

// place folds the characters of an address.
func place(rs []rune, s []byte) []rune {
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		switch r = fold(r); {
		case r == drop || r == '〒' || r == '、' || r < 0x80 && !kept(byte(r)):
			continue
		case r == '゛' || r == '゜' || r == 0x3099 || r == 0x309A:
			if k := len(rs) - 1; k >= 0 {
				rs[k], _ = voiced(rs[k], r == '゛' || r == 0x3099)
			}
			continue
		case r >= 'A' && r <= 'Z':
			r |= 0x20
		case r == 'ヶ', r == 'が', r == 'ガ', r == 'ヵ', r == 'ｹ':
			r = 'ケ'
		case r == 'ツ', r == 'ッ', r == 'っ':
			r = 'つ'
		case r == '之' || r == 'ノ':
			r = 'の'
		}
		if k := len(rs); r == '字' && k > 0 {
			if rs[k-1] == '大' {
				rs = rs[:k-1]
			}
			continue
		}
		rs = append(rs, r)
	}
	return rs
}

// kept reports whether an ASCII character means something in an address.
func kept(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == ' ' || c == '~'
}

// prefectureNames are the prefectures as they are written, and prefectures as
// place folds them.
var prefectureNames, prefectures = func() (written, folded map[string]bool) {
	written, folded = map[string]bool{}, map[string]bool{}
	for _, p := range bytes.Fields([]byte(`北海道 青森県 岩手県 宮城県 秋田県 山形県 福島県 茨城県 栃木県 群馬県
		埼玉県 千葉県 東京都 神奈川県 新潟県 富山県 石川県 福井県 山梨県 長野県 岐阜県 静岡県 愛知県 三重県 滋賀県
		京都府 大阪府 兵庫県 奈良県 和歌山県 鳥取県 島根県 岡山県 広島県 山口県 徳島県 香川県 愛媛県 高知県
		福岡県 佐賀県 長崎県 熊本県 大分県 宮崎県 鹿児島県 沖縄県`)) {
		written[string(p)], folded[string(place(nil, p))] = true, true
	}
	return written, folded
}()

func withoutPrefecture(rs []rune) []rune {
	for len(rs) > 0 {
		n := 0
		for len(rs) > 0 && rs[0] == ' ' {
			rs = rs[1:]
		}
		for k := 3; k <= 4 && k <= len(rs) && n == 0; k++ {
			switch rs[k-1] {
			case '県', '府', '都', '道':
				if prefectures[string(rs[:k])] {
					n = k
				}
			}
		}
		if n == 0 {
			return rs
		}
		rs = rs[n:]
	}
	return rs
}

// withoutKyotoStreet takes out what stands between the ward and the last of
// 上る, 下る, 東入, 西入.
func withoutKyotoStreet(rs []rune) []rune {
	if len(rs) < 6 || rs[0] != '京' || rs[1] != '都' || rs[2] != '市' {
		return rs
	}
	ward, last := -1, -1
	for i, r := range rs {
		switch {
		case r == '区' && ward < 0 && i < 8:
			ward = i
		case ward >= 0 && i+1 < len(rs) && (r == '上' || r == '下') && (rs[i+1] == 'る' || rs[i+1] == 'ル'):
			last = i + 1
		case ward >= 0 && i+1 < len(rs) && (r == '東' || r == '西') && rs[i+1] == '入':
			last = i + 1
			if i+2 < len(rs) && (rs[i+2] == 'る' || rs[i+2] == 'ル') {
				last++
			}
		}
	}
	if last < 0 {
		return rs
	}
	return append(rs[:ward+1], rs[last+1:]...)
}

// numeralAt reads the number that begins at i: Arabic digits, or kanji
// numerals when a word for a number in an address follows. end is i when there
// is none. Numbers over 99999 are cut there. What Address leaves out anyway may
// stand between a kanji numeral and its word.
func numeralAt(rs []rune, i int) (n, end int) {
	if rs[i] >= '0' && rs[i] <= '9' {
		for end = i; end < len(rs) && rs[end] >= '0' && rs[end] <= '9'; end++ {
			n = min(n*10+int(rs[end]-'0'), 99999)
		}
		return n, end
	}
	n, end = kanjiNumber(rs, i)
	if end == i {
		return 0, i
	}
	for end < len(rs) && (rs[end] == ' ' || rs[end] == '-' || rs[end] == '~') {
		end++
	}
	if end < len(rs) && (numberWord(rs, end) > 0 || rs[end] == '条') {
		return n, end
	}
	return 0, i
}

func kanjiNumber(rs []rune, i int) (n, end int) {
	unit := 0
	for end = i; end < len(rs); end++ {
		v := digit(rs[end])
		switch {
		case rs[end] < 0x80:
			v = -1
		case rs[end] == '百':
			n, unit = n+max(unit, 1)*100, 0
			continue
		}
		if v < 0 {
			break
		}
		if v == 10 {
			n, unit = n+max(unit, 1)*10, 0
			continue
		}
		unit = unit*10 + v
		if unit > 99999 {
			unit = 99999
		}
	}
	return n + unit, end
}

// numberWord returns the length of 丁目, 丁, 番地, 番町 apart, 番, 号 at i.
func numberWord(rs []rune, i int) int {
	next := rune(0)
	if i+1 < len(rs) {
		next = rs[i+1]
	}
	switch rs[i] {
	case '丁':
		if next == '目' {
			return 2
		}
		return 1
	case '番':
		switch next {
		case '地':
			return 2
		case '町': // 一番町 is a town
			return 0
		}
		return 1
	case '号':
		if next == '室' || next == '棟' || next == '館' {
			return 0
		}
		return 1
	}
	return 0
}

// numbers appends n and the numbers that follow it, and returns where it
// stopped reading, and whether a joint was read last.
func numbers(dst []byte, rs []rune, n, i int) ([]byte, int, bool) {
	dst = appendInt(dst, n)
	for {
		k := i
		joined := false
		for k < len(rs) {
			if w := numberWord(rs, k); w > 0 {
				k += w
			} else if r := rs[k]; r == '-' || r == 'の' || r == 'ー' || r == '~' || r == '一' && joinsDigits(rs, k) {
				k++
			} else {
				break
			}
			joined = true
		}
		if !joined || k >= len(rs) {
			return dst, k, joined
		}
		n, end := number2(rs, k)
		if end == k {
			return dst, k, true
		}
		dst = append(dst, '-')
		dst = appendInt(dst, n)
		i = end
	}
}

// joinsDigits reports whether the 一 at k is a dash typed as a numeral.
func joinsDigits(rs []rune, k int) bool {
	return k > 0 && k+1 < len(rs) && rs[k-1] >= '0' && rs[k-1] <= '9' && rs[k+1] >= '0' && rs[k+1] <= '9'
}

// number2 reads a number after a joint: there kanji numerals need no word
// behind them.
func number2(rs []rune, i int) (n, end int) {
	if n, end = numeralAt(rs, i); end > i {
		return n, end
	}
	return kanjiNumber(rs, i)
}

// townGoesOn reports whether the number was part of a town's name: 北1条, 2線,
// 3区, 4番町.
func townGoesOn(rs []rune, i int) bool {
	switch rs[i] {
	case '条', '線', '区', '町', '番', '地':
		return true
	}
	return false
}

func appendInt(dst []byte, n int) []byte {
	var room [8]byte
	i := len(room)
	for {
		i--
		room[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return append(dst, room[i:]...)
		}
	}
}
