package person

import (
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
}

// of returns the three for a number of joins.
func (l lost) of(joins int) (likely, most, wrong float64) {
	n := float64(joins)
	return n * l.Likely, n * l.Most, n * l.Wrong
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
func (res *Result) findLost() lost {
	l := res.lostJoins()
	l.Uncompared = float64(res.uncompared()) / float64(max(1, res.alive()))
	return l
}

// uncompared counts the joins of pairs that are sure enough without their given
// names, which both have and which cannot be compared.
func (res *Result) uncompared() int {
	n, guard := 0, res.guard()
	sets := res.Sets.Clone(res.Table.Room)
	var buf record.Record
	named := func(row uint32) bool {
		r := res.Table.Peek(row, &buf)
		return r.Given != 0 || r.KanjiGiven != 0
	}
	for l := range record.Each(res.Table.Room, res.Match.Links) {
		if l.Score < res.LinkAt || guard.Check(l.Pattern) != cluster.GivenUnknown || sets.Find(l.A) == sets.Find(l.B) || !named(l.A) || !named(l.B) {
			continue
		}
		sets.Join(l.A, l.B)
		n++
	}
	return n
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
	likely := min(l.Likely, float64(res.vetoed(l.Likely*joins))/joins)
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

// joins is how many persons fewer there are than records.
func (res *Result) joins() int {
	n := 0
	for i := range res.Table.Rows() {
		if res.Sets.Find(i) != i { // rows that were skipped stand alone
			n++
		}
	}
	return n
}

// vetoed counts the joins, up to limit, of pairs that would have been made if
// the given name or birth date that differs were missing.
func (res *Result) vetoed(limit float64) int {
	n, guard, m := 0, res.guard(), res.Match.Model
	sets := res.Sets.Clone(res.Table.Room)
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
		if bits < res.LinkAt.Bits() || sets.Find(l.A) == sets.Find(l.B) {
			continue
		}
		sets.Join(l.A, l.B)
		if n++; float64(n) >= limit {
			break
		}
	}
	return n
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

// alive is how many rows were read.
func (res *Result) alive() int {
	n := 0
	for _, r := range res.Table.Rows() {
		if r.Flags&record.Alive != 0 {
			n++
		}
	}
	return n
}
