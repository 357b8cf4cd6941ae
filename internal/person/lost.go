package person

import (
	"math"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/match"
	"sekisho/internal/person/record"
)

// lost is what is wrong with the joins themselves, as shares of them. The model
// does not change after the first run, so neither does lost.
type lost struct {
	// Likely is how many failed because a given name or birth date differs
	// within one person, and Most how many may have.
	Likely float64 `json:"likely"`
	Most   float64 `json:"most"`
	// Wrong is how many may have joined two persons, where no birth date tells
	// siblings from errors.
	Wrong float64 `json:"wrong,omitempty"`
	// Uncompared is how many more joins there may be of records whose names are
	// in scripts that nothing here reads into each other (kanji beside romaji),
	// as a share of the records.
	Uncompared float64 `json:"uncompared,omitempty"`
	// Births is how many joins failed because a birth date differs although the
	// names are the same and the rest is sure enough: nobody in a family bears the
	// name of another.
	Births float64 `json:"births,omitempty"`
	// Alike is how many joins may be of two people of one household whose given
	// names are alike by chance: twins, and families without birth dates.
	Alike float64 `json:"alike,omitempty"`
	// Beyond and BeyondMost are the joins that beyond says are missing, as shares
	// of the records.
	Beyond     float64 `json:"beyond,omitempty"`
	BeyondMost float64 `json:"beyond_most,omitempty"`
}

// of returns the three for a number of joins.
func (l lost) of(joins int) (likely, most, wrong float64) {
	n := float64(joins)
	return n * (l.Likely + l.Births), n * (l.Most + (1+doubt)*l.Births), n * max(l.Wrong, l.Alike)
}

// usualErrors is how many joins may have failed where nothing teaches how often
// names and dates differ within one person: above that share the records count
// as full of errors and the vetoes rest (errorShare of match).
const usualErrors = 0.03

// findLost estimates what is lost. A join that failed left a pair behind that
// only a veto held back, so there are at most as many as such pairs would join.
// What the model learned may say more, because some of its teachers were two
// persons: then the pairs decide, and Most stays at what was learned. Where
// strangers taught the model, nothing is known but that bound.
func (res *Result) findLost(workers int) lost {
	l := res.lostJoins()
	likely, most, alive := res.beyond(workers)
	records := float64(max(1, alive))
	l.Uncompared = float64(res.uncompared()) / records
	l.Beyond, l.BeyondMost = likely/records, most/records
	if joins := float64(res.joins()); joins > 0 && res.Match.Families {
		l.Births = float64(res.otherBirths()) / joins
		l.Alike = res.alikeByChance() / joins
	}
	return l
}

// otherBirths counts the joins that only a birth date holds back between records
// of the same names that agree in something else besides: strangers bear the same
// rare name too.
func (res *Result) otherBirths() int {
	guard, m := res.guard(), res.Match.Model
	return res.wouldJoin(func(join func(match.Link) bool) {
		for l := range record.Each(res.Table.Room, res.Match.Links) {
			bits := l.Score.Bits() - m.Weight(match.Birth, match.Differs)
			if l.Pattern.Level(match.Given) >= match.GivenSound && besidesNames(l.Pattern) && guard.Contradiction(l.Pattern) == cluster.BirthDiffers && bits >= res.LinkAt.Bits() {
				join(*l)
			}
		}
		for r := range record.Each(res.Table.Room, res.Refused) {
			if r.Veto == cluster.BirthDiffers && r.Link.Pattern.Level(match.Birth) != match.Differs && besidesNames(r.Link.Pattern) {
				join(r.Link)
			}
		}
	})
}

// besidesNames reports whether a pair agrees in more than names and birth date.
func besidesNames(p match.Pattern) bool {
	for _, f := range [...]match.Field{match.Email, match.Place, match.Phone, match.Document, match.Extra1, match.Extra2} {
		if p.Level(f) > match.Differs {
			return true
		}
	}
	return false
}

// wouldJoin returns how many joins f makes, and takes them back. join says
// whether a link joined two persons.
func (res *Result) wouldJoin(f func(join func(match.Link) bool)) (n int) {
	sets := res.Sets
	before := sets.Joins()
	sets.Try(res.Table.Room, func() {
		f(func(l match.Link) bool {
			have := sets.Joins()
			sets.Join(l.A, l.B)
			return sets.Joins() > have
		})
		n = sets.Joins() - before
	})
	return n
}

// givenPairs counts the pairs that only a given name keeps apart, and those that
// are joined over given names that are alike and not the same. Errors leave more
// of these than of those; where there are many of those alone, they are twins.
func (res *Result) givenPairs() (apart, soft float64) {
	m := res.Match.Model
	for l := range record.Each(res.Table.Room, res.Match.Links) {
		given := l.Pattern.Level(match.Given)
		switch {
		case l.Pattern.Level(match.Document) >= match.DocumentAlike:
		case given == match.Differs && l.Pattern.Level(match.Birth) != match.Differs && l.Score.Bits()-m.Weight(match.Given, given) >= res.LinkAt.Bits():
			apart++
		case (given == match.GivenEdit || given == match.GivenAlike) && res.Sets.Find(l.A) == res.Sets.Find(l.B):
			soft++
		}
	}
	return apart, soft
}

// alikeByChance is how many joins are expected to be of two people: as many as
// there are pairs that only a given name keeps apart, times how often two given
// names are alike by chance; people of one household are given names that go
// together, so twice that. No more than there are joins over names that are
// alike and not the same.
func (res *Result) alikeByChance() float64 {
	apart, soft := res.givenPairs()
	u := res.Match.Model.U[match.Given]
	expected := 2 * apart * (u[match.GivenEdit] + u[match.GivenAlike]) / u[match.Differs]
	return min(soft, expected+2*math.Sqrt(expected))
}

// uncompared counts the joins of pairs that are sure enough without their given
// names, which both have and which cannot be compared.
func (res *Result) uncompared() int {
	guard := res.guard()
	var buf record.Record
	named := func(row uint32) bool {
		r := res.Table.Peek(row, &buf)
		return r.Given != 0 || r.KanjiGiven != 0
	}
	return res.wouldJoin(func(join func(match.Link) bool) {
		for l := range record.Each(res.Table.Room, res.Match.Links) {
			if l.Score >= res.LinkAt && guard.Check(l.Pattern) == cluster.GivenUnknown && named(l.A) && named(l.B) {
				join(*l)
			}
		}
	})
}

func (res *Result) lostJoins() lost {
	joins := float64(res.joins())
	if !res.Match.Families || joins == 0 {
		return lost{}
	}
	if res.Match.Model.Strangers {
		return lost{Most: min(usualErrors, float64(res.vetoed(usualErrors*joins))/joins), Wrong: float64(res.alike()) / joins}
	}
	l := learnedLoss(res.Match.Model)
	_, soft := res.givenPairs()
	likely := min(l.Likely, float64(res.vetoed(l.Likely*joins))/joins, (soft+2*math.Sqrt(soft)+1)/joins)
	return lost{Likely: likely, Most: max((1+doubt)*likely, min(l.Likely, usualErrors))}
}

// learnedLoss is what the model alone says.
func learnedLoss(m *match.Model) lost {
	differs := 0.0
	for _, f := range vetoFields {
		if m.Pairs[f] > 0 {
			differs += m.M[f][match.Differs]
		}
	}
	return lost{Likely: differs, Most: (1 + doubt) * differs}
}

var vetoFields = [...]match.Field{match.Given, match.Birth}

// joins is how many persons fewer there are than records. Rows that were
// skipped stand alone.
func (res *Result) joins() int { return res.Sets.Joins() }

// vetoed counts the joins, up to limit, of pairs that would have been made if
// the given name or birth date that differs were missing.
func (res *Result) vetoed(limit float64) int {
	guard, m := res.guard(), res.Match.Model
	return res.wouldJoin(func(join func(match.Link) bool) {
		n := 0
		for l := range record.Each(res.Table.Room, res.Match.Links) {
			if v := guard.Contradiction(l.Pattern); v != cluster.GivenDiffers && v != cluster.BirthDiffers {
				continue
			}
			bits := l.Score.Bits()
			for _, f := range vetoFields {
				if l.Pattern.Level(f) == match.Differs {
					bits -= m.Weight(f, match.Differs)
				}
			}
			if bits < res.LinkAt.Bits() || !join(*l) {
				continue
			}
			if n++; float64(n) >= limit {
				return
			}
		}
	})
}

// alike counts the joins that rest on given names that are alike and not the
// same, with neither birth date nor document to tell brothers from errors.
func (res *Result) alike() int {
	sets := cluster.NewSets(res.Table.Room, res.Table.Len())
	n := res.joins()
	for l := range record.Each(res.Table.Room, res.Match.Links) {
		p := l.Pattern
		soft := p.Level(match.Given) < match.GivenSound && p.Level(match.Birth) <= match.Differs && p.Level(match.Document) <= match.Differs
		if soft || res.Sets.Find(l.A) != res.Sets.Find(l.B) || sets.Find(l.A) == sets.Find(l.B) {
			continue
		}
		sets.Join(l.A, l.B)
		n--
	}
	return n
}
