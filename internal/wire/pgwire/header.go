package pgwire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxMessage is the greatest length word that the protocol can mean anything
// by: PostgreSQL refuses more than 1 GiB − 1 (PQ_LARGE_MESSAGE_LIMIT, memory
// allocations end there).
const MaxMessage = 1<<30 - 1

// HeaderLen is the number of bytes before the body of a message.
const HeaderLen = headerLen

// ErrMalformed is the error that every decoder returns (wrapped) for a body
// that does not have the layout of its message.
var ErrMalformed = errors.New("malformed message")

// LengthError says that a message's length word is impossible or above the
// configured limit. The stream cannot be resynchronised after it.
type LengthError struct {
	Type   byte   // 0 in startup packets
	Length uint32 // as it was sent; counts itself
	Limit  int    // greatest permitted length word
}

func (e *LengthError) Error() string {
	if e.Length < 4 {
		return fmt.Sprintf("message type %q: length %d is below 4", e.Type, e.Length)
	}
	return fmt.Sprintf("message type %q: length %d is above the limit of %d bytes", e.Type, e.Length, e.Limit)
}

// malformed wraps ErrMalformed with the message's name. The bytes themselves
// never appear: they may be personal data.
func malformed(what string) error { return fmt.Errorf("%s: %w", what, ErrMalformed) }

// Header is the type and body length of a message.
type Header struct {
	Type byte
	Body int // bytes after the header
}

// Len returns the length of the whole message in bytes, header included.
func (h Header) Len() int { return headerLen + h.Body }

// ParseHeader reads the header at the beginning of b. ok is false when b is
// shorter than a header. limit bounds the length word; 0 means MaxMessage. The
// error is a *LengthError.
func ParseHeader(b []byte, limit int) (h Header, ok bool, err error) {
	if len(b) < headerLen {
		return Header{}, false, nil
	}
	n := binary.BigEndian.Uint32(b[1:5])
	if limit <= 0 || limit > MaxMessage {
		limit = MaxMessage
	}
	if n < 4 || int64(n) > int64(limit) {
		return Header{}, false, &LengthError{Type: b[0], Length: n, Limit: limit}
	}
	return Header{Type: b[0], Body: int(n) - 4}, true, nil
}
