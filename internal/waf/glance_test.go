package waf

import (
	"testing"

	"github.com/corazawaf/libinjection-go"
	"pgregory.net/rapid"
)

// What the first look does not ask libinjection about is no attack to it.
func TestXSSNeedsTagOrValue(t *testing.T) {
	piece := rapid.SampledFrom([]string{"'", `"`, "`", ">", "/", " ", "onclick", "onerror", "style", "href", "javascript:", "alert(1)", "!--", "-->", "?", "!doctype", "svg", "script", "xmlns", "\x00", "\t", "a", "é", "&#x3c;"})
	rapid.Check(t, func(r *rapid.T) {
		text := ""
		for _, p := range rapid.SliceOfN(piece, 0, 12).Draw(r, "pieces") {
			text += p
		}
		if libinjection.IsXSS(text) {
			t.Fatalf("%q is an attack without < and =", text)
		}
	})
}
