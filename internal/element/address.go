package element

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// maxAddress bounds an address in bytes.
const maxAddress = 240

// prefectureAt returns the length of the prefecture at the beginning of b, 0
// when there is none.
func prefectureAt(b []byte) int {
	if len(b) < 3 {
		return 0
	}
	for _, p := range prefectureBuckets[bucketOf(b)] {
		if hasPrefix(b, p) {
			return len(p)
		}
	}
	return 0
}

// address reports the address that the prefecture at p begins: a city, ward,
// town or village must follow, and a number of a block.
func (s *Scanner) address(p int) bool {
	n := prefectureAt(s.buf[p : p+16])
	if n == 0 {
		return false
	}
	e, city, block := s.addressEnd(p + n)
	if city == 0 {
		return false
	}
	confidence, why := 40, ByForm|ByAnchor
	if block {
		confidence = 88
		if s.postalBefore(p) {
			confidence = 95
		}
	} else if s.postalBefore(p) {
		confidence = 80
	} else if key := s.keyBefore(p); key == Address {
		confidence, why = 85, why|ByHeader
	}
	if confidence >= s.least {
		s.ends.text = e
	}
	s.emit(p, e, Address, confidence, why, nil)
	return true
}

// addressEnd reads on from q, behind the prefecture. City is where the city's
// name ends, block whether a block number follows.
func (s *Scanner) addressEnd(q int) (end, city int, block bool) {
	end, city, block, words := s.addressRun(q)
	if block && words {
		end = q + beforePerson(s.buf[q:end+3], end-q)
	}
	return end, city, block
}

// addressRun is addressEnd with what may follow as well as a building: whose it is, and the
// next label. Words is whether it has a space.
func (s *Scanner) addressRun(q int) (end, city int, block, words bool) {
	b := s.buf
	start, limit := q, q+maxAddress
	gap := false
	for q < limit {
		c := b[q]
		if c < utf8.RuneSelf {
			switch {
			case isDigit(c):
				block = block || city > 0
			case c == '-' || c == ' ' && !gap && (city > 0 || q == start):
			case isLower(c|0x20) && city > 0 && block:
			default:
				return trimAddress(b, start, q), city, block, words
			}
			gap = c == ' '
			words = words || gap
			q++
			continue
		}
		x := binary.LittleEndian.Uint32(b[q:])
		if isKanjiAt(x) {
			for { // the row of kanji; a city's end is no branch, for nothing foretells it
				flags := flagAt(x)
				q += 3
				ends := city
				if q-3-start <= 24 {
					ends = q
				}
				if flags&endsCity != 0 {
					city = ends
				}
				if flags&kanjiNumber != 0 && city > 0 && !block {
					block = isBlockWord(b[q:])
				}
				if x = binary.LittleEndian.Uint32(b[q:]); !isKanjiAt(x) || q >= limit {
					break
				}
			}
			gap = false
			continue
		}
		const n = 3 // as all characters have that may follow
		r := threeBytes(x)
		switch {
		case r >= '０' && r <= '９':
			block = block || city > 0
		case r == '々', r >= 'ァ' && r <= 'ー', r == '－' || r == '−' || r == '‐':
		case r == '　' && !gap && (city > 0 || q == start):
			gap, words = true, true
			q += n
			continue
		case r >= 'ぁ' && r <= 'ん': // の, が and ヶ in names of places, not the sentence around them
			if !isPlaceKana(b[q:]) && !(city > 0 && (kanaBeforeBlock(b[q:]) || isWayOfKyoto(b[q-3:]))) {
				if k := mixedCity(b[q:]); k > 0 && q == start {
					q += k
					continue
				}
				return trimAddress(b, start, q), city, block, words
			}
		case r >= 'Ａ' && r <= 'ｚ' && block:
		default:
			return trimAddress(b, start, q), city, block, words
		}
		gap = false
		q += n
	}
	return trimAddress(b, start, q), city, block, words
}

// threeBytes returns the character of three bytes that x begins with, 0 for another.
func threeBytes(x uint32) rune {
	if x&0xC0C0F0 != 0x8080E0 {
		return 0
	}
	return rune(x&0xF<<12 | x>>2&0xFC0 | x>>16&0x3F)
}

func isKanjiDigit(r rune) bool {
	switch r {
	case '一', '二', '三', '四', '五', '六', '七', '八', '九', '十':
		return true
	}
	return false
}

// isBlockWord reports whether b begins with 丁目, 番 or 号.
func isBlockWord(b []byte) bool {
	return hasPrefix(b, "丁目") || hasPrefix(b, "番") || hasPrefix(b, "号")
}

// isPlaceKana reports whether the hiragana at b stands between kanji, or in a
// city that is written in hiragana (さいたま市, つくば市, いわき市 …).
func isPlaceKana(b []byte) bool {
	for i := 0; i < 15; i += 3 {
		r := threeBytes(binary.LittleEndian.Uint32(b[i:]))
		switch {
		case r == '市' || r == '区' || r == '町' || r == '村':
			return true
		case r >= 'ぁ' && r <= 'ん' || i > 0 && r >= 'ァ' && r <= 'ー':
		case i <= 3 && r >= 0x4E00 && r <= 0x9FFF:
			first := threeBytes(binary.LittleEndian.Uint32(b))
			return first == 'の' || first == 'が' || first == 'ケ' || first == 'つ'
		default:
			return false
		}
	}
	return false
}

// isWayOfKyoto reports whether b is 上る, 下る or 入る, which lead on from a street: 御池上る.
func isWayOfKyoto(b []byte) bool {
	return (hasPrefix(b[3:6], "る") || hasPrefix(b[3:6], "ル")) && wordIn(b[:3], "上下入")
}

// mixedCity returns the length of the hiragana that one of the three cities of hiragana and
// kanji begins with, 0 where there is none.
func mixedCity(b []byte) int {
	if hasPrefix(b[:12], "あきる野") || hasPrefix(b[:12], "いちき串") || hasPrefix(b[:12], "ふじみ野") {
		return 9
	}
	return 0
}

// kanaBeforeBlock reports whether the hiragana at b is a town's name before its
// block number: みなとみらい2-1.
func kanaBeforeBlock(b []byte) bool {
	for i := 0; i < 27; i += 3 {
		if isDigit(b[i]) {
			return i >= 3
		}
		r := threeBytes(binary.LittleEndian.Uint32(b[i:]))
		if r >= '０' && r <= '９' {
			return i >= 3
		}
		if r < 'ぁ' || r > 'ん' {
			return isKanjiDigit(r) && isBlockWord(b[i+3:])
		}
	}
	return false
}

// trimAddress takes spaces off the end.
func trimAddress(b []byte, p, e int) int {
	for e > p && (b[e-1] == ' ' || b[e-1] == '-') {
		e--
	}
	for e-3 >= p && bytes.HasSuffix(b[p:e], []byte("　")) {
		e -= 3
	}
	return e
}

// postalBefore reports whether a postal code ends just before p.
func (s *Scanner) postalBefore(p int) bool {
	b := s.buf[p-24 : p]
	for len(b) > 0 && isGap(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	b = bytes.TrimSuffix(b, []byte("　"))
	n := len(b)
	if n >= 8 && allDigits(b[n-4:]) && b[n-5] == '-' && allDigits(b[n-8:n-5]) {
		return true
	}
	if bytes.Contains(b, []byte("〒")) {
		return true
	}
	return false
}
