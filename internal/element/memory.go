package element

import "encoding/binary"

// What a scanner remembers of the stream: labels and keys come again with every
// record, and the judgement of each is a function of its bytes alone. Both memories
// compare those bytes whole, so findings do not depend on them, and both are
// forgotten with the stream.

// keyMemory are keys and what key says of them, each with the byte before it.
type keyMemory [1 << keyMemoryBits]struct {
	near, far uint64 // the last eight bytes and those before them, zero where there are none
	size      uint8  // how many bytes these are
	kind      Kind
	weak, ok  bool
}

const keyMemoryBits = 7

// inKey are the bytes of keys, _ and - included.
var inKey = func() (t byteSet) {
	for i, c := range keyBytes {
		if c != notInKey {
			t[i] = 1
		}
	}
	return t
}()

// keyEndingAt returns what readKey says of the key that ends before p.
func (s *Scanner) keyEndingAt(p int) (kind Kind, weak, ok bool) {
	b := s.buf[p-16 : p]
	near, far := binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b)
	m := &s.keys[near>>16*wordHash>>(64-keyMemoryBits)]
	if mask := &tailMasks[m.size]; m.size > 0 && near&mask[3] == m.near && far&mask[2] == m.far {
		return m.kind, m.weak, m.ok
	}
	n := 0
	for n < 15 && inKey.has(b[15-n]) {
		n++
	}
	kind, weak, ok = s.readKey(p)
	if n >= 3 && n < 15 {
		mask := &tailMasks[n+1]
		m.near, m.far, m.size = near&mask[3], far&mask[2], uint8(n+1)
		m.kind, m.weak, m.ok = kind, weak, ok
	}
	return kind, weak, ok
}

// rowMemory are rows of up to seven kanji, with the character behind them, in which
// nothing was found whatever stands around them: 電話番号, 上, 確認.
type rowMemory [1 << rowMemoryBits]rowKey

// rowKey are the bytes of a row of kanji and of the character behind it.
type rowKey [3]uint64

const (
	rowMemoryBits = 8
	longestRow    = 21 // bytes of a row that has a key
)

// headMasks have ones for the first bytes of a rowKey, by their number.
var headMasks = func() (t [25]rowKey) {
	for n := range t {
		for i := range n {
			t[n][i/8] |= 0xff << (i % 8 * 8)
		}
	}
	return t
}()

// rowKeyOf returns the key of the row of n bytes at b, at most longestRow, in three
// words, and its place in the memory. (An array would be copied through memory in other
// pieces than it is written in, and the processor waits for that.)
func rowKeyOf(b *[24]byte, n int) (k0, k1, k2, at uint64) {
	mask := &headMasks[n+1+int(b[n]>>7)<<1] // a character behind it that is not ASCII counts with three bytes
	k0, k1, k2 = binary.LittleEndian.Uint64(b[:])&mask[0], binary.LittleEndian.Uint64(b[8:])&mask[1], binary.LittleEndian.Uint64(b[16:])&mask[2]
	return k0, k1, k2, (k0 ^ k1*3 ^ k2*5) * wordHash >> (64 - rowMemoryBits)
}

// has reports whether the row of n bytes at b was found to hold nothing.
func (m *rowMemory) has(b *[24]byte, n int) bool {
	if n > longestRow {
		return false
	}
	k0, k1, k2, at := rowKeyOf(b, n)
	known := &m[at]
	return k0^known[0]|k1^known[1]|k2^known[2] == 0
}

// add remembers that the row of n bytes at b holds nothing.
func (m *rowMemory) add(b *[24]byte, n int) {
	if n <= longestRow {
		k0, k1, k2, at := rowKeyOf(b, n)
		known := &m[at]
		known[0], known[1], known[2] = k0, k1, k2
	}
}
