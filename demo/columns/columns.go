// Package columns sets text on a terminal, where a Japanese character takes two
// columns.
//
// It writes nothing itself and knows no colours.
package columns

import "strings"

// Width is how many columns text takes: Japanese characters take two.
func Width(text string) int {
	n := 0
	for _, r := range text {
		n++
		if wide(r) {
			n++
		}
	}
	return n
}

// wide says whether a terminal gives r two columns. The ranges are those of
// Unicode's East Asian Width W and F that our texts use.
func wide(r rune) bool {
	return r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff || r >= 0xff00 && r <= 0xff60
}

// Left fills text with spaces to n columns.
func Left(text string, n int) string { return text + strings.Repeat(" ", max(0, n-Width(text))) }

// Right fills text with spaces before it to n columns.
func Right(text string, n int) string { return strings.Repeat(" ", max(0, n-Width(text))) + text }

// Cut shortens text to n columns.
func Cut(text string, n int) string {
	if Width(text) <= n {
		return text
	}
	var b strings.Builder
	used := 0
	for _, r := range text {
		if used += Width(string(r)); used > n-1 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}

// Wrap breaks text into lines of at most n columns: between words, and
// anywhere in Japanese except before what may not begin a line or after what may not end one (JIS X 4051,
// from memory: closing marks, small kana, long-vowel and repetition marks).
func Wrap(text string, n int) []string {
	var lines []string
	var line, word strings.Builder
	flush := func() {
		if Width(line.String())+Width(strings.TrimRight(word.String(), " ")) > n && line.Len() > 0 {
			lines = append(lines, strings.TrimRight(line.String(), " "))
			line.Reset()
		}
		line.WriteString(word.String())
		word.Reset()
	}
	runes := []rune(text)
	for i, r := range runes {
		word.WriteRune(r)
		closing := i+1 < len(runes) && strings.ContainsRune("、。）」』】ーっゃゅょッャュョァィゥェォ々,.;:!?)", runes[i+1])
		opening := strings.ContainsRune("（「『【", r)
		if (r == ' ' || wide(r)) && !closing && !opening {
			flush()
		}
	}
	flush()
	return append(lines, line.String())
}

// At returns line k, or nothing.
func At(lines []string, k int) string {
	if k < len(lines) {
		return lines[k]
	}
	return ""
}
