package revproxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// TestSocketsOverTLSKept: a WebSocket whose client speaks TLS goes on too, also of a
// session that was resumed, and never in clear.
func TestSocketsOverTLSKept(t *testing.T) {
	const key = "\x11\x22\x33\x44"
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	certificate := server.TLS.Certificates[0]
	server.Close()
	speaks := func(c *Config) {
		c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	for _, tt := range []struct {
		name    string
		version uint16
		suite   uint16
		resumed bool
	}{
		{"1.3", tls.VersionTLS13, 0, false},
		{"1.3, resumed", tls.VersionTLS13, 0, true},
		{"1.2", tls.VersionTLS12, 0, false},
		{"1.2, ChaCha20-Poly1305", tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newKeeping(t, speaks)
			cfg := &tls.Config{InsecureSkipVerify: true, MaxVersion: tt.version, NextProtos: []string{"http/1.1"}, // a test server's own certificate
				ServerName: "shop.example.jp", ClientSessionCache: tls.NewLRUClientSessionCache(4)}
			if tt.suite != 0 {
				cfg.CipherSuites = []uint16{tt.suite}
			}
			dial := func() (*tls.Conn, *bufio.Reader) {
				raw, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { raw.Close() })
				conn := tls.Client(raw, cfg)
				return conn, openSocket(t, conn)
			}
			conn, in := dial()
			if tt.resumed {
				echoed(t, conn, in, frame(1, true, key, "for the ticket"))
				conn.Close()
				conn, in = dial()
			}
			if conn.ConnectionState().DidResume != tt.resumed {
				t.Fatalf("resumed: %t", !tt.resumed)
			}
			whole := frame(1, true, key, strings.Repeat("words in a frame ", 3000))
			n := 0
			for i := range 3 {
				echoed(t, conn, in, whole)
				echoed(t, conn, in, whole[:999])
				if n += 2 * len(whole); i < 2 {
					w = w.follow(t, speaks)
				}
				echoed(t, conn, in, whole[999:])
			}
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
				t.Errorf("at the end: %q, %v", rest, err)
			}
			await(t, "the exchange ends", func() bool {
				all := eventtest.Of[*event.ExchangeEnd](w.rec)
				return len(all) > 0 && all[len(all)-1].Sent == uint64(n)
			})
		})
	}
}

// TestSocketsToTLSKept: so does one whose server is spoken to over TLS, with the
// tickets that it sends.
func TestSocketsToTLSKept(t *testing.T) {
	const key = "\x11\x22\x33\x44"
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			site := httptest.NewUnstartedServer(http.HandlerFunc(echoSocket))
			site.TLS = &tls.Config{MaxVersion: version}
			site.EnableHTTP2 = true
			site.StartTLS()
			defer site.Close()
			at, err := url.Parse(site.URL)
			if err != nil {
				t.Fatal(err)
			}
			there := func(c *Config) {
				c.Hosts[0].Upstream = at
				c.Transport = &Transport{TLS: &tls.Config{InsecureSkipVerify: true}} // a test server's own certificate
			}
			w := newKeeping(t, there)
			conn, in := w.socketOver(t)
			whole := frame(1, true, key, strings.Repeat("words in a frame ", 3000))
			n := 0
			for i := range 3 {
				echoed(t, conn, in, whole)
				echoed(t, conn, in, whole[:999])
				if n += 2 * len(whole); i < 2 {
					w = w.follow(t, there)
				}
				echoed(t, conn, in, whole[999:])
			}
			conn.Close()
			await(t, "the exchange ends", func() bool {
				all := eventtest.Of[*event.ExchangeEnd](w.rec)
				return len(all) > 0 && all[len(all)-1].Sent == uint64(n)
			})
		})
	}
}
