package revproxy

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

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

// What net/http reads of a cookie is among what is read here, and a session is
// told by the same value however its line is cut.
func FuzzCookies(f *testing.F) {
	f.Add("sid=abc; theme=dark", "sid")
	f.Add(`sid="a b"; sid=%E5%B1%B1; sid`, "sid")
	f.Add("PHPSESSID=;; =x; PHPSESSID=1;JSESSIONID=2", "PHPSESSID")
	f.Fuzz(func(t *testing.T, line, name string) {
		r := &http.Request{Header: http.Header{"Cookie": {line}}}
		ours := cookies(r, name)
		for _, c := range r.Cookies() {
			want := c.Value
			if plain, err := url.PathUnescape(want); err == nil {
				want = plain
			}
			if c.Name == name && !slices.Contains(ours, want) {
				t.Errorf("%q: net/http reads %q, here %q", line, want, ours)
			}
		}
		p := &persons{Persons: &Persons{Cookies: []string{name}, Hash: func(parts ...[]byte) (sum [16]byte) {
			h := sha256.New()
			for _, part := range parts {
				h.Write(part)
			}
			copy(sum[:], h.Sum(nil))
			return sum
		}}}
		one := p.cookie(r)
		if c, err := r.Cookie(name); err == nil && c.Value != "" && one == [16]byte{} {
			t.Errorf("%q: no session is told", line)
		}
		if again := p.cookie(&http.Request{Header: http.Header{"Cookie": {"other=1", line}}}); !isNamed("other", name) && again != one {
			t.Errorf("%q: another session behind another line", line)
		}
	})
}

// Whatever is sent as a report, only a directive that is known and a plain host
// come of it.
func FuzzReported(f *testing.F) {
	f.Add([]byte(`{"csp-report":{"effective-directive":"script-src-elem","blocked-uri":"https://Evil.example/x?q=1"}}`))
	f.Add([]byte(`{"csp-report":{"violated-directive":"form-action 'self'","blocked-uri":"inline"}}`))
	f.Add([]byte(`{"csp-report":{"violated-directive":"frame-src","blocked-uri":"https://a%00.example:x/"}}`))
	f.Add([]byte(`[{"type":"csp-violation"}]`))
	host := regexp.MustCompile(`^[0-9a-z.-]{1,253}$`)
	f.Fuzz(func(t *testing.T, body []byte) {
		directive, at, ok := reported(body)
		if !ok {
			if directive+at != "" {
				t.Errorf("%q: refused with %q %q", body, directive, at)
			}
			return
		}
		if !slices.Contains(directives, directive) || !host.MatchString(at) {
			t.Errorf("%q: %q %q", body, directive, at)
		}
	})
}

// The route of any path is bounded and names nobody: no digit, no escape, no
// character beyond ASCII but the sign for what was left out.
func FuzzRoute(f *testing.F) {
	f.Add("/orders/12/山田")
	f.Add("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o")
	f.Add("mailto:ren@example.jp")
	f.Fuzz(func(t *testing.T, path string) {
		route := Route(path)
		if utf8.RuneCountInString(route) > 14*25 {
			t.Errorf("%q: %d characters", path, utf8.RuneCountInString(route))
		}
		for part := range strings.SplitSeq(route, "/") {
			if part != ":x" && part != "…" && strings.ContainsFunc(part, func(c rune) bool {
				return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("-_.", c)
			}) {
				t.Errorf("%q: %q in %q", path, part, route)
			}
		}
	})
}

// A path that is called plain means the same to whoever resolves dots, and what
// other servers take a path for is taken for itself.
func FuzzPaths(f *testing.F) {
	f.Add("/a//b;x=1/c")
	f.Add("/a/..;/b")
	f.Add("\\a\\..")
	f.Fuzz(func(t *testing.T, path string) {
		same := sameAs(path)
		if again := sameAs(same); again != same {
			t.Errorf("%q is %q, and that %q", path, same, again)
		}
		if !plainPath(path) {
			return
		}
		for part := range strings.SplitSeq(strings.ReplaceAll(path, "\\", "/"), "/") {
			if name, _, _ := strings.Cut(part, ";"); name == "." || name == ".." {
				t.Errorf("%q is called plain", path)
			}
		}
	})
}

// A card number in a text is seen in any two pieces of it.
func FuzzGuard(f *testing.F) {
	f.Add([]byte("card 4111 1111 1111 1111 until 12/29"), uint16(9))
	f.Add([]byte(`{"a":"４１１１１１１１１１１１１１１１","b":1}`), uint16(20))
	f.Fuzz(func(t *testing.T, text []byte, at uint16) {
		if len(text) > overlap {
			return
		}
		g := newGuard()
		whole := g.whole(text)
		cut := min(int(at), len(text))
		g.begin(nil)
		pass, found := g.step(text[:cut], false)
		if !found {
			g.next(len(pass))
			_, found = g.step(text[cut:], true)
		}
		if whole && !found {
			t.Errorf("%q cut at %d: seen whole, not in pieces", text, cut)
		}
	})
}
