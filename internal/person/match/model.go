package match

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"sekisho/internal/person/record"
)

// Model is what Fellegi and Sunter (1969) need: how often each level occurs
// between records of one person (M) and of two (U), and how rare a match is.
type Model struct {
	M, U  [fieldCount][6]float64
	Pairs [fieldCount]float64 // matches that M was learned from; 0: assumed
	Prior float64             // log2 of the odds that two records of the table match
	// Strangers says that no rule whose pairs are persons had pairs enough, so
	// that M was learned from people who share an address, a number or a name:
	// neighbours and families as likely as one person.
	Strangers bool

	weight [fieldCount][6]float64
	table  []float32
	// readFamily and readGiven are what names that sound the same weigh more where
	// one record has no kanji to differ in.
	readFamily, readGiven float32
	families              bool // strangers who contradict each other teach nothing
}

// Weight is the evidence of one level, in bits: log2 M/U.
func (m *Model) Weight(f Field, l Level) float64 { return m.weight[f][l] }

// assumedM is how often a field agrees within one person when nothing in the
// data teaches it; the rest is spread over the other levels.
const assumedM = 0.9

// smooth is added to every count, so that what was never seen is rare and not
// impossible.
const smooth = 0.5

// drawRandom returns the patterns of pairs that are hardly ever one person:
// all pairs of about 1,400 records, chosen by their content.
func drawRandom(t *record.Table, names *record.Names, workers int) map[Pattern]uint64 {
	const want = 1400
	limit := uint64(math.MaxUint64)
	if n := t.Len(); n > 2*want {
		limit = math.MaxUint64 / uint64(n) * 2 * want
	}
	found := make([][]record.Record, workers)
	t.Room.Parallel(t.Len(), workers, func(w, from, to int) {
		for i := from; i < to; i++ {
			if r := t.At(uint32(i)); r.Flags&record.Alive != 0 && r.Content <= limit {
				found[w] = append(found[w], *r)
			}
		}
	})
	chosen := slices.Concat(found...) // rows of one content hold the same, so their order does not matter
	slices.SortFunc(chosen, func(a, b record.Record) int { return cmp.Compare(a.Content, b.Content) })
	chosen = chosen[:min(len(chosen), want)]
	counts := make([]map[Pattern]uint64, workers)
	for w := range counts {
		counts[w] = map[Pattern]uint64{}
	}
	t.Room.Parallel(len(chosen)<<14, workers, func(w, from, to int) {
		for i := from >> 14; i < to>>14; i++ {
			for k := range chosen[:i] {
				counts[w][Compare(names, &chosen[i], &chosen[k])]++
			}
		}
	})
	for _, c := range counts[1:] {
		for p, n := range c {
			counts[0][p] += n
		}
	}
	return counts[0]
}

// learn learns U from random pairs and M from the samples, by turns: in a small
// table some random pairs are matches, and those must not count for U.
func (m *Model) learn(random map[Pattern]uint64, samples []sample) {
	order := slices.Sorted(maps.Keys(random))
	match := make([]float64, len(order)) // how likely each pattern is a match
	total := 0.0
	for _, n := range random {
		total += float64(n)
	}
	for range 6 {
		var sum [fieldCount][6]float64
		expected := 0.0
		for i, p := range order {
			n := float64(random[p])
			expected += n * match[i]
			for f := range fieldCount {
				sum[f][p.Level(f)] += n * (1 - match[i])
			}
		}
		for f := range fieldCount {
			m.U[f] = shares(sum[f], levels[f])
		}
		m.learnM(samples)
		odds := math.Log2(max(expected, 1) / max(total, 2))
		for i, p := range order {
			match[i] = 1 / (1 + math.Exp2(-m.sum(p)-odds))
		}
	}
	m.finish()
}

func shares(c [6]float64, n int) (out [6]float64) {
	sum := 0.0
	for l := 1; l < n; l++ {
		sum += c[l] + smooth
	}
	for l := 1; l < n; l++ {
		out[l] = (c[l] + smooth) / sum
	}
	return out
}

// sample is the patterns of pairs of one rule.
type sample struct {
	rule  *Rule
	count map[Pattern]uint64
}

// leastPairs is how many pairs a rule must offer to learn from.
const leastPairs = 40

// learnM learns from the samples of rules by expectation and maximisation,
// each rule alone and without the fields of its key, and joins what they say
// by the number of matches behind it.
func (m *Model) learnM(samples []sample) {
	var sum [fieldCount][6]float64
	m.Pairs = [fieldCount]float64{}
	for _, s := range samples {
		got, matches := m.expectMaximise(s)
		for f := range fieldCount {
			if slices.Contains(s.rule.given, f) {
				continue
			}
			for l := range levels[f] {
				sum[f][l] += got[f][l]
			}
			m.Pairs[f] += matches[f]
		}
	}
	for f := range fieldCount {
		if m.Pairs[f] < 10 {
			m.Pairs[f] = 0
			m.M[f] = assumed(levels[f])
			continue
		}
		m.M[f] = shares(sum[f], levels[f])
	}
	m.weigh()
}

func assumed(n int) (out [6]float64) {
	for l := 1; l < n-1; l++ {
		out[l] = (1 - assumedM) / float64(n-2)
	}
	out[n-1] = assumedM
	return out
}

// expectMaximise returns the expected counts of levels among the matches of a
// sample, and how many matches say something about each field.
func (m *Model) expectMaximise(s sample) (sum [fieldCount][6]float64, matches [fieldCount]float64) {
	total := uint64(0)
	for _, n := range s.count {
		total += n
	}
	if total < leastPairs {
		return sum, matches
	}
	order := slices.Sorted(maps.Keys(s.count))
	if m.Strangers && m.families { // a family would teach that given names differ
		order = slices.DeleteFunc(order, func(p Pattern) bool { return p.Level(Given) == Differs || p.Level(Birth) == Differs })
	}
	var now [fieldCount][6]float64
	for f := range fieldCount {
		now[f] = assumed(levels[f])
	}
	share := 0.5
	for range 60 {
		sum, matches = [fieldCount][6]float64{}, [fieldCount]float64{}
		expected := 0.0
		for _, p := range order {
			odds := share / (1 - share)
			for f := range fieldCount {
				if l := p.Level(f); l > 0 && !slices.Contains(s.rule.given, f) {
					odds *= now[f][l] / m.U[f][l]
				}
			}
			match := odds / (1 + odds)
			if math.IsInf(odds, 1) {
				match = 1
			}
			match *= float64(s.count[p])
			expected += match
			for f := range fieldCount {
				if l := p.Level(f); l > 0 {
					sum[f][l] += match
					matches[f] += match
				}
			}
		}
		for f := range fieldCount {
			now[f] = shares(sum[f], levels[f])
		}
		share = min(max(expected/float64(total), 1e-6), 1-1e-6)
	}
	return sum, matches
}

// weigh works the weights of levels out.
func (m *Model) weigh() {
	for f := range fieldCount {
		for l := 1; l < levels[f]; l++ {
			m.weight[f][l] = math.Log2(m.M[f][l] / m.U[f][l])
		}
	}
	read := func(f Field, sound, same Level) float32 {
		return float32(math.Log2((m.M[f][sound]+m.M[f][same])/(m.U[f][sound]+m.U[f][same])) - m.weight[f][sound])
	}
	m.readFamily, m.readGiven = read(Family, FamilySound, FamilySame), read(Given, GivenSound, GivenSame)
}

// finish works the weights of all patterns out.
func (m *Model) finish() {
	m.table = make([]float32, patterns)
	for p := range m.table {
		m.table[p] = float32(m.sum(Pattern(p)))
	}
}

// household is how much of the second and third kind of contact counts: a
// family shares all of them, so together they say little more than the best.
const household = 0.25

// sum is the evidence of a pattern without the rarity of names.
func (m *Model) sum(p Pattern) float64 {
	total, best, rest := 0.0, 0.0, 0.0
	for f := range fieldCount {
		w := m.weight[f][p.Level(f)]
		switch {
		case f != Email && f != Place && f != Phone || w < 0:
			total += w
		case w > best:
			best, rest = w, rest+best
		default:
			rest += w
		}
	}
	return total + best + household*rest
}

// rarity is how rare each name is: bits that one record more or less bears it,
// log2 of records to bearers.
type rarity struct {
	family, given, kanjiFamily, kanjiGiven []float32
	// usual is the rarity that the model's weights already hold.
	usualFamily, usualGiven, usualKanjiFamily, usualKanjiGiven float32
}

func newRarity(c *record.Counts, m *Model) *rarity {
	return &rarity{
		family: bitsOf(c.Family), given: bitsOf(c.Given), kanjiFamily: bitsOf(c.KanjiFamily), kanjiGiven: bitsOf(c.KanjiGiven),
		usualFamily:      float32(-math.Log2(m.U[Family][FamilySound] + m.U[Family][FamilySame])),
		usualGiven:       float32(-math.Log2(m.U[Given][GivenSound] + m.U[Given][GivenSame])),
		usualKanjiFamily: float32(-math.Log2(m.U[Family][FamilySame])),
		usualKanjiGiven:  float32(-math.Log2(m.U[Given][GivenSame])),
	}
}

// bitsOf turns counts of words, number 0 being none, into rarities.
func bitsOf(count []uint32) []float32 {
	all := 0.0
	for _, n := range count[1:] {
		all += float64(n)
	}
	out := make([]float32, len(count))
	for w, n := range count {
		if n > 0 && w > 0 {
			out[w] = float32(math.Log2(all / float64(n)))
		}
	}
	return out
}

// rarityLimit is the most that the rarity of one name adds or takes, in bits.
const rarityLimit = 6

// score is the evidence of a pair in bits: the pattern's, and how much rarer
// or commoner than usual the names are that agree.
func (m *Model) score(c *rarity, p Pattern, a, b *record.Record) Score {
	w := m.table[p]
	switch p.Level(Family) {
	case FamilySame:
		w += limited(c.kanjiFamily[a.KanjiFamily] - c.usualKanjiFamily)
	case FamilySound:
		if a.Family == b.Family {
			w += limited(c.family[a.Family] - c.usualFamily)
			if a.KanjiFamily == 0 || b.KanjiFamily == 0 {
				w += m.readFamily
			}
		}
	}
	switch p.Level(Given) {
	case GivenSame:
		w += limited(c.kanjiGiven[a.KanjiGiven] - c.usualKanjiGiven)
	case GivenSound:
		if a.Given == b.Given {
			w += limited(c.given[a.Given] - c.usualGiven)
			if a.KanjiGiven == 0 || b.KanjiGiven == 0 {
				w += m.readGiven
			}
		}
	}
	return Score(math.Round(float64(w) * unit))
}

// most is the most that names add to the evidence of a pattern, in bits.
func (m *Model) most() float32 {
	return 2*rarityLimit + max(m.readFamily, 0) + max(m.readGiven, 0)
}

func limited(bits float32) float32 { return min(max(bits, -rarityLimit), rarityLimit) }
