package revproxy

import (
	"net/http"
	"strings"

	"sekisho/internal/policy/site"
)

// Forms of old shops ask for a card number in four fields of four digits. No text
// holds the number then: it is put together from fields that follow each other and
// have one name but for their place, "card1" to "card4".

// cardInParts reports whether the fields of a request hold a card number in parts.
func (x *exchange) cardInParts(r *http.Request, body []byte) bool {
	if !mayHoldParts(r.URL.RawQuery) && !mayHoldParts(body) {
		return false
	}
	all, _ := fields(r, body, x.incoming != nil)
	g := x.gate.guards.Get().(*guard)
	defer x.gate.guards.Put(g)
	whole := func(run []site.Field, lengths []int) bool {
		text := together(run, lengths)
		return text != "" && g.whole([]byte(text))
	}
	for i := 0; i < len(all); {
		n := max(1, runOfParts(all[i:]))
		run, first := all[i:i+n], n // a number may begin at so many
		switch {
		case isListed(run):
			first = 0
		case n >= fewestApart:
			first = 1
		}
		if tiled(run, whole) || begins(run, first, whole) {
			return true
		}
		i += n
	}
	return false
}

// partings are the ways in which a number is parted.
var partings = [][]int{{4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}}

// fewestApart are fields that are more than one number and what may stand beside it,
// such as month and year of its end: of so many a number is the first, or all are
// numbers.
const fewestApart = 8

// isListed reports whether fields that follow each other are a list, of which each
// is for itself: they have one name, or places in brackets. One in forty groups of
// four numbers has the digits of a card, whatever they are.
func isListed(run []site.Field) bool {
	return len(run) > 1 && (run[0].Name == run[1].Name || strings.HasSuffix(run[0].Name, "]"))
}

// runOfParts is how many fields with four to six digits follow each other under one
// name but for their place.
func runOfParts(all []site.Field) int {
	n, name := 0, fieldOf(all[0].Name)
	for n < len(all) && len(all[n].Value) >= 4 && len(all[n].Value) <= 6 && strings.Trim(all[n].Value, "0123456789") == "" && fieldOf(all[n].Name) == name {
		n++
	}
	return n
}

// begins reports whether a number begins at one of the first fields.
func begins(run []site.Field, first int, whole func([]site.Field, []int) bool) bool {
	for i := range first {
		for _, lengths := range partings {
			if whole(run[i:], lengths) {
				return true
			}
		}
	}
	return false
}

// tiled reports whether fields are numbers, one behind the other and nothing else.
func tiled(run []site.Field, whole func([]site.Field, []int) bool) bool {
	for len(run) > 0 {
		n := 0
		for _, lengths := range partings {
			if n == 0 && whole(run, lengths) {
				n = len(lengths)
			}
		}
		if n == 0 {
			return false
		}
		run = run[n:]
	}
	return true
}

// together returns the digits of the first fields as one number, "" when they have
// other lengths.
func together(run []site.Field, lengths []int) (text string) {
	if len(run) < len(lengths) {
		return ""
	}
	for i, n := range lengths {
		if len(run[i].Value) != n {
			return ""
		}
		text += run[i].Value
	}
	return text
}

// mayHoldParts is a cheap refusal of texts without three runs of four to six digits.
func mayHoldParts[T ~string | ~[]byte](text T) bool {
	runs, n := 0, 0
	for i := range len(text) {
		if c := text[i]; c >= '0' && c <= '9' {
			n++
			continue
		}
		if n >= 4 && n <= 6 {
			runs++
		}
		n = 0
	}
	if n >= 4 && n <= 6 {
		runs++
	}
	return runs >= 3
}
