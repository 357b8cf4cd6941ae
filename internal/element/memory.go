package element

import (
	"encoding/binary"
	"unicode/utf8"
)

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

// rowMemory are rows of four to seven kanji, with the character behind them, in which
// no name was found whatever stands around them: 電話番号, 運転免許証番号.
type rowMemory [1 << rowMemoryBits][3]uint64

const rowMemoryBits = 7

// rowKey returns the bytes of the row of kanji b[p:end] with what follows it, and its
// place in the memory; ok is false when the row is too long.
func rowKey(b []byte, p, end int) (key [3]uint64, at uint64, ok bool) {
	n := end - p
	if n < 12 || n > 21 {
		return key, 0, false
	}
	x := b[p : p+24]
	key = [3]uint64{binary.LittleEndian.Uint64(x), binary.LittleEndian.Uint64(x[8:]), binary.LittleEndian.Uint64(x[16:])}
	if n++; x[n-1] >= utf8.RuneSelf {
		n += 2
	}
	if n <= 16 {
		key[1], key[2] = key[1]&(1<<(8*n-64)-1), 0
	} else {
		key[2] &= 1<<(8*n-128) - 1
	}
	return key, (key[0] ^ key[1]*3 ^ key[2]*5) * wordHash >> (64 - rowMemoryBits), true
}

// has reports whether the row of kanji b[p:end] was found to hold no name.
func (m *rowMemory) has(b []byte, p, end int) bool {
	key, at, ok := rowKey(b, p, end)
	return ok && m[at] == key
}

// add remembers that the row of kanji b[p:end] holds no name.
func (m *rowMemory) add(b []byte, p, end int) {
	if key, at, ok := rowKey(b, p, end); ok {
		m[at] = key
	}
}
