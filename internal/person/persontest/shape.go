package persontest

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Shape is what one table of customers holds. The zero value holds names in
// kanji and nothing else, and nobody twice.
type Shape struct {
	Script                     string // of names: "kanji", "kana", "romaji" or "both" (kanji and kana)
	Birth, Mail, Phone, Street bool
	// Again is the share of persons that are in the table twice.
	Again float64
	// Lost is how often a second record lacks each of mail and phone.
	Lost float64
	// LostOnce is how often the record of a person who is in the table once
	// lacks them.
	LostOnce float64
	// Bare is how often any record, first or second, holds its name alone.
	Bare float64
	// Slips is how often a record has a wrong letter in its name or a wrong day
	// of birth.
	Slips float64
	// Families share a house, a telephone and a name; otherwise everybody lives
	// alone.
	Families bool
	// Twins makes everybody a twin: they share the birth date, the mail address
	// and the telephone too.
	Twins bool
}

// Table makes the records of that many persons in one table of a shape.
func Table(s Shape, persons int, seed uint64) Site {
	w := &world{r: rand.New(rand.NewPCG(seed, 0x736861)), company: 1}
	var people []*somebody
	for len(people) < persons {
		n := 1
		if s.Families {
			n = min(w.size(), persons-len(people))
		}
		if s.Twins {
			n = min(2, persons-len(people))
		}
		list := w.family(n)
		if s.Twins {
			makeTwins(list)
		}
		people = append(people, list...)
	}
	var rows [][]string
	var who []int
	for _, p := range people {
		again := w.chance(s.Again)
		first := s.LostOnce
		if again {
			first = 0
			rows, who = append(rows, w.plain(s, p, s.Lost)), append(who, p.number)
		}
		rows, who = append(rows, w.plain(s, p, first)), append(who, p.number)
	}
	site := Site{Name: "table"}
	var text strings.Builder
	out := csv.NewWriter(&text)
	_ = out.Write(s.heading()) // a Builder does not fail
	for n, k := range w.r.Perm(len(rows)) {
		_ = out.Write(append([]string{fmt.Sprintf("T%06d", n)}, rows[k]...))
		site.Person = append(site.Person, who[k])
	}
	out.Flush()
	site.Text = []byte(text.String())
	return site
}

// makeTwins makes twins of two people of a house.
func makeTwins(list []*somebody) {
	if len(list) == 2 {
		a, b := list[0], list[1]
		b.year, b.month, b.day, b.mails, b.mobile, b.maiden, a.maiden = a.year, a.month, a.day, a.mails, a.mobile, a.family, a.family
	}
}

func (s Shape) heading() []string {
	h := []string{"会員番号"}
	switch s.Script {
	case "kana":
		h = append(h, "カナ氏名")
	case "romaji":
		h = append(h, "full_name")
	case "both":
		h = append(h, "氏名", "カナ氏名")
	default:
		h = append(h, "氏名")
	}
	for _, c := range []struct {
		has  bool
		name []string
	}{{s.Birth, []string{"生年月日"}}, {s.Mail, []string{"メールアドレス"}}, {s.Phone, []string{"電話番号"}}, {s.Street, []string{"郵便番号", "住所"}}} {
		if c.has {
			h = append(h, c.name...)
		}
	}
	return h
}

// plain writes a record of p that lacks each of mail and phone with that chance.
func (w *world) plain(s Shape, p *somebody, lost float64) []string {
	given, birth := p.given.kana, *p
	if w.chance(s.Slips) {
		if k := []rune(given); w.chance(0.5) && len(k) > 2 {
			k[w.r.IntN(len(k))] = []rune("カサタナハマラ")[w.r.IntN(7)]
			given = string(k)
		} else {
			birth.day = 1 + w.r.IntN(28)
		}
	}
	var row []string
	switch s.Script {
	case "kana":
		row = []string{p.family.kana + " " + given}
	case "romaji":
		row = []string{strings.ToUpper(w.romaji(p.family.kana, 1) + " " + w.romaji(given, 1))}
	case "both":
		row = []string{p.family.kanji + " " + p.given.kanji, p.family.kana + " " + given}
	default:
		row = []string{p.family.kanji + " " + p.given.kanji}
	}
	bare := w.chance(s.Bare)
	field := func(has bool, lost float64, values ...string) {
		if !has {
			return
		}
		if bare || w.chance(lost) {
			values = make([]string, len(values))
		}
		row = append(row, values...)
	}
	field(s.Birth, 0, fmt.Sprintf("%04d-%02d-%02d", birth.year, birth.month, birth.day))
	field(s.Mail, lost, p.mails[0])
	field(s.Phone, lost, p.mobile)
	h := p.house
	field(s.Street, 0, fmt.Sprintf("%03d-%04d", h.postal/10000, h.postal%10000), h.prefecture+w.street(h))
	return row
}
