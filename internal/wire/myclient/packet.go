package myclient

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// errProtocol: the server sent something that the protocol does not know.
var errProtocol = errors.New("the server's answer is not of the MySQL protocol")

const (
	// maxPacket is the longest payload of one packet; one of exactly that
	// length goes on in the next.
	maxPacket = 1<<24 - 1
	// maxControl bounds every answer that is no row.
	maxControl = 1 << 20
)

// stream reads and writes packets: 3 bytes of length, 1 of sequence, payload.
type stream struct {
	conn net.Conn
	in   *bufio.Reader
	seq  uint8
	buf  []byte
}

// read returns the next payload, good until the next call. One longer than most
// is read past: its first byte is returned alone, and long is true.
func (s *stream) read(most int) (payload []byte, long bool, err error) {
	s.buf = s.buf[:0]
	var first byte
	for {
		var head [4]byte
		if _, err := io.ReadFull(s.in, head[:]); err != nil {
			return nil, false, err
		}
		if head[3] != s.seq {
			return nil, false, fmt.Errorf("%w: packet out of order", errProtocol)
		}
		s.seq++
		size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
		if !long && len(s.buf)+size > most {
			if long = true; len(s.buf) > 0 {
				first = s.buf[0]
			} else if b, err := s.in.Peek(1); err == nil {
				first = b[0]
			}
		}
		if long {
			if _, err := s.in.Discard(size); err != nil {
				return nil, false, err
			}
		} else {
			at := len(s.buf)
			s.buf = append(s.buf, make([]byte, size)...)
			if _, err := io.ReadFull(s.in, s.buf[at:]); err != nil {
				return nil, false, err
			}
		}
		if size < maxPacket {
			break
		}
	}
	if long {
		return []byte{first}, true, nil
	}
	return s.buf, false, nil
}

// control returns a payload that is no row.
func (s *stream) control() ([]byte, error) {
	p, long, err := s.read(maxControl)
	if err == nil && (long || len(p) == 0) {
		err = errProtocol
	}
	return p, err
}

// write sends a payload shorter than maxPacket.
func (s *stream) write(payload []byte) error {
	if len(payload) >= maxPacket {
		return errors.New("the statement is too long")
	}
	head := []byte{byte(len(payload)), byte(len(payload) >> 8), byte(len(payload) >> 16), s.seq}
	s.seq++
	_, err := s.conn.Write(append(head, payload...))
	return err
}

// fields cuts a payload: what fails shows in bad.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) take(n int) []byte {
	if n < 0 || n > len(f.rest) {
		f.bad, f.rest = true, nil
		return nil
	}
	out := f.rest[:n:n]
	f.rest = f.rest[n:]
	return out
}

// zero takes text up to a zero byte; without one, all of it.
func (f *fields) zero() string {
	for i, c := range f.rest {
		if c == 0 {
			out := string(f.rest[:i])
			f.rest = f.rest[i+1:]
			return out
		}
	}
	out := string(f.rest)
	f.rest = nil
	return out
}

// number takes an integer of n bytes.
func (f *fields) number(n int) uint64 {
	var b [8]byte
	copy(b[:], f.take(n))
	return binary.LittleEndian.Uint64(b[:])
}

// length takes a length-encoded integer; null is the mark of NULL.
func (f *fields) length() (n uint64, null bool) {
	switch c := f.number(1); c {
	case 0xFB:
		return 0, true
	case 0xFC:
		return f.number(2), false
	case 0xFD:
		return f.number(3), false
	case 0xFE:
		return f.number(8), false
	case 0xFF:
		f.bad = true
		return 0, false
	default:
		return c, false
	}
}

// text takes a length-encoded string; nil is NULL.
func (f *fields) text() []byte {
	n, null := f.length()
	if null {
		return nil
	}
	if n > uint64(len(f.rest)) {
		f.bad, f.rest = true, nil
		return nil
	}
	return f.take(int(n))
}

// asError reads an error packet.
func asError(p []byte) error {
	f := fields{rest: p[1:]}
	e := &ServerError{Number: uint16(f.number(2))}
	if len(f.rest) > 0 && f.rest[0] == '#' {
		e.State = string(f.take(6)[1:])
	}
	e.Text = string(f.rest)
	if f.bad {
		return errProtocol
	}
	return e
}
