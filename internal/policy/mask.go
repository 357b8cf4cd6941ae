package policy

import (
	"unicode/utf8"

	"sekisho/internal/element"
)

// Method hides a value.
type Method uint8

const (
	Plain Method = iota // not hidden
	Last4               // four stars and the last four characters
	Stars               // four stars, whatever the length
	Null                // NULL
)

var methodNames = []string{"", "last4", "stars", "null"}

// String returns the method as written in policies; "plain" for Plain.
func (m Method) String() string {
	if m == Plain {
		return "plain"
	}
	return methodNames[min(int(m), len(methodNames)-1)]
}

// Mask says how an element of a table is hidden.
type Mask struct {
	Table   string
	Element element.Kind
	Method  Method
}

// Mask returns how a column of table that holds the given elements is hidden:
// the strictest method of any of them.
func (d *Decision) Mask(table string, elements element.Mask) Method {
	method := Plain
	for i := range d.Masks {
		if m := &d.Masks[i]; m.Table == table && elements.Has(m.Element) {
			method = max(method, m.Method)
		}
	}
	return method
}

// stars is what hides a value: always four, so that the length does not show.
const stars = "****"

// Apply appends the hidden form of a text value to dst. null is true when the
// value must be sent as NULL, which is also what binary results and types that
// are not character strings get: text says that the value is a character
// string in text format.
func (m Method) Apply(dst, value []byte, text bool) (out []byte, null bool) {
	if m == Plain {
		return append(dst, value...), false
	}
	if m == Null || !text {
		return dst, true
	}
	dst = append(dst, stars...)
	if m == Last4 && utf8.RuneCount(value) > 4 {
		tail := len(value)
		for range 4 {
			_, size := utf8.DecodeLastRune(value[:tail])
			tail -= size
		}
		dst = append(dst, value[tail:]...)
	}
	return dst, false
}
