package draft

import (
	"strings"
	"unicode"
)

// noStart are characters with which a line does not begin, noEnd those with
// which it does not end (JIS X 4051, the commonest).
const (
	noStart = "、。，．,.）)」』］]｝}：:；;？?！!・ーぁぃぅぇぉっゃゅょァィゥェォッャュョ％%"
	noEnd   = "（(「『［[｛{"
)

// wrap cuts a text into lines of at most a width, as measured. Every character
// is in one of them, but for blanks at a cut: the PDF library's own wrapping
// loses the character before each cut of Japanese text. A choice (□ or ■) and a
// word of letters and digits stay whole when they fit into a line.
func wrap(text string, width float64, measure func(string) float64) []string {
	var out []string
	line, have := "", 0.0
	bare := func(piece string) float64 { return measure(strings.TrimRightFunc(piece, unicode.IsSpace)) }
	for _, piece := range pieces(text) {
		if have+bare(piece) > width && line != "" {
			out = append(out, strings.TrimRightFunc(line, unicode.IsSpace))
			line, have = "", 0
			piece = strings.TrimLeftFunc(piece, unicode.IsSpace)
		}
		for bare(piece) > width { // longer than a line: cut anywhere
			n, part := 0, 0.0
			for i, r := range piece {
				part += measure(string(r))
				if part > width && i > 0 {
					n = i
					break
				}
			}
			if n == 0 {
				break
			}
			out = append(out, piece[:n])
			piece = piece[n:]
		}
		line, have = line+piece, have+measure(piece)
	}
	return append(out, strings.TrimRightFunc(line, unicode.IsSpace))
}

// pieces are what may stand at the beginning of a line.
func pieces(text string) []string {
	var out []string
	last := rune(0)
	choice := false
	for _, r := range text {
		isBlank, wasBlank := unicode.IsSpace(r), unicode.IsSpace(last)
		switch {
		case r == '□' || r == '■':
			choice = true
			out = append(out, "")
		case choice && isBlank:
			choice = false
		case len(out) == 0, choice, isBlank, strings.ContainsRune(noStart, r), strings.ContainsRune(noEnd, last), !wasBlank && narrow(r) && narrow(last):
			if len(out) == 0 {
				out = append(out, "")
			}
		default:
			out = append(out, "")
		}
		out[len(out)-1] += string(r)
		last = r
	}
	return out
}

// narrow: letters and digits of words that are not cut.
func narrow(r rune) bool {
	return r < 0x250 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_/@'", r))
}
