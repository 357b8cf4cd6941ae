package webui

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// pipes is a listener of connections without buffers: what is not read is not sent.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (pipes) Close() error   { return nil }
func (pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestUnreadRequest sends a long form where none is taken, with the wish that the
// connection be closed: who sends sees the answer, not a closed connection.
func TestUnreadRequest(t *testing.T) {
	s, _ := newServer(t)
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/none", "/events", "/api/v1/none"} {
		there := make(pipes, 1)
		go func() { _ = (&http.Server{Handler: s}).Serve(there) }()
		here, far := net.Pipe()
		there <- far
		close(there)
		sent := make(chan error, 1)
		go func() {
			_, err := io.WriteString(here, "POST "+path+" HTTP/1.1\r\nHost: "+u.Host+
				"\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000\r\n\r\n"+strings.Repeat("x", 200_000))
			sent <- err
		}()
		resp, err := http.ReadResponse(bufio.NewReader(here), nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("%s: %s", path, resp.Status)
		}
		if err := <-sent; err != nil {
			t.Errorf("%s: the request was not read: %v", path, err)
		}
		if err := here.Close(); err != nil {
			t.Error(err)
		}
	}
}
