package canon

import "unicode/utf8"

// Romaji appends a name in Latin letters in one spelling for all systems of
// writing Japanese: Hepburn, passport Hepburn with OH (MOFA, 旅券法施行規則 別記),
// Kunrei (ISO 3602) and Nihon, with or without long vowels. Letters are lower
// case, accents are dropped, l counts as r and v as b. One space separates
// parts. Names of other languages pass through the same rules and stay
// comparable with themselves.
func Romaji(dst, s []byte) []byte {
	start := len(dst)
	dst = letters(dst, s)
	changed := true
	for range 16 { // every pass but the first changes what the one before made
		if dst, changed = respell(dst, start); !changed {
			break
		}
	}
	return dst
}

// letters appends the letters of s in lower case, without accents.
func letters(dst, s []byte) []byte {
	start := len(dst)
	blank := true
	for len(s) > 0 {
		c := s[0]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(s)
			s = s[n:]
			c = latin(fold(r))
		} else {
			s = s[1:]
		}
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
			fallthrough
		case c >= 'a' && c <= 'z':
			dst = append(dst, c)
			blank = false
		case (c == ' ' || c == ',' || c == '/' || c == '\t') && !blank:
			dst = append(dst, ' ')
			blank = true
		}
	}
	return trimSpace(dst, start)
}

// accents are the base letters of U+00C0 to U+017F.
const accents = "AAAAAAACEEEEIIIIDNOOOOO*OUUUUYTsaaaaaaaceeeeiiiidnooooo*ouuuuyty" +
	"AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLlLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs"

func latin(r rune) byte {
	if r < utf8.RuneSelf {
		return byte(max(r, 0))
	}
	if i := int(r) - 0xC0; i < len(accents) && i >= 0 {
		return accents[i]
	}
	return 0
}

func vowel(c byte) bool { return c == 'a' || c == 'i' || c == 'u' || c == 'e' || c == 'o' }

// respell rewrites dst from start once and says whether anything changed.
func respell(dst []byte, start int) ([]byte, bool) {
	var room [128]byte
	in := append(room[:0], dst[start:]...)
	out := dst[:start]
	changed := false
	for i := 0; i < len(in); {
		var before, next byte
		if len(out) > start {
			before = out[len(out)-1]
		}
		if i+1 < len(in) {
			next = in[i+1]
		}
		read, text := spelling(before, in[i], next)
		if read == 0 {
			out = append(out, in[i])
			i++
			continue
		}
		// A row of d or y goes with its z or j at once: one a pass, a long row would
		// outlast the passes.
		if text == "z" || text == "j" {
			for len(out) > start && out[len(out)-1] == 'd' {
				out = out[:len(out)-1]
			}
		}
		out = append(out, text...)
		i += read
		for text == "j" && i < len(in) && in[i] == 'y' {
			i++
		}
		changed = true
	}
	return out, changed
}

// spelling is the rule for a letter c between others: how many letters it
// reads, 0 for none, and what stands for them.
func spelling(before, c, next byte) (read int, text string) {
	switch c {
	case 'l':
		return 1, "r"
	case 'v':
		return 1, "b"
	case 's':
		switch next {
		case 'y':
			return 2, "sh"
		case 'i':
			return 2, "shi"
		}
	case 't':
		switch next {
		case 'y':
			return 2, "ch"
		case 'i':
			return 2, "chi"
		case 'u':
			return 2, "tsu"
		}
	case 'c':
		switch next {
		case 'y':
			return 2, "ch"
		case 'c':
			return 2, "tc"
		}
	case 'z':
		switch next {
		case 'y':
			return 2, "j"
		case 'i':
			return 2, "ji"
		}
	case 'j':
		if next == 'y' {
			return 2, "j"
		}
	case 'd':
		switch next {
		case 'z':
			return 2, "z"
		case 'j':
			return 2, "j"
		}
	case 'm':
		if next == 'b' || next == 'p' || next == 'm' {
			return 1, "n"
		}
	case 'w':
		if next == 'o' && (before == 0 || before == ' ' || vowel(before)) {
			return 2, "o"
		}
	case 'h':
		return aspirate(before, next)
	case 'o', 'u':
		if before == 'o' || before == 'u' && c == 'u' {
			return 1, ""
		}
	}
	return 0, ""
}

// aspirate tells the h of a long vowel (OHNO) and of hu from those of sha,
// cha, tha and the names of other languages.
func aspirate(before, next byte) (read int, text string) {
	switch {
	case before == 'o' && !vowel(next) && next != 'y':
		return 1, ""
	case next == 'u' && (before == 0 || before == ' ' || before == 'n' || vowel(before)):
		return 2, "fu"
	}
	return 0, ""
}
