// Package canary goes through a shop's checkout as a customer would, as far as
// the payment provider, and then posts a test card number to the shop, which has
// to be refused. It proves that both are so at that time, and nothing about the
// time between.
//
// It pays nothing and never asks the provider: it reads where it is sent. It runs
// no scripts: of a checkout that a script sends on, the requests of that script are
// written down ([Call]) and made here.
package canary

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"

	"sekisho/internal/policy/checkout"
)

// testCard is a number that card brands give out for tests. It belongs to nobody.
const testCard = "4111 1111 1111 1111"

// Agent is the User-Agent of a walk.
const Agent = "Mozilla/5.0 (Sekisho canary)"

const (
	maxPage      = 1 << 20
	maxHeader    = 256 << 10
	maxRedirects = 5
)

// Config is one walk.
type Config struct {
	// Address is the gate's, host:port; TLS says that it speaks TLS.
	Address string
	TLS     bool
	// Host is the name of the site.
	Host string
	// Steps are "GET /path" or "POST /path field=value&…", in order. At the end of
	// the last the browser must be sent to a provider.
	Steps []string
	// Calls are the requests of a checkout that a script sends on, in place of Steps.
	// With them the test card number is posted as JSON, too.
	Calls []Call
	// Card is the path that the test card number is posted to. Required.
	Card string
	// Providers are the hosts of the payment providers.
	Providers []string
	// Refused is the code that the gate's answer to a card number holds.
	Refused string
	// Timeout bounds the whole walk, default one minute.
	Timeout time.Duration
}

// Result is how a walk ended.
type Result struct {
	Reached string // host of the provider, "" for none
	Refused bool
	Problem string // "" for none; no page and no value
}

// OK reports whether the walk proves what it should.
func (r *Result) OK() bool { return r.Problem == "" && r.Reached != "" && r.Refused }

// Check returns what is wrong with steps.
func Check(steps []string) error {
	for i, s := range steps {
		if _, _, _, err := step(s); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

func step(text string) (method, target, form string, err error) {
	parts := strings.SplitN(strings.TrimSpace(text), " ", 3)
	if len(parts) < 2 || parts[0] != "GET" && parts[0] != "POST" || !strings.HasPrefix(parts[1], "/") {
		return "", "", "", fmt.Errorf("it is not GET /path or POST /path field=value")
	}
	if len(parts) == 3 {
		form = parts[2]
	}
	return parts[0], parts[1], form, nil
}

// Walk goes through the checkout and returns how that ended.
func Walk(ctx context.Context, c Config) Result {
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	w := &walk{Config: c, scheme: "http", taken: map[string]string{}}
	if c.TLS {
		w.scheme = "https"
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return Result{Problem: "no jar for cookies"}
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", c.Address)
		},
		// It asks the gate of its own process: what is to be shown is what the site
		// answers, and a certificate that ended is somebody else's alarm.
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: true, ServerName: c.Host}, //nolint:gosec
		MaxResponseHeaderBytes: maxHeader,
	}
	defer transport.CloseIdleConnections()
	w.client = &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var r Result
	calls, err := compile(c.Calls)
	if err != nil {
		return Result{Problem: err.Error()}
	}
	for i, s := range c.Steps {
		if r.Reached, r.Problem = w.step(ctx, s); r.Problem != "" {
			r.Problem = fmt.Sprintf("step %d: %s", i+1, r.Problem)
			return r
		}
	}
	for i := range calls {
		if r.Reached, r.Problem = w.call(ctx, &calls[i]); r.Problem != "" {
			r.Reached, r.Problem = "", fmt.Sprintf("step %d: %s", i+1, r.Problem)
			return r
		}
	}
	if r.Reached == "" {
		r.Problem = "the checkout does not lead to a payment provider"
	}
	if r.Refused = w.card(ctx); !r.Refused && r.Problem == "" {
		r.Problem = "the test card number was not refused"
	}
	return r
}

type walk struct {
	Config
	scheme string
	client *http.Client
	taken  map[string]string // what calls took
}

// step makes one step, redirects within the site included, and tells which
// provider it leads to.
func (w *walk) step(ctx context.Context, text string) (reached, problem string) {
	method, target, form, err := step(text)
	if err != nil {
		return "", err.Error()
	}
	at := &url.URL{Scheme: w.scheme, Host: w.Host}
	if at, err = at.Parse(target); err != nil {
		return "", "it names no path"
	}
	q := question{method: method, at: at}
	if method == "POST" {
		q.body, q.contentType = form, formType
	}
	for range maxRedirects {
		a, err := w.ask(ctx, &q)
		if err != nil {
			return "", "the site does not answer"
		}
		if a.location == "" {
			if a.status >= 400 {
				return "", fmt.Sprintf("the site answers %d", a.status)
			}
			items, _ := checkout.Read(a.body, q.at, func(p string) string { return p })
			for _, i := range items {
				if i.Kind == checkout.Form && w.provider(i.Host) {
					return i.Host, ""
				}
			}
			return "", ""
		}
		next, err := q.at.Parse(a.location)
		if err != nil {
			return "", "it is sent nowhere"
		}
		if !strings.EqualFold(next.Hostname(), at.Hostname()) {
			if host := strings.ToLower(next.Hostname()); w.provider(host) {
				return host, ""
			}
			return "", elsewhere
		}
		q = *q.redirected(a.status, next)
	}
	return "", "it is sent on and on"
}

const elsewhere = "it is sent to a host that is no payment provider"

// call makes one call and tells which provider its answer leads to.
func (w *walk) call(ctx context.Context, c *call) (reached, problem string) {
	q, problem := w.question(c)
	if problem != "" {
		return "", problem
	}
	var a *answer
	for n := 0; ; n++ {
		var err error
		if a, err = w.ask(ctx, q); err != nil {
			return "", "the site does not answer"
		}
		if a.location == "" || c.Status >= 300 && c.Status < 400 {
			break
		}
		next, err := q.at.Parse(a.location)
		if err != nil {
			return "", "it is sent nowhere"
		}
		if !strings.EqualFold(next.Hostname(), w.Host) {
			if !w.provider(strings.ToLower(next.Hostname())) {
				return "", elsewhere
			}
			break
		}
		if n == maxRedirects {
			return "", "it is sent on and on"
		}
		q = q.redirected(a.status, next)
	}
	switch {
	case c.Status != 0 && a.status != c.Status, c.Status == 0 && a.status >= 400:
		return "", fmt.Sprintf("the site answers %d", a.status)
	case !a.whole:
		return "", "the answer is longer than 1 MiB"
	}
	for _, t := range c.take {
		value, ok := t.from.value(a)
		if !ok {
			return "", "the answer holds no " + t.name
		}
		w.taken[t.name] = value
	}
	if c.provider == nil {
		return "", ""
	}
	return w.reached(c.provider, a)
}

// question is how a call asks, with what was taken before in it.
func (w *walk) question(c *call) (*question, string) {
	q := &question{method: c.method, headers: map[string]string{"Accept": "*/*"}}
	at, err := url.Parse(inTarget(c.target, w.taken))
	if err != nil || at.Host != "" || at.Scheme != "" || dotted(at.Path) {
		return nil, "what was taken makes no path"
	}
	at.Scheme, at.Host = w.scheme, w.Host
	q.at = at
	for name, value := range c.Headers {
		q.headers[name] = filled(value, w.taken, func(v string) string { return v })
	}
	switch {
	case c.Form != "":
		q.body, q.contentType = filled(c.Form, w.taken, url.QueryEscape), formType
	case c.JSON != "":
		q.body, q.contentType = inJSON(c.JSON, w.taken), jsonType
	}
	return q, ""
}

// dotted reports whether a path has a part that leads upwards.
func dotted(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool { return part == "." || part == ".." })
}

// reached tells which provider an answer leads to.
func (w *walk) reached(f *finder, a *answer) (host, problem string) {
	all, strict := f.addresses(a)
	for _, text := range all {
		to, err := secure(a.at).Parse(strings.TrimSpace(text))
		if err != nil {
			return "", "the address of the provider cannot be read"
		}
		name := strings.ToLower(to.Hostname())
		switch {
		case strings.EqualFold(name, w.Host):
		case !w.provider(name):
			if strict {
				return "", elsewhere
			}
		case to.Scheme != "https":
			return "", "the address of the provider is not https"
		default:
			host = name
		}
	}
	if host == "" {
		return "", "the answer holds no address of a payment provider"
	}
	return host, ""
}

func (w *walk) provider(host string) bool {
	for _, p := range w.Providers {
		if host == p || strings.HasSuffix(host, "."+p) {
			return true
		}
	}
	return false
}

// card reports whether a card number is refused by the gate, however this checkout
// sends what customers enter.
func (w *walk) card(ctx context.Context) bool {
	at := &url.URL{Scheme: w.scheme, Host: w.Host, Path: w.Card}
	asks := []question{{method: "POST", at: at, contentType: formType, body: url.Values{"note": {testCard}}.Encode()}}
	if len(w.Calls) > 0 {
		asks = append(asks, question{method: "POST", at: at, contentType: jsonType, body: `{"payment":{"number":"` + testCard + `"}}`})
	}
	return !slices.ContainsFunc(asks, func(q question) bool {
		a, err := w.ask(ctx, &q)
		return err != nil || a.status != http.StatusForbidden || !strings.Contains(string(a.body), w.Config.Refused)
	})
}

// question is one request of a walk.
type question struct {
	method            string
	at                *url.URL
	headers           map[string]string
	body, contentType string
}

// redirected is what a browser asks where an answer sends it: the same again after
// 307 and 308, and after 301 and 302 if it was no POST (RFC 9110, 15.4; WHATWG Fetch,
// HTTP-redirect fetch), else a GET.
func (q *question) redirected(status int, to *url.URL) *question {
	moved := status == http.StatusMovedPermanently || status == http.StatusFound
	if status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect || moved && q.method != http.MethodPost {
		again := *q
		again.at = to
		return &again
	}
	return &question{method: http.MethodGet, at: to, headers: q.headers}
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

func (w *walk) ask(ctx context.Context, q *question) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, q.method, q.at.String(), strings.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "text/html")
	for name, value := range q.headers {
		r.Header.Set(name, value)
	}
	if q.contentType != "" {
		r.Header.Set("Content-Type", q.contentType)
	}
	r.Header.Set("User-Agent", Agent)
	got, err := w.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, maxPage+1))
	if err != nil {
		return nil, err
	}
	a := &answer{status: got.StatusCode, header: got.Header, body: body[:min(len(body), maxPage)], whole: len(body) <= maxPage, at: q.at, cookies: w.client.Jar.Cookies(q.at)}
	if a.status >= 300 && a.status < 400 {
		a.location = got.Header.Get("Location")
	}
	return a, nil
}
