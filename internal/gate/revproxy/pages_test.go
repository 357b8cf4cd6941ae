package revproxy

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/policy/checkout"
	"sekisho/internal/policy/site"
)

const payPage = `<!doctype html><html><head><script src="/js/pay.js"></script></head><body>
<script>go()</script><form action="https://pay.example.com/link" method="post"><input name="order"></form></body></html>`

// authorised are rules that say that the parts of a page, and more, belong there.
func authorised(t *testing.T, page string, more ...checkout.Item) *site.Rules {
	t.Helper()
	at, err := url.Parse("https://shop.example.jp/checkout/")
	if err != nil {
		t.Fatal(err)
	}
	items, _ := checkout.Read([]byte(page), at, Route)
	src := &site.Source{}
	for _, i := range append(items, more...) {
		src.Pages = append(src.Pages, site.Page{Host: "shop.example.jp", Item: i.ID(), Reason: "payment", By: "ayame"})
	}
	r, err := site.Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The changes of the incident of 2017, and of skimmers since: each is stopped and
// raised, once, and the page of yesterday passes.
func TestPaymentPageIsStopped(t *testing.T) {
	const script = "function go(){}"
	var current, served, location atomic.Value
	current.Store(payPage)
	served.Store(script)
	location.Store("")
	rules := authorised(t, payPage, checkout.Content("/js/pay.js", []byte(script)))
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/js/pay.js":
			rw.Header().Set("Content-Type", "text/javascript")
			_, _ = io.WriteString(rw, served.Load().(string))
		case location.Load() != "":
			rw.Header().Set("Location", location.Load().(string))
			rw.WriteHeader(http.StatusFound)
		default:
			rw.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(rw, current.Load().(string))
		}
	}, func(c *Config) {
		c.Hosts[0].Payment = []string{"/checkout/"}
		c.Hosts[0].Pages = &Pages{Mode: Enforce, Providers: []string{"pay.example.com"}}
		c.Rules = func() *site.Rules { return rules }
	})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	fetch := func(path string) (int, http.Header, string) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.example.jp"
		r.Header.Set("User-Agent", "Mozilla/5.0")
		r.Header.Set("Accept", "text/html")
		a, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		body, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return a.StatusCode, a.Header, string(body)
	}
	status, header, body := fetch("/checkout/")
	if status != 200 || body != payPage || !strings.Contains(header.Get("Content-Security-Policy"), "form-action 'self' https://pay.example.com") {
		t.Fatal(status, header, body)
	}
	if status, _, body := fetch("/js/pay.js"); status != 200 || body != script {
		t.Fatal(status, body)
	}
	raised := 0
	for _, c := range []struct{ name, old, new string }{
		{"form to the own server", "https://pay.example.com/link", "/checkout/card"},
		{"field for the card", `<input name="order">`, `<input name="order"><input name="cardNumber">`},
		{"script injected", "</body>", `<script src="https://cdn.example.net/s.js"></script></body>`},
		{"inline script injected", "</body>", "<script>steal()</script></body>"},
		{"provider changed", "pay.example.com", "pay.example.net"},
	} {
		current.Store(strings.Replace(payPage, c.old, c.new, 1))
		for range 2 {
			status, _, body := fetch("/checkout/")
			if status != http.StatusServiceUnavailable || !strings.Contains(body, codePage) || strings.Contains(body, "go()") {
				t.Errorf("%s: %d %s", c.name, status, body)
			}
		}
		raised++
		if n := len(eventtest.Of[*event.Finding](w.rec)); n != raised {
			t.Errorf("%s: %d findings, want %d", c.name, n, raised)
		}
	}
	current.Store(payPage)
	served.Store("function go(){ steal() }")
	if status, _, _ := fetch("/js/pay.js"); status != http.StatusServiceUnavailable {
		t.Errorf("changed script: %d", status)
	}
	location.Store("https://pay.example.org/?order=77")
	if status, _, _ := fetch("/checkout/go"); status != http.StatusServiceUnavailable {
		t.Errorf("redirect to a stranger: %d", status)
	}
	location.Store("https://pay.example.com/?order=77")
	if status, h, _ := fetch("/checkout/go"); status != http.StatusFound || h.Get("Location") == "" {
		t.Errorf("redirect to the provider: %d", status)
	}
	location.Store("")
	if status, _, body := fetch("/checkout/"); status != 200 || body != payPage {
		t.Errorf("yesterday's page: %d", status)
	}
	current.Store(payPage + strings.Repeat("<p>x</p>", maxShown/8))
	if status, _, _ := fetch("/checkout/"); status != http.StatusServiceUnavailable {
		t.Errorf("a page too long to be read: %d", status)
	}
	if len(w.decisions(t)) < 10 {
		t.Error("a stop is a decision")
	}
	w.silent(t, "order=77")
}

// Before anybody authorised anything a page passes, with its parts written down
// and a policy that only reports; a stranger's host is never allowed.
func TestPaymentPageIsInventoried(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(rw, strings.ReplaceAll(payPage, "pay.example.com", strings.TrimPrefix(r.URL.Path, "/checkout/")+"pay.example.com"))
	}, func(c *Config) {
		c.Hosts[0].Payment = []string{"/checkout/"}
		c.Hosts[0].Pages = &Pages{Mode: Enforce, Providers: []string{"pay.example.com"}}
	})
	for range 3 {
		if status, _, err := w.get(t, "/checkout/"); status != 200 || err != nil {
			t.Fatal(status, err)
		}
	}
	if status, _, _ := w.get(t, "/checkout/x"); status != http.StatusServiceUnavailable {
		t.Errorf("a form to xpay.example.com: %d", status)
	}
	w.ends(t)
	var got []string
	for _, i := range eventtest.Of[*event.PageItem](w.rec) {
		got = append(got, i.What+" "+i.Problem)
	}
	if want := "[script new inline new form new form host]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// Browsers report; what anybody can send costs one event a run.
func TestReportsOfBrowsers(t *testing.T) {
	w := newWorld(t, nil, func(c *Config) {
		c.Hosts[0].Payment = []string{"/checkout/"}
		c.Hosts[0].Pages = &Pages{Mode: Report, Providers: []string{"pay.example.com"}}
	})
	for _, body := range []string{
		`{"csp-report":{"effective-directive":"script-src-elem","blocked-uri":"https://Evil.example.org/s.js?taro=1","document-uri":"https://shop.example.jp/checkout/taro"}}`,
		`{"csp-report":{"violated-directive":"script-src-elem 'self'","blocked-uri":"https://evil.example.org/t.js"}}`,
		`{"csp-report":{"effective-directive":"taro","blocked-uri":"inline"}}`, `{`, `{"csp-report":{"effective-directive":"script-src","blocked-uri":"inline"}}`,
		`{"csp-report":{"effective-directive":"form-action","blocked-uri":"https://太郎.example/"}}`,
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", w.url+ReportPath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/csp-report")
		if status, _, err := w.send(t, r); status != http.StatusNoContent || err != nil {
			t.Errorf("%d %v", status, err)
		}
	}
	w.ends(t)
	var got []string
	for _, f := range eventtest.Of[*event.Finding](w.rec) {
		got = append(got, f.Code+" "+f.Detail)
	}
	if want := "[SK3418 script-src-elem: evil.example.org SK3418 script-src: inline SK3418 form-action: unreadable]"; fmt.Sprint(got) != want {
		t.Errorf("%v\nwant %s", got, want)
	}
	if len(w.bodies()) != 0 {
		t.Error("reports are not for the site")
	}
	w.silent(t, "taro")
}
