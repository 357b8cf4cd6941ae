// Package corpus writes texts with invented personal data and near-misses, and
// says where the personal data is.
//
// It is not part of the engine and shares no code with it: its check digits,
// spellings and forms are its own, so that a mistake of the engine is not
// repeated here. No number belongs to a person: card numbers have the ranges of
// the brands and random digits.
package corpus

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Span is one piece of personal data in a text.
type Span struct {
	Kind     string // the element's name: "card.pan", "phone", …
	From, To int    // bytes
}

// Text is a text and what is in it.
type Text struct {
	Bytes []byte
	Spans []Span
}

// Maker makes texts. The same seed makes the same texts.
type Maker struct {
	r             *rand.Rand
	family, given []string
	text          Text
}

// New returns a maker. Names is a folder with the lists of person-gen.
func New(seed uint64, names string) (*Maker, error) {
	m := &Maker{r: rand.New(rand.NewPCG(seed, 77))}
	var err error
	if m.family, err = column(filepath.Join(names, "last_name_org.csv"), 0, 1500); err != nil {
		return nil, err
	}
	man, err := column(filepath.Join(names, "first_name_man_opti.csv"), 2, 5000)
	if err != nil {
		return nil, err
	}
	woman, err := column(filepath.Join(names, "first_name_woman_opti.csv"), 2, 5000)
	m.given = append(man, woman...)
	return m, err
}

// column reads a column of a CSV file without quotes.
func column(name string, i, most int) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the name lists: %w", err)
	}
	defer f.Close()
	var out []string
	for s := bufio.NewScanner(f); s.Scan() && len(out) < most; {
		if fields := strings.Split(s.Text(), ","); len(fields) > i {
			out = append(out, fields[i])
		}
	}
	return out, nil
}

// say adds words that are nobody's data.
func (m *Maker) say(format string, args ...any) {
	m.text.Bytes = fmt.Appendf(m.text.Bytes, format, args...)
}

// data adds a value and remembers where it is.
func (m *Maker) data(kind, value string) {
	from := len(m.text.Bytes)
	m.text.Bytes = append(m.text.Bytes, value...)
	m.text.Spans = append(m.text.Spans, Span{kind, from, from + len(value)})
}

// take returns what was written since the last take.
func (m *Maker) take() Text {
	t := m.text
	m.text = Text{}
	return t
}

func pick[T any](m *Maker, of ...T) T { return of[m.r.IntN(len(of))] }

// random returns n random digits.
func (m *Maker) random(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + m.r.IntN(10))
	}
	return string(b)
}

func (m *Maker) letters(of string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = of[m.r.IntN(len(of))]
	}
	return string(b)
}

// mod10 appends the digit that makes the weighted sum end in 0 (ISO/IEC 7812).
func mod10(s string) string {
	sum := 0
	for i := range s {
		v := int(s[len(s)-1-i]) - '0'
		if i%2 == 0 {
			v = v*2/10 + v*2%10
		}
		sum += v
	}
	return s + string(rune('0'+(10-sum%10)%10))
}

// Card returns a card number and how its brand prints the groups.
func (m *Maker) Card() (number string, groups []int) {
	four := []int{4, 4, 4, 4}
	switch m.r.IntN(20) {
	case 0, 1, 2, 3, 4, 5, 6:
		return mod10("4" + m.random(14)), four
	case 7, 8, 9:
		return mod10(fmt.Sprint(51+m.r.IntN(5)) + m.random(13)), four
	case 10, 11:
		return mod10(fmt.Sprint(2221+m.r.IntN(500)) + m.random(11)), four
	case 12, 13, 14:
		return mod10(fmt.Sprint(3528+m.r.IntN(62)) + m.random(11)), four
	case 15:
		return mod10(pick(m, "34", "37") + m.random(12)), []int{4, 6, 5}
	case 16:
		return mod10(pick(m, "300", "305", "360", "368", "380") + m.random(10)), []int{4, 6, 4}
	case 17:
		return mod10(pick(m, "6011", "6440", "6500") + m.random(11)), four
	case 18:
		return mod10("62" + m.random(13)), four
	}
	return mod10("4" + m.random(17)), []int{4, 4, 4, 4, 3}
}

// wide writes ASCII digits and signs in full width.
func wide(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r + 0xFEE0
		}
		return r
	}, s)
}

func group(number string, groups []int, sep string) string {
	var parts []string
	for _, n := range groups {
		parts, number = append(parts, number[:n]), number[n:]
	}
	return strings.Join(parts, sep)
}

// spelling writes a card number as people and programs do.
func (m *Maker) spelling(number string, groups []int) string {
	switch m.r.IntN(16) {
	case 0, 1, 2, 3, 4:
		return number
	case 5, 6:
		return group(number, groups, " ")
	case 7, 8:
		return group(number, groups, "-")
	case 9:
		return wide(number)
	case 10:
		return wide(group(number, groups, pick(m, "-", "ー", "　", "・")))
	case 11:
		return group(number, groups, pick(m, "ー", "－", "　", "・", "‐"))
	case 12:
		return group(number, groups, pick(m, "+", "%20", "%2D"))
	case 13:
		return group(number, groups, pick(m, "&nbsp;", "&#45;", "\\u3000", "\\u30fc"))
	case 14: // mixed by a keyboard that changed its mind
		at := 1 + m.r.IntN(len(number)-1)
		return wide(number[:at]) + number[at:]
	}
	var b strings.Builder
	escape := pick(m, "&#%d;", "\\u00%x", "%%%x")
	for _, c := range number {
		fmt.Fprintf(&b, escape, c)
	}
	return b.String()
}

// Name returns family and given name.
func (m *Maker) Name() (family, given string) {
	// Zipf: common names are common.
	at := int(float64(len(m.family)) * m.r.Float64() * m.r.Float64() * m.r.Float64())
	return m.family[at], pick(m, m.given...)
}
