package person

import (
	"cmp"
	"math"
	"slices"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/match"
	"sekisho/internal/person/record"
)

// Evidence is what one field says about two records.
type Evidence struct {
	Field string  `json:"field"`
	Level int     `json:"level"` // 0 missing, 1 differs, above: the more the more alike
	Bits  float64 `json:"bits"`  // weight, before households are weighed together
}

// Explanation is why two records are or are not one person.
type Explanation struct {
	A           RecordName `json:"a"`
	B           RecordName `json:"b"`
	PersonA     uint32     `json:"person_a"`
	PersonB     uint32     `json:"person_b"`
	Fields      []Evidence `json:"fields"`
	Bits        float64    `json:"bits"` // of all fields and of how rare the names are
	Prior       float64    `json:"prior_bits"`
	Probability float64    `json:"probability"`
	LinkAt      float64    `json:"link_from_probability"`
	Veto        string     `json:"veto,omitempty"`
	// Between are the records that contradict each other, when they are others of
	// the two persons: each person is kept whole.
	Between []RecordName `json:"veto_between,omitempty"`
	Rules   []string     `json:"found_by,omitempty"` // blocking rules whose key they share
	Decided string       `json:"decided,omitempty"`  // "same" or "different"
	// Path leads from A to B through records of one person, surest links
	// first, when the two are linked only through others.
	Path []RecordName `json:"path,omitempty"`
}

// Explain explains a pair of rows.
func (res *Result) Explain(a, b uint32, decisions []Decision) Explanation {
	m := res.Match.Model
	score, pattern := match.Evidence(res.Table, res.Names, &res.Match.Counts, m, a, b)
	e := Explanation{A: res.Name(a), B: res.Name(b), PersonA: res.Persons[a], PersonB: res.Persons[b],
		Bits: score.Bits(), Prior: m.Prior, Probability: m.Probability(score), LinkAt: m.Probability(res.LinkAt),
		Veto: res.guard().Check(pattern).String(), Rules: match.RulesOf(res.Names, res.Table.At(a), res.Table.At(b))}
	for _, f := range match.Fields() {
		if l := pattern.Level(f); l != match.Missing {
			e.Fields = append(e.Fields, Evidence{f.String(), int(l), math.Round(10*m.Weight(f, l)) / 10})
		}
	}
	for _, d := range decisions {
		if d.A == e.A && d.B == e.B || d.A == e.B && d.B == e.A {
			e.Decided = map[bool]string{true: "same", false: "different"}[d.Same]
		}
	}
	if e.PersonA != e.PersonB && e.Veto == "" && score >= res.LinkAt {
		e.Veto, e.Between = res.contradiction(e.PersonA, e.PersonB)
	}
	if e.PersonA == e.PersonB && e.PersonA != 0 && (score < res.LinkAt || e.Veto != "") {
		e.Path = res.path(a, b)
	}
	return e
}

// contradiction finds two records that keep two persons apart.
func (res *Result) contradiction(one, other uint32) (veto string, between []RecordName) {
	rows := res.Members(other)
	for _, a := range res.Members(one) {
		for _, b := range rows {
			p := match.Compare(res.Names, res.Table.At(a), res.Table.At(b))
			if v := res.guard().Contradiction(p); v != cluster.None {
				return v.String(), []RecordName{res.Name(a), res.Name(b)}
			}
		}
	}
	return "", nil
}

// path finds the way from a to b whose weakest link is strongest, among the
// records of one person (Prim's tree, from a).
func (res *Result) path(a, b uint32) []RecordName {
	from := map[uint32]uint32{a: a}
	members := res.Members(res.Persons[a])
	for len(from) < len(members) {
		best, via, next := match.Score(math.MinInt32), a, a
		for known := range from {
			for _, r := range members {
				if _, ok := from[r]; ok {
					continue
				}
				s, p := match.Evidence(res.Table, res.Names, &res.Match.Counts, res.Match.Model, known, r)
				if res.guard().Check(p) != cluster.None {
					s -= 1 << 20
				}
				if s > best || s == best && (r < next || r == next && known < via) {
					best, via, next = s, known, r
				}
			}
		}
		from[next] = via
	}
	var out []RecordName
	for r := b; ; r = from[r] {
		out = append(out, res.Name(r))
		if r == a {
			slices.Reverse(out)
			return out
		}
	}
}

// Members returns the rows of a person, in order.
func (res *Result) Members(person uint32) []uint32 {
	var rows []uint32
	for row, p := range res.Persons {
		if p == person && p != 0 {
			rows = append(rows, uint32(row))
		}
	}
	return rows
}

// Doubt is a link to review.
type Doubt struct {
	A           RecordName `json:"a"`
	B           RecordName `json:"b"`
	PersonA     uint32     `json:"person_a"`
	PersonB     uint32     `json:"person_b"`
	Bits        float64    `json:"bits"`
	Probability float64    `json:"probability"`
	Fields      []Evidence `json:"fields"`
}

// Doubts returns the links to review, the first being those whose answer
// changes the head count most: near even odds, and between two persons that no
// veto keeps apart. Every pair of persons appears once.
func (res *Result) Doubts(limit int) []Doubt {
	m := res.Match.Model
	links := slices.Clone(res.Review)
	effect := func(l match.Link) float64 {
		p := m.Probability(l.Score)
		return min(p, 1-p)
	}
	cluster.Sort(res.Table, links, 1)
	slices.SortStableFunc(links, func(x, y match.Link) int { return cmp.Compare(effect(y), effect(x)) })
	seen := map[[2]uint32]bool{}
	var out []Doubt
	for _, l := range links {
		pair := [2]uint32{min(res.Persons[l.A], res.Persons[l.B]), max(res.Persons[l.A], res.Persons[l.B])}
		if pair[0] == pair[1] || seen[pair] || res.guard().Check(l.Pattern) != cluster.None {
			continue
		}
		seen[pair] = true
		if out = append(out, res.doubt(l)); len(out) == limit {
			break
		}
	}
	return out
}

func (res *Result) doubt(l match.Link) Doubt {
	d := Doubt{A: res.Name(l.A), B: res.Name(l.B), PersonA: res.Persons[l.A], PersonB: res.Persons[l.B],
		Bits: l.Score.Bits(), Probability: res.Match.Model.Probability(l.Score)}
	for _, f := range match.Fields() {
		if v := l.Pattern.Level(f); v != match.Missing {
			d.Fields = append(d.Fields, Evidence{f.String(), int(v), math.Round(10*res.Match.Model.Weight(f, v)) / 10})
		}
	}
	return d
}

// PassportsByYear counts passport numbers that are known by the year of issue;
// key 0 is without a date. One person with two passports counts twice.
func (res *Result) PassportsByYear() map[int]int {
	seen := map[uint64]bool{}
	years := map[int]int{}
	for _, r := range res.Table.Rows() {
		if r.Flags&record.Alive == 0 || r.Document == 0 || seen[r.Document] {
			continue
		}
		seen[r.Document] = true
		years[int(r.Issued/10000)]++
	}
	return years
}
