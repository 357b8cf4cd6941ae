package revproxy

import (
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"sekisho/internal/event"
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

// socket is the upstream's side of a connection that changed its protocol.
type socket struct {
	io.ReadWriteCloser
	x        *exchange
	from, to direction
	sent     atomic.Uint64 // bytes for the client

	client   *client
	ends     ends
	relay    *relay // that carries it since another gate kept it, nil: the server does
	standing atomic.Pointer[standing]
	gone     chan struct{} // closed when it passes nothing any more

	mu   sync.Mutex // guards what follows: one of both directions stops the exchange
	cut  bool       // a card number ended it
	kept bool       // another gate goes on with it
	over bool       // its exchange is closed, and nothing is recorded any more
}

// direction is what goes one way.
type direction struct {
	frames  frames
	guard   *guard      // of messages
	control *guard      // of what stands in the frames between them
	blind   bool        // nobody looks: a card number was let through, or these are no frames
	coded   atomic.Bool // a frame was of an extension, which nobody agreed on
}

// guardSocket has a connection that changed its protocol counted, and a WebSocket
// looked at.
func (x *exchange) guardSocket(conn io.ReadWriteCloser, from *client, frames bool) *socket {
	s := &socket{ReadWriteCloser: conn, x: x, client: from, gone: make(chan struct{})}
	for _, d := range []*direction{&s.from, &s.to} {
		if d.blind = !frames; frames {
			d.guard, d.control = newGuard(), newGuard()
		}
	}
	x.socket = s
	x.notUnder()
	x.sentBy.Load().settle()
	s.ends.known = s.carriable()
	x.gate.sockets.begin(s)
	return s
}

// end tells what came of the connection. What its directions still do, nobody
// records.
// true: another gate goes on, and tells the rest.
func (s *socket) end(to *event.ExchangeEnd) (kept bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	to.Sent += s.sent.Load()
	if s.cut {
		to.Outcome = "cut"
	}
	if s.from.coded.Load() || s.to.coded.Load() {
		to.Unread = "upgrade"
	}
	return s.kept
}

// Read implements io.Reader: what the upstream sends.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	for n == 0 {
		over, again := s.standing.Load().stands(err)
		if over {
			return 0, errKept
		}
		if !again {
			break
		}
		n, err = s.ReadWriteCloser.Read(p)
	}
	if errors.Is(err, io.EOF) {
		s.ends.half.Store(true)
	}
	if !s.see(&s.from, p[:n], cardInResponse) {
		return 0, errCard
	}
	s.sent.Add(uint64(n))
	return n, err
}

// Write implements io.Writer: what the client sends.
func (s *socket) Write(p []byte) (int, error) {
	if !s.see(&s.to, p, cardInRequest) {
		return 0, errCard
	}
	s.x.received.Add(uint64(len(p)))
	return s.ReadWriteCloser.Write(p)
}

// see looks at what goes one way and reports whether it may.
func (s *socket) see(d *direction, piece []byte, f refusal) bool {
	if d.blind || len(piece) == 0 {
		return true
	}
	messages, control := len(d.guard.data), len(d.control.data)
	d.guard.data, d.control.data = d.frames.payload(d.guard.data, d.control.data, piece)
	if d.frames.coded {
		d.coded.Store(true)
	}
	found := d.guard.grown(messages)
	found = d.control.grown(control) || found
	if !found {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	if s.x.stop(f, s.x.cards) != nil {
		s.cut = true
		return false
	}
	d.blind = true // it passes as configured, and is not looked for any more
	return true
}

// grown reports whether a card number is in data that has grown from a length, and
// forgets what is too far back.
func (g *guard) grown(from int) bool {
	if len(g.data) == from {
		return false
	}
	found := g.whole(g.data)
	if drop := len(g.data) - overlap; drop > 0 {
		g.data = g.data[:copy(g.data, g.data[drop:])]
	}
	return found
}

// CloseWrite ends what is sent to the upstream.
func (s *socket) CloseWrite() error {
	s.ends.half.Store(true)
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
	coded   bool     // a frame had a bit of an extension (RFC 6455, 5.2: RSV)
}

// payload appends to messages and to control what a piece carries of messages and
// of control frames (ping, pong, close), with a line end behind each.
func (f *frames) payload(messages, control, piece []byte) (_, _ []byte) {
	for len(piece) > 0 {
		if f.left == 0 {
			f.head[f.have] = piece[0]
			f.have++
			if piece = piece[1:]; f.have >= 2 && f.have == f.headLength() && f.begin() {
				messages, control = f.end(messages, control)
			}
			continue
		}
		n := int(min(f.left, uint64(len(piece))))
		if part := piece[:n]; f.control {
			control = f.unmasked(control, part)
		} else {
			messages = f.unmasked(messages, part)
		}
		piece = piece[n:]
		if f.left -= uint64(n); f.left == 0 {
			messages, control = f.end(messages, control)
		}
	}
	return messages, control
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

// begin reads the head of a frame, and reports whether that is all of it.
func (f *frames) begin() bool {
	switch n := f.head[1] & 0x7f; n {
	case 126:
		f.left = uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 127:
		f.left = binary.BigEndian.Uint64(f.head[2:])
	default:
		f.left = uint64(n)
	}
	f.control, f.ends, f.at = f.head[0]&8 != 0, f.head[0]&0x80 != 0, 0
	f.coded = f.coded || f.head[0]&0x70 != 0
	return f.left == 0
}

func (f *frames) end(messages, control []byte) (_, _ []byte) {
	f.have = 0
	switch {
	case f.control:
		control = append(control, '\n')
	case f.ends:
		messages = append(messages, '\n')
	}
	return messages, control
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
