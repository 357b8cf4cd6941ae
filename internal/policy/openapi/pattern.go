package openapi

import (
	"regexp"
	"strings"
)

const (
	// spaces are what \s is in ECMA-262 (WhiteSpace and LineTerminator); in RE2
	// it is five characters of ASCII, without the space of Japanese.
	spaces = `\t\n\v\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	// ends are what "." is not in ECMA-262.
	ends = `\n\r\x{2028}\x{2029}`
)

// re2 writes a pattern of JSON Schema (ECMA-262, as if with the flag u) so that
// RE2 takes it for the same. good is false for what RE2 does not know
// (references, looking ahead and behind) and for what is not known to be the
// same.
func re2(pattern string) (out string, good bool) {
	if len(pattern) > maxPattern {
		return "", false
	}
	var b strings.Builder
	inside := false // a class
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '\\':
			n, ok := escape(&b, pattern[i:], inside)
			if !ok {
				return "", false
			}
			i += n - 1
		case c == '[' && inside: // RE2 has [[:alpha:]]
			b.WriteString(`\[`)
		case c == '[':
			inside = true
			b.WriteByte(c)
			rest := strings.TrimPrefix(pattern[i+1:], "^")
			if strings.HasPrefix(rest, "]") { // nothing, or anything
				return "", false
			}
		case c == ']' && inside:
			inside = false
			b.WriteByte(c)
		case c == '.' && !inside:
			b.WriteString("[^" + ends + "]")
		case c == '(' && strings.HasPrefix(pattern[i:], "(?") && !strings.HasPrefix(pattern[i:], "(?:"):
			return "", false // flags, looking around, names
		default:
			b.WriteByte(c)
		}
	}
	_, err := regexp.Compile(b.String())
	return b.String(), err == nil
}

const maxPattern = 1000 // bytes

// escape writes what begins with a backslash and returns how many bytes it has.
func escape(b *strings.Builder, from string, inside bool) (n int, good bool) {
	if len(from) < 2 {
		return 0, false
	}
	switch c := from[1]; {
	case strings.IndexByte("dDwWtnvfr", c) >= 0, strings.IndexByte(`^$\.*+?()[]{}|/-`, c) >= 0:
		b.WriteString(from[:2])
		return 2, true
	case (c == 'b' || c == 'B') && !inside:
		b.WriteString(from[:2])
		return 2, true
	case c == 's' && inside:
		b.WriteString(spaces)
		return 2, true
	case c == 's':
		b.WriteString("[" + spaces + "]")
		return 2, true
	case c == 'S' && !inside:
		b.WriteString("[^" + spaces + "]")
		return 2, true
	case c == 'x' && hexes(from[2:], 2):
		b.WriteString(from[:4])
		return 4, true
	case c == 'u' && hexes(from[2:], 4) && (from[2]|0x20 != 'd' || from[3] < '8'): // no half of a pair
		b.WriteString(`\x{` + from[2:6] + "}")
		return 6, true
	case c == 'p' || c == 'P':
		return property(b, from)
	}
	return 0, false
}

func hexes(s string, n int) bool {
	return len(s) >= n && strings.Trim(s[:n], "0123456789abcdefABCDEF") == ""
}

// property writes \p{L} or \p{Script=Hiragana}, which RE2 calls \p{Hiragana}.
func property(b *strings.Builder, from string) (int, bool) {
	end := strings.IndexByte(from, '}')
	if len(from) < 4 || from[2] != '{' || end < 0 {
		return 0, false
	}
	name := from[3:end]
	for _, prefix := range []string{"Script=", "sc=", "General_Category=", "gc="} {
		name = strings.TrimPrefix(name, prefix)
	}
	b.WriteString(from[:2] + "{" + name + "}")
	return end + 1, true
}
