// Package canary goes through a shop's checkout as a customer would, as far as
// the payment provider, and then posts a test card number to the shop, which has
// to be refused. It proves that both are so at that time, and nothing about the
// time between.
//
// It pays nothing and never asks the provider: it reads where it is sent. It runs
// no scripts: a checkout that a script sends on cannot be walked.
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
	// the last the browser must be sent to a provider. Required.
	Steps []string
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
	w := &walk{Config: c, scheme: "http"}
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
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: c.Host}, //nolint:gosec
	}
	defer transport.CloseIdleConnections()
	w.client = &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var r Result
	for i, s := range c.Steps {
		if r.Reached, r.Problem = w.step(ctx, s); r.Problem != "" {
			r.Problem = fmt.Sprintf("step %d: %s", i+1, r.Problem)
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
	for range maxRedirects {
		status, location, body, err := w.ask(ctx, method, at, form)
		if err != nil {
			return "", "the site does not answer"
		}
		if location == "" {
			if status >= 400 {
				return "", fmt.Sprintf("the site answers %d", status)
			}
			items, _ := checkout.Read(body, at, func(p string) string { return p })
			for _, i := range items {
				if i.Kind == checkout.Form && w.provider(i.Host) {
					return i.Host, ""
				}
			}
			return "", ""
		}
		next, err := at.Parse(location)
		if err != nil {
			return "", "it is sent nowhere"
		}
		if !strings.EqualFold(next.Hostname(), at.Hostname()) {
			if host := strings.ToLower(next.Hostname()); w.provider(host) {
				return host, ""
			}
			return "", "it is sent to a host that is no payment provider"
		}
		at, method, form = next, "GET", ""
	}
	return "", "it is sent on and on"
}

func (w *walk) provider(host string) bool {
	for _, p := range w.Providers {
		if host == p || strings.HasSuffix(host, "."+p) {
			return true
		}
	}
	return false
}

// card reports whether a card number is refused by the gate.
func (w *walk) card(ctx context.Context) bool {
	at := &url.URL{Scheme: w.scheme, Host: w.Host, Path: w.Card}
	status, _, body, err := w.ask(ctx, "POST", at, url.Values{"note": {testCard}}.Encode())
	return err == nil && status == http.StatusForbidden && strings.Contains(string(body), w.Config.Refused)
}

func (w *walk) ask(ctx context.Context, method string, at *url.URL, form string) (status int, location string, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, at.String(), strings.NewReader(form))
	if err != nil {
		return 0, "", nil, err
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("User-Agent", Agent)
	r.Header.Set("Accept", "text/html")
	a, err := w.client.Do(r)
	if err != nil {
		return 0, "", nil, err
	}
	defer a.Body.Close()
	body, err = io.ReadAll(io.LimitReader(a.Body, maxPage))
	if a.StatusCode >= 300 && a.StatusCode < 400 {
		location = a.Header.Get("Location")
	}
	return a.StatusCode, location, body, err
}
