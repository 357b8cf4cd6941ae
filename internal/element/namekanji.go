package element

import "encoding/binary"

// What nearly all names in tables are is read here, without a look at each byte.

// Three bytes of UTF-8 as the lowest of a word.
const (
	wideSpace = 0x8080E3 // the ideographic space
	sama      = 0x98A7E6 // 様
	dono      = 0xBFAEE6 // 殿
)

// gapIn returns the size of the space that x begins with, 0 when there is none.
func gapIn(x uint32) int {
	switch {
	case x&0xFF == ' ':
		return 1
	case x&0xFFFFFF == wideSpace:
		return 3
	}
	return 0
}

// mostKanji bounds a row of kanji in a name, in bytes.
const mostKanji = 24

// kanjiRun returns where the row of kanji at i of b ends, at most mostKanji further, and
// the four bytes there.
func kanjiRun(b *[96]byte, i int) (end int, x uint32) {
	x = binary.LittleEndian.Uint32(b[i:])
	for limit := i + mostKanji; i < limit && isKanjiAt(x); x = binary.LittleEndian.Uint32(b[i:]) {
		i += 3
	}
	return i, x
}

// kanjiValue is what span and nameLength say of the value at q, and how many kanji it
// has, if it is kanji with at most one space between them and perhaps 様 behind another
// space. Kanji is 0 when it is anything else.
func (s *Scanner) kanjiValue(q int) (p, e, kanji int) {
	b := (*[96]byte)(s.buf[q:])
	from, quote := 0, byte(0)
	if b[0] == ' ' {
		from = 1
	}
	if c := b[from]; c == '"' || c == '\'' {
		quote = c
		from++
	}
	end, x := kanjiRun(b, from)
	if kanji = (end - from) / 3; kanji == 0 {
		return 0, 0, 0
	}
	stop := end
	if gap := gapIn(x); gap > 0 {
		given, behind := kanjiRun(b, end+gap)
		if n := given - end - gap; n > 3 || n == 3 && !isTitleChar(b[given-3:]) {
			kanji += n / 3
			end, stop, x = given, given, behind
			gap = gapIn(x)
		}
		if gap > 0 && end-from >= 6 && binary.LittleEndian.Uint32(b[end+gap:])&0xFFFFFF == sama {
			stop = end + gap + 3
		}
	}
	if isTitleChar(b[end-3:]) {
		return 0, 0, 0
	}
	if c := b[stop]; quote != 0 && c != quote || quote == 0 && !valueStop.has(c) {
		return 0, 0, 0
	}
	return q + from, q + end, kanji
}

// isTitleChar reports whether b begins with 様 or 殿.
func isTitleChar(b []byte) bool {
	x := binary.LittleEndian.Uint32(b) & 0xFFFFFF
	return x == sama || x == dono
}
