package pglogin

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"sekisho/internal/gate/netloop"
	"sekisho/internal/wire/pgwire"
)

const (
	maxClientMessage = 64 << 10 // PG_MAX_AUTH_TOKEN_LENGTH in src/backend/libpq/auth.c is 65535
	maxServerMessage = 1 << 20  // a notice of a login trigger can be long
	firstBuffer      = 1 << 10
)

// link is one leg during the login: a connection and what was read from it and not yet used.
type link struct {
	stream *netloop.Stream
	tls    *tls.Conn // nil in clear
	facts  *TLSFacts
	// shaking: a TLS handshake has begun and is not complete.
	shaking bool
	buf     []byte
	from    int
	out     []byte // queued; flush sends it
}

func newLink(conn net.Conn) *link { return &link{stream: netloop.NewStream(conn)} }

// conn returns where bytes of the protocol go.
func (l *link) conn() net.Conn {
	if l.tls != nil {
		return l.tls
	}
	return l.stream
}

// more reads at least one byte. The buffer grows up to limit only as bytes really come.
func (l *link) more(limit int) error {
	if l.from > 0 {
		l.buf = l.buf[:copy(l.buf, l.buf[l.from:])]
		l.from = 0
	}
	if len(l.buf) == cap(l.buf) {
		if len(l.buf) >= limit {
			return fmt.Errorf("message above %d bytes: %w", limit, pgwire.ErrMalformed)
		}
		grown := make([]byte, len(l.buf), max(firstBuffer, 2*cap(l.buf)))
		copy(grown, l.buf)
		l.buf = grown
	}
	n, err := l.conn().Read(l.buf[len(l.buf):cap(l.buf)])
	l.buf = l.buf[:len(l.buf)+n]
	if l.tls != nil {
		l.stream.Trace.Took(n)
	}
	if n > 0 {
		return nil
	}
	if err == io.EOF && len(l.buf) > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// rest returns what was read and not used.
func (l *link) rest() []byte { return l.buf[l.from:] }

// startup reads a start-up packet, or sees that TLS begins. The result is valid until the next read.
func (l *link) startup() (pgwire.Startup, error) {
	for {
		s, ok, err := pgwire.ParseStartup(l.rest())
		if err != nil {
			return s, err
		}
		if ok {
			l.from += len(s.Raw)
			return s, nil
		}
		if err := l.more(pgwire.MaxStartup + 1); err != nil {
			return s, err
		}
	}
}

// message reads a whole message: its type and its bytes, header included, valid until the next read.
func (l *link) message(limit int) (typ byte, raw []byte, err error) {
	for {
		h, ok, err := pgwire.ParseHeader(l.rest(), limit)
		if err != nil {
			return 0, nil, err
		}
		if ok && len(l.rest()) >= h.Len() {
			raw = l.rest()[:h.Len():h.Len()]
			l.from += h.Len()
			return h.Type, raw, nil
		}
		if err := l.more(limit + pgwire.HeaderLen); err != nil {
			return 0, nil, err
		}
	}
}

// queue adds bytes to what flush sends.
func (l *link) queue(b []byte) { l.out = append(l.out, b...) }

// flush sends what is queued.
func (l *link) flush() error {
	if len(l.out) == 0 {
		return nil
	}
	_, err := l.conn().Write(l.out)
	l.out = l.out[:0]
	return err
}

// send queues b and flushes.
func (l *link) send(b []byte) error {
	l.queue(b)
	return l.flush()
}

// errEarlyBytes: bytes in clear were sent where TLS had to begin. They must never be taken for bytes inside TLS
// (CVE-2021-23214, CVE-2021-23222).
var errEarlyBytes = errors.New("unencrypted bytes after the request for TLS")

// transport hands the leg over, with what was read ahead.
func (l *link) transport() netloop.Transport {
	t := netloop.Transport{TLS: l.tls, Ahead: l.rest()}
	if l.tls != nil {
		t.Conn = l.stream
	} else {
		t.Conn = l.stream.Conn
	}
	return t
}

// closeWrite sends the end of the stream; what comes from the other side is read on.
func (l *link) closeWrite() {
	if l.tls != nil {
		_ = l.tls.CloseWrite() // close_notify; the peer may be gone already
	}
	if c, ok := l.stream.Conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
}

func (l *link) close() { _ = l.stream.Close() }
