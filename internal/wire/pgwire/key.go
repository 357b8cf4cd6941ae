package pgwire

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
)

// A key has one canonical form, whatever type or format carried it: integers
// and integral numerics are decimal digits with an optional minus sign, other
// numerics are decimal without trailing zeros, uuids are 36 lower-case
// characters, strings are their bytes (bpchar without trailing spaces, which
// are insignificant in it). So the literal 7, the parameter '7'::text and the
// binary int8 7 name the same subject.

// IntKey decodes a value of an integer type (int2, int4, int8, oid, or an
// integral numeric in the range of int64) in either format. ok is false for
// NULL, other types, and texts that PostgreSQL's input functions would refuse.
// PostgreSQL 16 also reads 0x…, 0o…, 0b… and underscores in parameters; those
// are not ok here.
func IntKey(oid uint32, format int16, value []byte) (n int64, ok bool) {
	if value == nil {
		return 0, false
	}
	if format == FormatText {
		switch oid {
		case OIDInt4:
			n, ok = parseInt(value)
			return n, ok && n == int64(int32(n))
		case OIDInt8:
			return parseInt(value)
		case OIDInt2:
			n, ok = parseInt(value)
			return n, ok && n == int64(int16(n))
		case OIDOid:
			// oidin wraps negative numbers (strtoul): −1 is 4294967295.
			n, ok = parseInt(value)
			if n < 0 && n >= math.MinInt32 {
				n = int64(uint32(n))
			}
			return n, ok && n == int64(uint32(n))
		case OIDNumeric:
			return intOfNumericText(value)
		}
		return 0, false
	}
	switch {
	case oid == OIDInt4 && len(value) == 4:
		return int64(int32(binary.BigEndian.Uint32(value))), true
	case oid == OIDInt8 && len(value) == 8:
		return int64(binary.BigEndian.Uint64(value)), true
	case oid == OIDInt2 && len(value) == 2:
		return int64(int16(binary.BigEndian.Uint16(value))), true
	case oid == OIDOid && len(value) == 4:
		return int64(binary.BigEndian.Uint32(value)), true
	case oid == OIDNumeric:
		var buf [64]byte
		text, ok := appendNumeric(buf[:0], value)
		if !ok {
			return 0, false
		}
		return parseInt(text)
	}
	return 0, false
}

// AppendKey appends the canonical form of a value of a key type in either
// format. ok is false for NULL, for types that keys are not read from, and for
// values the type does not have; dst is then returned as it was.
func AppendKey(dst []byte, oid uint32, format int16, value []byte) (key []byte, ok bool) {
	if value == nil {
		return dst, false
	}
	switch oid {
	case OIDInt2, OIDInt4, OIDInt8, OIDOid:
		n, ok := IntKey(oid, format, value)
		if !ok {
			return dst, false
		}
		return strconv.AppendInt(dst, n, 10), true
	case OIDText, OIDVarchar, OIDUnknown, OIDName:
		return append(dst, value...), true
	case OIDBpchar:
		for len(value) > 0 && value[len(value)-1] == ' ' {
			value = value[:len(value)-1]
		}
		return append(dst, value...), true
	case OIDUUID:
		return appendUUID(dst, format, value)
	case OIDNumeric:
		if format == FormatText {
			return appendNumericText(dst, value)
		}
		return appendNumeric(dst, value)
	}
	return dst, false
}

// KeyType reports whether keys can be read from a type at all.
func KeyType(oid uint32) bool {
	switch oid {
	case OIDInt2, OIDInt4, OIDInt8, OIDOid, OIDText, OIDVarchar, OIDUnknown, OIDName, OIDBpchar, OIDUUID, OIDNumeric:
		return true
	}
	return false
}

// parseInt reads what int8in of PostgreSQL 15 reads: spaces, a sign, digits,
// spaces.
func parseInt(b []byte) (int64, bool) {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	neg := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		d := c - '0'
		if d > 9 || n > (1<<63)/10 {
			return 0, false
		}
		if n = n*10 + uint64(d); n > 1<<63 {
			return 0, false
		}
	}
	if neg {
		return -int64(n), true
	}
	return int64(n), n < 1<<63
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func intOfNumericText(value []byte) (int64, bool) {
	var buf [64]byte
	text, ok := appendNumericText(buf[:0], value)
	if !ok {
		return 0, false
	}
	return parseInt(text)
}

// appendNumericText brings [spaces][sign]digits[.digits][spaces] to canonical
// form. Exponents, NaN and infinities are not keys.
func appendNumericText(dst, b []byte) ([]byte, bool) {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	neg := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg = b[0] == '-'
		b = b[1:]
	}
	point, digits := -1, 0
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && point < 0:
			point = i
		default:
			return dst, false
		}
	}
	if digits == 0 {
		return dst, false
	}
	whole, frac := b, b[:0]
	if point >= 0 {
		whole, frac = b[:point], b[point+1:]
	}
	for len(whole) > 0 && whole[0] == '0' {
		whole = whole[1:]
	}
	for len(frac) > 0 && frac[len(frac)-1] == '0' {
		frac = frac[:len(frac)-1]
	}
	return appendDecimal(dst, neg, whole, frac), true
}

// appendDecimal writes a number whose whole part has no leading and whose
// fraction has no trailing zeros.
func appendDecimal(dst []byte, neg bool, whole, frac []byte) []byte {
	if neg && len(whole)+len(frac) > 0 {
		dst = append(dst, '-')
	}
	if len(whole) == 0 {
		dst = append(dst, '0')
	}
	dst = append(dst, whole...)
	if len(frac) > 0 {
		dst = append(append(dst, '.'), frac...)
	}
	return dst
}

// maxNumericDigits bounds the base-10000 digits of a numeric key: 64 decimal
// digits are more than any key has.
const maxNumericDigits = 16

// appendNumeric reads numeric_send's format: ndigits, weight, sign, dscale (16
// bits each), then base-10000 digits; the value is Σ digit·10000^(weight−i).
func appendNumeric(dst, b []byte) ([]byte, bool) {
	if len(b) < 8 {
		return dst, false
	}
	n := int(binary.BigEndian.Uint16(b))
	weight := int(int16(binary.BigEndian.Uint16(b[2:])))
	sign := binary.BigEndian.Uint16(b[4:])
	if sign != 0 && sign != 0x4000 || len(b) != 8+2*n || n > maxNumericDigits || weight >= maxNumericDigits || weight < -maxNumericDigits {
		return dst, false
	}
	var buf [4 * (2*maxNumericDigits + 2)]byte
	whole, frac := buf[:0:4*maxNumericDigits], buf[4*maxNumericDigits:4*maxNumericDigits]
	for w := max(weight, 0); w >= min(weight-n+1, 0); w-- {
		d := uint16(0)
		if i := weight - w; i >= 0 && i < n {
			d = binary.BigEndian.Uint16(b[8+2*i:])
		}
		if d > 9999 {
			return dst, false
		}
		four := [4]byte{byte('0' + d/1000), byte('0' + d/100%10), byte('0' + d/10%10), byte('0' + d%10)}
		if w >= 0 {
			whole = append(whole, four[:]...)
		} else {
			frac = append(frac, four[:]...)
		}
	}
	for len(whole) > 0 && whole[0] == '0' {
		whole = whole[1:]
	}
	for len(frac) > 0 && frac[len(frac)-1] == '0' {
		frac = frac[:len(frac)-1]
	}
	return appendDecimal(dst, sign == 0x4000, whole, frac), true
}

// appendUUID reads 16 bytes, or the text forms of uuid_in: hex digits with an
// optional hyphen after every four, optionally in braces.
func appendUUID(dst []byte, format int16, v []byte) ([]byte, bool) {
	var raw [16]byte
	if format == FormatBinary {
		if len(v) != 16 {
			return dst, false
		}
		copy(raw[:], v)
	} else if !parseUUID(&raw, v) {
		return dst, false
	}
	var out [36]byte
	hex.Encode(out[0:8], raw[0:4])
	hex.Encode(out[9:13], raw[4:6])
	hex.Encode(out[14:18], raw[6:8])
	hex.Encode(out[19:23], raw[8:10])
	hex.Encode(out[24:36], raw[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return append(dst, out[:]...), true
}

func parseUUID(raw *[16]byte, v []byte) bool {
	braces := len(v) > 1 && v[0] == '{'
	if braces {
		if v[len(v)-1] != '}' {
			return false
		}
		v = v[1 : len(v)-1]
	}
	for i := range 16 {
		if len(v) < 2 {
			return false
		}
		hi, lo := unhex(v[0]), unhex(v[1])
		if hi > 15 || lo > 15 {
			return false
		}
		raw[i] = hi<<4 | lo
		v = v[2:]
		if i%2 == 1 && i < 15 && len(v) > 0 && v[0] == '-' {
			v = v[1:]
		}
	}
	return len(v) == 0
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
