package revproxy

import (
	"net/http"

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
	for i := range all {
		for _, lengths := range [][]int{{4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}} {
			if text := together(all[i:], lengths); text != "" && g.whole([]byte(text)) {
				return true
			}
		}
	}
	return false
}

// together returns the digits of fields of these lengths as one number.
func together(all []site.Field, lengths []int) string {
	if len(all) < len(lengths) {
		return ""
	}
	text, name := "", fieldOf(all[0].Name)
	for i, n := range lengths {
		f := &all[i]
		if len(f.Value) != n || fieldOf(f.Name) != name {
			return ""
		}
		for k := range n {
			if f.Value[k] < '0' || f.Value[k] > '9' {
				return ""
			}
		}
		text += f.Value
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
