package egress

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/policy/cut"
)

// small connects to the gate with little room for what it is sent.
func (w *world) small(t *testing.T) *net.TCPConn {
	t.Helper()
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		return errors.Join(raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10) }), err)
	}}
	conn, err := dialer.DialContext(t.Context(), "tcp", w.proxy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	deadline(t, conn)
	return conn.(*net.TCPConn)
}

// await asks until it is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(patience); !is(); <-tick.C {
		if time.Now().After(until) {
			t.Fatal("not in time: " + what)
		}
	}
}

// TestCutAfterBothEnds: both sides of a tunnel have ended, and the client has not
// taken everything. That is still the tunnel: the receipt of a cut says that
// nothing of it passes any more.
func TestCutAfterBothEnds(t *testing.T) {
	const total = 240 << 10 // fits into what the gate reads ahead
	l := listen(t)
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(io.Discard, conn) // until the client's end has come through
		_, _ = conn.Write(make([]byte, total))
	}()
	w := newWorld(t, rules, func(c *Config) { c.Limits.Progress = 10 * time.Millisecond })
	conn := w.small(t)
	fmt.Fprintf(conn, "CONNECT a.here.example:%s HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n\r\n", port(l.Addr().String()))
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	await(t, "all is at the gate", func() bool {
		for _, b := range eventtest.Of[*event.FlowBytes](w.rec) {
			if b.Received == total {
				return true
			}
		}
		return len(eventtest.Of[*event.FlowEnd](w.rec)) > 0
	})
	closed, err := w.gate.Cut(t.Context(), cuts(t, 1, cut.Entry{Kind: cut.All}))
	if err != nil || closed != 1 {
		t.Errorf("closed %d, %v", closed, err)
	}
	if n, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) || n >= total {
		t.Errorf("after the receipt came %d bytes, then %v", n, err)
	}
	if _, e := w.one(t); e == nil || e.Outcome != "cut" {
		t.Errorf("%+v", e)
	}
}

// TestCutOfAnswerNobodyReads: an answer that the client has not taken stays away
// from it, also what the kernel had taken for it.
func TestCutOfAnswerNobodyReads(t *testing.T) {
	const total = 64 << 20
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		for n := 0; n < total; n += 1 << 20 {
			if _, err := rw.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	w := newWorld(t, rules)
	conn := w.small(t)
	host := server.Listener.Addr().String()
	fmt.Fprintf(conn, "GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n", host, host)
	if _, err := io.ReadFull(conn, make([]byte, 512)); err != nil { // the answer is coming
		t.Fatal(err)
	}
	closed, err := w.gate.Cut(t.Context(), cuts(t, 1, cut.Entry{Kind: cut.All}))
	if err != nil || closed != 1 {
		t.Fatalf("closed %d, %v", closed, err)
	}
	if n, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) || n >= total {
		t.Errorf("after the receipt came %d bytes, then %v", n, err)
	}
}
