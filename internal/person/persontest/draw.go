package persontest

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Drawn is a set of sources whose shape was drawn too: which columns, which
// scripts, how many people, families or twins or strangers, how often a person
// comes again, how much is missing, wrong and out of date.
type Drawn struct {
	What    string // the shape, for people
	Sites   []Site
	Persons int  // in the records
	Weak    bool // a source names people by less than a name and three other things, or in another script than another
}

// drawing is the shape that was drawn.
type drawing struct {
	*world
	slips, stale, lost float64
	sources            []drawnSource
}

// drawnSource is the shape of one source.
type drawnSource struct {
	script                                          string
	birth, mail, phone, street, sex, passport, firm bool
}

func oneOf[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// Draw draws a set. The same seed draws the same.
func Draw(seed uint64) Drawn {
	r := rand.New(rand.NewPCG(seed, 0x64726177))
	d := &drawing{world: &world{r: r, company: 3}}
	persons := oneOf(r, 40, 200, 800, 800, 2000, 2000)
	people := oneOf(r, "families", "families", "families", "singles", "twins")
	again := oneOf(r, 0.0, 0.05, 0.15, 0.3, 0.3, 0.6, 1)
	d.slips = oneOf(r, 0, 0.005, 0.02, 0.02, 0.08, 0.2)
	d.stale = oneOf(r, 0, 0.05, 0.15, 0.3)
	d.lost = oneOf(r, 0, 0, 0.1, 0.3)
	apart := r.IntN(4) == 0 // the first source holds everybody once, the others hold who comes again
	for range oneOf(r, 1, 1, 2, 2, 3) {
		d.sources = append(d.sources, d.source())
	}
	var out Drawn
	rows := make([][][]string, len(d.sources))
	who := make([][]int, len(d.sources))
	for out.Persons < persons {
		for _, p := range d.people(people, persons-out.Persons) {
			out.Persons++
			visits := 1
			for visits < 6 && d.chance(again/float64(visits)) {
				visits++
			}
			for v := range visits {
				k := r.IntN(len(d.sources))
				if apart && len(d.sources) > 1 {
					k = min(v, len(d.sources)-1)
				}
				rows[k] = append(rows[k], d.visitRow(d.sources[k], p, v > 0))
				who[k] = append(who[k], p.number)
			}
		}
	}
	for k, s := range d.sources {
		out.Sites = append(out.Sites, d.site(fmt.Sprintf("source%d", k+1), s, rows[k], who[k]))
		strong := 0
		for _, has := range []bool{s.birth, s.mail, s.phone, s.street, s.passport} {
			if has {
				strong++
			}
		}
		out.Weak = out.Weak || strong < 3 || s.script == "mixed" || s.script != d.sources[0].script || s.firm
	}
	out.Weak = out.Weak || d.slips > 0.03 || d.lost > 0.1 || persons < 500
	out.What = fmt.Sprintf("%d %s, again %.2f, slips %.3f, stale %.2f, lost %.1f, apart %v, %+v", out.Persons, people, again, d.slips, d.stale, d.lost, apart, d.sources)
	return out
}

func (d *drawing) source() drawnSource {
	c := func(p float64) bool { return d.chance(p) }
	s := drawnSource{script: oneOf(d.r, "kanji", "both", "both", "both", "both", "kana", "romaji", "split", "piece", "mixed"),
		birth: c(0.75), mail: c(0.6), phone: c(0.6), street: c(0.5), sex: c(0.4), passport: c(0.15), firm: c(0.07)}
	if !s.birth && !s.mail && !s.phone && !s.street && !s.passport {
		s.birth = true // names alone say nothing
	}
	return s
}

// people makes a household of the kind that was drawn.
func (d *drawing) people(kind string, most int) []*somebody {
	n := 1
	switch kind {
	case "families":
		n = min(d.size(), most)
	case "twins":
		n = min(2, most)
	}
	list := d.family(n)
	if kind == "twins" {
		makeTwins(list)
	}
	for _, p := range list { // mail addresses of one person share no part
		p.mails[1] = fmt.Sprintf("n%x@post.example.jp", d.r.IntN(1<<30))
	}
	return list
}

// wrong makes an error in some value, now and then.
func (d *drawing) wrong(s string, letters string) string {
	k := []rune(s)
	if len(k) < 2 || !d.chance(d.slips) {
		return s
	}
	i := d.r.IntN(len(k))
	switch d.r.IntN(3) {
	case 0:
		return string(append(k[:i:i], k[i+1:]...))
	case 1:
		if i > 0 {
			k[i-1], k[i] = k[i], k[i-1]
			return string(k)
		}
	}
	k[i] = oneOf(d.r, []rune(letters)...)
	return string(k)
}

const (
	kanaLetters  = "カサタナハマヤラワキシチニヒミリ"
	latinLetters = "aiueokstnhmyrw"
	digitLetters = "0123456789"
)

// visitRow writes one record of p. later records may be out of date.
func (d *drawing) visitRow(s drawnSource, p *somebody, later bool) []string {
	stale := func() bool { return later && d.chance(d.stale) }
	family := p.family
	if stale() {
		family = p.maiden
	}
	row := []string{""}
	if s.firm {
		c := d.r.IntN(d.company)
		row = append(row, fmt.Sprintf("株式会社見本%d", c))
	}
	row = append(row, d.names(s.script, family, p.given)...)
	add := func(has bool, value string, letters string) {
		if !has {
			return
		}
		if d.chance(d.lost) {
			value = ""
		}
		row = append(row, d.wrong(value, letters))
	}
	y, m, day := p.year, p.month, p.day
	if d.chance(d.slips) {
		switch d.r.IntN(3) {
		case 0:
			y += d.r.IntN(5) - 2
		case 1:
			m = 1 + d.r.IntN(12)
		default:
			day = 1 + d.r.IntN(28)
		}
	}
	if s.birth {
		row = append(row, d.pick(fmt.Sprintf("%04d-%02d-%02d", y, m, day), "", d.lost/2))
	}
	mail, phone, h := p.mails[0], p.mobile, p.house
	if stale() {
		mail = p.mails[1]
	}
	if stale() {
		phone = fmt.Sprintf("080%08d", d.r.IntN(1e8))
	}
	if stale() {
		h = p.before
	}
	add(s.mail, mail, latinLetters)
	add(s.phone, phone, digitLetters)
	if s.street {
		row = append(row, d.wrong(fmt.Sprintf("%07d", h.postal), digitLetters), h.prefecture+d.street(h))
	}
	if s.sex {
		row = append(row, map[bool]string{true: "男", false: "女"}[p.male])
	}
	number := p.passport
	if stale() {
		number = p.oldPassport
	}
	add(s.passport, number, digitLetters)
	return row
}

func (d *drawing) names(script string, family, given name) []string {
	fk, gk := d.wrong(family.kana, kanaLetters), d.wrong(given.kana, kanaLetters)
	switch script {
	case "kana":
		return []string{fk + " " + gk}
	case "romaji":
		return []string{strings.ToUpper(d.wrong(d.romaji(family.kana, 1), latinLetters) + " " + d.wrong(d.romaji(given.kana, 1), latinLetters))}
	case "split":
		return []string{family.kanji, given.kanji, fk, gk}
	case "piece":
		return []string{family.kanji + given.kanji, fk + " " + gk}
	case "both":
		return []string{family.kanji + " " + given.kanji, fk + " " + gk}
	case "mixed":
		switch d.r.IntN(3) {
		case 0:
			return []string{d.romaji(given.kana, 1) + " " + strings.ToUpper(d.romaji(family.kana, 1)), ""}
		case 1:
			return []string{family.kanji + given.kanji, ""}
		}
		return []string{family.kanji + " " + given.kanji, fk + " " + gk}
	}
	return []string{family.kanji + " " + given.kanji}
}

func (d *drawing) site(name string, s drawnSource, rows [][]string, who []int) Site {
	head := []string{"会員番号"}
	add := func(has bool, names ...string) {
		if has {
			head = append(head, names...)
		}
	}
	add(s.firm, "会社名")
	switch s.script {
	case "kana":
		add(true, "カナ氏名")
	case "romaji":
		add(true, "full_name")
	case "split":
		add(true, "姓", "名", "セイ", "メイ")
	case "kanji":
		add(true, "氏名")
	default:
		add(true, "氏名", "カナ氏名")
	}
	add(s.birth, "生年月日")
	add(s.mail, "メールアドレス")
	add(s.phone, "電話番号")
	add(s.street, "郵便番号", "住所")
	add(s.sex, "性別")
	add(s.passport, "旅券番号")
	var text strings.Builder
	out := csv.NewWriter(&text)
	_ = out.Write(head) // a Builder does not fail
	site := Site{Name: name}
	for n, k := range d.r.Perm(len(rows)) {
		rows[k][0] = fmt.Sprintf("D%06d", n)
		_ = out.Write(rows[k])
		site.Person = append(site.Person, who[k])
	}
	out.Flush()
	site.Text = []byte(text.String())
	return site
}
