package waf

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// What a value may become is bounded and text, whatever it is.
func FuzzHidden(f *testing.F) {
	f.Add("1%2520or%25201%253d1")
	f.Add(`{"a":[{"b":"1 or true"}]}`)
	f.Add("MSBvciB0cnVl")
	f.Add("＇ ｏｒ １＝１")
	f.Add("&#39; or 1=1")
	f.Add("27206f7220313d312d2d")
	f.Add("http://①②⑦。⓪/　a　")
	f.Add("[[[[[[[[[[[[[[[[[[[[[[[[")
	f.Fuzz(func(t *testing.T, text string) {
		if got := unescapedAgain(text); got == text && got != "" || !utf8.ValidString(got) {
			t.Fatalf("%q became %q", text, got)
		}
		if got := unbase64(text); !utf8.ValidString(got) || len(got) > len(text) {
			t.Fatalf("%q became %q", text, got)
		}
		if got := inJSON(text); len(got) > maxTexts {
			t.Fatalf("%d texts", len(got))
		}
		if got := unhex(text); got != "" && !strings.EqualFold(hex.EncodeToString([]byte(got)), strings.TrimPrefix(text, "0x")) {
			t.Fatalf("%q became %q", text, got)
		}
		_ = plain(text)
		if !utf8.ValidString(text) || text == "" {
			return
		}
		quoted, err := json.Marshal([]string{text})
		if err != nil {
			t.Fatal(err)
		}
		if got := inJSON(string(quoted)); len(quoted) <= maxHidden && (len(got) != 1 || got[0] != text) {
			t.Fatalf("%q in JSON became %q", text, got)
		}
		if twice := url.QueryEscape(url.QueryEscape(text)); twice != text && unescapedAgain(twice) == "" && url.PathEscape(text) != text {
			t.Fatalf("%q, escaped twice, is nothing", text)
		}
		if b := base64.StdEncoding.EncodeToString([]byte(text)); len(text) >= wordBase64 && len(b) <= maxHidden && unbase64(b) != text {
			t.Fatalf("%q in base64 became %q", text, unbase64(b))
		}
	})
}
