package element

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
)

// What finds the places of context words must not leave one out, in any case and in any
// encoding, and must know where the line begins and ends, with assembly and without.
func TestWordPlaces(t *testing.T) {
	const rounds = 3000
	all, _ := everyPath()
	for _, c := range []struct {
		name   string
		table  *wordTable
		encode *encoding.Encoder
	}{{"UTF-8", wordsUTF8, encoding.Nop.NewEncoder()}, {"Shift_JIS", wordsShiftJIS(), japanese.ShiftJIS.NewEncoder()}, {"EUC-JP", wordsEUC(), japanese.EUCJP.NewEncoder()}} {
		r := rand.New(rand.NewPCG(1, 7))
		left := map[string]int{}
		for round := range rounds {
			var b [2*blockSize + overhang]byte
			for i := 0; i < len(b)-40; {
				switch topic := words[r.IntN(len(words))]; r.IntN(5) {
				case 0:
					b[i] = '\n'
				case 1:
					b[i] = byte(r.IntN(256))
				default:
					w, err := c.encode.Bytes([]byte(topic.list[r.IntN(len(topic.list))]))
					if err != nil {
						continue
					}
					for j := range w {
						if isLower(w[j]) && r.IntN(2) == 0 {
							w[j] &^= 0x20
						}
					}
					i += copy(b[i:], w) - 1
				}
				i++
			}
			for _, p := range all {
				s := &Scanner{buf: b[:], words: c.table, path: p}
				left[p.name] += checkPlaces(t, s, c.name, round)
			}
		}
		for name, n := range left {
			if n < 5*rounds {
				t.Errorf("%s, %s: only %d places are left out", name, c.name, n)
			}
		}
	}
}

// checkPlaces holds what wordsBefore and wordsAfter say of the place in the middle of
// the buffer against the words that stand there, and returns how many places they leave
// out.
func checkPlaces(t *testing.T, s *Scanner, encoding string, round int) (left int) {
	t.Helper()
	const p = blockSize
	begins := func(i, from, to int) bool {
		slot := s.words.slot[threeHash(binary.LittleEndian.Uint32(s.buf[i:]))]
		_, n := s.wordAt(slot, i, from, to)
		return slot != 0 && n > 0
	}
	from := p - contextBefore
	for i := from; i < p; i++ {
		if s.buf[i] == '\n' {
			from = i + 1
		}
	}
	words, gotFrom := s.wordsBefore(p)
	if gotFrom != from {
		t.Fatalf("%s, %s, round %d: the context begins at %d, want %d, of %q", s.path.name, encoding, round, gotFrom, from, s.buf)
	}
	for i := range p {
		has := words>>i&1 != 0
		switch {
		case has && (i < from || i+3 > p), !has && i >= from && begins(i, from, p):
			t.Fatalf("%s, %s, round %d: place %d before is %v, of %q", s.path.name, encoding, round, i, has, s.buf)
		case !has && i >= from:
			left++
		}
	}
	for _, limit := range []int{-2, 0, 2, 3, 11, contextAfter, 100} {
		to := p + min(limit, contextAfter)
		for i := to - 1; i >= p; i-- {
			if s.buf[i] == '\n' {
				to = i
			}
		}
		words, gotTo := s.wordsAfter(p, limit)
		if gotTo != to {
			t.Fatalf("%s, %s, round %d: the context ends at %d, want %d, of %q", s.path.name, encoding, round, gotTo, to, s.buf)
		}
		for i := range blockSize {
			has := words>>i&1 != 0
			if has && p+i+3 > to || !has && p+i+3 <= to && begins(p+i, p, to) {
				t.Fatalf("%s, %s, round %d: place %d behind is %v, of %q", s.path.name, encoding, round, i, has, s.buf)
			}
		}
	}
	return left
}
