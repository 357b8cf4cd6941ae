package canon

import "unicode/utf8"

// Kana appends the canonical form of kana: full-width katakana with large
// vowels, ヂ and ヅ as ジ and ズ, ヲ as オ, no long-vowel mark, one space
// between parts. Everything that is not kana is dropped.
func Kana(dst, s []byte) []byte {
	start := len(dst)
	blank := true
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		r = fold(r)
		if r >= 0x3041 && r <= 0x3096 {
			r += 0x60
		}
		switch {
		case r == '゛' || r == '゜' || r == 0x3099 || r == 0x309A:
			dst = plainLast(mark(dst, start, r == '゛' || r == 0x3099), start)
		case r >= 'ァ' && r <= 'ヺ':
			dst = utf8.AppendRune(dst, plain(r))
			blank = false
		case r == ' ' && !blank:
			dst = append(dst, ' ')
			blank = true
		}
	}
	return trimSpace(dst, start)
}

// plain folds the kana that names write in several ways.
func plain(r rune) rune {
	switch r {
	case 'ァ', 'ィ', 'ゥ', 'ェ', 'ォ', 'ヮ':
		return r + 1
	case 'ヵ':
		return 'カ'
	case 'ヶ':
		return 'ケ'
	case 'ヂ':
		return 'ジ'
	case 'ヅ':
		return 'ズ'
	case 'ヲ', 'ヺ':
		return 'オ'
	case 'ヴ', 'ヷ':
		return 'ブ'
	case 'ヰ', 'ヸ':
		return 'イ'
	case 'ヱ', 'ヹ':
		return 'エ'
	}
	return r
}

func plainLast(dst []byte, start int) []byte {
	if r, n := utf8.DecodeLastRune(dst[start:]); n > 0 {
		return utf8.AppendRune(dst[:len(dst)-n], plain(r))
	}
	return dst
}

// syllables are the romaji of U+30A1 to U+30F4, in the spelling that Romaji
// makes of every system. ッ and small ャ ュ ョ are handled by KanaRomaji.
var syllables = [...]string{"a", "a", "i", "i", "u", "u", "e", "e", "o", "o",
	"ka", "ga", "ki", "gi", "ku", "gu", "ke", "ge", "ko", "go",
	"sa", "za", "shi", "ji", "su", "zu", "se", "ze", "so", "zo",
	"ta", "da", "chi", "ji", "", "tsu", "zu", "te", "de", "to", "do",
	"na", "ni", "nu", "ne", "no", "ha", "ba", "pa", "hi", "bi", "pi", "fu", "bu", "pu", "he", "be", "pe", "ho", "bo", "po",
	"ma", "mi", "mu", "me", "mo", "", "ya", "", "yu", "", "yo", "ra", "ri", "ru", "re", "ro",
	"wa", "wa", "i", "e", "o", "n", "bu"}

// KanaRomaji appends canonical kana as canonical romaji: what Romaji makes of
// the same name in any system. Spaces stay.
func KanaRomaji(dst, kana []byte) []byte {
	var room [96]byte
	raw := room[:0]
	double := false
	for len(kana) > 0 {
		r, n := utf8.DecodeRune(kana)
		kana = kana[n:]
		if r == ' ' {
			raw = append(raw, ' ')
			continue
		}
		if r == 'ッ' {
			double = true
			continue
		}
		if r < 'ァ' || int(r-'ァ') >= len(syllables) {
			continue
		}
		if v := glide(r); v != 0 {
			raw = joinGlide(raw, v)
			continue
		}
		s := syllables[r-'ァ']
		if double && s != "" {
			c := s[0]
			if c == 'c' {
				c = 't'
			}
			raw = append(raw, c)
			double = false
		}
		raw = append(raw, s...)
	}
	return Romaji(dst, raw)
}

func glide(r rune) byte {
	switch r {
	case 'ャ':
		return 'a'
	case 'ュ':
		return 'u'
	case 'ョ':
		return 'o'
	}
	return 0
}

// joinGlide makes kya of ki + small ya, sha of shi + small ya.
func joinGlide(raw []byte, vowel byte) []byte {
	n := len(raw)
	if n < 2 || raw[n-1] != 'i' {
		return append(raw, 'y', vowel)
	}
	c := raw[n-2]
	raw = raw[:n-1]
	if c != 'j' && (c != 'h' || n < 3 || raw[n-3] != 's' && raw[n-3] != 'c') {
		raw = append(raw, 'y')
	}
	return append(raw, vowel)
}
