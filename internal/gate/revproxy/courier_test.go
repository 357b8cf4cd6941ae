package revproxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// scripted is an upstream that answers the n-th request of all with the n-th
// text; an empty one closes the connection.
type scripted struct {
	net.Listener
	wait sync.WaitGroup

	mu      sync.Mutex // guards what follows
	answers []string
	asked   []string // the connection and the target of each request: "1 /a"
	conns   int
	open    []net.Conn
	heard   chan struct{} // takes one for each request
	ended   chan int      // takes the number of each connection that ended
}

func newScripted(t *testing.T, answers ...string) *scripted {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{Listener: l, answers: answers, heard: make(chan struct{}, 100), ended: make(chan int, 100)}
	s.wait.Go(s.accept)
	t.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		for _, c := range s.open {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.wait.Wait()
	})
	return s
}

func (s *scripted) accept() {
	for {
		conn, err := s.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns++
		n := s.conns
		s.open = append(s.open, conn)
		s.mu.Unlock()
		s.wait.Go(func() {
			s.serve(n, conn)
			_ = conn.Close()
			s.ended <- n
		})
	}
}

func (s *scripted) serve(n int, conn net.Conn) {
	for from := bufio.NewReader(conn); ; {
		r, err := http.ReadRequest(from)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		s.mu.Lock()
		s.asked = append(s.asked, fmt.Sprint(n, " ", r.URL.Path))
		answer := s.answers[0]
		s.answers = s.answers[1:]
		s.mu.Unlock()
		s.heard <- struct{}{}
		if _, err := io.WriteString(conn, answer); err != nil || answer == "" || strings.HasSuffix(answer, "\r\n\r\nhalf") {
			return
		}
	}
}

func (s *scripted) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

func (s *scripted) ask(ctx context.Context, t *testing.T, c *courier, method, path, body string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Body, r.ContentLength = heldBody{bytes.NewReader([]byte(body))}, int64(len(body))
	}
	if !carries(r) {
		t.Fatalf("%s %s is not for the courier", method, path)
	}
	return c.RoundTrip(r)
}

func (s *scripted) text(t *testing.T, c *courier, method, path, body string) string {
	t.Helper()
	a, err := s.ask(t.Context(), t, c, method, path, body)
	if err != nil {
		return "error"
	}
	defer a.Body.Close()
	all, err := io.ReadAll(a.Body)
	if err != nil {
		return "half " + string(all)
	}
	return fmt.Sprint(a.StatusCode, " ", string(all))
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// Every answer ends where it ends, and its connection carries the next request
// only if nothing is left on it.
func TestCourier(t *testing.T) {
	if !peeks {
		t.Skip("SKIPPED: not on this system")
	}
	for _, c := range []struct {
		name, method, body, answer, want string
		kept                             bool
	}{
		{"length", "GET", "", hello, "200 hello", true},
		{"a body", "POST", "a=b", hello, "200 hello", true},
		{"chunks", "GET", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200 hello", true},
		{"nothing", "GET", "", "HTTP/1.1 204 No Content\r\n\r\n", "204 ", true},
		{"not modified", "GET", "", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 ", true},
		{"empty", "GET", "", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 ", true},
		{"head", "HEAD", "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 ", true},
		{"early hints", "GET", "", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + hello, "200 hello", true},
		{"long", "GET", "", "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 20000), "200 " + strings.Repeat("x", 20000), true},
		{"to be closed", "GET", "", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", "200 hello", false},
		{"old", "GET", "", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 hello", false},
		{"more than asked", "GET", "", hello + hello, "200 hello", false},
		{"another protocol", "GET", "", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "error", false},
		{"no HTTP", "GET", "", "220 mail\r\n", "error", false},
		{"no end", "GET", "", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "half half", false},
		{"lost with a body", "POST", "a=b", "", "error", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScripted(t, hello, c.answer, hello)
			k := &courier{wait: time.Minute}
			defer k.closeIdle()
			if got := s.text(t, k, "GET", "/first", ""); got != "200 hello" {
				t.Fatalf("the first: %s", got)
			}
			if got := s.text(t, k, c.method, "/second", c.body); got != c.want {
				t.Errorf("answered %.60q, want %.60q", got, c.want)
			}
			if got := s.text(t, k, "GET", "/third", ""); got != "200 hello" {
				t.Errorf("the next: %s", got)
			}
			want := map[bool]string{true: "1 /third", false: "2 /third"}[c.kept]
			if got := s.requests(); len(got) != 3 || got[1] != "1 /second" || got[2] != want {
				t.Errorf("asked %q, the last should be %q", got, want)
			}
		})
	}
}

// A connection that the upstream closed meanwhile costs nobody a request: seen
// before, it is not used; in the moment of asking, what may be repeated is.
func TestCourierClosed(t *testing.T) {
	if !peeks {
		t.Skip("SKIPPED: not on this system")
	}
	s := newScripted(t, hello, hello, "", hello)
	k := &courier{wait: time.Minute}
	defer k.closeIdle()
	if got := s.text(t, k, "GET", "/a", ""); got != "200 hello" {
		t.Fatal(got)
	}
	s.mu.Lock()
	_ = s.open[0].Close()
	s.mu.Unlock()
	<-s.ended
	for _, c := range []string{"POST", "GET"} { // the second is closed when it has come
		if got := s.text(t, k, c, "/b", map[string]string{"POST": "x=y"}[c]); got != "200 hello" {
			t.Errorf("%s: %s", c, got)
		}
	}
	if got, want := strings.Join(s.requests(), ", "), "1 /a, 2 /b, 2 /b, 3 /b"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

// Who gives up a request or its answer closes the connection.
func TestCourierGivenUp(t *testing.T) {
	if !peeks {
		t.Skip("SKIPPED: not on this system")
	}
	s := newScripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell", "HTTP/1.1 200 OK\r\n", hello)
	k := &courier{wait: time.Minute}
	defer k.closeIdle()
	a, err := s.ask(t.Context(), t, k, "GET", "/body", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Body.Close(); err != nil {
		t.Error(err)
	}
	if n := <-s.ended; n != 1 {
		t.Errorf("connection %d ended", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		_, err := s.ask(ctx, t, k, "GET", "/header", "")
		answered <- err
	}()
	<-s.heard // the first
	<-s.heard
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if n := <-s.ended; n != 2 {
		t.Errorf("connection %d ended", n)
	}
}

// What comes before the answer is handed on (RFC 9110, 15.2), and an answer that
// does not come in time is an error that says so.
func TestCourierBefore(t *testing.T) {
	if !peeks {
		t.Skip("SKIPPED: not on this system")
	}
	s := newScripted(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+hello, "HTTP/1.1 200 OK\r\n")
	k := &courier{wait: time.Minute}
	var hints []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(code, h.Get("Link")))
		return nil
	}})
	a, err := s.ask(ctx, t, k, "GET", "/", "")
	if err != nil || len(hints) != 1 || hints[0] != "103</a>" {
		t.Fatalf("%v, hints %q", err, hints)
	}
	_ = a.Body.Close()
	k.wait = 20 * time.Millisecond
	_, err = s.ask(t.Context(), t, k, "GET", "/", "")
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("no answer: %v", err)
	}
	k.closeIdle()
}

// Idle connections are bounded and end.
func TestCourierIdle(t *testing.T) {
	if !peeks {
		t.Skip("SKIPPED: not on this system")
	}
	s := newScripted(t, hello, hello)
	k := &courier{wait: time.Minute}
	if got := s.text(t, k, "GET", "/", ""); got != "200 hello" {
		t.Fatal(got)
	}
	k.mu.Lock()
	for _, all := range k.idle {
		all[0].parked = time.Now().Add(-2 * idleTime)
	}
	if k.count != 1 || k.reap == nil {
		t.Errorf("%d idle, timer %v", k.count, k.reap)
	}
	k.reap.Stop()
	k.mu.Unlock()
	k.reaped()
	<-s.ended
	k.mu.Lock()
	if k.count != 0 || len(k.idle) != 0 || k.reap != nil {
		t.Errorf("%d idle at %d addresses, timer %v", k.count, len(k.idle), k.reap)
	}
	k.mu.Unlock()
	for i := range maxIdle + 1 {
		one, other := net.Pipe()
		defer other.Close()
		k.park(&carrier{Conn: one, addr: "x", parked: time.Now()})
		if k.count != min(i+1, maxIdle) {
			t.Fatalf("%d idle after %d", k.count, i+1)
		}
	}
	k.closeIdle()
}
