package site

import (
	"strings"
	"testing"
	"time"
)

// FuzzTemplate: a template is refused or holds the path that is made by putting a
// value into its holes, and gives that value back; and no rule that was compiled
// with it ends a request.
func FuzzTemplate(f *testing.F) {
	f.Add("/orders/{id}/items", "7")
	f.Add("/bills/b-{no}.pdf", "x")
	f.Add("/{a}/{b}/", "%2f")
	f.Add("//{a}//", "..")
	f.Add("/{}/}{", "{a}")
	f.Fuzz(func(t *testing.T, text, value string) {
		made, what := templateOf(text)
		if (what == "") != (made != nil) && text != "/" && strings.Trim(text, "/") != "" {
			t.Fatalf("%q: %v, %q", text, made, what)
		}
		if what != "" {
			return
		}
		var path strings.Builder
		names := []string{}
		for i := range made {
			s := &made[i]
			path.WriteString("/" + s.before)
			if s.hole {
				path.WriteString(value + s.behind)
				names = append(names, s.name)
			}
		}
		if value == "" || strings.Contains(value, "/") {
			made.match(parts(path.String()))
			return
		}
		if len(made) > 0 && made[len(made)-1] == (segment{}) {
			return // a slash at the end does not count
		}
		pieces := parts(path.String())
		if !made.match(pieces) {
			t.Fatalf("%q does not hold %q", text, path.String())
		}
		for _, name := range names {
			if got := made.value(name, pieces); got != value {
				t.Fatalf("%q gives %q of %q, want %q", text, got, path.String(), value)
			}
		}
		r, err := Compile(&Source{Parameters: []Parameter{{Template: text, In: InQuery, Name: "q", Type: "integer"}}})
		if err != nil {
			return
		}
		r.Check(&Request{Host: "shop.example.jp", Path: path.String(), Method: "GET", Fields: []Field{{Name: "q", Value: value}}, Queried: 1}, time.Unix(1_800_000_000, 0))
	})
}
