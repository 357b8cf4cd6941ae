package egress

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// loose logs the user in whose tunnels may carry anything.
const loose = "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n"

// tunnelled is a tunnel to a server that sends everything back.
func (w *world) tunnelled(t *testing.T, end string) net.Conn {
	t.Helper()
	conn, in, a := w.connect(t, end, loose)
	if a.StatusCode != http.StatusOK {
		t.Fatal(a.Status)
	}
	return through{conn, in}
}

// through is a tunnel: what came with the proxy's answer is read first.
type through struct {
	net.Conn
	in *bufio.Reader
}

func (t through) Read(p []byte) (int, error) { return t.in.Read(p) }

// TestTunnelLimits: time, silence and volume end a tunnel, and its end says so.
func TestTunnelLimits(t *testing.T) {
	for _, x := range []struct {
		detail, text string
		set          setting
		send         string // once more whenever it comes back
	}{
		{"lifetime", rules, func(c *Config) { c.Limits.Lifetime = 300 * time.Millisecond }, "still here"},
		{"idle", rules, func(c *Config) { c.Limits.Idle = 200 * time.Millisecond }, ""},
		{"sent_per_hour", strings.Replace(rules, "inner: any", "inner: any, sent_per_hour: 64KiB", 1), func(*Config) {}, strings.Repeat("data", 4<<10)},
	} {
		t.Run(x.detail, func(t *testing.T) {
			w := newWorld(t, x.text, x.set)
			conn := w.tunnelled(t, echo(t, ""))
			sent := 0
			for x.send != "" { // until the gate ends it
				n, err := io.WriteString(conn, x.send)
				sent += n
				if err == nil {
					_, err = io.ReadFull(conn, make([]byte, len(x.send)))
				}
				if err != nil {
					break
				}
			}
			_, _ = io.Copy(io.Discard, conn)
			if _, e := w.one(t); e.Outcome != "limit" || e.Detail != x.detail || e.Sent > uint64(sent) {
				t.Errorf("%d bytes were sent: %+v", sent, e)
			} else if x.detail == "sent_per_hour" && (sent < 64<<10 || e.Sent > 64<<10+uint64(len(x.send))) {
				t.Errorf("%d bytes were sent, %d passed", sent, e.Sent)
			}
		})
	}
}

// TestBandwidth: a flow takes no more than its share of a second, in a tunnel
// and in a request, either way. The first second's share passes at once.
func TestBandwidth(t *testing.T) {
	const share, size = 256 << 10, 448 << 10
	least := time.Duration(float64(size-share) / share * float64(time.Second) / 2) // half: pieces may be late, not early
	body := strings.Repeat("x", size)
	limit := func(c *Config) { c.Limits.BytesPerSecond = share }
	t.Run("tunnel", func(t *testing.T) {
		w := newWorld(t, rules, limit)
		conn := w.tunnelled(t, echo(t, ""))
		began := time.Now()
		go func() { _, _ = io.WriteString(conn, body) }()
		if _, err := io.ReadFull(conn, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d < least {
			t.Errorf("%d bytes in %v", size, d)
		}
	})
	t.Run("request", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
		defer server.Close()
		w := newWorld(t, rules, limit)
		client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: w.proxy}), DisableKeepAlives: true}, Timeout: patience}
		began := time.Now()
		a, err := client.Post("http://www.here.example:"+port(server.URL)+"/", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		if n, err := io.Copy(io.Discard, a.Body); n != size || err != nil {
			t.Fatal(n, err)
		}
		if d := time.Since(began); d < least {
			t.Errorf("%d bytes in %v", size, d)
		}
	})
}

// TestHoursAndMethods: an entry holds at its hours and for its methods, by role.
func TestHoursAndMethods(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method) }))
	defer server.Close()
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC) // Monday noon in Japan
	text := strings.Replace(rules, `{name: web, segments: [here], ports: ["1-65535"]}`, `{name: web, segments: [here], ports: ["1-65535"], methods: [GET], hours: ["mon-fri 08:00-20:00"]}`, 1)
	for _, x := range []struct {
		method, user string
		at           time.Time
		want         int
	}{
		{"GET", "", now, 200}, {"POST", "", now, 403}, {"GET", "", now.Add(9 * time.Hour), 403}, {"GET", "", now.Add(-24 * time.Hour), 403}, {"POST", "ren", now.Add(-24 * time.Hour), 200},
	} {
		w := newWorld(t, text, func(c *Config) { c.Now = func() time.Time { return x.at } })
		proxy := &url.URL{Scheme: "http", Host: w.proxy}
		if x.user != "" {
			proxy.User = url.UserPassword(x.user, "secret of "+x.user)
		}
		r, err := http.NewRequestWithContext(t.Context(), x.method, "http://www.here.example:"+port(server.URL)+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := (&http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}, Timeout: patience}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != x.want {
			t.Errorf("%s by %q at %v: %s", x.method, x.user, x.at, a.Status)
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestHalfOpen: who says nothing, or not all, is let go after the handshake's
// time and leaves no flow that passed.
func TestHalfOpen(t *testing.T) {
	for _, said := range []string{"", "CONN", "CONNECT www.here.example:443 HTTP/1.1\r\nHost:", "\x05", "\x05\x01\x00\x05\x01", "GET http://www.here.example/ HTTP/1.1\r\nHo"} {
		w := newWorld(t, rules, func(c *Config) { c.Limits.Handshake = 100 * time.Millisecond })
		conn, err := net.Dial("tcp", w.proxy)
		if err != nil {
			t.Fatal(err)
		}
		deadline(t, conn)
		if _, err := io.WriteString(conn, said); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil { // a reset, or the test's patience
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Errorf("%q: it is still waited for", said)
			}
		}
		conn.Close()
		flows, _ := w.flows(t)
		for _, f := range flows {
			if f.Action != "refuse" {
				t.Errorf("%q: %+v", said, f)
			}
		}
	}
	t.Run("a tunnel that carries nothing", func(t *testing.T) {
		w := newWorld(t, rules, func(c *Config) { c.Limits.Handshake = 3 * time.Second })
		conn, in, a := w.connect(t, echo(t, ""))
		if a.StatusCode != http.StatusOK {
			t.Fatal(a.Status)
		}
		_, _ = io.WriteString(conn, "\x16\x03\x01\x01\x00") // the beginning of a hello
		_, _ = io.Copy(io.Discard, in)
		if _, e := w.one(t); e.Outcome != "aborted" || e.Detail != "nothing was sent" || e.Sent != 0 {
			t.Errorf("%+v", e)
		}
	})
}

// TestFlood: connections beyond what one client may have are closed and told,
// and there is room again when one ends.
func TestFlood(t *testing.T) {
	w := newWorld(t, rules, func(c *Config) { c.Limits.PerClient = 3 })
	end := echo(t, "hello")
	var open []net.Conn
	for range 3 {
		conn := w.tunnelled(t, end)
		if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	for range 20 {
		conn, err := net.Dial("tcp", w.proxy)
		if err != nil {
			t.Fatal(err)
		}
		deadline(t, conn)
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("a fourth connection is served: %d, %v", n, err)
		}
		conn.Close()
	}
	open[0].Close()
	for again := 0; ; again++ { // as soon as its end is seen
		conn, err := net.Dial("tcp", w.proxy)
		if err != nil {
			t.Fatal(err)
		}
		deadline(t, conn)
		_, _ = fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: x\r\n%s\r\n", end, loose)
		n, _ := conn.Read(make([]byte, 1))
		conn.Close()
		if n == 1 {
			break
		}
		if again > 10_000 {
			t.Fatal("there is no room again")
		}
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	told := eventtest.Of[*event.Finding](w.rec)
	if len(told) == 0 || len(told) > 5 || !slices.ContainsFunc(told, func(f *event.Finding) bool { return f.Code == "SK3507" }) {
		t.Errorf("%d findings for 20 connections", len(told))
	}
}

// TestMalformedTLS: a hello that is none, or is longer than any, is refused by
// name in bounded memory, and the destination hears nothing.
func TestMalformedTLS(t *testing.T) {
	for name, hello := range map[string][]byte{
		"a name of 1 MiB":   helloOf(1 << 20),
		"a name of 32 KiB":  helloOf(32 << 10),
		"no TLS":            []byte("GET / HTTP/1.1\r\n\r\n"),
		"an empty hello":    {22, 3, 1, 0, 4, 1, 0, 0, 0},
		"another handshake": {22, 3, 1, 0, 4, 2, 0, 0, 0},
		"an empty record":   {22, 3, 1, 0, 0, 22, 3, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, rules)
			conn, in, a := w.connect(t, echo(t, ""))
			if a.StatusCode != http.StatusOK {
				t.Fatal(a.Status)
			}
			go func() { _, _ = conn.Write(hello) }()
			_, _ = io.Copy(io.Discard, in)
			if _, e := w.one(t); e.Sent != 0 || e.Outcome != "refused" && e.Outcome != "aborted" || e.Detail == "" {
				t.Errorf("%+v", e)
			}
		})
	}
}

// helloOf is a ClientHello whose server name has n letters, in records.
func helloOf(n int) []byte {
	name := append([]byte{0, 0, 0}, strings.Repeat("a", n)...)
	binary.BigEndian.PutUint16(name[1:], uint16(min(n, 65535)))
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0, 0, 2, 0x13, 1, 1, 0)
	body = append(body, 0xff, 0xff, 0, 0, 0xff, 0xf0, 0xff, 0xf0)
	body = append(body, name...)
	hello := append([]byte{1, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
	var records []byte
	for len(hello) > 0 {
		k := min(len(hello), 16<<10)
		records = append(records, 22, 3, 1, byte(k>>8), byte(k))
		records, hello = append(records, hello[:k]...), hello[k:]
	}
	return records
}
