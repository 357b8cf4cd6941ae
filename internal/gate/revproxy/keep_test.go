package revproxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/policy/cut"
)

// echoSocket is an upstream that sends back what comes over a WebSocket.
func echoSocket(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Connection", "Upgrade")
	rw.Header().Set("Upgrade", "websocket")
	rw.WriteHeader(http.StatusSwitchingProtocols)
	conn, buf, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.Copy(conn, buf) // until the client leaves
}

func keepsSockets(c *Config) {
	c.Keep, c.Limits.Drain = func() bool { return true }, time.Second
}

func newKeeping(t *testing.T, settings ...setting) *world {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: connections are kept on Linux only")
	}
	return newWorld(t, echoSocket, append([]setting{keepsSockets}, settings...)...)
}

// follow ends the gate and begins the next one before the same upstream, as another
// program does.
func (w *world) follow(t *testing.T, settings ...setting) *world {
	t.Helper()
	site := w.gate.Settings().Hosts[0].Upstream
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	var list []Kept
	for _, k := range w.gate.Kept() {
		next := Kept{State: slices.Clone(k.State)}
		for _, s := range []struct {
			from *netloop.Socket
			to   **netloop.Socket
		}{{k.Client, &next.Client}, {k.Upstream, &next.Upstream}} {
			again, err := netloop.Adopt(s.from.Descriptor(), s.from.TLS)
			if err != nil {
				t.Fatal(err)
			}
			*s.to = again
		}
		list = append(list, next)
	}
	next := newWorld(t, echoSocket, append([]setting{keepsSockets, func(c *Config) {
		c.Recorder, c.Resume, c.Hosts[0].Upstream = w.rec, list, site
	}}, settings...)...)
	next.rec = w.rec
	return next
}

// openSocket changes to WebSocket over a connection to the gate.
func openSocket(t *testing.T, conn net.Conn) *bufio.Reader {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: shop.example.jp\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	in := bufio.NewReader(conn)
	a, err := http.ReadResponse(in, nil)
	if err != nil || a.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%+v, %v", a, err)
	}
	return in
}

func (w *world) socketOver(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, openSocket(t, conn)
}

// echoed sends bytes and has them come back.
func echoed(t *testing.T, conn io.Writer, in io.Reader, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, len(text))
	if _, err := io.ReadFull(in, back); err != nil || string(back) != text {
		t.Fatalf("%q came back as %q: %v", text, back, err)
	}
}

// TestSocketsKept: a WebSocket goes on at the next gate and at the one after it, also
// in the middle of a frame. It is one exchange with one end, which has the whole count.
func TestSocketsKept(t *testing.T) {
	const key = "\x11\x22\x33\x44"
	w := newKeeping(t)
	conn, in := w.socketOver(t)
	whole := frame(1, true, key, "words in a frame")
	n := uint64(0)
	for i := range 3 {
		echoed(t, conn, in, whole)
		echoed(t, conn, in, whole[:9])
		if i < 2 {
			w = w.follow(t)
		}
		echoed(t, conn, in, whole[9:])
		n += 2 * uint64(len(whole))
	}
	conn.Close()
	await(t, "the exchange ends", func() bool { return len(eventtest.Of[*event.ExchangeEnd](w.rec)) > 0 })
	ends := w.ends(t)
	opened := eventtest.Of[*event.Exchange](w.rec)
	if len(opened) != 1 || len(ends) != 1 || ends[0].ID != opened[0].ID || ends[0].Sent != n || ends[0].Received != n || ends[0].Outcome != "done" || ends[0].Unread != "websocket" {
		t.Errorf("opened %d, ends %+v, want %d bytes each way", len(opened), ends, n)
	}
	if now := w.gate.room.count; now != 0 {
		t.Errorf("%d places are taken", now)
	}
}

// TestSocketKeptCard: a card number of which a part passed before is found after.
func TestSocketKeptCard(t *testing.T) {
	const key = "\x11\x22\x33\x44"
	w := newKeeping(t)
	conn, in := w.socketOver(t)
	whole := frame(1, true, key, "4111 1111 1111 1111 ")
	echoed(t, conn, in, whole[:6+10])
	w = w.follow(t)
	w = w.follow(t)
	if _, err := io.WriteString(conn, whole[6+10:]); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(in); err == nil && len(rest) > 0 || len(rest) > 0 {
		t.Errorf("%q was passed on: %v", rest, err)
	}
	if ends := w.ends(t); len(ends) != 1 || ends[0].Outcome != "cut" {
		t.Errorf("%+v", ends)
	}
}

// TestSocketKeptAndCut: a cut reaches a WebSocket that was open before.
func TestSocketKeptAndCut(t *testing.T) {
	w := newKeeping(t)
	conn, in := w.socketOver(t)
	echoed(t, conn, in, frame(1, true, "", "words"))
	w = w.follow(t)
	echoed(t, conn, in, frame(1, true, "", "words"))
	set, err := cut.New(1, []cut.Entry{{ID: "c1", Kind: cut.Host, Target: "127.0.0.1", Until: time.Now().Add(time.Hour).UnixNano()}})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.gate.Cut(t.Context(), set); err != nil || n != 1 {
		t.Fatalf("%d are cut: %v", n, err)
	}
	if _, err := in.ReadByte(); err == nil {
		t.Error("it goes on")
	}
	if ends := w.ends(t); len(ends) != 1 || ends[0].Outcome != "cut" || ends[0].Sent == 0 {
		t.Errorf("%+v", ends)
	}
}

// await asks until it is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(time.Minute); !is(); <-tick.C {
		if time.Now().After(until) {
			t.Fatal("not in time: " + what)
		}
	}
}

// TestSocketWhileOthersRest: a WebSocket goes on until nothing else is left of any gate,
// carried by the server and by the loop.
func TestSocketWhileOthersRest(t *testing.T) {
	var entered, others chan struct{}
	rests := func(c *Config) { c.Rest = func() { close(entered); <-others } }
	w := newKeeping(t, rests)
	conn, in := w.socketOver(t)
	for range 2 {
		entered, others = make(chan struct{}), make(chan struct{})
		echoed(t, conn, in, "before")
		stopped := make(chan error, 1)
		go func() { stopped <- w.stop() }()
		<-entered
		echoed(t, conn, in, "meanwhile")
		close(others)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		w = w.follow(t, rests)
	}
	entered, others = make(chan struct{}), make(chan struct{})
	close(others)
	echoed(t, conn, in, "after")
}

// TestSocketNotKept: one whose upstream does not read cannot stand still. It ends with
// the gate, and nobody who carries it is left.
func TestSocketNotKept(t *testing.T) {
	before := runtime.NumGoroutine()
	full := make(chan struct{})
	w := newKeeping(t)
	w.upstream.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Connection", "Upgrade")
		rw.Header().Set("Upgrade", "websocket")
		rw.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err == nil {
			<-full
			conn.Close()
		}
	})
	conn, _ := w.socketOver(t)
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	words := strings.Repeat(frame(2, true, "", strings.Repeat("words ", 20)), 1000)
	for {
		if _, err := io.WriteString(conn, words); err != nil {
			break // nobody takes it any more
		}
	}
	ends := w.ends(t)
	if len(ends) != 1 || ends[0].Received == 0 || len(w.gate.Kept()) != 0 {
		t.Errorf("%+v", ends)
	}
	close(full)
	conn.Close()
	w.upstream.Close()
	await(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before+2 })
}
