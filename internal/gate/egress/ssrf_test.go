package egress

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestNameThatChanges: a name is resolved once for a flow, and what was judged
// is what is dialled: an answer that changes in between changes nothing.
func TestNameThatChanges(t *testing.T) {
	end := echo(t, "hello")
	var asked atomic.Int64
	w := newWorld(t, rules, func(c *Config) {
		c.Resolve = func(context.Context, string) ([]netip.Addr, error) {
			if asked.Add(1) == 1 {
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("169.254.169.254")}, nil
		}
	})
	_, _, a := w.connect(t, "www.here.example:"+port(end), "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n")
	if a.StatusCode != http.StatusOK || asked.Load() != 1 {
		t.Errorf("%s after %d questions", a.Status, asked.Load())
	}
}

// TestRedirect: a redirect is the client's to follow, and where it leads is
// judged like every destination.
func TestRedirect(t *testing.T) {
	inner := "http://169.254.169.254/latest/meta-data/"
	server := httptest.NewServer(http.RedirectHandler(inner, http.StatusFound))
	defer server.Close()
	w := newWorld(t, rules)
	proxy, err := url.Parse("http://" + w.proxy)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := client.Get("http://www.here.example:" + port(server.URL) + "/")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusFound || r.Header.Get("Location") != inner {
		t.Errorf("%s to %q", r.Status, r.Header.Get("Location"))
	}
	if r, err = client.Get(inner); err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusForbidden {
		t.Errorf("the redirect's end: %s", r.Status)
	}
}

// FuzzFirstBytes: whatever a client says first, the gate answers or closes, in
// bounded time, and lets nobody out under a policy that allows nobody.
func FuzzFirstBytes(f *testing.F) {
	for _, seed := range []string{
		"CONNECT www.example.jp:443 HTTP/1.1\r\n\r\n", "CONNECT [::1]:443 HTTP/1.1\r\nProxy-Authorization: Basic !\r\n\r\n", "CONNECT a HTTP/9\r\n\r\n", "CON",
		"GET http://a.example/ HTTP/1.1\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\x05\x01\x00\x05\x01\x00\x03\x01a\x00\x50", "\x05\x01\x02\x01\x01a\x01b", "\x05\xff",
		"\x04\x01", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", strings.Repeat("A", 20_000),
	} {
		f.Add([]byte(seed))
	}
	w := newWorld(f, "generation: 1\nroles:\n  - {name: nobody, addresses: [192.0.2.1]}\n", func(c *Config) { c.Limits.Handshake = time.Second })
	f.Fuzz(func(t *testing.T, text []byte) {
		conn, err := net.Dial("tcp", w.proxy)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = conn.Write(text) // a gate that has heard enough may have closed
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, err := io.ReadAll(conn)
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Fatalf("%q: neither answered nor closed", text)
		}
		if strings.HasPrefix(string(answer), "HTTP/1.1 2") {
			t.Fatalf("%q: let out", text)
		}
		if strings.HasPrefix(string(answer), "HTTP/") {
			if _, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(answer))), nil); err != nil {
				t.Fatalf("%q: answer %q: %v", text, answer, err)
			}
		}
	})
}
