package person

import (
	"math"
	"slices"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/record"
)

// Part is the head count of some of the records: of those whose data left, for
// instance. Records, persons and the interval stand side by side.
type Part struct {
	Records  int `json:"records"`
	Persons  int `json:"persons"` // found, if no review link is accepted
	Low      int `json:"low"`
	Estimate int `json:"estimate"`
	High     int `json:"high"`
	Review   int `json:"review_links"` // between two persons of the part
	// Channels counts persons by the best way to tell them.
	Channels map[Channel]int `json:"channels"`
	// Companies are those through which the persons of channel Company booked:
	// they are told once each, with the list of their people.
	Companies int `json:"companies"`
	// ByCompany counts them by the company's canonical name.
	ByCompany map[string]int `json:"persons_by_company,omitempty"`
	// Passports counts the passport numbers of these records that are still
	// valid, by date of issue (YYYYMMDD).
	Passports map[uint32]int `json:"valid_passports_by_issue,omitempty"`
}

// Channel is a way to tell a person what happened.
type Channel string

// The channels, best first. Who appears only in bookings of a company is told
// through it.
const (
	ByCompany Channel = "company"
	ByEmail   Channel = "email"
	ByPhone   Channel = "phone"
	ByPost    Channel = "post"
	ByNotice  Channel = "public_notice" // nothing to reach them by
)

// passportYears is how long a passport is valid: ten years from its issue
// (旅券法 第5条第1項; five for minors and those who chose so, which no record
// says, so that the count is the upper one).
const passportYears = 10

// PartOf counts the persons behind rows, each of which counts once. today is
// YYYYMMDD, for passports.
//
// The companion of a record that is hidden (see Count) may stand in the part or
// outside: the estimate supposes that it stands there as often as any record
// does, Low that it always does.
func (res *Result) PartOf(rows []uint32, today uint32) Part {
	rows = slices.Clone(rows)
	slices.Sort(rows)
	rows = slices.Compact(rows)
	part := Part{Channels: map[Channel]int{}, Passports: map[uint32]int{}, ByCompany: map[string]int{}}
	persons := map[uint32]bool{}
	passports := map[uint64]bool{}
	short := res.shortfall()
	hidden := 0.0
	for _, row := range rows {
		r := res.Table.At(row)
		if r.Flags&record.Alive == 0 {
			continue
		}
		part.Records++
		persons[res.Persons[row]] = true
		if e := evidenceOf(r); res.Sets.Len(row) == 1 {
			hidden += short[e]
		}
		if r.Document != 0 && !passports[r.Document] && r.Issued != 0 && r.Issued+passportYears*10000 > today {
			passports[r.Document] = true
			part.Passports[r.Issued]++
		}
	}
	part.Persons = len(persons)
	res.channels(&part, persons)
	expected, doubtful := res.reviewOf(&part, persons)
	share := float64(part.Records) / float64(max(1, res.records()))
	missed, most, wrong := res.lost.of(part.Records - part.Persons)
	estimate := float64(part.Persons) - expected - share*hidden - missed
	width := doubt*(share*hidden+doubtful) + leastWidth*float64(part.Persons) + 2*math.Sqrt(share*hidden+expected)
	if res.Match.Model.Strangers {
		width += expected
	}
	part.Estimate = max(min(1, part.Persons), int(math.Round(estimate)))
	low := estimate - width - (most - missed) - (1-share)*hidden - res.lost.Uncompared*float64(part.Records)
	low = min(low, float64(part.Persons)*(1-leastWidth)-res.lost.BeyondMost*float64(part.Records))
	part.Low = max(min(1, part.Persons), int(math.Floor(low)))
	part.High = min(part.Records, max(part.Persons, int(math.Ceil(estimate+width+missed+wrong))))
	return part
}

// reviewOf looks at the review links between persons of a part, surest first.
func (res *Result) reviewOf(part *Part, persons map[uint32]bool) (expected, doubtful float64) {
	parent := map[uint32]uint32{}
	find := func(p uint32) uint32 {
		for parent[p] != 0 {
			p = parent[p]
		}
		return p
	}
	guard := res.guard()
	for _, l := range res.Review {
		a, b := res.Persons[l.A], res.Persons[l.B]
		if a == b || !persons[a] || !persons[b] || guard.Check(l.Pattern) != cluster.None {
			continue
		}
		part.Review++
		if a, b = find(a), find(b); a == b {
			continue
		}
		parent[max(a, b)] = min(a, b)
		p := res.Match.Model.Probability(l.Score)
		expected += p
		doubtful += min(p, 1-p)
	}
	return expected, doubtful
}

// channels finds the best way to tell each person, from all of his records.
func (res *Result) channels(part *Part, persons map[uint32]bool) {
	best := map[uint32]Channel{}
	alone := map[uint32]bool{} // somebody booked without a company
	company := map[uint32]record.Word{}
	for row, p := range res.Persons {
		r := res.Table.At(uint32(row))
		if p == 0 || !persons[p] {
			continue
		}
		if r.Company == 0 {
			alone[p] = true
		} else {
			company[p] = r.Company
		}
		if c := channelOf(r); best[p] == "" || rank(c) < rank(best[p]) {
			best[p] = c
		}
	}
	companies := map[record.Word]bool{}
	for p := range persons {
		if !alone[p] && company[p] != 0 {
			part.Channels[ByCompany]++
			companies[company[p]] = true
			part.ByCompany[string(res.Names.Companies.Text(company[p]))]++
			continue
		}
		part.Channels[best[p]]++
	}
	part.Companies = len(companies)
}

func channelOf(r *record.Record) Channel {
	switch {
	case r.Email != 0 && r.Flags&record.EmailShared == 0:
		return ByEmail
	case r.Phone != 0 && r.Flags&record.PhoneShared == 0:
		return ByPhone
	case r.Street != 0:
		return ByPost
	}
	return ByNotice
}

func rank(c Channel) int {
	return slices.Index([]Channel{ByCompany, ByEmail, ByPhone, ByPost, ByNotice}, c)
}

// records is how many records there are.
func (res *Result) records() int {
	n := 0
	for _, p := range res.Persons {
		if p != 0 {
			n++
		}
	}
	return n
}
