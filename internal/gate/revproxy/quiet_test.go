package revproxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// slowSite answers /slow when it is let, and counts what it was asked.
type slowSite struct {
	asked atomic.Int64
	let   chan struct{}
}

func (s *slowSite) serve(rw http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	rw.Header().Set("Content-Type", "text/plain")
	if r.URL.Path == "/slow" {
		_, _ = io.WriteString(rw, "begins ")
		_ = http.NewResponseController(rw).Flush()
		<-s.let
	}
	_, _ = io.WriteString(rw, "ends")
}

// taken is how many connections a gate has.
func taken(g *Gate) int {
	g.room.mu.Lock()
	defer g.room.mu.Unlock()
	return g.room.count
}

// asking is a request under way.
type asking struct {
	a    *http.Response
	body string
	err  error
}

// ask sends a request with a client; what comes of it is in the channel.
func (w *world) ask(t *testing.T, c *http.Client, path string) <-chan asking {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "shop.example.jp"
	r.Header.Set("User-Agent", "Mozilla/5.0")
	out := make(chan asking, 1)
	go func() {
		a, err := c.Do(r)
		if err != nil {
			out <- asking{err: err}
			return
		}
		defer a.Body.Close()
		body, err := io.ReadAll(a.Body)
		out <- asking{a, string(body), err}
	}()
	return out
}

// While a gate is quiet what is under way comes to its end, and nothing else begins: not
// on a connection that is new, nor on one that waited for a request, over HTTP/1.1 and
// HTTP/2. When it speaks again, all of it does.
func TestQuiet(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			site := &slowSite{let: make(chan struct{})}
			var settings []setting
			if proto == "HTTP/2.0" {
				settings = append(settings, secured(t))
			}
			w := newWorld(t, site.serve, settings...)
			client := func() *http.Client {
				tr := &http.Transport{}
				if proto == "HTTP/2.0" {
					w.url = strings.Replace(w.url, "http:", "https:", 1)
					tr.TLSClientConfig, tr.ForceAttemptHTTP2 = &tls.Config{InsecureSkipVerify: true}, true
				}
				t.Cleanup(tr.CloseIdleConnections)
				return &http.Client{Transport: tr}
			}
			waits, busy, comes := client(), client(), client()
			if got := <-w.ask(t, waits, "/"); got.err != nil || got.a.Proto != proto || got.body != "ends" {
				t.Fatalf("%+v", got)
			}
			slow := w.ask(t, busy, "/slow")
			await(t, "a request is under way", func() bool { return site.asked.Load() == 2 })
			if h := w.gate.Held(true); h != (Held{Requests: 1}) {
				t.Fatalf("%+v would end", h)
			}
			w.gate.SetQuiet(true)
			w.gate.SetQuiet(false)
			if h := w.gate.Held(true); h != (Held{Requests: 1, Old: 1}) {
				t.Fatalf("%+v would end after the gate was quiet", h)
			}
			w.gate.SetQuiet(true)
			w.gate.SetQuiet(true) // again changes nothing
			again, fresh := w.ask(t, waits, "/"), w.ask(t, comes, "/")
			close(site.let)
			if got := <-slow; got.err != nil || got.body != "begins ends" {
				t.Errorf("what was under way came to %+v", got)
			}
			await(t, "nothing is under way", func() bool { return w.gate.Held(true) == Held{} })
			if n := site.asked.Load(); n != 2 {
				t.Errorf("the site was asked %d times, want 2", n)
			}
			w.gate.SetQuiet(false)
			for name, one := range map[string]<-chan asking{"that waited": again, "that is new": fresh} {
				if got := <-one; got.err != nil || got.a.StatusCode != 200 || got.body != "ends" {
					t.Errorf("on a connection %s: %+v", name, got)
				}
			}
			if got := <-w.ask(t, busy, "/"); got.err != nil || got.body != "ends" {
				t.Errorf("%+v", got)
			}
		})
	}
}

// What somebody says on a connection that came while the gate is quiet waits in the kernel,
// and one that waits for a request is closed.
func TestQuietConnections(t *testing.T) {
	site := &slowSite{}
	w := newWorld(t, site.serve)
	const request = "GET / HTTP/1.1\r\nHost: shop.example.jp\r\nUser-Agent: Mozilla/5.0\r\n\r\n"
	open := func() (net.Conn, *bufio.Reader) {
		conn := w.open(t)
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		return conn, bufio.NewReader(conn)
	}
	answered := func(in *bufio.Reader) {
		t.Helper()
		a, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(a.Body); err != nil || string(body) != "ends" {
			t.Fatalf("%q, %v", body, err)
		}
	}
	_, waits := open()
	answered(waits)
	w.gate.SetQuiet(true)
	if b, err := waits.ReadByte(); err == nil {
		t.Errorf("a connection that waits for a request says %q", b)
	}
	_, comes := open()
	for range 50 { // of its looks, in each of which it could have been taken
		if n := taken(w.gate); n != 0 {
			t.Fatalf("%d connections were taken", n)
		}
		<-time.After(lookAgain / 5)
	}
	w.gate.SetQuiet(false)
	answered(comes)
}

// A gate that is quiet ends, and takes other settings.
func TestQuietEnds(t *testing.T) {
	site := &slowSite{}
	w := newWorld(t, site.serve, secured(t))
	w.gate.SetQuiet(true)
	if err := w.set(func(s *Settings) { s.Limits.Idle *= 2 }); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.set(func(s *Settings) { s.Listener = l }); err != nil {
		t.Fatal(err)
	}
	w.url = "https://" + l.Addr().String()
	comes := w.ask(t, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}, "/")
	w.gate.SetQuiet(false)
	if got := <-comes; got.err != nil || got.a.StatusCode != 200 {
		t.Errorf("%+v", got)
	}
	w.gate.SetQuiet(true)
	if err := w.stop(); err != nil {
		t.Error(err)
	}
}

// What changed its protocol would end where no other gate can go on with it.
func TestHeldSockets(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: connections are kept on Linux only")
	}
	for _, tt := range []struct {
		name    string
		suite   uint16
		resumed bool
		want    int
	}{
		{"AES-GCM", tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, false, 0},
		{"AES-GCM, resumed", tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, true, 1},
		{"CBC", tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, false, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newKeeping(t, secured(t))
			cfg := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, // a test server's own certificate
				ServerName: "shop.example.jp", ClientSessionCache: tls.NewLRUClientSessionCache(4), CipherSuites: []uint16{tt.suite}}
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
				conn.Close()
				await(t, "the first is over", func() bool { return w.gate.Held(false) == Held{} })
				conn, in = dial()
			}
			if conn.ConnectionState().DidResume != tt.resumed {
				t.Fatalf("resumed: %t", !tt.resumed)
			}
			echoed(t, conn, in, frame(1, true, "\x11\x22\x33\x44", "words"))
			if h := w.gate.Held(true); h != (Held{Sockets: tt.want}) {
				t.Errorf("%+v would end, want %d sockets", h, tt.want)
			}
			if h := w.gate.Held(false); h != (Held{Sockets: 1}) {
				t.Errorf("%+v would end where nobody takes them up", h)
			}
		})
	}
	t.Run("half closed", func(t *testing.T) {
		w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(rw).Hijack()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}, keepsSockets)
		w.socketOver(t)
		await(t, "one side has ended", func() bool { return w.gate.Held(true) == Held{Sockets: 1} })
	})
}
