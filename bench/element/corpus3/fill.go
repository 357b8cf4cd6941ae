// Package corpus3 writes a third corpus with invented personal data: forms of offices and
// clinics, chats, tickets, contact cards, parcels, requests, statements, settings, pages,
// minutes, payment messages, with what looks like personal data and is none between. It
// shares no code with the other two nor with the engine: its documents are templates whose
// blanks are filled.
//
// Nobody in it exists: names are put together at random, mail addresses end in reserved
// domains (RFC 2606), card numbers have random digits behind a range of a brand.
package corpus3

import (
	"math/rand/v2"
	"strings"
)

// Piece is somebody's data in a text: the element's name, and its bytes.
type Piece struct {
	Element  string
	From, To int
}

// Paper is a text of one kind.
type Paper struct {
	Kind   string
	Text   []byte
	Pieces []Piece
}

// List is a table; Elements are those of its columns, "" for none.
type List struct {
	Header, Elements []string
	Rows             [][]string
}

// Clerk fills in templates. The same seed fills in the same.
type Clerk struct {
	r    *rand.Rand
	text strings.Builder
	at   []Piece
	same map[string]string // blanks that return within one template
}

// NewClerk returns a clerk.
func NewClerk(seed uint64) *Clerk {
	return &Clerk{r: rand.New(rand.NewPCG(seed, 0x7417D)), same: map[string]string{}}
}

// fill writes a template. {x} is a blank that blanks knows, {=x} one whose value is the
// same in the whole template, {a|b|c} a choice of words. A backslash keeps a brace.
func (c *Clerk) fill(template string) {
	clear(c.same)
	for template != "" {
		i := strings.IndexAny(template, `{\`)
		if i < 0 {
			c.text.WriteString(template)
			return
		}
		c.text.WriteString(template[:i])
		if template[i] == '\\' {
			c.text.WriteByte(template[i+1])
			template = template[i+2:]
			continue
		}
		end := i + strings.IndexByte(template[i:], '}')
		c.blank(template[i+1 : end])
		template = template[end+1:]
	}
}

func (c *Clerk) blank(name string) {
	if words := strings.Split(name, "|"); len(words) > 1 {
		c.text.WriteString(c.pick(words))
		return
	}
	key, again := strings.CutPrefix(name, "=")
	b, ok := blanks[key]
	if !ok {
		panic("corpus3: no blank " + key)
	}
	value := c.same[key]
	if !again || value == "" {
		value = b.value(c)
		c.same[key] = value
	}
	from := c.text.Len()
	c.text.WriteString(value)
	if b.element != "" {
		c.at = append(c.at, Piece{b.element, from, c.text.Len()})
	}
}

func (c *Clerk) below(n int) int { return c.r.IntN(n) }

func (c *Clerk) pick(list []string) string { return list[c.r.IntN(len(list))] }

// of returns count signs of an alphabet, the first not '0'.
func (c *Clerk) of(alphabet string, count int) string {
	b := make([]byte, count)
	for i := range b {
		b[i] = alphabet[c.r.IntN(len(alphabet))]
		for i == 0 && b[0] == '0' {
			b[0] = alphabet[c.r.IntN(len(alphabet))]
		}
	}
	return string(b)
}

func (c *Clerk) digits(n int) string { return c.of("0123456789", n) }

// Papers writes about size bytes of each kind; every third piece is nobody's.
func (c *Clerk) Papers(size int) (all []Paper) {
	for _, k := range kinds {
		for c.text.Len() < size {
			c.fill(c.pick(k.templates))
			if c.below(3) == 0 {
				c.fill(c.pick(nobodys))
			}
		}
		all = append(all, Paper{k.name, []byte(c.text.String()), c.at})
		c.text.Reset()
		c.at = nil
	}
	return all
}

// Lists writes tables.
func (c *Clerk) Lists(rows int) (all []List) {
	for _, columns := range lists {
		var l List
		for _, column := range columns {
			l.Header = append(l.Header, column.header)
			l.Elements = append(l.Elements, blanks[column.blank].element)
		}
		for range rows {
			row := make([]string, 0, len(columns))
			for _, column := range columns {
				row = append(row, blanks[column.blank].value(c))
			}
			l.Rows = append(l.Rows, row)
		}
		all = append(all, l)
	}
	return all
}
