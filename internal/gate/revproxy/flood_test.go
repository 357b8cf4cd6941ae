package revproxy

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

func (w *world) open(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// A client that sends its header slowly loses its connection.
func TestSlowHeader(t *testing.T) {
	w := newWorld(t, nil, func(c *Config) { c.Limits.Header = 50 * time.Millisecond })
	conn := w.open(t)
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: shop")
	if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 && !strings.Contains(string(rest), " 408 ") {
		t.Errorf("%q, %v: the connection is still there", rest, err)
	}
}

// So does one whose body comes in drops: each comes in time, all of them do not.
func TestDrippingBody(t *testing.T) {
	w := newWorld(t, nil, func(c *Config) { c.Limits.Body, c.Limits.BodyRate = 300*time.Millisecond, 1e6 })
	conn := w.open(t)
	fmt.Fprint(conn, "POST / HTTP/1.1\r\n"+common+"Content-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n")
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := io.WriteString(conn, "a"); err != nil {
				return
			}
		}
	}()
	a, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || a.StatusCode != http.StatusRequestTimeout {
		t.Errorf("%+v, %v, want 408", a, err)
	}
	conn.Close()
	<-gone
	if got := w.bodies(); len(got) > 0 {
		t.Errorf("the upstream saw %d bodies", len(got))
	}
}

// A client that does not take its response ends it.
func TestSlowReader(t *testing.T) {
	gone := make(chan struct{})
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		defer close(gone)
		for {
			if _, err := rw.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}, func(c *Config) { c.Limits.Send = 100 * time.Millisecond; c.Hosts[0].Firewall = Off })
	conn := w.open(t)
	fmt.Fprint(conn, "GET / HTTP/1.1\r\n"+common+"\r\n")
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("the upstream still sends")
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	for name, limits := range map[string]Limits{"all": {Connections: 3, PerAddress: 100}, "of one address": {Connections: 100, PerAddress: 3}} {
		w := newWorld(t, nil, func(c *Config) { c.Limits = limits })
		ask := func(conn net.Conn) bool {
			if conn == nil {
				return false
			}
			fmt.Fprint(conn, "GET /a HTTP/1.1\r\n"+common+"\r\n")
			a, err := http.ReadResponse(bufio.NewReader(conn), nil)
			return err == nil && a.StatusCode == 200
		}
		var open []net.Conn
		for range 3 {
			conn := w.open(t)
			open = append(open, conn)
			if !ask(conn) {
				t.Fatalf("%s: a connection within the limit does not answer", name)
			}
		}
		more := func() net.Conn { // nil: it is reset before it is there
			conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
			if err != nil {
				return nil
			}
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		if ask(more()) {
			t.Errorf("%s: one more is answered", name)
		}
		findings := eventtest.Of[*event.Finding](w.rec)
		if len(findings) != 1 || findings[0].Code != codeFlood {
			t.Errorf("%s: raised %+v", name, findings)
		}
		open[0].Close()
		for deadline := time.Now().Add(patience); !ask(more()); {
			if time.Now().After(deadline) {
				t.Fatalf("%s: the place of one that left stays taken", name)
			}
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	}
}

// A body that becomes huge when it is decoded is refused before it has.
func TestBombs(t *testing.T) {
	const size = 64 << 20
	pack := func(to func(io.Writer) io.WriteCloser, from io.Reader) []byte {
		var b bytes.Buffer
		z := to(&b)
		if _, err := io.Copy(z, from); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	zeros := func() io.Reader { return io.LimitReader(zero{}, size) }
	gz := func(w io.Writer) io.WriteCloser { z, _ := gzip.NewWriterLevel(w, 1); return z }
	bombs := map[string][]byte{
		"gzip":    pack(gz, zeros()),
		"deflate": pack(func(w io.Writer) io.WriteCloser { z, _ := zlib.NewWriterLevel(w, 1); return z }, zeros()),
		"Deflate": pack(func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, 1); return z }, zeros()),
		"br":      pack(func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, 0) }, zeros()),
		"zstd":    pack(func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w, zstd.WithEncoderLevel(1)); return z }, zeros()),
	}
	bombs["gzip, gzip"] = pack(gz, bytes.NewReader(bombs["gzip"]))
	bombs["gzip, gzip, gzip"] = pack(gz, bytes.NewReader(pack(gz, bytes.NewReader(pack(gz, strings.NewReader("a=b"))))))
	for name, bomb := range bombs {
		if len(bomb) > 1<<20 {
			bomb = bomb[:1<<20] // what is held
		}
		w := newWorld(t, nil)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		status, _, err := w.post(t, "text/plain", string(bomb), "Content-Encoding", strings.ToLower(name))
		runtime.ReadMemStats(&after)
		if err != nil || status != http.StatusRequestEntityTooLarge && status != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %d, %v, want 413", name, status, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
			t.Errorf("%s: %d MiB were used", name, used>>20)
		}
		if got := w.bodies(); len(got) > 0 {
			t.Errorf("%s: the upstream saw it", name)
		}
		if d := w.decisions(t); len(d) != 1 || d[0].Rule != "encoding" {
			t.Errorf("%s: decisions %+v", name, d)
		}
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What stands beside an encoded body is seen too: many applications take no
// encoding off.
func TestEncodedBesides(t *testing.T) {
	named := func(name string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Name = name
		_, _ = io.WriteString(z, "a=b")
		_ = z.Close()
		return b.String()
	}
	br := func(s string) string {
		var b bytes.Buffer
		z := brotli.NewWriter(&b)
		_, _ = io.WriteString(z, s)
		_ = z.Close()
		return b.String()
	}
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	_, _ = io.WriteString(zw, "a=b")
	_ = zw.Close()
	for name, c := range map[string]struct {
		body, encoding string
		status         int
	}{
		"a card in the name of a file":    {named("&n=4111111111111111&"), "gzip", 403},
		"an attack in the name of a file": {named("&q=1' union select password from users--&"), "gzip", 403},
		"a card after the end":            {z.String() + "&n=4111111111111111", "deflate", 415},
		"a card in Brotli":                {br("card " + pan), "br", 403},
		"text in Brotli":                  {br("plain"), "br", 200},
		"text after Brotli":               {br("plain") + "4111111111111111", "br", 415},
	} {
		w := newWorld(t, nil)
		if status, body, err := w.post(t, "application/x-www-form-urlencoded", c.body, "Content-Encoding", c.encoding); err != nil || status != c.status {
			t.Errorf("%s: %d %q %v, want %d", name, status, body, err, c.status)
		}
	}
}

// heap is what lives.
type heap struct{ live uint64 }

func (h *heap) read() {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	h.live = m.HeapAlloc
}

// A body that nobody reads, to a name that is no site's, is no flood of frames.
func TestUploadIsNoFlood(t *testing.T) {
	w := newWorld(t, nil, secured(t))
	c := dialH2(t, w)
	fields := []string{":method", "POST", ":scheme", "https", ":authority", "other.example.jp", ":path", "/"}
	if err := c.ask(1, false, fields...); err != nil {
		t.Fatal(err)
	}
	for range 4 * wasted / 1000 {
		if err := c.WriteData(1, false, make([]byte, 1000)); err != nil {
			break // it is answered
		}
	}
	c.status(1) // until it is answered, or told to leave
	_ = c.conn.Close()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if m := w.gate.Metrics(); m.Floods != (Floods{}) {
		t.Errorf("counted as %+v", m.Floods)
	}
}
