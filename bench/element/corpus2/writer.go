// Package corpus2 writes a second corpus with invented personal data: other templates,
// other near-misses, names and check digits of its own. It shares no code with package
// corpus nor with the engine, so that rules made for one are seen on the other.
//
// Nobody in it exists: names are put together at random, mail addresses end in
// reserved domains (RFC 2606), card numbers have random digits behind a range of a
// brand.
package corpus2

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Mark is a piece of personal data in a text: the element's name and its bytes.
type Mark struct {
	Element    string
	Start, End int
}

// Document is a text of one kind with its marks.
type Document struct {
	Kind  string
	Text  []byte
	Marks []Mark
}

// Sheet is a table with a header, and each column's element, "" for none.
type Sheet struct {
	Header, Elements []string
	Rows             [][]string
}

// Author writes documents. The same seed writes the same ones.
type Author struct {
	rnd *rand.Rand
	out strings.Builder
	at  []Mark
}

// NewAuthor returns an author.
func NewAuthor(seed uint64) *Author {
	return &Author{rnd: rand.New(rand.NewPCG(seed, 0x5EC0D))}
}

// writef writes a template whose verbs are filled in order: strings as they are,
// personal data ({element value}) with a mark.
func (a *Author) writef(parts ...any) {
	for _, p := range parts {
		switch v := p.(type) {
		case datum:
			from := a.out.Len()
			a.out.WriteString(v.value)
			a.at = append(a.at, Mark{v.element, from, a.out.Len()})
		default:
			fmt.Fprint(&a.out, v)
		}
	}
}

// datum is a value of somebody's.
type datum struct{ element, value string }

func (a *Author) end(kind string) Document {
	d := Document{kind, []byte(a.out.String()), a.at}
	a.out.Reset()
	a.at = nil
	return d
}

func (a *Author) n(below int) int { return a.rnd.IntN(below) }

func (a *Author) one(list []string) string { return list[a.n(len(list))] }

func (a *Author) or(list ...string) string { return a.one(list) }

// figures returns count random digits, the first not zero.
func (a *Author) figures(count int) string {
	var b strings.Builder
	for i := range count {
		if i == 0 {
			b.WriteByte(byte('1' + a.n(9)))
		} else {
			b.WriteByte(byte('0' + a.n(10)))
		}
	}
	return b.String()
}

func (a *Author) signs(alphabet string, count int) string {
	var b strings.Builder
	for range count {
		b.WriteByte(alphabet[a.n(len(alphabet))])
	}
	return b.String()
}

// Documents writes about size bytes of every kind of document.
func (a *Author) Documents(size int) []Document {
	var all []Document
	for _, k := range kinds {
		for a.out.Len() < size {
			k.write(a)
			if a.n(3) == 0 {
				a.trap()
			}
		}
		all = append(all, a.end(k.name))
	}
	return all
}

var kinds = []struct {
	name  string
	write func(*Author)
}{
	{"hotel", (*Author).hotel}, {"airline", (*Author).airline}, {"call centre", (*Author).call}, {"order mail", (*Author).orderMail},
	{"JSON", (*Author).json}, {"application log", (*Author).appLog}, {"notes", (*Author).notes},
}
