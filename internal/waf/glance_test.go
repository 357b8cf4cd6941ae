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

// Comparing eight letters at a time says what comparing each says.
func TestEqualFold(t *testing.T) {
	letter := rapid.SampledFrom([]byte("aAzZ@[`{kK09 \x00\x20\x80\xa0\xc1\xe1\xff"))
	rapid.Check(t, func(r *rapid.T) {
		a := rapid.SliceOfN(letter, 0, 20).Draw(r, "a")
		b := append([]byte(nil), a...)
		for i := range b {
			switch rapid.IntRange(0, 4).Draw(r, "change") {
			case 0:
				b[i] ^= 0x20
			case 1:
				b[i] = letter.Draw(r, "letter")
			}
		}
		if got, want := equalFold(a, b), equalFoldBytes(a, b); got != want {
			t.Fatalf("%q and %q: %v, each alone: %v", a, b, got, want)
		}
	})
}
