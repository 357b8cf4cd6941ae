package record

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"sekisho/internal/person/canon"
)

// Builder turns fields into records. It belongs to one worker; several share
// the dictionaries.
type Builder struct {
	names   *Names
	columns []used
	source  uint16
	salt    uint64
	seed    maphash.Seed
	cache   []cached
	towns   []head
	buf     []byte
	part    []byte
	address []byte
}

// Names are the dictionaries of a table.
type Names struct {
	Latin Words // romaji
	Kanji Words
	Towns Words
	// Companies are their canonical names.
	Companies Words
}

// All returns the dictionaries in an order that does not change.
func (n *Names) All() [4]*Words { return [4]*Words{&n.Latin, &n.Kanji, &n.Towns, &n.Companies} }

// used is a column that says something.
type used struct {
	at int
	is Column
}

// cached remembers what a part of a name became: names repeat, so most are
// worked out once a worker.
type cached struct {
	key    uint64
	word   Word
	script canon.Script
}

// head remembers what the beginning of an address became.
type head struct {
	key, hash uint64 // of the bytes, and of the town
	town      Word
	usable    bool
	flags     Flags
	size      uint8
	numbers   [9]byte
}

// A worker's memory has 2^cacheBits names, two to a place, and 2^townBits
// heads: four megabytes each. A quarter of that missed often enough to cost a
// fifth of all reading (8 million records).
const (
	cacheBits = 18
	townBits  = 17
)

// NewBuilder returns a builder for rows of a source with these columns. The
// source's name salts the content hash, so that rows of two sources differ.
func NewBuilder(names *Names, columns []Column, source uint16, sourceName string) *Builder {
	b := &Builder{names: names, source: source, salt: xxhash.Sum64String(sourceName), seed: maphash.MakeSeed(), cache: Large[cached](1 << cacheBits), towns: Large[head](1 << townBits)}
	for i, c := range columns {
		if c != Ignored && c != Key {
			b.columns = append(b.columns, used{i, c})
		}
	}
	return b
}

// Build fills r from a row: its fields, and its text as a whole.
func (b *Builder) Build(r *Record, row []byte, fields [][]byte) {
	*r = Record{Flags: Alive, Source: b.source, Content: (b.salt ^ xxhash.Sum64(row)) * 0x9E3779B97F4A7C15}
	var family, given, kanaFamily, kanaGiven, latinFamily, latinGiven []byte
	b.address = b.address[:0]
	extra := 0
	for _, c := range b.columns {
		f := fields[c.at]
		if len(f) == 0 {
			continue
		}
		switch c.is {
		case Name, Kana, Romaji:
			b.name(r, f)
		case Family:
			family = f
		case Given:
			given = f
		case KanaFamily:
			kanaFamily = f
		case KanaGiven:
			kanaGiven = f
		case RomajiFamily:
			latinFamily = f
		case RomajiGiven:
			latinGiven = f
		case Sex:
			r.Sex = canon.ParseSex(f)
		case Birth:
			r.Birth = canon.Date(f)
		case Email:
			if r.Email == 0 {
				b.email(r, f)
			}
		case Phone:
			if r.Phone == 0 {
				r.Phone = canon.Phone(f)
			}
		case Postal:
			r.Postal = canon.Postal(f)
		case Address:
			if len(b.address) > 0 {
				b.address = append(b.address, ' ')
			}
			b.address = append(b.address, f...)
		case Passport:
			if r.Document == 0 {
				r.Document = canon.Document(f)
			}
		case Issued:
			r.Issued = canon.Date(f)
		case Company:
			b.buf = canon.Company(b.buf[:0], f)
			r.Company = b.names.Companies.Add(b.buf)
		case Extra:
			b.buf = canon.Company(b.buf[:0], f)
			if extra < len(r.Extra) {
				r.Extra[extra] = hash32(b.buf)
				extra++
			}
		}
	}
	b.pair(r, family, given)
	b.pair(r, kanaFamily, kanaGiven)
	b.pair(r, latinFamily, latinGiven)
	if len(b.address) > 0 {
		b.place(r)
	}
}

func hash32(s []byte) uint32 {
	if len(s) == 0 {
		return 0
	}
	return uint32(xxhash.Sum64(s)>>32) | 1
}

func (b *Builder) email(r *Record, f []byte) {
	b.buf = canon.Email(b.buf[:0], f)
	if len(b.buf) > 0 {
		r.Email = xxhash.Sum64(b.buf) | 1
		r.Local = hash32(canon.Local(b.buf))
	}
}

func (b *Builder) place(r *Record) {
	if end := canon.HeadEnd(b.address); end > 0 {
		if h := b.head(b.address[:end]); h.usable {
			var ok bool
			if b.buf, ok = canon.Tail(append(b.buf[:0], h.numbers[:h.size]...), b.address[end:]); ok {
				r.Town, r.Flags, r.Street = h.town, r.Flags|h.flags, street(h.hash, b.buf)
				return
			}
		}
	}
	var p canon.Place
	b.buf, p = canon.Address(b.buf[:0], b.address)
	if p.Exact() {
		r.Street = street(xxhash.Sum64(p.Town), p.Numbers())
	}
	if len(p.Town) > 0 {
		r.Town = b.names.Towns.Add(p.Town)
		r.Flags |= letters(p.Town)
	}
}

// street is the hash of an address: of its town's hash and its numbers.
func street(town uint64, numbers []byte) uint64 {
	return (town*0x9E3779B97F4A7C15 ^ xxhash.Sum64(numbers)) | 1
}

func letters(town []byte) Flags {
	if town[0] < utf8.RuneSelf {
		return LatinPlace
	}
	return 0
}

// head works the beginning of an address out.
func (b *Builder) head(s []byte) *head {
	key := maphash.Bytes(b.seed, s)
	h := &b.towns[key>>(64-townBits)]
	if h.key == key {
		return h
	}
	*h = head{key: key}
	town, numbers, ok := canon.Head(b.buf[:0], s)
	if ok && len(town) > 0 && len(numbers) <= len(h.numbers) {
		h.usable, h.hash, h.town, h.flags = true, xxhash.Sum64(town), b.names.Towns.Add(town), letters(town)
		h.size = uint8(copy(h.numbers[:], numbers))
	}
	return h
}

// name takes a whole name in any script, cut at its first space.
func (b *Builder) name(r *Record, f []byte) {
	if c := f[0]; c == ' ' || c == 0xE3 {
		f = bytes.TrimLeft(f, " \u3000")
	}
	first, rest := f, []byte(nil)
	if i, n := space(f); i >= 0 {
		first, rest = f[:i], f[i+n:]
		if n := len(rest); n > 0 && (rest[0] == ' ' || rest[0] == 0xE3 || rest[n-1] == ' ' || rest[n-1] == 0x80) {
			rest = bytes.Trim(rest, " \u3000")
		}
	}
	a := b.word(first)
	if len(rest) == 0 {
		b.take(r, a.script, a.word, 0, false)
		return
	}
	g := b.word(rest)
	b.level(&a, &g, first, rest)
	b.take(r, min(a.script, g.script), a.word, g.word, false)
}

// level gives both parts of a name words of one table: a family name in kanji
// with a given name in kana (山田 さくら) is a name in kanji.
func (b *Builder) level(a, g *cached, family, given []byte) {
	switch {
	case a.script == canon.Kanji && g.script > canon.Kanji:
		*g = b.asKanji(given)
	case g.script == canon.Kanji && a.script > canon.Kanji:
		*a = b.asKanji(family)
	}
}

func (b *Builder) asKanji(f []byte) cached {
	b.buf = canon.Name(b.buf[:0], f)
	return cached{script: canon.Kanji, word: b.names.Kanji.Add(unspaced(b.buf))}
}

// space finds the first blank and its length.
func space(f []byte) (i, n int) {
	for i, c := range f {
		if c == ' ' || c == '\t' {
			return i, 1
		}
		if c == 0xE3 && i+2 < len(f) && f[i+1] == 0x80 && f[i+2] == 0x80 {
			return i, 3
		}
	}
	return -1, 0
}

// pair takes a name in two fields, whose order is sure.
func (b *Builder) pair(r *Record, family, given []byte) {
	if len(family) == 0 && len(given) == 0 {
		return
	}
	var a, g cached
	script := canon.None
	if len(family) > 0 {
		a = b.word(family)
		script = a.script
	}
	if len(given) > 0 {
		if g = b.word(given); script == canon.None {
			script = g.script
		}
		b.level(&a, &g, family, given)
		script = min(script, g.script)
	}
	b.take(r, script, a.word, g.word, true)
}

// take keeps a name. Kana comes before romaji, whose order is not sure.
func (b *Builder) take(r *Record, script canon.Script, family, given Word, sure bool) {
	switch script {
	case canon.Kanji:
		if r.KanjiFamily == 0 && r.KanjiGiven == 0 {
			r.KanjiFamily, r.KanjiGiven = family, given
		}
	case canon.KanaOnly:
		r.Family, r.Given = family, given
		r.Flags |= FromKana
	case canon.Latin:
		if r.Flags&FromKana == 0 {
			r.Family, r.Given = family, given
			if sure {
				r.Flags |= FromKana
			}
		}
	}
}

// word works a part of a name out.
func (b *Builder) word(f []byte) cached {
	key := maphash.Bytes(b.seed, f)
	place := key >> (64 - cacheBits) &^ 1
	c, second := &b.cache[place], &b.cache[place+1]
	if c.key == key {
		return *c
	}
	if second.key == key {
		return *second
	}
	*second = *c
	*c = cached{key: key, script: canon.ScriptOf(f)}
	switch c.script {
	case canon.Kanji:
		b.buf = canon.Name(b.buf[:0], f)
		c.word = b.names.Kanji.Add(unspaced(b.buf))
	case canon.KanaOnly:
		b.part = canon.Kana(b.part[:0], f)
		b.buf = canon.KanaRomaji(b.buf[:0], b.part)
		c.word = b.names.Latin.Add(unspaced(b.buf))
	case canon.Latin:
		b.buf = canon.Romaji(b.buf[:0], f)
		c.word = b.names.Latin.Add(unspaced(b.buf))
	}
	return *c
}

// unspaced takes spaces out, in place.
func unspaced(s []byte) []byte {
	out := s[:0]
	for _, c := range s {
		if c != ' ' {
			out = append(out, c)
		}
	}
	return out
}
