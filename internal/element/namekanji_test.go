package element

import (
	"math/rand/v2"
	"testing"
)

// The short way to names of kanji says what the long way says, or nothing.
func TestKanjiValue(t *testing.T) {
	parts := []string{"山田", "太郎", "佐", "々", "高木", "乙芭", "様", "殿", "株式会社", "東京都港区", "御中", " ", " ", "　", "　", "\"", "'", ",", "}", "\n", "\t", "<", "a", "1", "さん", "タロウ", "\\n", "｡", "𠮷", "\xe5", "\xe5\xb1"}
	r := rand.New(rand.NewPCG(1, 9))
	short := 0
	for range 300_000 {
		value := []byte{':'}
		for range 1 + r.IntN(7) {
			value = append(value, parts[r.IntN(len(parts))]...)
		}
		s := &Scanner{buf: make([]byte, 2048)}
		copy(s.buf[64:], value)
		p, e, kanji := s.kanjiValue(65)
		if kanji == 0 {
			continue
		}
		short++
		from, to, _ := s.span(65, &valueStop)
		to = from + nameLength(s.buf[from:to])
		if p != from || e != to {
			t.Fatalf("%q: %q, want %q", value, s.buf[p:e], s.buf[from:to])
		}
		if got, want := kanjiName(s.buf[p:e], kanji, 0, 0), nameForm(s.buf[p:e]); got != want {
			t.Fatalf("%q: form %v, want %v", value, got, want)
		}
	}
	if short < 10_000 {
		t.Errorf("only %d values went the short way", short)
	}
}

// A word that no given name begins with is found by its first character too.
func TestNeverGiven(t *testing.T) {
	n := 0
	for word := range wordsOf(neverGiven) {
		n++
		if b := []byte(word + "様"); len(word) <= 9 && !startsNeverGiven(b) {
			t.Errorf("%s may be a given name", word)
		}
	}
	if n < 10 || startsNeverGiven([]byte("太郎")) || startsNeverGiven([]byte("ab")) || startsNeverGiven(nil) {
		t.Errorf("%d words; 太郎 is a given name", n)
	}
}
