package subject

import (
	"encoding/binary"
	"fmt"
	"iter"
	"strconv"

	"sekisho/internal/event"
)

// KeyKind says how the keys of a source are written.
type KeyKind uint8

// The kinds of keys.
const (
	Int  KeyKind = iota + 1 // smallint, integer, bigint
	UUID                    // 16 bytes
	Text                    // anything whose equality is equality of bytes
)

// ParseKeyKind returns the kind for a PostgreSQL type name. Types whose
// equality is not equality of bytes (numeric, float, citext, bpchar, a text
// with a nondeterministic collation) cannot name subjects.
func ParseKeyKind(typeName string) (KeyKind, bool) {
	switch typeName {
	case "int2", "int4", "int8", "smallint", "integer", "bigint":
		return Int, true
	case "uuid":
		return UUID, true
	case "text", "varchar", "character varying":
		return Text, true
	}
	return 0, false
}

// Key is a subject's key in its source system.
type Key struct {
	Kind  KeyKind
	Epoch uint32
	Int   int64  // Kind Int
	Bytes []byte // the others; the caller must not change it
}

// String returns the key as the source system prints it. It is personal data.
func (k Key) String() string {
	switch {
	case k.Kind == Int:
		return strconv.FormatInt(k.Int, 10)
	case k.Kind == UUID && len(k.Bytes) == 16:
		b := k.Bytes
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
	return string(k.Bytes)
}

// Key returns the key behind a number: ErrNoKey when no event explains the
// number, ErrForgotten when the dictionary key was destroyed.
func (d *Dictionary) Key(src event.SubjectSource, number uint32) (Key, error) {
	d.mu.RLock()
	s := d.sources[src]
	d.mu.RUnlock()
	if s == nil {
		return Key{}, fmt.Errorf("subject %d of %s: %w", number, src, ErrNoKey)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.find(number)
	if !ok {
		return Key{}, fmt.Errorf("subject %d of %s: %w", number, src, ErrNoKey)
	}
	p := &s.spans[at]
	i := number - p.number
	switch p.form {
	case formExtent:
		return Key{Kind: Int, Epoch: p.epoch, Int: p.first + int64(i)}, nil
	case formInts:
		return Key{Kind: Int, Epoch: p.epoch, Int: p.ints[i]}, nil
	case formBytes:
		return Key{Kind: Text, Epoch: p.epoch, Bytes: p.arena.at(p.refs[i])}, nil
	case formUUID:
		return Key{Kind: UUID, Epoch: p.epoch, Bytes: p.arena.at(p.refs[i])}, nil
	}
	return Key{}, fmt.Errorf("subject %d of %s, dictionary key %s: %w", number, src, p.keyID, ErrForgotten)
}

// Numbers goes through the numbers of the source that have ever been seen, with
// those that no key stands behind.
func (s *Source) Numbers() iter.Seq[uint32] {
	s.mu.Lock()
	end := s.seen
	s.mu.Unlock()
	return func(yield func(uint32) bool) {
		for n := range end {
			if !yield(n) {
				return
			}
		}
	}
}

// Number looks a key up as it stands in a PostgreSQL result or parameter, in
// text or binary format. False means that the key has no number or that value
// is no key of this kind; it allocates nothing.
func (s *Source) Number(kind KeyKind, binary bool, value []byte) (uint32, bool) {
	switch kind {
	case Int:
		if k, ok := ParseInt(binary, value); ok {
			return s.NumberInt(k)
		}
	case UUID:
		var u [16]byte
		if ParseUUID(&u, binary, value) {
			return s.NumberBytes(u[:])
		}
	case Text:
		return s.NumberBytes(value)
	}
	return 0, false
}

// ParseInt reads an integer in text (an optional minus and decimal digits) or
// in binary (2, 4 or 8 bytes big-endian, as int2send, int4send and int8send
// write them).
func ParseInt(bin bool, value []byte) (int64, bool) {
	if bin {
		switch len(value) {
		case 2:
			return int64(int16(binary.BigEndian.Uint16(value))), true
		case 4:
			return int64(int32(binary.BigEndian.Uint32(value))), true
		case 8:
			return int64(binary.BigEndian.Uint64(value)), true
		}
		return 0, false
	}
	digits := value
	neg := len(value) > 0 && value[0] == '-'
	if neg {
		digits = value[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	var v uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	switch {
	case neg && v <= 1<<63:
		return -int64(v), true // -1<<63 wraps to itself
	case !neg && v < 1<<63:
		return int64(v), true
	}
	return 0, false
}

// ParseUUID reads a UUID in binary (16 bytes) or in the text form that uuid_out
// writes, 8-4-4-4-12 hexadecimal digits of either case, with or without hyphens
// and braces as uuid_in takes them.
func ParseUUID(dst *[16]byte, bin bool, value []byte) bool {
	if bin {
		return copy(dst[:], value) == 16 && len(value) == 16
	}
	if n := len(value); n > 1 && value[0] == '{' && value[n-1] == '}' {
		value = value[1 : n-1]
	}
	n := 0
	for _, c := range value {
		if c == '-' && n > 0 && n%4 == 0 && n < 32 {
			continue
		}
		v, ok := unhex(c)
		if !ok || n == 32 {
			return false
		}
		dst[n/2] = dst[n/2]<<4 | v
		n++
	}
	return n == 32
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
