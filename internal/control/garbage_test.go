package control

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestGarbage: requests that nobody understands are refused, none is read beyond
// its limit, and the next one is answered. (TestListenersTakeGarbage in
// cmd/sekisho sends what is no HTTP.)
func TestGarbage(t *testing.T) {
	_, path := start(t, &fake{})
	for what, c := range map[string]struct{ head, want string }{
		"no JSON":               {"POST /v1/cut HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Length: 7\r\n\r\ngarbage", "400"},
		"half a JSON":           {"POST /v1/cut HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Length: 6\r\n\r\n{\"User", "400"},
		"two of them":           {"POST /v1/cut HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Length: 4\r\n\r\n{}{}", "400"},
		"JSON without end":      {"POST /v1/cut HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("[", 20000), "400"},
		"fewer bytes than said": {"POST /v1/cut HTTP/1.1\r\nHost: c\r\nContent-Length: 1073741824\r\n\r\n{\"User\":\"x", "400"},
		"a large request":       {"POST /v1/cut HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Length: 1200000\r\n\r\n{\"User\":\"" + strings.Repeat("x", 1_200_000-11) + "\"}", "400"},
		"large headers":         {"POST /v1/cut HTTP/1.1\r\nHost: c\r\nX: " + strings.Repeat("x", 64<<10) + "\r\nContent-Length: 2\r\n\r\n{}", "431"},
		"a call that is none":   {"POST /v1/nothing HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", "404"},
		"asked for by GET":      {"GET /v1/cut HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n", "405"},
		"no host":               {"POST /v1/cut HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", "400"},
		"in order":              {"POST /v1/cut HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Length: 14\r\n\r\n{\"reason\":\"r\"}", "200"},
	} {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = io.WriteString(conn, c.head) // the server may end it first
			_ = conn.(*net.UnixConn).CloseWrite()
		}()
		answer, _ := io.ReadAll(conn) // also what came before a reset
		_ = conn.Close()
		<-sent
		if !strings.HasPrefix(string(answer), "HTTP/1.1 "+c.want+" ") {
			t.Errorf("%s: %.80q, want %s", what, answer, c.want)
		}
	}
}

// TestStopsBesideHalfRequests: whoever is in the middle of a request does not
// keep the server when it stops, and nothing of it is left.
func TestStopsBesideHalfRequests(t *testing.T) {
	before := goleak.IgnoreCurrent()
	path := filepath.Join(t.TempDir(), "c.sock")
	l, err := Listen(path, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, l, &fake{}, slog.New(slog.DiscardHandler), time.Nanosecond) }()
	for _, half := range []string{"", "POST /v1/cut HT", "POST /v1/cut HTTP/1.1\r\nHost: c\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"} {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, half); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(half, "Expect") {
			continue
		}
		const goOn = "HTTP/1.1 100 Continue\r\n\r\n" // the call is being read
		answer := make([]byte, len(goOn))
		if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != goOn {
			t.Fatalf("%q, %v", answer, err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("it stopped with %v", err)
	}
	for range 100 { // half a second each
		if err = goleak.Find(before); err == nil {
			return
		}
	}
	t.Error(err)
}
