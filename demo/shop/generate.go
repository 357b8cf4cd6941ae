package shop

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// opened is when the shop took its first customer.
var opened = time.Date(2008, time.September, 28, 0, 0, 0, 0, time.UTC)

// generator holds what has to stay unique, and the last household.
type generator struct {
	r          *rand.Rand
	names      *names
	nextID     int64
	registered time.Time
	pace       int            // largest time between two registrations, minutes
	mails      map[string]int // local parts used so far, by their stem
	passports  map[string]bool
	home       household
	booking    int64
	note       int64
	payment    int64
}

// household is what people who live together share.
type household struct {
	family  family
	place   place
	address string
	phone   string
}

func newGenerator(seed uint64, customers int) *generator {
	minutes := int(Today.Sub(opened).Minutes())
	return &generator{
		r: rand.New(rand.NewPCG(seed, 0x73656b6973686f)), names: parseNames(),
		nextID: 100_000, registered: opened, pace: max(1, 2*minutes/(customers+100)),
		mails: map[string]int{}, passports: map[string]bool{},
		booking: 5_000_000, note: 1, payment: 9_000_000,
	}
}

// chance is true in percent of the draws.
func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

// customer makes the next person: one in eight lives with the one before.
func (g *generator) customer() Customer {
	g.nextID++
	if g.chance(3) { // somebody left the shop: keys have holes
		g.nextID += int64(1 + g.r.IntN(4))
	}
	if g.home.phone == "" || !g.chance(12) {
		g.home = g.newHousehold()
	}
	birth := g.birth()
	sex := "女"
	if g.chance(48) {
		sex = "男"
	}
	name := g.given(sex, birth)
	g.registered = g.registered.Add(time.Duration(g.r.IntN(g.pace)) * time.Minute)
	return Customer{
		ID: g.nextID, Name: g.home.family.kanji + "　" + name.kanji, Kana: g.home.family.kana + "　" + name.kana,
		PostalCode: g.home.place.postal, Prefecture: g.home.place.prefecture, Address: g.home.address,
		Phone: g.home.phone, Email: g.mail(g.home.family.romaji, name.romaji, birth),
		Birth: birth, Sex: sex, Registered: day(g.registered),
		romaji: strings.ToUpper(g.home.family.romaji + " " + name.romaji),
	}
}

func (g *generator) newHousehold() household {
	p := g.names.places.draw(g.r)
	address := fmt.Sprintf("%s%s%d丁目%d-%d", p.city, p.town, 1+g.r.IntN(9), 1+g.r.IntN(30), 1+g.r.IntN(20))
	if g.chance(45) {
		address += fmt.Sprintf(" %s%d号室", buildings[g.r.IntN(len(buildings))], 100*(1+g.r.IntN(12))+1+g.r.IntN(8))
	}
	phone := fmt.Sprintf("0%d0-0%03d-%04d", 7+g.r.IntN(3), g.r.IntN(1000), g.r.IntN(10000))
	return household{g.names.families.draw(g.r), p, address, phone}
}

var buildings = []string{"コーポ白樺", "メゾン大通", "サンハイツ", "グランドパレス", "第二青葉荘", "プラザすすきの", "レジデンス円山"}

// birth draws a day: grown-ups of 18 to 96, most between 30 and 75.
func (g *generator) birth() time.Time {
	age := 52 + int(g.r.NormFloat64()*17)
	age = min(max(age, 18), 96)
	return day(Today.AddDate(-age, 0, -1-g.r.IntN(364)))
}

// given draws a name that was given to children of that sex in that decade.
func (g *generator) given(sex string, birth time.Time) given {
	key := "f"
	if sex == "男" {
		key = "m"
	}
	decade := min(max(birth.Year()/10*10, firstDecade), lastDecade)
	return g.names.givens[key][decade].draw(g.r)
}

var mailDomains = []string{"example.com", "example.net", "example.org", "example.jp", "mail.example.com", "mobile.example.jp"}

// mail makes an address that nobody has yet.
func (g *generator) mail(family, given string, birth time.Time) string {
	var local string
	switch g.r.IntN(4) {
	case 0:
		local = given + "." + family
	case 1:
		local = family + "-" + given[:1]
	case 2:
		local = fmt.Sprintf("%s%02d", given, birth.Year()%100)
	default:
		local = family + "_" + given
	}
	g.mails[local]++
	if n := g.mails[local]; n > 1 {
		local = fmt.Sprintf("%s.%d", local, n)
	}
	return local + "@" + mailDomains[g.r.IntN(len(mailDomains))]
}

// history makes what a customer did: bookings, payments, a passport, notes.
func (g *generator) history(d *Data, c *Customer) {
	abroad := false
	for range g.journeys() {
		b := g.newBooking(c, d.Tours)
		abroad = abroad || d.Tours[b.Tour-1].Abroad
		d.Bookings = append(d.Bookings, b)
		if b.Status == "confirmed" {
			d.Payments = append(d.Payments, g.newPayment(&b, d.Tours[b.Tour-1].Price))
		}
	}
	if abroad {
		d.Passports = append(d.Passports, g.newPassport(c))
	}
	if g.chance(14) {
		d.Notes = append(d.Notes, g.newNote(c))
	}
}

// journeys draws how often somebody travelled: many once, some often, a
// quarter never.
func (g *generator) journeys() int {
	switch x := g.r.IntN(100); {
	case x < 25:
		return 0
	case x < 70:
		return 1
	case x < 90:
		return 2
	}
	return 3 + g.r.IntN(4)
}

func (g *generator) newBooking(c *Customer, tours []Tour) Booking {
	g.booking++
	booked := g.since(c.Registered)
	status := "confirmed"
	if g.chance(6) {
		status = "cancelled"
	}
	return Booking{
		ID: g.booking, Customer: c.ID, Tour: tours[g.r.IntN(len(tours))].ID, Booked: booked,
		Departs: booked.AddDate(0, 0, 14+g.r.IntN(180)), People: 1 + g.r.IntN(4), Status: status,
	}
}

func (g *generator) newPayment(b *Booking, price int) Payment {
	g.payment++
	return Payment{
		ID: g.payment, Customer: b.Customer, Booking: b.ID, On: b.Booked,
		Amount: price * b.People, Token: fmt.Sprintf("psp_%016x", g.r.Uint64()),
	}
}

func (g *generator) newPassport(c *Customer) Passport {
	number := ""
	for number == "" || g.passports[number] {
		number = fmt.Sprintf("%c%c%07d", "MNT"[g.r.IntN(3)], 'A'+rune(g.r.IntN(26)), g.r.IntN(10_000_000))
	}
	g.passports[number] = true
	issued := Today.AddDate(0, 0, -g.r.IntN(3400))
	return Passport{Customer: c.ID, Number: number, Romaji: c.romaji, Issued: issued, Expires: issued.AddDate(10, 0, 0)}
}

var operators = []string{"札幌01", "札幌02", "札幌05", "旭川01", "函館03", "電話A", "電話B"}

// noteTexts are filled with the customer's phone number where they ask for it.
var noteTexts = []string{
	"電話にて日程変更のご相談。来週折り返し。",
	"折り返しのご連絡先: %s",
	"そばアレルギーあり。食事の手配時に必ず確認。",
	"窓側の席をご希望。同行のお母様は車椅子を利用。",
	"パンフレットを郵送済み。ご夫婦での参加を検討中。",
	"前回のツアーにご満足。次回は温泉をご希望。",
	"連絡は夕方以降に %s まで。",
	"結婚三十周年の記念旅行。お祝いの花を手配。",
}

func (g *generator) newNote(c *Customer) Note {
	g.note++
	body := noteTexts[g.r.IntN(len(noteTexts))]
	if strings.Contains(body, "%s") {
		body = fmt.Sprintf(body, c.Phone)
	}
	return Note{
		ID: g.note, Customer: c.ID, On: g.since(c.Registered),
		Operator: operators[g.r.IntN(len(operators))], Body: body,
	}
}

// since draws a day between t and today.
func (g *generator) since(t time.Time) time.Time {
	return t.AddDate(0, 0, g.r.IntN(max(0, int(Today.Sub(t).Hours()/24))+1))
}

// day cuts t to its date.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
