package element

import (
	"encoding/binary"
	"math/bits"
)

// labelMemory is what a scanner remembers of the words before values: of the last
// bytes before a place, which topic the nearest word there has. Text with many
// findings is made of records, in which the same few labels come again.
//
// An entry holds all the bytes that the answer depends on and is compared with them,
// so findings do not depend on it. It is forgotten with the stream.
type labelMemory [1 << labelMemoryBits]struct {
	tail     tail
	wanted   topic
	about    topic
	distance uint16
	size     uint16 // bytes of tail that count
}

const (
	labelMemoryBits = 7
	leastTail       = 8 // bytes that an entry is found by
)

// speak takes the table of words of an encoding.
func (s *Scanner) speak(words *wordTable) {
	if s.words != words {
		s.words, s.labels = words, labelMemory{}
	}
}

// tail are the last tailBytes before a place, in four words; those that do not count
// are zero.
type tail [4]uint64

const tailBytes = 32

// tailMasks have ones for the last bytes of a tail, by their number.
var tailMasks = func() (t [tailBytes + 1]tail) {
	for n := range t {
		var b [tailBytes]byte
		for i := range n {
			b[tailBytes-1-i] = 0xff
		}
		t[n] = tailAt(&b)
	}
	return t
}()

func tailAt(b *[tailBytes]byte) tail {
	return tail{binary.LittleEndian.Uint64(b[0:]), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])}
}

// labelledAt returns the topic of wanted that the nearest word before p speaks of,
// with the bytes between the word and p; many when there is no word.
func (s *Scanner) labelledAt(p int, wanted topic) (about topic, distance int) {
	t := tailAt((*[tailBytes]byte)(s.buf[p-tailBytes : p]))
	m := &s.labels[(t[3]^uint64(wanted))*wordHash>>(64-labelMemoryBits)]
	mask := &tailMasks[m.size]
	if m.wanted == wanted && (t[0]&mask[0]^m.tail[0])|(t[1]&mask[1]^m.tail[1])|(t[2]&mask[2]^m.tail[2])|(t[3]&mask[3]^m.tail[3]) == 0 {
		return m.about, int(m.distance)
	}
	about, distance, size := s.readLabel(p, wanted)
	if size >= leastTail && size <= tailBytes {
		mask = &tailMasks[size]
		m.tail = tail{t[0] & mask[0], t[1] & mask[1], t[2] & mask[2], t[3] & mask[3]}
		m.wanted, m.about, m.distance, m.size = wanted, about, uint16(distance), uint16(size)
	}
	return about, distance
}

// noLabel is the distance of a word that is not there.
const noLabel = 1<<16 - 1

// readLabel is labelledAt without the memory; size are the bytes before p that the
// answer depends on.
func (s *Scanner) readLabel(p int, wanted topic) (about topic, distance, size int) {
	words, from := s.wordsBefore(p)
	for words != 0 {
		bit := 63 - bits.LeadingZeros64(words)
		words &^= 1 << bit
		i := p - blockSize + bit
		slot := s.words.slot[threeHash(binary.LittleEndian.Uint32(s.buf[i:]))]
		if slot == 0 {
			continue
		}
		if a, n := s.wordAt(slot, i, from, p); a&wanted != 0 {
			size = p - i + 1 // wordAt looks at the byte before the word
			if s.enc.is == ShiftJIS {
				size++ // which may be the second half of a character
			}
			return a & wanted, p - i - n, size
		}
	}
	if from > p-contextBefore || s.buf[from-1] == '\n' {
		return 0, noLabel, p - from + 1
	}
	return 0, noLabel, contextBefore + 2
}
