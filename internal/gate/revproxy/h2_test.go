package revproxy

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// secured has a world speak TLS.
func secured(t testing.TB) setting {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	s.Close()
	return func(c *Config) { c.TLS = &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12} }
}

// h2 is a client that sends whatever frames it likes.
type h2 struct {
	*http2.Framer
	conn *tls.Conn
	head bytes.Buffer
	enc  *hpack.Encoder
}

func dialH2(t testing.TB, w *world) *h2 {
	t.Helper()
	c := &h2{conn: tls.Client(w.open(t), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})}
	if _, err := io.WriteString(c.conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	c.Framer = http2.NewFramer(c.conn, c.conn)
	c.AllowIllegalWrites = true
	c.enc = hpack.NewEncoder(&c.head)
	if err := c.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return c
}

// fields encodes names and values in turn.
func (c *h2) fields(kv ...string) []byte {
	c.head.Reset()
	for i := 0; i < len(kv); i += 2 {
		_ = c.enc.WriteField(hpack.HeaderField{Name: kv[i], Value: kv[i+1]}) // a buffer takes all
	}
	return c.head.Bytes()
}

func (c *h2) ask(stream uint32, end bool, kv ...string) error {
	return c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.fields(kv...), EndHeaders: true, EndStream: end})
}

// status reads until the answer to a stream: its status, or 0 when the stream or
// the connection ends.
func (c *h2) status(stream uint32) string {
	dec := hpack.NewDecoder(4096, nil)
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return "0"
		}
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			return "0"
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				return "0"
			}
		case *http2.HeadersFrame:
			all, err := dec.DecodeFull(f.HeaderBlockFragment())
			if err != nil {
				return "0"
			}
			if f.StreamID == stream {
				return all[0].Value
			}
		}
	}
}

var h2Hostile = []struct {
	name string
	kv   []string
}{
	{"a request in the method", []string{":method", "GET /admin HTTP/1.1\r\nX: y", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/"}},
	{"spaces in the method", []string{":method", "GET /admin", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/"}},
	{"a version in the path", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/ HTTP/1.1"}},
	{"a version in the query", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/?a HTTP/1.1"}},
	{"lines in the path", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/ HTTP/1.1\r\nX: y"}},
	{"an address in the path", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "http://other.example/"}},
	{"a path without a slash", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "x"}},
	{"dots", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/a/../b"}},
	{"lines in a value", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", "x-a", "b\r\nTransfer-Encoding: chunked"}},
	{"lines in a name", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", "x-a: b\r\ntransfer-encoding", "chunked"}},
	{"a colon in a name", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", "x-a:b", "c"}},
	{"upper case", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", "X-A", "b"}},
	{"an encoding", []string{":method", "POST", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", "transfer-encoding", "chunked"}},
	{"a connection", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", "connection", "keep-alive"}},
	{"an upgrade", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", "upgrade", "websocket"}},
	{"another host", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", "host", "other.example"}},
	{"two hosts", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":authority", "other.example", ":path", "/"}},
	{"a host with a user", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp:@other.example", ":path", "/"}},
	{"two paths", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", ":path", "/admin"}},
	{"a late pseudo field", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", "x-a", "b", ":path", "/"}},
	{"an unknown pseudo field", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", ":x", "y"}},
	{"no path", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp"}},
	{"a trailer", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", "trailer", "x-a"}},
	{"two types", []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/", "content-type", "text/plain", "content-type", "application/json"}},
	{"CONNECT", []string{":method", "CONNECT", ":authority", "shop.example.jp:443"}},
	{"a protocol", []string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/"}},
}

// Nothing in HTTP/2 becomes more than one request of HTTP/1.
func TestHostileHTTP2(t *testing.T) {
	w := newWorld(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the upstream saw %s %s", r.Method, r.RequestURI)
	},
		secured(t), func(c *Config) { c.Hosts[0].Firewall, c.Hosts[0].Cards = Off, Off })
	for _, c := range h2Hostile {
		conn := dialH2(t, w)
		if err := conn.ask(1, true, c.kv...); err != nil {
			t.Fatal(err)
		}
		if got := conn.status(1); got != "0" && got[0] != '4' && got[0] != '5' {
			t.Errorf("%s: status %s", c.name, got)
		}
		conn.conn.Close()
	}
}

var h2Get = []string{":method", "GET", ":scheme", "https", ":authority", "shop.example.jp", ":path", "/"}

// Both protocols pass over TLS, and the upstream hears which it was.
func TestProtocolsOverTLS(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(rw, r.Header.Get("X-Forwarded-Proto"))
	}, secured(t))
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: proto == "HTTP/2.0"}
		r, err := http.NewRequestWithContext(t.Context(), "GET", strings.Replace(w.url, "http:", "https:", 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", "Mozilla/5.0")
		r.Header.Set("Accept", "text/html")
		a, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(a.Body)
		if err != nil || a.Proto != proto || string(body) != "https" {
			t.Errorf("%s %q, %v, want %s and https", a.Proto, body, err, proto)
		}
		a.Body.Close()
		tr.CloseIdleConnections()
	}
	begun := eventtest.Of[*event.Exchange](w.rec)
	if len(begun) != 2 || !begun[0].TLS || !begun[1].TLS {
		t.Errorf("%+v: want two over TLS", begun)
	}
}

// Frames without data are no body: its time runs out.
func TestEmptyData(t *testing.T) {
	w := newWorld(t, nil, secured(t), func(c *Config) { c.Limits.Body = 200 * time.Millisecond })
	c := dialH2(t, w)
	if err := c.ask(1, false, append([]string{":method", "POST"}, h2Get[2:]...)...); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				if c.WriteData(1, false, nil) != nil {
					return
				}
			}
		}
	}()
	if got := c.status(1); got != "408" && got != "0" {
		t.Errorf("status %s, want 408", got)
	}
	close(stop)
	<-done
	if got := w.bodies(); len(got) > 0 {
		t.Error("the upstream saw it")
	}
}

// An authority that asks who answers for a name is shown it, and nothing more.
func TestChallenge(t *testing.T) {
	w := newWorld(t, nil, secured(t), func(c *Config) { c.TLS.NextProtos = []string{challenge} })
	conn := tls.Client(w.open(t), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{challenge}})
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	if got := conn.ConnectionState().NegotiatedProtocol; got != challenge {
		t.Errorf("negotiated %q", got)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if exchanges := eventtest.Of[*event.Exchange](w.rec); len(exchanges) != 0 {
		t.Errorf("%d exchanges", len(exchanges))
	}
}
