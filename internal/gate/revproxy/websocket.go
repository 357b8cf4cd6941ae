package revproxy

import (
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"sync"
)

// A WebSocket is looked at for card numbers in both directions: its frames (RFC
// 6455, 5.2) pass unchanged, and what they carry goes through a guard each way. No
// extension is offered to the upstream, so that nothing is compressed. Bytes that
// have come are looked at before they are passed on: the last digits of a card
// number are not.

// overWebSocket reports whether a request asks for a WebSocket, or an answer grants
// one.
func overWebSocket(h http.Header) bool {
	return strings.EqualFold(strings.TrimSpace(h.Get("Upgrade")), "websocket")
}

// socket is the upstream's side of a WebSocket.
type socket struct {
	io.ReadWriteCloser
	x        *exchange
	mu       sync.Mutex // one of both directions stops the exchange
	from, to direction
}

// direction is what goes one way.
type direction struct {
	frames frames
	guard  *guard
	blind  bool // a card number was let through
}

// guardSocket has a WebSocket looked at.
func (x *exchange) guardSocket(conn io.ReadWriteCloser) *socket {
	return &socket{ReadWriteCloser: conn, x: x, from: direction{guard: newGuard()}, to: direction{guard: newGuard()}}
}

// Read implements io.Reader: what the upstream sends.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	if !s.see(&s.from, p[:n], refusal{status: http.StatusBadGateway, code: "SK3403", action: "cut", rule: "card", reason: "a card number in the response"}) {
		return 0, errCard
	}
	return n, err
}

// Write implements io.Writer: what the client sends.
func (s *socket) Write(p []byte) (int, error) {
	if !s.see(&s.to, p, refusal{status: http.StatusForbidden, code: "SK3402", action: "cut", rule: "card", reason: "a card number in the request"}) {
		return 0, errCard
	}
	return s.ReadWriteCloser.Write(p)
}

// see looks at what goes one way and reports whether it may.
func (s *socket) see(d *direction, piece []byte, f refusal) bool {
	if d.blind || len(piece) == 0 {
		return true
	}
	g := d.guard
	g.data = d.frames.payload(g.data, piece)
	found := g.whole(g.data)
	if drop := len(g.data) - overlap; drop > 0 {
		g.data = g.data[:copy(g.data, g.data[drop:])]
	}
	if !found {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.x.stop(f, s.x.cards) != nil {
		return false
	}
	d.blind = true // it passes as configured, and is not looked for any more
	return true
}

// CloseWrite ends what is sent to the upstream.
func (s *socket) CloseWrite() error {
	if half, ok := s.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// frames takes the frames of one direction apart, in pieces of any size.
type frames struct {
	head    [14]byte // of the frame that began: 2 bytes, a length, a key
	have    int      // bytes of it
	left    uint64   // bytes of the payload that are still to come
	at      int      // place in the key
	control bool     // ping, pong and close may stand between the parts of a message
	ends    bool     // the last of a message
}

// payload appends to into what a piece carries of messages, with a line end behind
// each message.
func (f *frames) payload(into, piece []byte) []byte {
	for len(piece) > 0 {
		if f.left == 0 {
			f.head[f.have] = piece[0]
			f.have++
			if piece = piece[1:]; f.have >= 2 && f.have == f.headLength() {
				into = f.begin(into)
			}
			continue
		}
		n := int(min(f.left, uint64(len(piece))))
		if part := piece[:n]; !f.control {
			into = f.unmasked(into, part)
		}
		piece = piece[n:]
		if f.left -= uint64(n); f.left == 0 {
			into = f.end(into)
		}
	}
	return into
}

// headLength is how long the head of the frame is, of which two bytes are there.
func (f *frames) headLength() int {
	n := 2
	switch f.head[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if f.head[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// begin reads the head of a frame.
func (f *frames) begin(into []byte) []byte {
	switch n := f.head[1] & 0x7f; n {
	case 126:
		f.left = uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 127:
		f.left = binary.BigEndian.Uint64(f.head[2:])
	default:
		f.left = uint64(n)
	}
	f.control, f.ends, f.at = f.head[0]&8 != 0, f.head[0]&0x80 != 0, 0
	if f.left == 0 {
		return f.end(into)
	}
	return into
}

func (f *frames) end(into []byte) []byte {
	f.have = 0
	if f.ends && !f.control {
		into = append(into, '\n')
	}
	return into
}

// unmasked appends a part of a payload without its mask (RFC 6455, 5.3).
func (f *frames) unmasked(into, part []byte) []byte {
	if f.head[1]&0x80 == 0 {
		return append(into, part...)
	}
	key := f.head[f.have-4 : f.have]
	for _, c := range part {
		into = append(into, c^key[f.at&3])
		f.at++
	}
	return into
}
