package checkout

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const good = `<!doctype html><html><head><script src="/js/app.js"></script><script src="https://js.pay.example.com/v1.js" integrity="sha384-abc"></script>
<script>var token="0123456789abcdef0123456789"; start(token)</script></head>
<body onload="ready()"><form action="https://pay.example.com/link" method="post"><input name="order" value="77"><input name="amount"></form>
<form action="/checkout/77/back"><input name="order"></form><iframe src="https://pay.example.com/frame/"></iframe></body></html>`

func page(t testing.TB) *url.URL {
	u, err := url.Parse("https://shop.example.jp/checkout/pay")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func route(path string) string { return strings.ReplaceAll(path, "77", ":x") }

func items(t testing.TB, text string) []Item {
	all, whole := Read([]byte(text), page(t), route)
	if !whole {
		t.Fatal("not whole")
	}
	return all
}

func TestRead(t *testing.T) {
	var got []string
	for _, i := range items(t, good) {
		got = append(got, strings.Join([]string{string(i.Kind), i.Name, i.Host}, " "))
	}
	want := []string{"script /js/app.js ", "script https://js.pay.example.com/v1.js js.pay.example.com", "inline  ", "handler  ",
		"form https://pay.example.com/link pay.example.com", "form /checkout/:x/back ", "frame https://pay.example.com/frame/ pay.example.com"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What an attacker changed in the incidents, and what is done about each.
func TestJudge(t *testing.T) {
	known := map[string]bool{}
	for _, i := range items(t, good) {
		known[i.ID()] = true
	}
	r := &Rules{Self: []string{"shop.example.jp"}, Providers: []string{"pay.example.com"}, Authorised: func(i *Item) bool { return known[i.ID()] }}
	for name, c := range map[string]struct{ old, new, want string }{
		"nothing":                  {"", "", ""},
		"another token":            {"0123456789abcdef0123456789", "ffffffffffffffffffffff9999", ""},
		"form to the own server":   {"https://pay.example.com/link", "/checkout/card", "unauthorised form"},
		"form to another provider": {"https://pay.example.com/link", "https://pay.example.net/link", "host form"},
		"field for a card":         {`<input name="order"></form>`, `<input name="order"><input name="cardNumber"></form>`, "card form"},
		"field by autofill":        {`<input name="order"></form>`, `<input name="f1" autocomplete="cc-number"></form>`, "card form"},
		"a script more":            {"</body>", `<script src="https://cdn.example.net/s.js"></script></body>`, "host script"},
		"another own script":       {"/js/app.js", "/js/app2.js", "unauthorised script"},
		"inline script more":       {"</body>", "<script>fetch('//x.example.net')</script></body>", "unauthorised inline"},
		"handler more":             {"<iframe ", `<img src=x onerror="steal()"><iframe `, "unauthorised handler"},
		"inline script changed":    {"start(token)", "start(token);send(token)", "unauthorised inline"},
		"another frame":            {"https://pay.example.com/frame/", "https://pay.example.org/frame/", "host frame"},
		"base":                     {"<head>", `<head><base href="https://evil.example.org/">`, "host base"},
		"refresh":                  {"<head>", `<head><meta http-equiv="Refresh" content="0; URL='https://evil.example.org/'">`, "host redirect"},
		"formaction":               {`<input name="amount">`, `<button formaction="https://evil.example.org/">`, "host form"},
		"field without a form":     {"</body>", `<input id="card-number"></body>`, "card form"},
		"javascript link":          {"</body>", `<a href="JavaScript:steal()">x</a></body>`, "unauthorised inline"},
	} {
		text := good
		if c.old != "" {
			text = strings.Replace(good, c.old, c.new, 1)
		}
		got := ""
		if p := r.Judge(items(t, text)); len(p) > 0 {
			got = p[0].Why + " " + string(p[0].Kind)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	nobody := &Rules{Self: r.Self, Providers: r.Providers}
	if p := nobody.Judge(items(t, good)); len(p) != 0 {
		t.Errorf("before anybody authorised anything: %+v", p)
	}
}

func TestCSP(t *testing.T) {
	r := &Rules{Providers: []string{"pay.example.com"}, Authorised: func(i *Item) bool { return i.Kind != Handler }}
	got := r.CSP(items(t, good), "/.sekisho/csp")
	// The hash is what `openssl dgst -sha256 -binary | base64` says of the text.
	want := "script-src 'self' 'sha256-FrZ5q86jVtW9yKoI8/KXAtqr1MKARZ3GcXX1ADTNJMM=' https://*.pay.example.com https://pay.example.com; form-action 'self' https://pay.example.com https://*.pay.example.com; " +
		"frame-src 'self' https://pay.example.com https://*.pay.example.com; connect-src 'self' https://pay.example.com https://*.pay.example.com; object-src 'none'; base-uri 'self'; report-uri /.sekisho/csp"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(good)
	f.Add(`<form><input name=cardNumber><script>`)
	f.Fuzz(func(t *testing.T, text string) {
		all, _ := Read([]byte(text), page(t), route)
		if len(all) > maxItems {
			t.Fatalf("%d items", len(all))
		}
		again, _ := Read([]byte(text), page(t), route)
		if diff := cmp.Diff(all, again); diff != "" {
			t.Error(diff)
		}
	})
}
