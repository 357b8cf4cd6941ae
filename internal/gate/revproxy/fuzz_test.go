package revproxy

import (
	"net/url"
	"strings"
	"testing"

	"sekisho/internal/policy/site"
)

// A condition in any field of a form is seen in the bytes before they are taken
// apart.
func FuzzCondition(f *testing.F) {
	f.Add("a=1+or+substr(x,1,1)%3d%27a%27&b=;c")
	f.Add("a=%73ubstr%28x%29%3e1")
	f.Add("a=case%0awhen+1=1")
	f.Fuzz(func(t *testing.T, body string) {
		all, _ := queried(nil, body)
		for _, one := range all {
			if condition(one.Value) && !mayProbe(body) {
				t.Fatalf("%q is a condition in %q that nobody sees", one.Value, body)
			}
		}
	})
}

// A text that is escaped is the text again, and a text without escapes is itself.
func FuzzUnescaped(f *testing.F) {
	f.Add("山田 太郎 & 100%")
	f.Add("%zz%4")
	f.Fuzz(func(t *testing.T, text string) {
		if got := string(unescaped(nil, url.QueryEscape(text))); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		if got := string(unescaped(nil, text)); !strings.ContainsAny(text, "%+") && got != text {
			t.Fatalf("%q became %q", text, got)
		}
		all, _ := queried(nil, "a="+url.QueryEscape(text))
		if len(all) != 1 || all[0] != (site.Field{Name: "a", Value: text}) {
			t.Fatalf("%q became %+v", text, all)
		}
	})
}
