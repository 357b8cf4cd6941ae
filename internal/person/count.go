package person

import (
	"math"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/match"
	"sekisho/internal/person/record"
)

// Count is the head count. Persons is what was found; Estimate corrects it by
// what cannot be found, and lies between Low and High. None of them is the
// truth: see docs/design/person.md for how each is made.
type Count struct {
	Records int `json:"records"`
	Persons int `json:"persons"` // if no review link is accepted
	// IfAccepted is the number of persons if every review link is accepted.
	IfAccepted int `json:"persons_if_all_review_accepted"`
	Review     int `json:"review_links"`
	// Unlinkable are records with too little in them to find their person by:
	// Hidden of them are expected to be a person who is counted already.
	Unlinkable int `json:"unlinkable_records"`
	Hidden     int `json:"expected_hidden"`

	Estimate  int     `json:"estimate"`
	Low       int     `json:"low"`
	High      int     `json:"high"`
	Precision float64 `json:"estimated_precision"` // of pairs joined
	Recall    float64 `json:"estimated_recall"`    // of all pairs of one person
}

// doubt is how far the assumptions behind the estimate may be off: that poor
// records have as many companions as rich ones, that probabilities of review
// links are right, and that names and dates differ within one person as often
// as was learned.
const doubt = 0.5

// leastWidth is the half width that no interval goes below: errors of the
// model itself, as a share of the persons.
const leastWidth = 0.002

// Count counts persons.
func (res *Result) Count() Count {
	var c Count
	for i, r := range res.Table.Rows() {
		if r.Flags&record.Alive == 0 {
			continue
		}
		c.Records++
		if res.Sets.Find(i) == i {
			c.Persons++
		}
	}
	c.Review = len(res.Review)
	accepted, expected, poor, doubtful := res.acceptReview()
	c.IfAccepted = c.Persons - accepted
	hidden := max(0, res.hidden(&c)-poor) // review links of poor records are expected already
	missed, most, wrong := res.lost.of(c.Records - c.Persons)
	c.Hidden = int(math.Round(hidden))

	found := float64(c.Persons)
	beyond, beyondMost := res.lost.Beyond*float64(c.Records), res.lost.BeyondMost*float64(c.Records)
	estimate := found - expected - hidden - missed
	width := doubt*(hidden+doubtful) + leastWidth*float64(c.Persons) + 2*math.Sqrt(hidden+expected)
	if res.Match.Model.Strangers {
		width += expected
	}
	nameless := float64(res.nameless())
	uncompared := res.lost.Uncompared * float64(c.Records)
	c.Unlinkable += int(nameless)
	least := leastWidth * found
	low := min(estimate-width-(most-missed)-nameless-uncompared, found-max(beyondMost, beyond+2*math.Sqrt(beyond))-least)
	high := max(estimate+width+missed, found-(1-doubt)*beyond+least) + wrong
	c.Estimate = int(math.Round((estimate + found - beyond) / 2))
	c.Low = max(1, int(math.Floor(low-res.unsure(found-low))))
	c.High = min(c.Records, int(math.Ceil(high)))
	if c.Records == 0 {
		c.Low = 0
	}
	precision := res.precision()
	c.Precision = digits(precision)
	merges := float64(c.Records - c.Persons)
	c.Recall = digits(merges * precision / max(merges*precision+hidden+missed+expected, 1))
	return c
}

// digits leaves as many as do not depend on the order of a sum.
func digits(share float64) float64 { return math.Round(share*1e6) / 1e6 }

// unsure is how far the low end may be off where few matches taught the model:
// by two standard errors of what is missing, and of the joins where those who
// taught were strangers.
func (res *Result) unsure(missing float64) float64 {
	joins := float64(max(1, res.joins()))
	if res.Match.Model.Strangers {
		return 2 * math.Sqrt(joins)
	}
	return max(0, missing) * max(0, 2/math.Sqrt(joins)-fewJoins)
}

// fewJoins is the standard error, of about a thousand joins, from which on
// leastWidth covers it.
const fewJoins = 1. / 16

// acceptReview returns how many persons fewer there are if all review links
// are accepted, how many are expected to be right, how many of those are of
// poor records, and how many are as good as a toss.
func (res *Result) acceptReview() (merges int, expected, poor, doubtful float64) {
	sets := res.Sets
	sets.Try(res.Table.Room, func() {
		j := cluster.NewJoiner(res.Table, res.Names, sets, res.guard(), res.decisions(res.decided))
		var buf record.Record
		for l := range record.Each(res.Table.Room, res.Review) {
			if sets.Find(l.A) == sets.Find(l.B) {
				continue
			}
			if _, ok := j.Try(*l); !ok {
				continue
			}
			merges++
			p := res.Match.Model.Probability(l.Score)
			expected += p
			doubtful += min(p, 1-p)
			if !evidenceOf(res.Table.Peek(l.A, &buf)).rich() || !evidenceOf(res.Table.Peek(l.B, &buf)).rich() {
				poor += p
			}
		}
	})
	return merges, expected, poor, doubtful
}

// evidence is which fields of a record say who somebody is.
type evidence uint8

const (
	hasName evidence = 1 << iota
	hasBirth
	hasEmail
	hasPhone
	hasPlace
	hasDocument
	evidences = 1 << iota
)

func evidenceOf(r *record.Record) (e evidence) {
	if r.Given != 0 || r.KanjiGiven != 0 {
		e |= hasName
	}
	if r.Birth != 0 {
		e |= hasBirth
	}
	if r.Email != 0 && r.Flags&record.EmailShared == 0 {
		e |= hasEmail
	}
	if r.Phone != 0 && r.Flags&record.PhoneShared == 0 {
		e |= hasPhone
	}
	if r.Postal != 0 || r.Town != 0 {
		e |= hasPlace
	}
	if r.Document != 0 {
		e |= hasDocument
	}
	return e
}

// rich reports whether records like this find each other: a name with a birth
// date and something that two forms of one person share.
func (e evidence) rich() bool {
	return e&(hasName|hasBirth) == hasName|hasBirth && e&(hasEmail|hasPhone|hasPlace|hasDocument) != 0
}

// hidden estimates how many records are of a person who was found elsewhere
// but cannot be linked to him. It supposes that how much a form asks does not
// depend on how often its person comes: then records of every kind have a
// companion equally often, and where fewer were found, the rest is hidden.
func (res *Result) hidden(c *Count) float64 {
	all, found := res.companions()
	short := shortfall(all, found, res.nameAndBirthLink())
	hidden := 0.0
	for e, share := range short {
		if share > 0 {
			hidden += share * float64(all[e]-found[e])
			c.Unlinkable += all[e] - found[e]
		}
	}
	return hidden
}

// nameless counts the records without a given name that were found alone and that
// nothing is known about by comparison: where no record has a name, or too few
// have a date of birth beside it, any of them may be of a person who is counted
// already.
func (res *Result) nameless() int {
	all, found := res.companions()
	n, rich := 0, 0
	for e := range evidence(evidences) {
		if e.rich() {
			rich += all[e]
		}
		if e&hasName == 0 {
			n += all[e] - found[e]
		}
	}
	if rich > 0 {
		return 0 // hidden counts them
	}
	return n
}

// shortfall returns how likely a record of each kind that was found alone is of
// a person who was found elsewhere.
func (res *Result) shortfall() [evidences]float64 {
	all, found := res.companions()
	return shortfall(all, found, res.nameAndBirthLink())
}

// nameAndBirthLink reports whether a usual name and a birth date are enough to
// join two records: then one that has them and nothing else is not hidden, since
// every record of its person has them too.
func (res *Result) nameAndBirthLink() bool {
	m := res.Match.Model
	bits := 0.0
	for _, f := range []match.Field{match.Family, match.Given, match.Birth} {
		usual := match.Differs
		for l := range match.Level(len(m.M[f])) {
			if m.M[f][l] > m.M[f][usual] {
				usual = l
			}
		}
		if usual != match.Differs {
			bits += m.Weight(f, usual)
		}
	}
	return bits >= res.LinkAt.Bits()
}

// companions counts the records of each kind, and those that have a companion.
func (res *Result) companions() (all, found [evidences]int) {
	for i, r := range res.Table.Rows() {
		if r.Flags&record.Alive == 0 {
			continue
		}
		e := evidenceOf(r)
		all[e]++
		if res.Sets.Len(i) > 1 {
			found[e]++
		}
	}
	return all, found
}

// findable says that a name and a birth date are enough.
func shortfall(all, found [evidences]int, findable bool) (share [evidences]float64) {
	richAll, richFound := 0, 0
	for e := range evidence(evidences) {
		if e.rich() {
			richAll += all[e]
			richFound += found[e]
		}
	}
	if richAll == 0 {
		return share
	}
	rate := float64(richFound) / float64(richAll)
	for e := range evidence(evidences) {
		if e.rich() || e == hasName|hasBirth && findable || all[e] == found[e] {
			continue
		}
		if short := rate*float64(all[e]) - float64(found[e]); short > 0 {
			share[e] = short / float64(all[e]-found[e])
		}
	}
	return share
}

// precision is the share of joined pairs that the model expects to be right.
func (res *Result) precision() float64 {
	n, right := 0.0, 0.0
	for l := range record.Each(res.Table.Room, res.Match.Links) {
		if res.Sets.Find(l.A) == res.Sets.Find(l.B) {
			n++
			right += res.Match.Model.Probability(l.Score)
		}
	}
	if n == 0 {
		return 1
	}
	return right / n
}

func (res *Result) guard() cluster.Guard { return cluster.Guard{Families: res.Match.Families} }
