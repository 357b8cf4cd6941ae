package netloop

import (
	"io"
	"net"
	"time"

	"sekisho/internal/wire/tlsrecord"
)

// Stream is a net.Conn that serves two masters one after the other: first a goroutine, which reads and writes it
// as any connection and may block (a TLS handshake); then, after Loop.Add, an event loop, which never blocks. It
// exists because crypto/tls only knows the first kind: to the loop it answers Read from memory and, when that is
// empty, with a temporary error, after which crypto/tls goes on with a partial record where it stopped (a
// temporary net.Error is not kept; crypto/tls.Conn.readRecordOrCCS, measured for TLS 1.2 and 1.3).
type Stream struct {
	net.Conn      // closed in the second life, when the loop has a descriptor of its own
	loop     bool // second life

	in     []byte // cipher text to be read by crypto/tls; may point into the worker's buffer
	inEOF  error  // what Read says when in is empty and the peer has ended
	out    []byte // cipher text that has not left
	outOff int

	// Trace, when the TLS session shall be carried on by another program, sees all
	// cipher text. It is set before the handshake.
	Trace *tlsrecord.Trace
}

// NewStream returns a Stream over conn, in its first life.
func NewStream(conn net.Conn) *Stream { return &Stream{Conn: conn} }

// Unread has Read return b before anything else. For the first life only: bytes that were looked at to see what they
// are. It keeps b.
func (s *Stream) Unread(b []byte) { s.in = append(b[:len(b):len(b)], s.in...) }

// wouldBlock is the temporary error that crypto/tls does not keep.
type wouldBlock struct{}

func (wouldBlock) Error() string   { return "netloop: no bytes yet" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

var errWouldBlock net.Error = wouldBlock{}

// Read implements net.Conn.
func (s *Stream) Read(b []byte) (int, error) {
	b = b[:s.Trace.Most(len(b))]
	if len(s.in) == 0 && !s.loop {
		n, err := s.Conn.Read(b)
		s.Trace.In(b[:n])
		return n, err
	}
	if len(s.in) == 0 {
		if s.inEOF != nil {
			return 0, s.inEOF
		}
		return 0, errWouldBlock
	}
	n := copy(b, s.in)
	s.in = s.in[n:]
	s.Trace.In(b[:n])
	return n, nil
}

// Write implements net.Conn. In the loop it queues and never fails.
func (s *Stream) Write(b []byte) (int, error) {
	s.Trace.Out(b) // what does not leave ends the session
	if !s.loop {
		return s.Conn.Write(b)
	}
	s.out, s.outOff = compact(s.out, s.outOff)
	s.out = append(s.out, b...)
	return len(b), nil
}

// Close implements net.Conn.
func (s *Stream) Close() error {
	if s.loop {
		return nil
	}
	return s.Conn.Close()
}

// SetDeadline implements net.Conn. In the loop, which has its own limits, it does nothing.
func (s *Stream) SetDeadline(t time.Time) error {
	if s.loop {
		return nil
	}
	return s.Conn.SetDeadline(t)
}

// SetReadDeadline is as SetDeadline.
func (s *Stream) SetReadDeadline(t time.Time) error {
	if s.loop {
		return nil
	}
	return s.Conn.SetReadDeadline(t)
}

// SetWriteDeadline is as SetDeadline.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	if s.loop {
		return nil
	}
	return s.Conn.SetWriteDeadline(t)
}

// queued returns the number of cipher text bytes that have not left. A nil Stream has none.
func (s *Stream) queued() int {
	if s == nil {
		return 0
	}
	return len(s.out) - s.outOff
}

// ended tells crypto/tls that no more cipher text comes.
func (s *Stream) ended(err error) {
	if err == nil {
		err = io.EOF
	}
	s.inEOF = err
}
