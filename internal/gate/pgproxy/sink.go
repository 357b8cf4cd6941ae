package pgproxy

// sink gathers the bytes for one side. What passes unchanged is borrowed from
// the chunk being read as long as it is one piece, so the commonest case
// copies nothing.
type sink struct {
	buf []byte // owned; goes first

	// chunk[from:to] is borrowed and goes second.
	chunk    []byte
	from, to int

	// at is where in chunk the message at hand begins; -1 when it lies
	// elsewhere.
	at int

	closed bool // shut
}

// begin says that the messages to come lie in chunk, which stays unchanged
// until drain or settle.
func (s *sink) begin(chunk []byte) {
	s.settle()
	s.chunk, s.at = chunk, -1
}

// pass forwards the message at hand.
func (s *sink) pass(raw []byte) {
	switch {
	case s.at < 0:
		s.settle()
		s.buf = append(s.buf, raw...)
	case s.to > s.from && s.to == s.at:
		s.to += len(raw)
	default:
		s.settle()
		s.from, s.to = s.at, s.at+len(raw)
	}
}

// settle copies borrowed bytes, after which their array may be used again.
func (s *sink) settle() {
	if s.to > s.from {
		s.buf = append(s.buf, s.chunk[s.from:s.to]...)
	}
	s.from, s.to = 0, 0
}

// own returns the owned buffer for appending; the caller stores it back.
func (s *sink) own() []byte {
	s.settle()
	return s.buf
}

// maxKeptBuffer bounds the memory that an idle session keeps for output.
const maxKeptBuffer = 64 << 10

// shut lets nothing leave any more, also what was put out already.
func (s *sink) shut() { s.closed = true }

// drain hands everything to write and empties the sink.
func (s *sink) drain(write func([]byte)) {
	if s.closed {
		*s = sink{closed: true, at: -1}
		return
	}
	if len(s.buf) > 0 {
		write(s.buf)
		if s.buf = s.buf[:0]; cap(s.buf) > maxKeptBuffer {
			s.buf = nil
		}
	}
	if s.to > s.from {
		write(s.chunk[s.from:s.to])
	}
	s.from, s.to, s.chunk, s.at = 0, 0, nil, -1
}
