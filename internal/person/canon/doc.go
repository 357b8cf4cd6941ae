// Package canon turns the fields of a customer record into one canonical form
// each, so that two ways of writing the same thing become the same bytes:
// names in kanji, kana and romaji, dates with eras, addresses, phone numbers,
// e-mail addresses, company names, document numbers.
//
// It does not compare and does not guess who somebody is: a canonical form is
// a function of one field alone, and canonicalising it again changes nothing.
// Input is UTF-8; bytes that are no character are dropped. Functions that take
// a destination append to it and return it, and do not allocate when it has
// room. They are safe for concurrent use.
package canon

//go:generate go run ./variants

import "unicode/utf8"

// The range of the basic ideographs.
const (
	firstIdeograph = 0x3400
	lastIdeograph  = 0xFAFF
)

// standard gives the character that stands for a kanji, for the range of the
// basic ideographs; variants beyond it are in rare. They are not filled by an
// init: that would come after other tables of this package, which are folded.
var standard, rare = variantTables()

func variantTables() (standard [lastIdeograph - firstIdeograph + 1]rune, rare map[rune]rune) {
	rare = map[rune]rune{}
	rs := []rune(variantPairs)
	for i := 0; i+1 < len(rs); i += 2 {
		if r := rs[i]; r >= firstIdeograph && r <= lastIdeograph {
			standard[r-firstIdeograph] = rs[i+1]
		} else {
			rare[r] = rs[i+1]
		}
	}
	return standard, rare
}

// drop is what fold returns for a character that carries no meaning.
const drop = rune(-1)

// fold returns the plain form of a character: half width for ASCII, full width
// for kana, the standard kanji for a variant, a space for every blank and a
// hyphen for every dash. Variation selectors (IVS, Unicode 23.4), controls and
// zero-width characters are dropped.
func fold(r rune) rune {
	switch {
	case r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0xF900 && r <= lastIdeograph:
		if s := standard[r-firstIdeograph]; s != 0 {
			return s
		}
		return r
	case r >= 0x3041 && r <= 0x30FF:
		return r
	case r < 0x20 || r == 0x7F:
		if r == '\t' || r == '\n' || r == '\r' {
			return ' '
		}
		return drop
	case r < 0x7F:
		return r
	}
	return foldRare(r)
}

func foldRare(r rune) rune {
	switch {
	case r >= 0xFF01 && r <= 0xFF5E: // full-width ASCII
		return r - 0xFEE0
	case r >= 0xFF61 && r <= 0xFF9F: // half-width kana; voicing marks are joined by the caller
		return halfKana[r-0xFF61]
	case r >= 0x80 && r <= 0x9F, r == utf8.RuneError, r == 0xAD, r == 0xFEFF,
		r >= 0x200B && r <= 0x200F, r >= 0x2060 && r <= 0x2064,
		r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0100 && r <= 0xE01EF, r >= 0x180B && r <= 0x180D:
		return drop
	case r == 0xA0, r >= 0x2000 && r <= 0x200A, r == 0x202F, r == 0x205F, r == 0x3000:
		return ' '
	case r >= 0x2010 && r <= 0x2015, r == 0x2212, r == 0xFE63, r == 0x2500, r == 0x2501, r == 0xFF0D, r == 0x30FB:
		return '-'
	case r >= 0x20000:
		if s, ok := rare[r]; ok {
			return s
		}
	}
	return r
}

// halfKana are U+FF61 to U+FF9F in full width.
var halfKana = [...]rune{'。', '「', '」', '、', '・', 'ヲ', 'ァ', 'ィ', 'ゥ', 'ェ', 'ォ', 'ャ', 'ュ', 'ョ', 'ッ', 'ー',
	'ア', 'イ', 'ウ', 'エ', 'オ', 'カ', 'キ', 'ク', 'ケ', 'コ', 'サ', 'シ', 'ス', 'セ', 'ソ', 'タ', 'チ', 'ツ', 'テ', 'ト',
	'ナ', 'ニ', 'ヌ', 'ネ', 'ノ', 'ハ', 'ヒ', 'フ', 'ヘ', 'ホ', 'マ', 'ミ', 'ム', 'メ', 'モ', 'ヤ', 'ユ', 'ヨ',
	'ラ', 'リ', 'ル', 'レ', 'ロ', 'ワ', 'ン', '゛', '゜'}

// voiced returns kana k with the voicing mark ゛ (voice) or ゜, and whether
// such a character exists.
func voiced(k rune, voice bool) (rune, bool) {
	switch {
	case voice && k == 'ウ':
		return 'ヴ', true
	case voice && k >= 'カ' && k <= 'ト' && k != 'ッ' && unvoiced(k):
		return k + 1, true
	case k >= 'ハ' && k <= 'ホ' && (k-'ハ')%3 == 0:
		if voice {
			return k + 1, true
		}
		return k + 2, true
	}
	return k, false
}

// unvoiced reports whether a katakana of the rows カ to タ is written without a
// mark: カ…ヂ alternate, and after ッ the order shifts by one.
func unvoiced(k rune) bool {
	if k < 'ッ' {
		return (k-'カ')%2 == 0
	}
	return (k-'ツ')%2 == 0
}
