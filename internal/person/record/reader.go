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
	columns []used // all but names and addresses
	named   []used // those
	source  uint16
	salt    uint64
	seed    maphash.Seed
	cache   []cached
	towns   []head
	buf     []byte
	kana    []byte
	waiting [rowsAtOnce]waiting
	rows    int      // of waiting
	places  []uint32 // of their names in cache
	touched uint64
}

// waiting is a row whose names and address are not worked out yet.
type waiting struct {
	record  *Record
	text    []byte // of its names
	whole   []whole
	pairs   [3][2]part // of two fields: kanji, kana, romaji; family first
	address []byte
	head    beginning
}

// rowsAtOnce is how many rows wait for memory together.
const rowsAtOnce = 8

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

// part is a part of a name, and where its memory is.
type part struct {
	text []byte
	key  uint64
}

// whole is a name in one field; given has no text when nothing cuts it.
type whole struct{ family, given part }

// head remembers what the beginning of an address became.
type head struct {
	key, hash uint64 // of the bytes, and of the town
	town      Word
	usable    bool
	flags     Flags
	size      uint8
	numbers   [9]byte
}

// A worker's memory has 2^cacheBits names and 2^townBits heads, two to a place:
// four and eight megabytes. A quarter of that missed often enough to cost a
// fifth of all reading (8 million records).
const (
	cacheBits = 18
	townBits  = 18
)

// NewBuilder returns a builder for rows of a source with these columns. The
// source's name salts the content hash, so that rows of two sources differ.
func NewBuilder(names *Names, columns []Column, source uint16, sourceName string) *Builder {
	b := &Builder{names: names, source: source, salt: xxhash.Sum64String(sourceName), seed: maphash.MakeSeed(), cache: Large[cached](1 << cacheBits), towns: Large[head](1 << townBits)}
	for i, c := range columns {
		switch {
		case c == Ignored || c == Key:
		case c >= Name && c <= RomajiGiven || c == Address:
			b.named = append(b.named, used{i, c})
		default:
			b.columns = append(b.columns, used{i, c})
		}
	}
	return b
}

// Build fills r from a row, its fields and its text as a whole, once Flush was
// called. It keeps neither row nor fields.
//
// Nearly all that a row waits for is memory: what the parts of its names and the
// head of its address became. So some rows wait together: all of that is asked for
// before any is used.
func (b *Builder) Build(r *Record, row []byte, fields [][]byte) {
	*r = Record{Flags: Alive, Source: b.source, Content: (b.salt ^ xxhash.Sum64(row)) * 0x9E3779B97F4A7C15}
	w := &b.waiting[b.rows]
	w.record, w.text, w.whole, w.pairs, w.address = r, w.text[:0], w.whole[:0], [3][2]part{}, w.address[:0]
	for _, c := range b.named {
		f := fields[c.at]
		if len(f) == 0 {
			continue
		}
		switch c.is {
		case Name, Kana, Romaji:
			w.whole = append(w.whole, b.split(w, f))
		case Family:
			w.pairs[0][0] = b.part(w, f)
		case Given:
			w.pairs[0][1] = b.part(w, f)
		case KanaFamily:
			w.pairs[1][0] = b.part(w, f)
		case KanaGiven:
			w.pairs[1][1] = b.part(w, f)
		case RomajiFamily:
			w.pairs[2][0] = b.part(w, f)
		case RomajiGiven:
			w.pairs[2][1] = b.part(w, f)
		case Address:
			if len(w.address) > 0 {
				w.address = append(w.address, ' ')
			}
			w.address = append(w.address, f...)
		}
	}
	w.head = b.beginning(w.address)
	b.rest(r, fields)
	if b.rows++; b.rows == len(b.waiting) {
		b.Flush()
	}
}

// Flush finishes the rows that wait.
func (b *Builder) Flush() {
	b.touch()
	for i := range b.waiting[:b.rows] {
		w := &b.waiting[i]
		for k := range w.whole {
			b.name(w.record, &w.whole[k])
		}
		for _, p := range w.pairs {
			b.pair(w.record, p[0], p[1])
		}
		if len(w.address) > 0 {
			b.place(w.record, w.address, w.head)
		}
	}
	b.rows = 0
}

// rest fills what is no name and no address.
func (b *Builder) rest(r *Record, fields [][]byte) {
	extra := 0
	for _, c := range b.columns {
		f := fields[c.at]
		if len(f) == 0 {
			continue
		}
		switch c.is {
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
}

// part returns a part of a name.
func (b *Builder) part(w *waiting, f []byte) part {
	key := maphash.Bytes(b.seed, f)
	b.places = append(b.places, uint32(key>>(64-cacheBits)&^1))
	start := len(w.text)
	w.text = append(w.text, f...)
	return part{w.text[start:], key}
}

// touch asks for the memory of the names and addresses of the rows that wait: for
// all of it in a few instructions, so that the processor waits for all of it at
// once.
func (b *Builder) touch() {
	sum := uint64(0)
	for _, p := range b.places {
		sum += b.cache[p].key
	}
	for i := range b.waiting[:b.rows] {
		sum += b.towns[b.waiting[i].head.key>>(64-townBits)&^1].key
	}
	b.touched += sum
	b.places = b.places[:0]
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

// beginning is the head of an address, and where its memory is.
type beginning struct {
	text []byte // without prefecture; empty when there is none
	end  int    // in the address
	key  uint64
}

// beginning returns that of an address.
func (b *Builder) beginning(address []byte) (a beginning) {
	if len(address) == 0 {
		return a
	}
	if a.end = canon.HeadEnd(address); a.end > 0 {
		a.text = canon.WithoutPrefecture(address[:a.end])
		a.key = maphash.Bytes(b.seed, a.text)
	}
	return a
}

func (b *Builder) place(r *Record, address []byte, a beginning) {
	if len(a.text) > 0 {
		if h := b.head(a); h.usable {
			var ok bool
			if b.buf, ok = canon.Tail(append(b.buf[:0], h.numbers[:h.size]...), address[a.end:]); ok {
				r.Town, r.Flags, r.Street = h.town, r.Flags|h.flags, street(h.hash, b.buf)
				return
			}
		}
	}
	var p canon.Place
	b.buf, p = canon.Address(b.buf[:0], address)
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
func (b *Builder) head(a beginning) *head {
	place := a.key >> (64 - townBits) &^ 1
	h, second := &b.towns[place], &b.towns[place+1]
	if h.key == a.key {
		return h
	}
	if second.key == a.key {
		return second
	}
	*second = *h
	*h = head{key: a.key}
	town, numbers, ok := canon.Head(b.buf[:0], a.text)
	if ok && len(town) > 0 && len(numbers) <= len(h.numbers) {
		h.usable, h.hash, h.town, h.flags = true, xxhash.Sum64(town), b.names.Towns.Add(town), letters(town)
		h.size = uint8(copy(h.numbers[:], numbers))
	}
	return h
}

// split cuts a whole name in any script at its first space.
func (b *Builder) split(row *waiting, f []byte) (w whole) {
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
	w.family = b.part(row, first)
	if len(rest) > 0 {
		w.given = b.part(row, rest)
	}
	return w
}

// name takes a whole name.
func (b *Builder) name(r *Record, w *whole) {
	a := b.word(w.family)
	if len(w.given.text) == 0 {
		b.take(r, a.script, a.word, 0, false)
		return
	}
	g := b.word(w.given)
	b.level(&a, &g, w.family.text, w.given.text)
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
func (b *Builder) pair(r *Record, family, given part) {
	if len(family.text) == 0 && len(given.text) == 0 {
		return
	}
	var a, g cached
	script := canon.None
	if len(family.text) > 0 {
		a = b.word(family)
		script = a.script
	}
	if len(given.text) > 0 {
		if g = b.word(given); script == canon.None {
			script = g.script
		}
		b.level(&a, &g, family.text, given.text)
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
func (b *Builder) word(p part) cached {
	key, f := p.key, p.text
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
		b.kana = canon.Kana(b.kana[:0], f)
		b.buf = canon.KanaRomaji(b.buf[:0], b.kana)
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
