package revproxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// writesCounted counts the writes on the connections that it accepts.
type writesCounted struct {
	net.Listener
	writes atomic.Int64
}

func (l *writesCounted) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &writeCounted{conn, l}, nil
}

type writeCounted struct {
	net.Conn
	of *writesCounted
}

func (c *writeCounted) Write(p []byte) (int, error) {
	c.of.writes.Add(1)
	return c.Conn.Write(p)
}

// A response that is held as a whole is written at once, and arrives as it is.
func TestWholeResponseIsWrittenAtOnce(t *testing.T) {
	page := func(length int) string {
		return strings.Repeat("ご予約ありがとうございます。\n", length/42+1)[:length]
	}
	var listener *writesCounted
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		length, _ := strconv.Atoi(r.URL.Query().Get("length"))
		rw.Header().Set("Content-Length", strconv.Itoa(length))
		_, _ = io.WriteString(rw, page(length))
	}, func(c *Config) {
		listener = &writesCounted{Listener: c.Listener}
		c.Listener = listener
	}, withPersons(Persons{}))
	for _, of := range []struct {
		length int
		most   int64
	}{{1, 1}, {2000, 1}, {4409, 1}, {60_000, 1}, {200_000, 100}} {
		before := listener.writes.Load()
		status, body, err := w.get(t, "/plans?length="+strconv.Itoa(of.length))
		if err != nil || status != http.StatusOK || body != page(of.length) {
			t.Fatalf("%d bytes: %d, %v, %d bytes arrived", of.length, status, err, len(body))
		}
		if n := listener.writes.Load() - before; n > of.most {
			t.Errorf("%d bytes were written in %d pieces, at most %d are needed", of.length, n, of.most)
		}
	}
}

// halfGone is a connection that takes no more.
type halfGone struct {
	net.Conn
	closed bool
}

var errGone = errors.New("gone")

func (c *halfGone) Write([]byte) (int, error) { return 0, errGone }
func (c *halfGone) Close() error              { c.closed = true; return nil }

// What was gathered and cannot be written ends the connection.
func TestGatheredIsNotLostSilently(t *testing.T) {
	for name, piece := range map[string]int{"at the end": 100, "for want of room": mostGathered} {
		conn := &halfGone{}
		w := &watching{Conn: conn}
		w.gather()
		if n, err := w.Write(bytes.Repeat([]byte("a"), 100)); n != 100 || err != nil {
			t.Fatal(name, n, err)
		}
		_, err := w.Write(bytes.Repeat([]byte("b"), piece))
		if end := w.let(); !errors.Is(errors.Join(err, end), errGone) || !conn.closed {
			t.Errorf("%s: %v, %v, closed: %v", name, err, end, conn.closed)
		}
	}
}
