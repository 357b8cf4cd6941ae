package canary

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// scripted is a shop whose pages are empty but for a script: a token against
// forgery in a page and in a cookie, a cart and an order by JSON, and an address of
// the provider that paid answers with.
func scripted(paid http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /shop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/shop/", http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET /shop/", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "XSRF", Value: "a%2Bb%3D%22", Path: "/"})
		_, _ = io.WriteString(w, `<meta name="csrf-token" content="tok&quot;en"><form><input type=hidden name=_t value=field1></form><script>window.__key="k-77";</script>`)
	})
	mux.HandleFunc("POST /api/cart", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Plan  int    `json:"plan"`
			Token string `json:"token"`
			Key   string `json:"key"`
		}
		c, err := r.Cookie("XSRF")
		if json.NewDecoder(r.Body).Decode(&in) != nil || in.Plan != 1 || in.Token != `tok"en` || in.Key != "k-77" || err != nil || c.Value != "a%2Bb%3D%22" || r.Header.Get("X-XSRF") != `a+b="` ||
			r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "{}", http.StatusUnprocessableEntity)
			return
		}
		w.Header().Set("X-Cart", "c/9")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"data":{"items":[{"id":4711}],"a/b":true}}`)
	})
	mux.HandleFunc("PUT /api/cart/{cart}/pay", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.PathValue("cart") != "c/9" || string(body) != `{"item":4711,"gift":true,"text":"4711","t":"field1"}` {
			http.Error(w, string(body), http.StatusBadRequest)
			return
		}
		paid(w, r)
	})
	mux.HandleFunc("GET /again", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) })
	mux.HandleFunc("POST /contact", func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "4111") {
			http.Error(w, "SK3402", http.StatusForbidden)
		}
	})
	return mux
}

func callsTo(provider string) []Call {
	return []Call{
		{Ask: "GET /shop", Take: map[string]string{"token": "field csrf-token", "t": "field _t", "xsrf": "cookie XSRF", "key": `match __key="([a-z0-9-]+)"`}},
		{Ask: "POST /api/cart", Headers: map[string]string{"X-XSRF": "{xsrf}"}, JSON: `{"plan": 1, "token": "{token}", "key": {key}}`, Status: 201,
			Take: map[string]string{"item": "json /data/items/0/id", "gift": "json /data/a~1b", "cart": "header X-Cart"}},
		{Ask: "PUT /api/cart/{cart}/pay", JSON: `{"item":{item},"gift":{gift},"text":"{item}","t":"{t}"}`, Provider: provider},
	}
}

func TestCalls(t *testing.T) {
	says := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	sends := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusSeeOther) }
	}
	none, other := "step 3: the answer holds no address of a payment provider", "step 3: "+elsewhere
	for name, c := range map[string]struct {
		paid     http.HandlerFunc
		provider string
		problem  string
	}{
		"json":                {says(`{"redirectUrl":"https://link.pay.example.com/o/1"}`), "json /redirectUrl", ""},
		"redirect":            {sends("https://pay.example.com/o"), "redirect", ""},
		"form":                {says(`<form action="https://pay.example.com/link">`), "form", ""},
		"frame":               {says(`<iframe src="//pay.example.com/card"></iframe>`), "frame", ""},
		"script":              {says(`<script src="https://stats.example.net/a.js"></script><script src="https://js.pay.example.com/v1.js"></script>`), "script", ""},
		"match":               {says(`<script>location.href = "https://pay.example.com/o"</script>`), `match location\.href = "([^"]+)"`, ""},
		"header":              {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-To", "https://pay.example.com/") }, "header X-To", ""},
		"none in json":        {says(`{"redirectUrl":null}`), "json /redirectUrl", none},
		"no json":             {says(`<html>`), "json /redirectUrl", none},
		"own page":            {says(`{"redirectUrl":"/card"}`), "json /redirectUrl", none},
		"another host":        {says(`{"redirectUrl":"https://pay.example.net/o"}`), "json /redirectUrl", other},
		"a name before @":     {says(`{"redirectUrl":"https://pay.example.com@evil.example.net/o"}`), "json /redirectUrl", other},
		"a name within":       {says(`{"redirectUrl":"https://pay.example.com.evil.example.net/o"}`), "json /redirectUrl", other},
		"a name that ends so": {says(`{"redirectUrl":"https://evilpay.example.com/o"}`), "json /redirectUrl", other},
		"a backslash":         {says(`{"redirectUrl":"https://evil.example.net\\@pay.example.com/o"}`), "json /redirectUrl", "step 3: the address of the provider cannot be read"},
		"no TLS":              {says(`{"redirectUrl":"http://pay.example.com/o"}`), "json /redirectUrl", "step 3: the address of the provider is not https"},
		"a script as address": {says(`{"redirectUrl":"javascript://pay.example.com/%0aalert(1)"}`), "json /redirectUrl", "step 3: the address of the provider is not https"},
		"redirect elsewhere":  {sends("https://evil.example.net/"), "json /redirectUrl", other},
		"redirect to itself":  {sends("/again"), "redirect", "step 3: it is sent on and on"},
		"form of the shop":    {says(`<form action="/card"><input name=cardNumber>`), "form", none},
		"form elsewhere too":  {says(`<form action="https://pay.example.com/"></form><form action="https://evil.example.net/">`), "form", other},
		"frame elsewhere":     {says(`<iframe src="https://evil.example.net/"></iframe>`), "frame", none},
		"huge":                {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxPage+1)) }, "json /redirectUrl", "step 3: the answer is longer than 1 MiB"},
		"deep":                {says(strings.Repeat(`{"redirectUrl":`, 50_000)), "json /redirectUrl", none},
		"many headers":        {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 2*maxHeader)) }, "form", "step 3: the site does not answer"},
		"error":               {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "form", "step 3: the site answers 500"},
	} {
		s := httptest.NewServer(scripted(c.paid))
		got := Walk(t.Context(), Config{Address: s.Listener.Addr().String(), Host: "shop.example.jp", Calls: callsTo(c.provider), Card: "/contact",
			Providers: []string{"pay.example.com"}, Refused: "SK3402"})
		s.Close()
		if got.Problem != c.problem || got.OK() != (c.problem == "") || (got.Reached != "") != got.OK() {
			t.Errorf("%s: %+v, want %q", name, got, c.problem)
		}
	}
}

// TestCallsFail: a walk stops at the call whose answer is not as it should be, and
// what an answer says leads nowhere but to the gate.
func TestCallsFail(t *testing.T) {
	ok := callsTo("json /u")
	for name, c := range map[string]struct {
		change func(calls []Call)
		want   string
	}{
		"status":        {func(calls []Call) { calls[1].Status = 200 }, "step 2: the site answers 201"},
		"value":         {func(calls []Call) { calls[0].Take["token"] = "field nothing" }, "step 1: the answer holds no token"},
		"body":          {func(calls []Call) { calls[1].JSON = `{"plan": 2}` }, "step 2: the site answers 422"},
		"dots in paths": {func(calls []Call) { calls[2].Ask = "PUT /api/../{cart}" }, "step 3: what was taken makes no path"},
	} {
		calls := make([]Call, len(ok))
		for i, o := range ok {
			calls[i] = o
			calls[i].Take = map[string]string{}
			for k, v := range o.Take {
				calls[i].Take[k] = v
			}
		}
		c.change(calls)
		s := httptest.NewServer(scripted(func(http.ResponseWriter, *http.Request) {}))
		got := Walk(t.Context(), Config{Address: s.Listener.Addr().String(), Host: "shop.example.jp", Calls: calls, Card: "/contact", Providers: []string{"pay.example.com"}, Refused: "SK3402"})
		s.Close()
		if got.Problem != c.want || got.OK() {
			t.Errorf("%s: %+v, want %q", name, got, c.want)
		}
	}
	// A number posted as JSON that is taken although a form is refused.
	mux := http.NewServeMux()
	mux.HandleFunc("POST /contact", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != jsonType {
			http.Error(w, "SK3402", http.StatusForbidden)
		}
	})
	mux.HandleFunc("GET /pay", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://pay.example.com/", http.StatusFound)
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	got := Walk(t.Context(), Config{Address: s.Listener.Addr().String(), Host: "shop.example.jp", Calls: []Call{{Ask: "GET /pay", Provider: "redirect"}}, Card: "/contact",
		Providers: []string{"pay.example.com"}, Refused: "SK3402"})
	if got.OK() || got.Problem != "the test card number was not refused" {
		t.Errorf("%+v", got)
	}
}

// TestRedirects: what is sent on after 307 and 308 is sent as it was, and what browsers
// make a GET of is one.
func TestRedirects(t *testing.T) {
	for _, c := range []struct {
		status       int
		method, want string
	}{
		{301, "POST", "GET  "}, {302, "POST", "GET  "}, {303, "POST", "GET  "}, {303, "PUT", "GET  "},
		{301, "PUT", `PUT application/json {"plan":1}`}, {302, "PATCH", `PATCH application/json {"plan":1}`},
		{307, "POST", `POST application/json {"plan":1}`}, {308, "PUT", `PUT application/json {"plan":1}`},
	} {
		mux := http.NewServeMux()
		mux.HandleFunc("/order", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/sent", c.status) })
		mux.HandleFunc("/sent", func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if got := r.Method + " " + r.Header.Get("Content-Type") + " " + string(body); got != c.want {
				t.Errorf("%d after %s: asked %q, want %q", c.status, c.method, got, c.want)
			}
			_, _ = io.WriteString(w, `{"to":"https://pay.example.com/"}`)
		})
		s := httptest.NewServer(mux)
		got := Walk(t.Context(), Config{Address: s.Listener.Addr().String(), Host: "shop.example.jp", Calls: []Call{{Ask: c.method + " /order", JSON: `{"plan":1}`, Provider: "json /to"}},
			Card: "/card", Providers: []string{"pay.example.com"}, Refused: "SK3402"})
		s.Close()
		if got.Reached != "pay.example.com" {
			t.Errorf("%d after %s: %+v", c.status, c.method, got)
		}
	}
}

// TestSlow: an answer that never ends is the end of the walk, not of the gate.
func TestSlow(t *testing.T) {
	stop := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "<")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(stop)
	got := Walk(t.Context(), Config{Address: s.Listener.Addr().String(), Host: "shop.example.jp", Calls: []Call{{Ask: "GET /", Provider: "form"}}, Card: "/", Timeout: 50 * time.Millisecond})
	if got.Problem != "step 1: the site does not answer" {
		t.Errorf("%+v", got)
	}
}

func TestCheckCalls(t *testing.T) {
	last := Call{Ask: "GET /", Provider: "redirect"}
	for what, c := range map[string]Call{
		"it is not a method and a path":                              {Ask: "GET //evil.example.net/"},
		"it is not a method and a path ":                             {Ask: "TRACE /"},
		"a call sends a form or JSON, not both":                      {Ask: "POST /", Form: "a=b", JSON: "{}"},
		"a GET has no body":                                          {Ask: "GET /", Form: "a=b"},
		"it is no status of an answer":                               {Ask: "GET /", Status: 100},
		"a call cannot set this header":                              {Ask: "GET /", Headers: map[string]string{"host": "x"}},
		"a call cannot set this header ":                             {Ask: "GET /", Headers: map[string]string{"X-A": "a\r\nHost: x"}},
		"a name in braces was taken by no call before":               {Ask: "GET /{order}"},
		"the body is not JSON":                                       {Ask: "POST /", JSON: `{"a":}`},
		"no value can be taken so":                                   {Ask: "GET /", Take: map[string]string{"a": "match ("}},
		"no value can be taken so ":                                  {Ask: "GET /", Take: map[string]string{"A": "field a"}},
		"the provider's address is not found so":                     {Ask: "GET /", Provider: "somewhere"},
		"the last call does not say where the provider's address is": {Ask: "GET /"},
	} {
		calls := []Call{last, c}
		var p *Problem
		if err := CheckCalls(calls); !errors.As(err, &p) || p.Call != 1 || p.What != strings.TrimSpace(what) || p.Try == "" {
			t.Errorf("%+v: %v, want %q", c, err, what)
		}
	}
	if err := CheckCalls(make([]Call, maxCalls+1)); err == nil {
		t.Error("any number of calls")
	}
	if err := CheckCalls(callsTo("form")); err != nil {
		t.Error(err)
	}
}

// FuzzAnswer: whatever a site answers, a walk ends at a provider or nowhere, and
// what it takes makes one request to the site.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"a":{"b":["https://pay.example.com/"]}}`, "https://pay.example.com/", "v")
	f.Add(`<form action="https://pay.example.com@evil.example.net"><input name=a value="x">`, "//pay.example.com", "a\"b")
	f.Add(`<base href="https://evil.example.net"><iframe src=x>`, `https:\\pay.example.com`, "..")
	f.Add(`location="https://pay.example.com/"`, "javascript:alert(1)", "?x=1&y")
	finders := []*finder{}
	for _, text := range []string{"redirect", "form", "frame", "script", "json /a/b/0", `match ="([^"]*)"`, "header X", "cookie c", "field a"} {
		made, ok := newFinder(text, "redirect", "form", "frame", "script", "json", "match", "header", "cookie", "field")
		if !ok {
			f.Fatal(text)
		}
		finders = append(finders, made)
	}
	w := &walk{Config: Config{Host: "shop.example.jp", Providers: []string{"pay.example.com"}}, scheme: "https"}
	calls, err := compile([]Call{{Ask: "GET /", Take: map[string]string{"v": "field a"}}, {Ask: "POST /x/{v}/y?z={v}", Headers: map[string]string{"X": "{v}"}, JSON: `{"t":"{v}","n":{v}}`, Provider: "form"},
		{Ask: "POST /", Form: "a={v}", Provider: "form"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body, location, value string) {
		at, err := http.NewRequest("GET", "https://shop.example.jp/pay", nil)
		if err != nil {
			t.Fatal(err)
		}
		a := &answer{location: location, body: []byte(body), at: at.URL, header: http.Header{"X": {value}}, cookies: []*http.Cookie{{Name: "c", Value: value}}}
		for _, from := range finders {
			if host, problem := w.reached(from, a); (host == "") == (problem == "") || host != "" && host != "pay.example.com" && !strings.HasSuffix(host, ".pay.example.com") {
				t.Fatalf("%q, %q", host, problem)
			}
			v, ok := from.value(a)
			if !ok {
				continue
			}
			w.taken = map[string]string{"v": v}
			q, problem := w.question(&calls[1])
			if problem != "" {
				continue
			}
			if q.at.Host != "shop.example.jp" || !strings.HasPrefix(q.at.EscapedPath(), "/x/") || strings.Count(q.at.EscapedPath(), "/") != 3 || q.at.Query().Get("z") != v {
				t.Fatalf("%q leads to %s", v, q.at)
			}
			var read struct {
				T string `json:"t"`
				N any    `json:"n"`
			}
			if err := json.Unmarshal([]byte(q.body), &read); err != nil {
				t.Fatalf("%q makes %s: %v", v, q.body, err)
			}
			form, problem := w.question(&calls[2])
			if problem != "" || strings.Count(form.body, "=") != 1 || strings.Contains(form.body, "&") {
				t.Fatalf("%q makes %q %q", v, form.body, problem)
			}
			if r, err := http.NewRequest(q.method, q.at.String(), nil); err != nil || r.URL.Host != "shop.example.jp" {
				t.Fatalf("%q: %v", v, err)
			}
		}
	})
}
