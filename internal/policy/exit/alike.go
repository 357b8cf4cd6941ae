package exit

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// alike are letters of other scripts that are drawn as a Latin one. It is a
// part of the table of Unicode Technical Standard #39 (confusables.txt): what
// European keyboards type.
var alike = map[rune]rune{
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ё': 'e', 'ғ': 'f', 'ɡ': 'g', 'һ': 'h', 'н': 'h', 'і': 'i', 'ї': 'i', 'ј': 'j', 'к': 'k', 'ӏ': 'l', 'м': 'm',
	'п': 'n', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'г': 'r', 'ѕ': 's', 'т': 't', 'ц': 'u', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x', 'у': 'y', 'ү': 'y', 'з': '3', 'б': '6',
	'α': 'a', 'β': 'b', 'ϲ': 'c', 'ε': 'e', 'η': 'n', 'ι': 'i', 'κ': 'k', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'χ': 'x', 'γ': 'y', 'ω': 'w',
	'ı': 'i', 'ł': 'l', 'ø': 'o', 'đ': 'd', 'ß': 'b', 'ꞓ': 'c', 'ɑ': 'a', 'ɩ': 'i', 'ʟ': 'l', 'օ': 'o', 'ս': 'u', 'ց': 'g', 'հ': 'h', 'ո': 'n',
}

// skeleton is a name as it looks: punycode decoded, signs taken off letters,
// letters of other scripts as the Latin ones they are drawn as. False: the
// name has no punycode, so it looks as it is.
func skeleton(name string) (string, bool) {
	if !strings.HasPrefix(name, "xn--") && !strings.Contains(name, ".xn--") {
		return name, false
	}
	shown, err := idna.Punycode.ToUnicode(name)
	if err != nil {
		return name, false // it is shown as it is written
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(shown) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		if l, ok := alike[unicode.ToLower(r)]; ok {
			r = l
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String(), true
}

// looksLike returns the allowed name that name is drawn as without being it.
func (p *Policy) looksLike(name string) (string, bool) {
	s, other := skeleton(name)
	if !other || s == name {
		return "", false
	}
	for rest := s; rest != ""; {
		if p.known[rest] {
			return rest, true
		}
		_, above, found := strings.Cut(rest, ".")
		if !found {
			break
		}
		rest = above
	}
	return "", false
}
