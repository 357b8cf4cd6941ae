package event

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"
	"unicode/utf8"
)

// Header is the envelope of a line whose body was not decoded. Its slices are
// parts of the line.
type Header struct {
	Tenant   []byte
	Source   []byte
	Worker   uint16
	Seq      Seq
	At       int64 // UTC ns since 1970
	ClockErr time.Duration
	Kind     Kind
	Prev     Digest
	Body     []byte // JSON
}

// errEnvelope is returned for a line that is not in canonical form. Its text
// carries no part of the line.
var errEnvelope = errors.New("not a canonical event line")

// ParseHeader decodes the envelope of one line, with or without its line feed.
// It accepts the canonical form only: the fields in order, no white space. The
// body is checked to be a JSON object that ends where the line ends, no more.
func ParseHeader(line []byte) (Header, error) {
	var h Header
	s := scanner{rest: trimLF(line)}
	s.lit(`{"t":`)
	h.Tenant = s.str()
	s.lit(`,"s":`)
	h.Source = s.str()
	s.lit(`,"w":`)
	h.Worker = uint16(s.uint(math.MaxUint16))
	s.lit(`,"n":`)
	h.Seq = Seq(s.uint(math.MaxUint64))
	s.lit(`,"at":`)
	h.At = s.int()
	s.lit(`,"ce":`)
	h.ClockErr = time.Duration(s.int())
	s.lit(`,"k":`)
	h.Kind = Kind(s.uint(math.MaxUint16))
	s.lit(`,"p":`)
	if n, err := base64.RawStdEncoding.Strict().Decode(h.Prev[:], s.prev()); err != nil || n != len(h.Prev) {
		s.bad = true
	}
	s.lit(`,"b":`)
	n := len(s.rest)
	if s.bad || h.Seq == 0 || n < 3 || s.rest[0] != '{' || s.rest[n-2] != '}' || s.rest[n-1] != '}' {
		return Header{}, errEnvelope
	}
	h.Body = s.rest[:n-1]
	return h, nil
}

func trimLF(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		return line[:n-1]
	}
	return line
}

// prevLen is the length of a Digest in unpadded base64.
const prevLen = 22

// scanner reads canonical JSON from the front of rest. After the first
// mismatch bad stays set and every result is zero.
type scanner struct {
	rest []byte
	bad  bool
}

// lit consumes text.
func (s *scanner) lit(text string) {
	if !s.try(text) {
		s.bad = true
	}
}

// try consumes text if it is next and tells whether it was.
func (s *scanner) try(text string) bool {
	if s.bad || len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

// uint consumes a decimal number without leading zeros, at most limit.
func (s *scanner) uint(limit uint64) uint64 {
	var v uint64
	i := 0
	for ; i < len(s.rest) && i < safeDigits; i++ {
		c := s.rest[i] - '0'
		if c > 9 {
			break
		}
		v = v*10 + uint64(c)
	}
	if i == safeDigits && i < len(s.rest) && s.rest[i]-'0' <= 9 {
		hi, lo := bits.Mul64(v, 10)
		lo, carry := bits.Add64(lo, uint64(s.rest[i]-'0'), 0)
		if i++; hi+carry > 0 || (i < len(s.rest) && s.rest[i]-'0' <= 9) {
			s.bad = true
		}
		v = lo
	}
	if s.bad || i == 0 || (i > 1 && s.rest[0] == '0') || v > limit {
		s.bad = true
		return 0
	}
	s.rest = s.rest[i:]
	return v
}

// safeDigits is how many decimal digits always fit into 64 bits.
const safeDigits = 19

// int consumes a signed decimal number.
func (s *scanner) int() int64 {
	if s.try("-") {
		v := s.uint(1 << 63)
		if v == 0 {
			s.bad = true // "-0" has another spelling
		}
		return -int64(v)
	}
	return int64(s.uint(math.MaxInt64))
}

// str consumes a JSON string and returns its content. The result is a part of
// the line unless the string has escapes.
func (s *scanner) str() []byte {
	if !s.try(`"`) {
		s.bad = true
		return nil
	}
	ascii := true
	for i, c := range s.rest {
		switch {
		case c == '"':
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			if !ascii && !utf8.Valid(text) {
				s.bad = true
			}
			return text
		case c == '\\':
			return s.escaped()
		case c < ' ':
			s.bad = true
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.bad = true
	return nil
}

// escaped finishes str for a string with escapes; its opening quote is gone.
func (s *scanner) escaped() []byte {
	for i := 0; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			i++
		case '"':
			quoted := append([]byte{'"'}, s.rest[:i+1]...)
			s.rest = s.rest[i+1:]
			var text string
			if json.Unmarshal(quoted, &text) != nil {
				s.bad = true
			}
			return []byte(text)
		}
	}
	s.bad = true
	return nil
}

// prev consumes the base64 string of a Digest.
func (s *scanner) prev() []byte {
	if s.bad || len(s.rest) < prevLen+2 || s.rest[0] != '"' || s.rest[prevLen+1] != '"' {
		s.bad = true
		return nil
	}
	text := s.rest[1 : prevLen+1]
	s.rest = s.rest[prevLen+2:]
	return text
}

// identity names an event in an error.
func (h Header) identity() string {
	return fmt.Sprintf("%s/%d/%d", h.Source, h.Worker, h.Seq)
}
