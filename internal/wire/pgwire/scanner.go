package pgwire

import "encoding/binary"

// Message is one message, or one piece of a message too large to be held, as
// Scanner found it.
type Message struct {
	Type byte
	// Size is the length of the whole body in bytes, also when only a piece
	// of it is here.
	Size int
	// Raw is the piece as it was received; it begins with the header when
	// First is set. The Raws of all messages in turn are the stream.
	Raw []byte
	// Body is Raw without the header.
	Body []byte
	// First and Last are both set for a message that is here as a whole.
	First, Last bool
}

// Whole says that the message is here from header to end.
func (m *Message) Whole() bool { return m.First && m.Last }

// Scanner cuts a stream, given in chunks of any size, into messages. Messages
// that end in a later chunk than they began in are assembled when their body
// is at most Hold bytes, and handed out in pieces otherwise. It keeps at most
// Hold bytes plus a header, and nothing at all between whole messages.
//
// The zero value is ready: no limit but MaxMessage, everything that crosses a
// chunk is handed out in pieces. Not safe for concurrent use.
type Scanner struct {
	// Limit is the greatest permitted length word; 0 means MaxMessage.
	Limit int
	// Hold is the greatest body, in bytes, that is assembled across chunks.
	Hold int

	carry []byte // beginning of a message, header first; empty between messages
	spent bool   // carry was handed out and is to be cleared
	left  int    // body bytes of the message in pieces still to come
	typ   byte
	size  int
}

// Next takes the next message off chunk and returns what is left of it. ok is
// false when chunk holds no further message; all of it was then consumed and
// Next wants the following chunk. Message aliases chunk or the scanner and is
// valid until the next call. The error is a *LengthError and final.
//
//	for {
//		m, rest, ok, err := s.Next(chunk)
//		if err != nil || !ok { break }
//		chunk = rest
//	}
func (s *Scanner) Next(chunk []byte) (m Message, rest []byte, ok bool, err error) {
	if len(s.carry) == 0 && s.left == 0 {
		if n := Frame(chunk); n > 0 && (s.Limit <= 0 || n <= s.Limit) {
			return Message{Type: chunk[0], Size: n - headerLen, Raw: chunk[:n:n], Body: chunk[headerLen:n:n], First: true, Last: true}, chunk[n:], true, nil
		}
	}
	return s.slow(chunk)
}

// Frame returns the length of the message that chunk begins with, header
// included, when all of it is there and its length word is possible; else 0.
// It is the inner loop of Scanner.Next, for callers that walk many messages of
// a chunk while the scanner is idle.
func Frame(chunk []byte) int {
	if len(chunk) < headerLen {
		return 0
	}
	n := int64(binary.BigEndian.Uint32(chunk[1:]))
	if n < 4 || n >= int64(len(chunk)) || n > MaxMessage {
		return 0
	}
	return int(n) + 1
}

func (s *Scanner) slow(chunk []byte) (m Message, rest []byte, ok bool, err error) {
	if s.spent {
		s.carry, s.spent = s.carry[:0], false
	}
	if s.left > 0 {
		return s.piece(chunk)
	}
	if len(s.carry) > 0 {
		return s.resume(chunk)
	}
	h, ok, err := ParseHeader(chunk, s.Limit)
	if err != nil {
		return Message{}, chunk, false, err
	}
	if ok && len(chunk) >= h.Len() {
		n := h.Len()
		return Message{Type: h.Type, Size: h.Body, Raw: chunk[:n:n], Body: chunk[headerLen:n:n], First: true, Last: true}, chunk[n:], true, nil
	}
	if ok && h.Body > s.Hold {
		return s.begin(h, chunk), nil, true, nil
	}
	s.carry = append(s.carry, chunk...)
	return Message{}, nil, false, nil
}

// Partial returns the number of bytes that are held back for want of the rest
// of their message.
func (s *Scanner) Partial() int {
	if s.spent {
		return 0
	}
	return len(s.carry)
}

// Idle says that the stream is between two messages.
func (s *Scanner) Idle() bool { return s.left == 0 && s.Partial() == 0 }

// InPieces says that a message is being handed out in pieces.
func (s *Scanner) InPieces() bool { return s.left > 0 }

// Carried returns a copy of what is held back for want of the rest of its message.
func (s *Scanner) Carried() []byte { return append([]byte(nil), s.carry[:s.Partial()]...) }

// Reset forgets everything about the stream and keeps the memory.
func (s *Scanner) Reset() { s.carry, s.spent, s.left = s.carry[:0], false, 0 }

// Release gives up the memory for carried bytes when none are carried.
func (s *Scanner) Release() {
	if s.Partial() == 0 {
		s.carry, s.spent = nil, false
	}
}

// begin hands out the first piece of a message too large to hold.
func (s *Scanner) begin(h Header, raw []byte) Message {
	s.typ, s.size, s.left = h.Type, h.Body, h.Len()-len(raw)
	return Message{Type: h.Type, Size: h.Body, Raw: raw, Body: raw[headerLen:], First: true, Last: s.left == 0}
}

func (s *Scanner) piece(chunk []byte) (Message, []byte, bool, error) {
	if len(chunk) == 0 {
		return Message{}, nil, false, nil
	}
	n := min(s.left, len(chunk))
	s.left -= n
	p := chunk[:n:n]
	return Message{Type: s.typ, Size: s.size, Raw: p, Body: p, Last: s.left == 0}, chunk[n:], true, nil
}

// resume completes the carried beginning with chunk.
func (s *Scanner) resume(chunk []byte) (Message, []byte, bool, error) {
	if need := headerLen - len(s.carry); need > 0 {
		n := min(need, len(chunk))
		s.carry, chunk = append(s.carry, chunk[:n]...), chunk[n:]
	}
	h, ok, err := ParseHeader(s.carry, s.Limit)
	if err != nil {
		return Message{}, chunk, false, err
	}
	if !ok {
		return Message{}, nil, false, nil
	}
	missing := h.Len() - len(s.carry)
	if h.Body > s.Hold && len(chunk) < missing {
		s.spent = true
		return s.begin(h, s.carry), chunk, true, nil
	}
	n := min(missing, len(chunk))
	s.carry, chunk = append(s.carry, chunk[:n]...), chunk[n:]
	if n < missing {
		return Message{}, nil, false, nil
	}
	s.spent = true
	return Message{Type: h.Type, Size: h.Body, Raw: s.carry, Body: s.carry[headerLen:], First: true, Last: true}, chunk, true, nil
}
