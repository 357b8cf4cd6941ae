package revproxy

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"sekisho/internal/element"
)

// overHTTP2 has a gate ask an upstream over HTTP/2, where fields may come behind a
// body of known length.
func overHTTP2(t *testing.T, handler http.HandlerFunc) setting {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *Config) {
		c.Hosts[0].Upstream = to
		c.Transport = &Transport{TLS: &tls.Config{InsecureSkipVerify: true}}
	}
}

// A card number behind a response whose length is known does not pass, and what
// stands there is counted.
func TestTrailerBehindAKnownLength(t *testing.T) {
	for name, c := range map[string]struct {
		length   int
		firewall Mode
		cards    Mode
		note     string
		cut      bool
	}{
		"held":                {1000, Enforce, Enforce, pan, true},
		"long":                {maxJudged + 1000, Enforce, Enforce, pan, true},
		"streamed":            {1000, Off, Enforce, pan, true},
		"nothing":             {0, Off, Enforce, pan, true},
		"observed":            {1000, Off, Observe, pan, false},
		"no card":             {1000, Enforce, Enforce, "taro@example.jp", false},
		"no card, streamed":   {1000, Off, Enforce, "taro@example.jp", false},
		"no card, no guard":   {1000, Off, Off, "taro@example.jp", false},
		"a card, nobody asks": {1000, Off, Off, pan, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, overHTTP2(t, func(rw http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor != 2 {
					t.Errorf("the upstream was asked over %s", r.Proto)
				}
				rw.Header().Set("Trailer", "X-Note")
				rw.Header().Set("Content-Type", "text/plain")
				rw.Header().Set("Content-Length", strconv.Itoa(c.length))
				_, _ = io.WriteString(rw, strings.Repeat("w", c.length))
				rw.Header().Set("X-Note", c.note)
			}), secured(t), func(cfg *Config) { cfg.Hosts[0].Firewall, cfg.Hosts[0].Cards = c.firewall, c.cards })
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, DisableKeepAlives: true}}
			r, err := http.NewRequestWithContext(t.Context(), "GET", strings.Replace(w.url, "http:", "https:", 1)+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "shop.example.jp"
			r.Header.Set("User-Agent", "Mozilla/5.0")
			r.Header.Set("Accept", "*/*")
			a, err := client.Do(r)
			if err != nil && c.cut { // before its header was written out
				a, err = &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(a.Body)
			_ = a.Body.Close()
			passed := a.Trailer.Get("X-Note") == c.note
			ended := err == nil && a.Proto != "" && a.StatusCode == http.StatusOK && len(body) == c.length
			if passed == c.cut || ended == c.cut {
				t.Errorf("the field passed: %v; %d with %d bytes, %v", passed, a.StatusCode, len(body), err)
			}
			if a.StatusCode != http.StatusOK && (a.StatusCode != http.StatusBadGateway || !strings.Contains(string(body), "SK3403")) {
				t.Errorf("%d %q, want a refusal of the response", a.StatusCode, body)
			}
			ends := w.ends(t)
			if len(ends) != 1 {
				t.Fatalf("%d ends", len(ends))
			}
			want := element.MaskOf(element.Email)
			if c.note == pan {
				want = element.MaskOf(element.CardPAN)
			}
			if !c.cut && ends[0].Elements != want {
				t.Errorf("elements %v, want %v", ends[0].Elements, want)
			}
			if c.cut != (ends[0].Outcome == "cut" || ends[0].Outcome == "refused") {
				t.Errorf("outcome %s", ends[0].Outcome)
			}
		})
	}
}

// A card number in the trailer of a chunked response that is held whole is the
// response's, and not the request's.
func TestTrailerIsNotOfTheRequest(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Trailer", "X-Note")
		rw.Header().Set("Content-Type", "text/html")
		rw.Header().Set("Content-Encoding", "identity") // held whole
		_, _ = io.WriteString(rw, "words")
		_ = http.NewResponseController(rw).Flush()
		rw.Header().Set("X-Note", pan)
	})
	status, body, err := w.get(t, "/")
	if err != nil || status != http.StatusBadGateway || !strings.Contains(body, "SK3403") {
		t.Errorf("%d %q, %v, want 502 SK3403", status, body, err)
	}
	if d := w.decisions(t); len(d) != 1 || d[0].Code != "502" {
		t.Errorf("decisions %+v", d)
	}
}

// A card number in an answer before the last does not pass.
func TestCardInAHint(t *testing.T) {
	for _, number := range []string{pan, "4111 1111 1111 1112"} {
		w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("X-Note", number)
			rw.WriteHeader(http.StatusEarlyHints)
			rw.Header().Del("X-Note")
			_, _ = io.WriteString(rw, "words")
		})
		conn := w.open(t)
		if _, err := io.WriteString(conn, "GET /a HTTP/1.1\r\n"+common+"Connection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(conn)
		if card := number == pan; err != nil || strings.Contains(string(all), number) == card || strings.Contains(string(all), " 103 ") == card || !strings.Contains(string(all), "words") {
			t.Errorf("%q: %q, %v", number, all, err)
		}
		if d := w.decisions(t); len(d) != map[bool]int{true: 1}[number == pan] {
			t.Errorf("%q: decisions %+v", number, d)
		}
	}
}
