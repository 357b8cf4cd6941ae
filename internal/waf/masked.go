package waf

import (
	"strings"
	"unicode"
)

// maxMasked is how many characters of a match are kept.
const maxMasked = 48

// masked returns the shape of what a rule says it found ("Matched Data: … found
// within …"): letters and digits are replaced, so that signs can be recognised
// and nobody's data.
func masked(data string) string {
	found, ok := strings.CutPrefix(data, "Matched Data: ")
	if !ok {
		return ""
	}
	found, _, ok = strings.Cut(found, " found within ")
	if !ok {
		return ""
	}
	var b strings.Builder
	n := 0
	for _, r := range found {
		if n++; n > maxMasked {
			b.WriteString("…")
			break
		}
		switch {
		case r >= '0' && r <= '9':
			r = '9'
		case r < 0x80 && unicode.IsLetter(r):
			r = 'x'
		case r < ' ':
			r = ' '
		case r >= 0x80:
			r = 'あ'
		}
		b.WriteRune(r)
	}
	return b.String()
}
