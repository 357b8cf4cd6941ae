package event

import (
	"encoding/binary"
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
	s := scanner{text: trimLF(line)}
	s.chain(&h)
	return h, s.header(&h)
}

// chain consumes the fields that lines of one chain share.
func (s *scanner) chain(h *Header) {
	s.lit(`{"t":`)
	h.Tenant = s.str()
	s.lit(`,"s":`)
	h.Source = s.str()
	s.lit(`,"w":`)
	h.Worker = uint16(s.uint(math.MaxUint16))
	s.lit(`,"n":`)
}

// header consumes the rest of a header. When there is an error h is empty.
func (s *scanner) header(h *Header) error {
	h.Seq = Seq(s.uint(math.MaxUint64))
	s.lit(`,"at":`)
	h.At = s.int()
	s.lit(`,"ce":`)
	h.ClockErr = time.Duration(s.int())
	s.lit(`,"k":`)
	h.Kind = Kind(s.uint(math.MaxUint16))
	s.lit(`,"p":`)
	s.prev(&h.Prev)
	s.lit(`,"b":`)
	rest := s.rest()
	n := len(rest)
	if s.bad || h.Seq == 0 || n < 3 || rest[0] != '{' || rest[n-2] != '}' || rest[n-1] != '}' {
		*h = Header{}
		return errEnvelope
	}
	h.Body = rest[:n-1]
	return nil
}

func trimLF(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		return line[:n-1]
	}
	return line
}

// prevLen is the length of a Digest in unpadded base64.
const prevLen = 22

// scanner reads canonical JSON from a position of text on. After the first
// mismatch bad stays set and every result is zero. It counts and does not cut
// text: moving a pointer costs a write barrier while garbage is collected.
type scanner struct {
	text []byte
	at   int
	bad  bool
}

func (s *scanner) rest() []byte { return s.text[s.at:] }

// lit consumes text.
func (s *scanner) lit(text string) {
	if !s.try(text) {
		s.bad = true
	}
}

// try consumes text if it is next and tells whether it was.
func (s *scanner) try(text string) bool {
	if !s.begins(text) {
		return false
	}
	s.at += len(text)
	return true
}

// begins tells whether text is next.
func (s *scanner) begins(text string) bool {
	rest := s.rest()
	return !s.bad && len(rest) >= len(text) && string(rest[:len(text)]) == text
}

// uint consumes a decimal number without leading zeros, at most limit.
func (s *scanner) uint(limit uint64) uint64 {
	var v uint64
	rest, i := s.rest(), 0
	for ; i < 16 && len(rest) >= i+8; i += 8 {
		eight, ok := digits8(binary.LittleEndian.Uint64(rest[i:]))
		if !ok {
			break
		}
		v = v*1e8 + eight
	}
	for ; i < len(rest) && i < safeDigits; i++ {
		c := rest[i] - '0'
		if c > 9 {
			break
		}
		v = v*10 + uint64(c)
	}
	if i == safeDigits && i < len(rest) && rest[i]-'0' <= 9 {
		hi, lo := bits.Mul64(v, 10)
		lo, carry := bits.Add64(lo, uint64(rest[i]-'0'), 0)
		if i++; hi+carry > 0 || (i < len(rest) && rest[i]-'0' <= 9) {
			s.bad = true
		}
		v = lo
	}
	if s.bad || i == 0 || (i > 1 && rest[0] == '0') || v > limit {
		s.bad = true
		return 0
	}
	s.at += i
	return v
}

// safeDigits is how many decimal digits always fit into 64 bits.
const safeDigits = 19

// digits8 is the number that eight decimal digits are, the first in the lowest
// byte: pairs, fours and the whole are put together side by side in one word
// (Lemire, "Quickly parsing eight digits", 2018).
func digits8(w uint64) (uint64, bool) {
	const zeros = 0x3030303030303030
	if w&0xf0f0f0f0f0f0f0f0 != zeros || (w+0x0606060606060606)&0xf0f0f0f0f0f0f0f0 != zeros {
		return 0, false
	}
	w -= zeros
	w = w*10 + w>>8
	w = (w&0x000000ff000000ff*(100+1000000<<32) + w>>16&0x000000ff000000ff*(1+10000<<32)) >> 32
	return w, true
}

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
	rest := s.rest()
	for i, c := range rest {
		switch {
		case c == '"':
			text := rest[:i]
			s.at += i + 1
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
	rest := s.rest()
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			quoted := append([]byte{'"'}, rest[:i+1]...)
			s.at += i + 1
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

// prev consumes the base64 string of a Digest: RFC 4648 section 4 without
// padding, the bits that are left over zero (section 3.5).
func (s *scanner) prev(d *Digest) {
	rest := s.rest()
	if s.bad || len(rest) < prevLen+2 || rest[0] != '"' || rest[prevLen+1] != '"' {
		s.bad = true
		return
	}
	text := rest[1 : prevLen+1]
	var all uint32
	for i := 0; i < 5; i++ {
		four := text[4*i : 4*i+4]
		w := base64Value[four[0]]<<18 | base64Value[four[1]]<<12 | base64Value[four[2]]<<6 | base64Value[four[3]]
		all |= w
		d[3*i], d[3*i+1], d[3*i+2] = byte(w>>16), byte(w>>8), byte(w)
	}
	w := base64Value[text[20]]<<6 | base64Value[text[21]]
	d[15] = byte(w >> 4)
	if (all|w)&notBase64 != 0 || w&15 != 0 {
		s.bad = true
		return
	}
	s.at += prevLen + 2
}

// notBase64 is a bit that each shift of prev sets for a character that is none
// of base64's, and never for one that is.
const notBase64 = 1 << 24

// base64Value has the value of each character of base64.
var base64Value = func() (v [256]uint32) {
	for i := range v {
		v[i] = notBase64 | notBase64>>6 | notBase64>>12 | notBase64>>18
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		v[c] = uint32(i)
	}
	return v
}()

// identity names an event in an error.
func (h Header) identity() string {
	return fmt.Sprintf("%s/%d/%d", h.Source, h.Worker, h.Seq)
}
