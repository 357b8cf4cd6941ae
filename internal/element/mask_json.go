package element

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// AppendJSON appends m as a JSON list of stable names in ledger order,
// ["name","email"], so that a reader of the ledger needs no table. A kind that
// this program does not know is "element(40)".
func (m Mask) AppendJSON(dst []byte) []byte {
	dst = append(dst, '[')
	for rest := uint64(m); rest != 0; rest &= rest - 1 {
		if rest != uint64(m) {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, Kind(bits.TrailingZeros64(rest)).String()...)
		dst = append(dst, '"')
	}
	return append(dst, ']')
}

// MarshalJSON implements json.Marshaler.
func (m Mask) MarshalJSON() ([]byte, error) { return m.AppendJSON(nil), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (m *Mask) UnmarshalJSON(text []byte) error {
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return fmt.Errorf("elements: not a list of names")
	}
	var out Mask
	for _, name := range names {
		k, ok := parseAnyKind(name)
		if !ok {
			return fmt.Errorf("elements: unknown name %.40q", name)
		}
		out |= 1 << k
	}
	*m = out
	return nil
}

// UnmarshalNames reads what AppendJSON writes, and no other spelling, without
// allocating: names in ledger order, no white space.
func (m *Mask) UnmarshalNames(text []byte) error {
	var out Mask
	if len(text) < 2 || text[0] != '[' || text[len(text)-1] != ']' {
		return errNames
	}
	for rest := text[1 : len(text)-1]; len(rest) > 0; {
		if rest[0] != '"' {
			return errNames
		}
		n := bytes.IndexByte(rest[1:], '"') + 1
		if n == 0 {
			return errNames
		}
		k, ok := parseStableKind(rest[1:n])
		if !ok || out>>k != 0 { // unknown, or not in order
			return errNames
		}
		out |= 1 << k
		rest = rest[n+1:]
		if len(rest) == 0 {
			break
		}
		if len(rest) == 1 || rest[0] != ',' {
			return errNames
		}
		rest = rest[1:]
	}
	*m = out
	return nil
}

// parseStableKind reads the one spelling that Kind.String writes.
func parseStableKind(name []byte) (Kind, bool) {
	if k, ok := kindOf[string(name)]; ok {
		return k, true
	}
	k, ok := parseAnyKind(string(name))
	return k, ok && k >= kindCount && k.String() == string(name)
}

var errNames = errors.New("elements: not a list of names in ledger order")

// kindOf is the inverse of kindNames.
var kindOf = func() map[string]Kind {
	m := make(map[string]Kind, kindCount)
	for k, name := range kindNames {
		m[name] = Kind(k)
	}
	return m
}()

// parseAnyKind is ParseKind that also reads the spelling of an unknown kind.
func parseAnyKind(name string) (Kind, bool) {
	if k, ok := ParseKind(name); ok {
		return k, true
	}
	digits, ok := strings.CutPrefix(name, "element(")
	digits, closed := strings.CutSuffix(digits, ")")
	n, err := strconv.ParseUint(digits, 10, 8)
	return Kind(n), ok && closed && err == nil && n < 64
}
