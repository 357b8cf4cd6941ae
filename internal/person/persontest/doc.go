// Package persontest makes the customer records of a travel company that never
// existed, with the truth about who is who: the story of 7.93 million records
// that were 6,788,443 people, at any size.
//
// It is for tests alone and shares nothing with the packages it tests: its
// names, its kana, its ways of writing romaji, dates and addresses are its own.
// Everybody in it is invented.
package persontest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The story: what the company announced first, and ten days later.
const (
	StoryRecords = 7_930_000
	StoryPersons = 6_788_443
)

// Site is one source of records.
type Site struct {
	Name   string
	Text   []byte // the file
	Person []int  // who each row is
}

// Story makes the records of about that many persons, in the proportion of the
// story. The same seed makes the same records.
func Story(persons int, seed uint64) []Site {
	w := &world{r: rand.New(rand.NewPCG(seed, 0x6a7462)), company: max(3, persons/2500)}
	for i := range w.sites {
		w.sites[i].rows = []string{headings[i]}
	}
	for w.persons < persons {
		w.household(min(w.size(), persons-w.persons))
	}
	var out []Site
	for i, s := range w.sites {
		order := w.r.Perm(len(s.rows) - 1)
		var text strings.Builder
		text.WriteString(s.rows[0] + "\n")
		site := Site{Name: siteNames[i]}
		for n, k := range order {
			text.WriteString(strings.Replace(s.rows[k+1], "%KEY%", fmt.Sprintf("%s%06d", strings.ToUpper(siteNames[i][:1]), n), 1) + "\n")
			site.Person = append(site.Person, s.person[k])
		}
		site.Text = encode(i, text.String())
		out = append(out, site)
	}
	return out
}

var siteNames = [...]string{"members", "web", "overseas", "partner", "corporate"}

var headings = [...]string{
	"会員番号,姓,名,セイ,メイ,性別,生年月日,メールアドレス,郵便番号,都道府県,住所,電話番号",
	"予約番号,お名前,フリガナ,生年月日,Eメール,携帯電話番号",
	"booking_id\tfull_name\tgender\tdate_of_birth\temail\tpassport_no\tissue_date\tmobile",
	"顧客コード,氏名,カナ氏名,誕生日,連絡先電話番号,〒,ご住所",
	"管理番号,会社名,旅行者名,カナ,担当メール,電話",
}

// world makes people one household after another.
type world struct {
	r       *rand.Rand
	persons int
	company int
	sites   [len(siteNames)]struct {
		rows   []string
		person []int
	}
}

// somebody is one person.
type somebody struct {
	number                int
	family, given         name
	maiden                name
	male                  bool
	year, month, day      int
	mails                 [2]string
	mobile, home          string
	house, before         house
	passport, issued      string
	oldPassport, oldIssue string
}

func (w *world) chance(p float64) bool { return w.r.Float64() < p }

func (w *world) size() int {
	switch x := w.r.Float64(); {
	case x < 0.42:
		return 1
	case x < 0.68:
		return 2
	case x < 0.84:
		return 3
	case x < 0.96:
		return 4
	}
	return 5
}

// household makes people who share a house, and writes their records.
func (w *world) household(n int) {
	for _, p := range w.family(n) {
		for range w.visits() {
			w.visit(p)
		}
	}
}

// family makes people who share a house, a telephone and often a name.
func (w *world) family(n int) []*somebody {
	family, h, home := w.surname(), w.house(), w.landline()
	elder := 1935 + w.r.IntN(60)
	var people []*somebody
	for i := range n {
		p := &somebody{number: w.persons, family: family, maiden: family, house: h, before: h, home: home, male: w.chance(0.5)}
		w.persons++
		p.year, p.month, p.day = elder+w.r.IntN(9)-4, 1+w.r.IntN(12), 1+w.r.IntN(28)
		if i > 1 {
			p.year = min(2022, elder+22+w.r.IntN(15))
			if i > 2 && w.chance(0.02) { // twins
				p.year, p.month, p.day = people[i-1].year, people[i-1].month, people[i-1].day
			}
		}
		for taken := true; taken; {
			p.given, taken = w.given(p.male), false
			for _, other := range people {
				taken = taken || other.given.kana == p.given.kana
			}
		}
		p.mobile = fmt.Sprintf("0%d0%04d%04d", 7+w.r.IntN(3), w.r.IntN(10000), w.r.IntN(10000))
		p.mails = [2]string{w.mail(p), w.mail(p)}
		if i > 0 && p.year > 2009 || i == 1 && w.chance(0.12) {
			p.mails = people[0].mails
			p.mobile = people[0].mobile
		}
		if !p.male && i == 1 && w.chance(0.4) {
			p.maiden = w.surname()
		}
		if w.chance(0.2) {
			p.before = w.house()
		}
		p.passport, p.issued = w.passport()
		p.oldPassport, p.oldIssue = w.passport()
		people = append(people, p)
	}
	return people
}

// visits is how often a person is in the records: 1.168 times in the mean,
// as in the story.
func (w *world) visits() int {
	n := 1
	for n < 7 && w.chance([...]float64{0.131, 0.22, 0.3, 0.3, 0.3, 0.3}[n-1]) {
		n++
	}
	return n
}

// visit writes one record of p at one of the sites.
func (w *world) visit(p *somebody) {
	site := 0
	for x := w.r.Float64(); site < 4; site++ {
		if x -= [...]float64{0.40, 0.27, 0.12, 0.17}[site]; x < 0 {
			break
		}
	}
	s := &w.sites[site]
	s.rows = append(s.rows, w.row(site, p))
	s.person = append(s.person, p.number)
}
