// Package match finds which records of a table may be one person, and how sure
// that is: blocking, comparison, and the model of Fellegi and Sunter (1969),
// whose parameters it learns from the records themselves by expectation and
// maximisation (Winkler 1988).
//
// It does not decide who is one person: package cluster does, from the links
// that this package returns. Nothing depends on the order of rows or on the
// number of workers.
package match

import (
	"context"
	"maps"
	"math"
	"slices"

	"sekisho/internal/person/record"
)

// unit is the fraction of a bit that scores are rounded to, so that sums over
// them are whole numbers and the same in any order.
const unit = 64

// Score is evidence in 1/64 bit.
type Score int32

// Bits returns the score in bits.
func (s Score) Bits() float64 { return float64(s) / unit }

// Link is a pair of records that may be one person.
type Link struct {
	A, B    uint32 // rows, A < B
	Score   Score
	Pattern Pattern
}

// Options bound a run.
type Options struct {
	Workers int
	// Cap is the most records that may share a key of a rule. Larger groups
	// are skipped and reported; finer rules find most of them again.
	Cap      int
	Progress func(stage string, done, all int)
	// Keep gets the keys of all rows under each of KeptRules, in ascending
	// order, for Extend: in parts, all of a rule one after another. A part is
	// good until it returns.
	Keep func(rule string, sorted []uint64) error
}

// DefaultCap is the cap of a group when Options say none.
const DefaultCap = 100

// Result is what a run found. Families of Frozen says that the records hold
// people who share a name and an address, so that a given name or birth date
// that differs means two persons.
type Result struct {
	Frozen
	Counts  record.Counts // of the names of all records
	Links   []Link        // by rows; those too unlikely to matter are left out
	Pairs   uint64        // pairs compared
	Skipped []Skipped
	Shared  []Shared
}

// Shared counts addresses, numbers and documents that belong to many people:
// corporate bookers and placeholders. They link nobody.
type Shared struct {
	What            string
	Groups, Records int
}

// floor is how unlikely a link may be and still be kept, in bits of posterior
// odds with the first prior.
const floor = -9

// Run matches the records of a table.
func Run(ctx context.Context, t *record.Table, names *record.Names, o Options) (*Result, error) {
	if o.Cap == 0 {
		o.Cap = DefaultCap
	}
	if t.Len() > MaxRecords {
		return nil, ErrTooMany
	}
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	e := &engine{t: t, names: names, o: o, res: &Result{Frozen: Frozen{Model: &Model{}}},
		tables: keyTables{room: t.Room, rows: t.Len(), workers: o.Workers}}
	var err error
	if e.res.Shared, err = e.placeholders(); err != nil {
		return nil, err
	}
	random := drawRandom(t, names, o.Workers)
	if err := e.block(ctx); err != nil {
		return nil, err
	}
	samples, strangers := e.trainers()
	e.res.Model.Strangers, e.res.Model.families = strangers, e.res.Families
	e.res.Model.learn(random, samples)
	e.res.Counts = record.Count(t, names, 0, o.Workers, record.All)
	e.common = newRarity(&e.res.Counts, e.res.Model)
	if err := e.compare(ctx); err != nil {
		return nil, err
	}
	e.res.Model.learnPrior(t.Room, e.res.Links, t.Len())
	return e.res, nil
}

// firstPrior is where learning the prior begins: a fifth of n records has a
// match.
func firstPrior(n int) float64 { return math.Log2(0.4 / float64(max(n, 2))) }

// learnPrior finds the share of matches among all pairs that the links
// themselves expect.
func (m *Model) learnPrior(room *record.Room, links []Link, n int) {
	all := float64(n) * float64(n-1) / 2
	m.Prior = firstPrior(n)
	if len(links) == 0 {
		return
	}
	low, high := links[0].Score, links[0].Score
	for l := range record.Each(room, links) {
		low, high = min(low, l.Score), max(high, l.Score)
	}
	count := make([]uint64, high-low+1)
	for l := range record.Each(room, links) {
		count[l.Score-low]++
	}
	for range 20 {
		expected := 0.0
		for i, c := range count {
			if c > 0 {
				expected += float64(c) * m.Probability(low+Score(i))
			}
		}
		share := min(max(expected, 1)/all, 0.5)
		m.Prior = math.Log2(share / (1 - share))
	}
}

// Probability is how likely two records with that evidence are one person,
// when they were taken from all pairs.
func (m *Model) Probability(s Score) float64 {
	return 1 / (1 + math.Exp2(-s.Bits()-m.Prior))
}

// ScoreAt is the least score with that probability.
func (m *Model) ScoreAt(probability float64) Score {
	return Score(math.Ceil((math.Log2(probability/(1-probability)) - m.Prior) * unit))
}

// Calibrate returns the least score whose links, with all surer ones, are
// expected to be right in at least that share; no link below likely is taken,
// nor one whose pattern is not allowed. The links lie in the room.
func (m *Model) Calibrate(room *record.Room, links []Link, allowed func(Pattern) bool, precision, likely float64) Score {
	at := m.ScoreAt(likely)
	count := map[Score]int{}
	for l := range record.Each(room, links) {
		if l.Score >= at && allowed(l.Pattern) {
			count[l.Score]++
		}
	}
	scores := slices.Sorted(maps.Keys(count))
	slices.Reverse(scores)
	n, right, best := 0.0, 0.0, m.ScoreAt(0.99)
	for _, s := range scores {
		n += float64(count[s])
		if right += float64(count[s]) * m.Probability(s); right >= precision*n && s < best {
			best = s
		}
	}
	return best
}
