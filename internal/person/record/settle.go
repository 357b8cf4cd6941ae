package record

import (
	"runtime"
	"sync"
)

// Counts says how many records have each word in each part of a name.
type Counts struct{ Family, Given, KanjiFamily, KanjiGiven []uint32 }

// Count counts the words of the records from first on for which use says yes to
// a part.
func Count(t *Table, names *Names, first, workers int, use func(r *Record) (latin, kanji bool)) Counts {
	all := make([]Counts, workers)
	for w := range all {
		latin, kanji := names.Latin.Limit(), names.Kanji.Limit()
		all[w] = Counts{Large[uint32](latin), Large[uint32](latin), Large[uint32](kanji), Large[uint32](kanji)}
	}
	t.Room.Parallel(t.Len()-first, workers, func(w, from, to int) {
		c := &all[w]
		for i := first + from; i < first+to; i++ {
			r := t.At(uint32(i))
			latin, kanji := use(r)
			if latin {
				c.Family[r.Family]++
				c.Given[r.Given]++
			}
			if kanji {
				c.KanjiFamily[r.KanjiFamily]++
				c.KanjiGiven[r.KanjiGiven]++
			}
		}
	})
	for _, c := range all[1:] {
		all[0].Add(c)
	}
	return all[0]
}

// All is the use of Count for which every name counts.
func All(*Record) (latin, kanji bool) { return true, true }

// Add adds other counts of the same dictionaries.
func (c *Counts) Add(more Counts) {
	for i, list := range more.lists() {
		sum := c.lists()[i]
		if n := len(*list) - len(*sum); n > 0 {
			*sum = append(*sum, make([]uint32, n)...)
		}
		for w, n := range *list {
			(*sum)[w] += n
		}
	}
}

func (c *Counts) lists() [4]*[]uint32 {
	return [4]*[]uint32{&c.Family, &c.Given, &c.KanjiFamily, &c.KanjiGiven}
}

// counts says how often each word was seen as a family and as a given name.
type counts struct{ family, given []uint32 }

func (c *counts) of(list []uint32, w Word) uint64 {
	if int(w) < len(list) {
		return uint64(list[w])
	}
	return 0
}

// Settle learns from the whole table what a row alone does not tell: where to
// cut names written in one piece, and which part of a romaji name is the
// family's. It learns from names whose order is sure (kana, separate fields;
// kanji with a space). Rows from first on are settled; earlier ones only teach,
// by their counts.
func Settle(t *Table, names *Names, first int, earlier Counts) {
	c := Count(t, names, first, runtime.GOMAXPROCS(0), func(r *Record) (latin, kanji bool) {
		return r.Flags&FromKana != 0 && r.Family != 0 && r.Given != 0, r.KanjiFamily != 0 && r.KanjiGiven != 0
	})
	c.Add(earlier)
	latin, kanji := counts{c.Family, c.Given}, counts{c.KanjiFamily, c.KanjiGiven}
	var mu sync.Mutex
	var unknown []cutting
	t.Room.Parallel(t.Len()-first, runtime.GOMAXPROCS(0), func(_, from, to int) {
		for i := uint32(first + from); i < uint32(first+to); i++ {
			r := t.At(i)
			if r.KanjiFamily != 0 && r.KanjiGiven == 0 {
				kanji.cut(&names.Kanji, &r.KanjiFamily, &r.KanjiGiven, &mu, &unknown)
			}
			if r.Family == 0 {
				continue
			}
			if r.Given == 0 {
				latin.cut(&names.Latin, &r.Family, &r.Given, &mu, &unknown)
			} else if r.Flags&FromKana == 0 && latin.reversed(r.Family, r.Given) {
				r.Family, r.Given = r.Given, r.Family
			}
		}
	})
	for _, c := range unknown { // words are added when nobody reads
		text := append([]byte(nil), c.words.Text(*c.family)...)
		*c.family, *c.given = c.words.Find(text[:c.at]), c.words.Add(text[c.at:])
	}
}

// cutting is a name to be cut whose given name is in no dictionary.
type cutting struct {
	words         *Words
	family, given *Word
	at            int
}

// reversed reports whether given comes first in a name written a b.
func (c *counts) reversed(a, b Word) bool {
	asWritten := (c.of(c.family, a) + 1) * (c.of(c.given, b) + 1)
	turned := (c.of(c.family, b) + 1) * (c.of(c.given, a) + 1)
	return turned > asWritten
}

// cut cuts a name in one piece where its parts are seen most. A name whose
// family nobody else bears stays whole, as a family name.
func (c *counts) cut(words *Words, family, given *Word, mu *sync.Mutex, unknown *[]cutting) {
	text := words.Text(*family)
	var best uint64
	var f, g Word
	var at int
	for i := range string(text) {
		if i == 0 {
			continue
		}
		first := words.Find(text[:i])
		seen := c.of(c.family, first)
		if seen == 0 {
			continue
		}
		second := words.Find(text[i:])
		if score := seen * (8*c.of(c.given, second) + 1); score > best {
			best, f, g, at = score, first, second, i
		}
	}
	switch {
	case best == 0:
	case g == 0:
		mu.Lock()
		*unknown = append(*unknown, cutting{words, family, given, at})
		mu.Unlock()
	default:
		*family, *given = f, g
	}
}
