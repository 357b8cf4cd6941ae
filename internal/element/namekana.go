package element

import (
	"bytes"
	"encoding/binary"
)

// givenKana returns the length of the given name in hiragana or katakana at the
// beginning of b, which an honorific must follow; 0 when there is none.
func givenKana(b []byte) int {
	n := kanaLength(b)
	if n == len(b) {
		return 0
	}
	if !hasPrefix(b[n:], "様") && !hasPrefix(b[n:], "殿") && !hasPrefix(b[n:], "氏") {
		whole := n
		for _, h := range [...]string{"さん", "さま", "くん", "ちゃん"} {
			if bytes.HasSuffix(b[:n], []byte(h)) {
				n -= len(h)
				break
			}
		}
		if n == whole {
			return 0
		}
	}
	if n < 6 || n > 15 {
		return 0
	}
	return n
}

// nameInKana reports 御手洗 さくら様 before the honorific at p: a given name in kana
// and a family name in kanji, with a space between them or known; and names with a
// space behind them, 八木沢 一　様.
func (s *Scanner) nameInKana(p int, h honorific) bool {
	b := s.buf
	if h.weak || !s.properEnd(p+len(h.word)) {
		return false
	}
	end := p - s.gapBefore(p)
	start := end
	for start > end-15 && kanaLength(b[start-3:start]) == 3 {
		start -= 3
	}
	if start == end && end < p { // 榊 太郎　様
		start = s.kanjiRowBefore(end)
		family := s.kanjiBefore(start)
		switch {
		case start < s.ends.name || start == end:
			return false
		case family < start && family >= s.ends.name && end-start <= 9 && (allGiven(b[start:end]) || s.addressed(family, start, b[start:end])):
			start = family
		case end-start < 9 || end-start > 15 || !allGiven(b[end-3:end]) || notNames.has(b[end-6:end]) || neverGivenNames.has(b[end-6:end]) || commonBeforeSama[string(b[start:end])]:
			return false
		}
		s.name(start, end, 60, ByHonorific|ByForm)
		return true
	}
	if end-start < 6 {
		return false
	}
	family := s.kanjiBefore(start)
	if family == start {
		if family = s.kanjiRowBefore(start); start-family < 6 || start-family > 12 || !isFamilyName(b[family:start]) {
			return false
		}
	}
	if family < s.ends.name {
		return false
	}
	s.name(family, end, 70, ByHonorific|ByForm)
	return true
}

// gapBefore returns the size of the one space before p, 0 when there is none.
func (s *Scanner) gapBefore(p int) int {
	switch {
	case s.buf[p-1] == ' ':
		return 1
	case hasPrefix(s.buf[p-3:p], "　"):
		return 3
	}
	return 0
}

// kanjiRowBefore returns where the row of kanji begins that ends at p; at most six
// are looked at.
func (s *Scanner) kanjiRowBefore(p int) int {
	for range 6 {
		if _, ok := kanjiAt(s.buf[p-3 : p]); !ok {
			break
		}
		p -= 3
	}
	return p
}

// kanjiBefore returns where the one to four kanji begin that stand, with one space
// behind them, before p; p itself when there are none.
func (s *Scanner) kanjiBefore(p int) int {
	gap := s.gapBefore(p)
	if gap == 0 {
		return p
	}
	b, e := s.buf, p-gap
	q := s.kanjiRowBefore(e)
	if isFamilyName(b[q:e]) {
		return q // 小野寺
	}
	if q == e || e-q > 12 || notNames.has(b[q:e]) || neverGivenNames.has(b[q:e]) || neverGivenNames.has(b[e-3:e]) || commonBeforeSama[string(b[q:e])] || notFamilyEnd[string(b[e-3:e])] {
		return p
	}
	return q
}

// allGiven reports whether v consists of characters of given names.
func allGiven(v []byte) bool {
	for ; len(v) >= 3; v = v[3:] {
		if r, _ := decodeRune(v); !isGiven(r) {
			return false
		}
	}
	return true
}

// addressed reports whether the two rows of kanji, from family on and v from given on,
// are somebody who is addressed: behind white space or a label, with a given name that
// no table needs to know.
func (s *Scanner) addressed(family, given int, v []byte) bool {
	c := s.buf[family-1]
	begins := c <= ' ' || c == ':' || hasPrefix(s.buf[family-3:family], "　") || hasPrefix(s.buf[family-3:family], "：")
	last := kanjiOf(v[len(v)-3:])
	return begins && given-family >= 6 && isGiven(last) && !neverLast.has(last) && !startsNeverGiven(v) && !notNames.has(v)
}

// readingInBrackets reports the reading of the name that was found just before: two words
// of katakana in brackets, the first, n bytes long, at p.
func (s *Scanner) readingInBrackets(p, n int) {
	b := s.buf
	q := p - 1
	switch {
	case b[q] == '(':
	case hasPrefix(b[p-3:p], "（"):
		q = p - 3
	default:
		return
	}
	if near := q - s.ends.name; near < 0 || near > 8 { // 様, さん, and a space
		return
	}
	gap := gapIn(binary.LittleEndian.Uint32(b[p+n:]))
	if gap == 0 {
		return
	}
	given := katakanaLength(b[p+n+gap : p+n+gap+36])
	e := p + n + gap + given
	if n > 24 || given < 6 || given > 24 || b[e] != ')' && !hasPrefix(b[e:e+3], "）") {
		return
	}
	s.ends.name = e
	s.emit(p, e, Kana, 80, ByForm|ByNeighbour, nil)
}

// endsGivenName reports whether the last character of v ends given names, and few
// other words.
func endsGivenName(v []byte) bool {
	r, _ := decodeRune(v[len(v)-3:])
	return lastBits.has(r)
}

// notKanaGiven are words in hiragana behind a space and a place or a family that are
// no given names.
var notKanaGiven = setOf(`です ます でした ました から まで では には とは より など ほか こと もの ため ので のに さん さま くん ちゃん での との への まで だけ について により において として`)

// notFamilyEnd are characters that end words before names (受取人, お届け先, 契約者) and no
// family names.
var notFamilyEnd = setOf(`人 者 先 名 主 元 客 宛 様 番 号 行 的 等 日 月 年 時 分 件 社 員 部 課 係 店 館 院 校 長`)
