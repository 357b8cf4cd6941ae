package pgproxy

// sink gathers the bytes for one side. What passes unchanged is borrowed from
// the input as long as it is one piece, so the commonest case copies nothing.
type sink struct {
	buf []byte // owned; goes first
	run []byte // borrowed from the input of the present call; goes second
}

// pass forwards b, which must stay unchanged until the end of the call.
func (s *sink) pass(b []byte) {
	switch {
	case len(s.run) == 0:
		s.run = b
	case cap(s.run) >= len(s.run)+len(b) && len(b) > 0 && &s.run[:len(s.run)+1][len(s.run)] == &b[0]:
		s.run = s.run[:len(s.run)+len(b)]
	default:
		s.settle()
		s.run = b
	}
}

// settle copies borrowed bytes, after which their array may be used again.
func (s *sink) settle() {
	s.buf = append(s.buf, s.run...)
	s.run = nil
}

// own returns the owned buffer for appending; the caller stores it back.
func (s *sink) own() []byte {
	if s.run != nil {
		s.settle()
	}
	return s.buf
}

// maxKeptBuffer bounds the memory that an idle session keeps for output.
const maxKeptBuffer = 64 << 10

// drain hands everything to write and empties the sink.
func (s *sink) drain(write func([]byte)) {
	if len(s.buf) > 0 {
		write(s.buf)
		if s.buf = s.buf[:0]; cap(s.buf) > maxKeptBuffer {
			s.buf = nil
		}
	}
	if len(s.run) > 0 {
		write(s.run)
	}
	s.run = nil
}

func (s *sink) len() int { return len(s.buf) + len(s.run) }
