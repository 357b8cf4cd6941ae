package waf

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// What net/url takes for a good escape is read alike; anything else is kept.
func FuzzUnescapeForm(f *testing.F) {
	f.Add("a+b%20c")
	f.Add("%e5%b1%b1%zz%4")
	f.Fuzz(func(t *testing.T, text string) {
		got := unescapeForm(text)
		if want, err := url.QueryUnescape(text); err == nil && got != want {
			t.Errorf("%q: %q, net/url %q", text, got, want)
		}
		if len(got) != len(text)-2*escapes(text) {
			t.Errorf("%q: %d bytes of %d, %d escapes", text, len(got), len(text), escapes(text))
		}
	})
}

// Of what a rule found nothing but its shape is kept: one letter, one digit, one
// sign for all beyond ASCII.
func FuzzMasked(f *testing.F) {
	f.Add("Matched Data: 1' OR '1 found within ARGS:q: x")
	f.Add("Matched Data: 山田太郎 found within ARGS:name: 山田太郎")
	f.Add("Matched Data: \x00\xff")
	f.Fuzz(func(t *testing.T, data string) {
		got := masked(data)
		if utf8.RuneCountInString(got) > maxMasked+1 {
			t.Errorf("%q: %d characters", data, utf8.RuneCountInString(got))
		}
		for _, c := range got {
			switch {
			case c == 'x' || c == '9' || c == 'あ' || c == '…':
			case c < ' ' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
				t.Errorf("%q: %q in %q", data, c, got)
			}
		}
		if !strings.HasPrefix(data, "Matched Data: ") && got != "" {
			t.Errorf("%q: %q", data, got)
		}
	})
}
