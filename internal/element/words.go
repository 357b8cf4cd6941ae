package element

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Where context words may stand is found for 64 places at once where there is assembly
// for it: the rest of context.go looks closely there only.

// wordForms say of the first three bytes of words which words they may begin: a bit for
// each of eight groups of words, by the low and by the high half of the first byte, of
// the second and of the third. Bytes that have a common bit in all six may begin a word.
type wordForms [6][16]uint8

// add adds a word in lower case.
func (f *wordForms) add(word string) {
	group := uint8(1) << wordGroup(word[0])
	for i := range 3 {
		for _, c := range [...]byte{word[i], upperOf(word[i])} {
			f[2*i][c&15] |= group
			f[2*i+1][c>>4] |= group
		}
	}
}

// wordGroup sorts words by their first byte.
func wordGroup(c byte) int {
	switch {
	case c < 0x80:
		return int(c&31) * 5 / 32
	case c < 0xE4:
		return 5
	case c < 0xE7:
		return 6
	}
	return 7
}

// upperOf brings a small letter of ASCII to a capital one.
func upperOf(c byte) byte {
	if isLower(c) {
		return c &^ 0x20
	}
	return c
}

// wordsFunc returns which of the 64 bytes at b may begin a word of t, and which are
// newlines. It looks two bytes further. Bytes are left out that begin none; not all are.
type wordsFunc func(b *[blockSize + overhang]byte, t *wordTable) (words, lines uint64)

// wordsBefore returns which bytes before p may begin a word that ends before p, on the
// line of p and at most contextBefore bytes before it: bit i stands for p-blockSize+i.
// From is where that context begins.
func (s *Scanner) wordsBefore(p int) (words uint64, from int) {
	if s.path.words == nil {
		from = p - contextBefore + 1 + bytes.LastIndexByte(s.buf[p-contextBefore:p], '\n')
		return s.places(from, p-2) << (blockSize + from - p), from
	}
	const first = blockSize - contextBefore
	words, lines := s.path.words((*[blockSize + overhang]byte)(s.buf[p-blockSize:]), s.words)
	if lines >>= first; lines != 0 {
		at := blockSize - bits.LeadingZeros64(lines) + first // behind the last newline
		return words << 2 >> 2 >> at << at, p - blockSize + at
	}
	return words << 2 >> 2 >> first << first, p - contextBefore
}

// wordsAfter returns which bytes from e on may begin a word that ends at most limit
// bytes behind e, at most contextAfter and on the line of e. To is where that context
// ends.
func (s *Scanner) wordsAfter(e, limit int) (words uint64, to int) {
	if s.path.words == nil {
		n := min(limit, contextAfter)
		if i := bytes.IndexByte(s.buf[e:e+max(n, 0)], '\n'); i >= 0 {
			n = i
		}
		return s.places(e, e+n-2), e + n
	}
	words, lines := s.path.words((*[blockSize + overhang]byte)(s.buf[e:]), s.words)
	n := min(limit, trailing(lines|1<<contextAfter))
	if n < 3 {
		return 0, e + n
	}
	return words & (1<<(n-2) - 1), e + n
}

// places returns which bytes of buf[from:to], 64 at most, have with the two behind them
// the hash of the beginning of a word.
func (s *Scanner) places(from, to int) (words uint64) {
	slots := &s.words.slot
	for i := from; i < to; i++ {
		if slots[threeHash(binary.LittleEndian.Uint32(s.buf[i:]))] != 0 {
			words |= 1 << (i - from)
		}
	}
	return words
}
