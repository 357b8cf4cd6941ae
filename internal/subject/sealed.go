package subject

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"sekisho/internal/event"
	"sekisho/internal/keyring"
)

// Forms of the sealed part of an event.Subjects.
const (
	formExtent byte = 1 // consecutive integers
	formInts   byte = 2 // ascending integers
	formBytes  byte = 3 // text
	formUUID   byte = 4 // 16 bytes each
)

// maxPlain bounds the plaintext of one event: base64 makes it 4/3 as long and
// the line must stay under event.MaxLine.
const maxPlain = 40 << 10

var errForm = errors.New("sealed subjects are malformed (SK5105)")

// span is one event.Subjects as it is kept in memory. Exactly one of the key
// fields is used, by form; none after the key was forgotten.
type span struct {
	number, count uint32
	epoch         uint32
	form          byte
	keyID         string
	first         int64     // formExtent
	ints          []int64   // formInts
	refs          []byteRef // formBytes, formUUID
	arena         *arena
}

func (p *span) last() uint32    { return p.number + (p.count - 1) }
func (p *span) forgotten() bool { return p.form == 0 }

func (p *span) forget() {
	p.form, p.ints, p.refs, p.arena, p.first = 0, nil, nil, nil, 0
}

// additional is what a sealed part is bound to.
func additional(b *event.Subjects) []byte {
	dst := append([]byte("sekisho subjects 1\x00"), b.Source...)
	dst = append(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, b.Epoch)
	dst = binary.BigEndian.AppendUint32(dst, b.Number)
	return binary.BigEndian.AppendUint32(dst, b.Count)
}

func seal(b *event.Subjects, k *keyring.Key, plain []byte) error {
	b.KeyID = k.ID()
	var err error
	b.Sealed, err = k.Seal(nil, plain, additional(b))
	return err
}

// keys is what a sealed part says.
type keys struct {
	form  byte
	first int64
	ints  []int64
	bytes [][]byte
}

func unseal(b *event.Subjects, k *keyring.Key) (keys, error) {
	plain, err := k.Unseal(nil, b.Sealed, additional(b))
	if err != nil {
		return keys{}, err
	}
	return decodeKeys(plain, b.Count)
}

func decodeKeys(plain []byte, count uint32) (out keys, err error) {
	if len(plain) == 0 || count == 0 {
		return keys{}, errForm
	}
	out.form, plain = plain[0], plain[1:]
	switch out.form {
	case formExtent:
		first, n := binary.Varint(plain)
		if n != len(plain) || n <= 0 || first > math.MaxInt64-int64(count-1) {
			return keys{}, errForm
		}
		out.first = first
	case formInts:
		out.ints, err = decodeInts(plain, count)
	case formBytes:
		out.bytes, err = decodeBytes(plain, count)
	case formUUID:
		if uint64(len(plain)) != 16*uint64(count) {
			return keys{}, errForm
		}
		for ; len(plain) > 0; plain = plain[16:] {
			out.bytes = append(out.bytes, plain[:16:16])
		}
	default:
		return keys{}, fmt.Errorf("form %d: %w", out.form, errForm)
	}
	return out, err
}

func decodeInts(plain []byte, count uint32) ([]int64, error) {
	if uint64(count) > uint64(len(plain)) {
		return nil, errForm
	}
	ints := make([]int64, count)
	at, n := binary.Varint(plain)
	for i := range ints {
		if n <= 0 {
			return nil, errForm
		}
		ints[i], plain = at, plain[n:]
		if i+1 == len(ints) {
			break
		}
		var d uint64
		d, n = binary.Uvarint(plain)
		next := int64(uint64(at) + d)
		if n > 0 && next <= at {
			return nil, errForm
		}
		at = next
	}
	if len(plain) != 0 {
		return nil, errForm
	}
	return ints, nil
}

// appendInts is the inverse of decodeInts; keys ascend strictly.
func appendInts(dst []byte, ints []int64) []byte {
	dst = binary.AppendVarint(dst, ints[0])
	for i := 1; i < len(ints); i++ {
		dst = binary.AppendUvarint(dst, uint64(ints[i])-uint64(ints[i-1]))
	}
	return dst
}

func decodeBytes(plain []byte, count uint32) ([][]byte, error) {
	if uint64(count) > uint64(len(plain)) {
		return nil, errForm
	}
	list := make([][]byte, count)
	for i := range list {
		size, n := binary.Uvarint(plain)
		if n <= 0 || size > MaxKey || size > uint64(len(plain)-n) {
			return nil, errForm
		}
		list[i], plain = plain[n:n+int(size):n+int(size)], plain[n+int(size):]
	}
	if len(plain) != 0 {
		return nil, errForm
	}
	return list, nil
}
