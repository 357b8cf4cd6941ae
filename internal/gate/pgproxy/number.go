package pgproxy

import (
	"context"

	"sekisho/internal/subject"
	"sekisho/internal/wire/pgwire"
)

// keyKind says how keys of a type are numbered; 0 when they cannot be.
func keyKind(oid uint32) subject.KeyKind {
	switch oid {
	case pgwire.OIDInt2, pgwire.OIDInt4, pgwire.OIDInt8, pgwire.OIDOid, pgwire.OIDNumeric:
		return subject.Int
	case pgwire.OIDUUID:
		return subject.UUID
	case pgwire.OIDText, pgwire.OIDVarchar, pgwire.OIDUnknown, pgwire.OIDName:
		return subject.Text
	}
	return 0
}

// number returns the subject number of a key value, giving a new one to a key
// that has none. ok is false when the value is no key, or numbers cannot be
// recorded.
func (e *engine) number(n Numbers, typ uint32, format int16, value []byte) (uint32, bool) {
	switch keyKind(typ) {
	case subject.Int:
		k, ok := pgwire.IntKey(typ, format, value)
		if !ok {
			return 0, false
		}
		if num, ok := n.NumberInt(k); ok {
			return num, true
		}
		var num [1]uint32
		if err := n.AssignInts(e.ctx, []int64{k}, num[:]); err != nil {
			e.note("assign", err)
			return 0, false
		}
		return num[0], true
	case subject.UUID:
		var u [16]byte
		if !subject.ParseUUID(&u, format == pgwire.FormatBinary, value) {
			return 0, false
		}
		return e.numberBytes(n, subject.UUID, u[:])
	case subject.Text:
		if !e.env.sameText(value) {
			return 0, false
		}
		return e.numberBytes(n, subject.Text, value)
	}
	return 0, false
}

func (e *engine) numberBytes(n Numbers, kind subject.KeyKind, key []byte) (uint32, bool) {
	if num, ok := n.NumberBytes(key); ok {
		return num, true
	}
	var num [1]uint32
	own := append([]byte(nil), key...)
	if err := n.AssignBytes(e.ctx, kind, [][]byte{own}, num[:]); err != nil {
		e.note("assign", err)
		return 0, false
	}
	return num[0], true
}

// discardNumbers is used where a source is not known.
type noNumbers struct{}

func (noNumbers) NumberInt(int64) (uint32, bool)    { return 0, false }
func (noNumbers) NumberBytes([]byte) (uint32, bool) { return 0, false }
func (noNumbers) AssignInts(context.Context, []int64, []uint32) error {
	return subject.ErrNoKey
}
func (noNumbers) AssignBytes(context.Context, subject.KeyKind, [][]byte, []uint32) error {
	return subject.ErrNoKey
}
