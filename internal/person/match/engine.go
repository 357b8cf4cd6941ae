package match

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"

	"sekisho/internal/person/record"
)

// ErrTooMany: a table has more rows than MaxRecords.
var ErrTooMany = errors.New("more than 134217728 records; match them in parts")

// engine is one run.
type engine struct {
	t       *record.Table
	names   *record.Names
	o       Options
	res     *Result
	mu      sync.Mutex // of res while workers mark
	pairs   *pairList
	samples []sample
	probes  []sample
	tables  keyTables // used again
	common  *rarity
}

// trainPairs is about how many pairs of one rule the model learns from.
const trainPairs = 100_000

// contacts are the fields that groups of many people may share.
var contacts = []struct {
	what string
	key  func(n *record.Names, r *record.Record) uint64
	mark func(r *record.Record)
}{
	{"email", func(_ *record.Names, r *record.Record) uint64 { return key(6, r.Email, 1) }, flag(record.EmailShared)},
	{"phone", func(_ *record.Names, r *record.Record) uint64 { return key(7, r.Phone, 1) }, flag(record.PhoneShared)},
	{"address", func(_ *record.Names, r *record.Record) uint64 { return key(20, r.Street, 1) }, flag(record.PlaceShared)},
	{"passport", func(_ *record.Names, r *record.Record) uint64 { return key(1, r.Document, 1) }, func(r *record.Record) { r.Document, r.Issued = 0, 0 }},
}

// flag returns what sets a flag. A row that has it is not written to: that would
// make a page of the system's memory of it.
func flag(f record.Flags) func(r *record.Record) {
	return func(r *record.Record) {
		if r.Flags&f == 0 {
			r.Flags |= f
		}
	}
}

// placeholders finds values that stand for no one person and takes them out of
// matching.
func (e *engine) placeholders() (found []Shared, err error) {
	e.tables.fill(e.t, e.names, contactRules())
	for i, c := range contacts {
		x, err := e.tables.index(i, e.keep(c.what))
		if err != nil {
			return nil, err
		}
		mark := c.mark
		if c.what == "passport" {
			mark = e.noteDocument
		}
		if groups, records := x.markShared(e.t, e.names, mark, e.o.Workers); groups > 0 {
			found = append(found, Shared{c.what, groups, records})
		}
	}
	slices.Sort(e.res.Documents)
	e.res.Documents = slices.Compact(e.res.Documents)
	if s := e.commonBirths(); s.Groups > 0 {
		found = append(found, s)
	}
	return found, nil
}

// keep returns what takes the keys of a rule that Options want kept, or nil.
func (e *engine) keep(rule string) func([]packed) error {
	if e.o.Keep == nil || !slices.Contains(KeptRules(), rule) {
		return nil
	}
	return func(sorted []packed) error {
		for part := range slices.Chunk(sorted, roomPart) {
			e.t.Room.Ease()
			if err := e.o.Keep(rule, part); err != nil {
				return err
			}
		}
		return nil
	}
}

// noteDocument takes a document number that is a placeholder out and keeps it
// for later runs.
func (e *engine) noteDocument(r *record.Record) {
	e.mu.Lock()
	e.res.Documents = append(e.res.Documents, r.Document)
	e.mu.Unlock()
	r.Document, r.Issued = 0, 0
}

// commonBirths removes dates that far too many people bear, as 1900-01-01.
func (e *engine) commonBirths() Shared {
	count := countBirths(e.t, e.o.Workers)
	if len(count) == 0 {
		return Shared{}
	}
	sizes := make([]int, 0, len(count))
	for _, n := range count {
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	limit := 30 + 8*sizes[len(sizes)/2]
	s := Shared{What: "birthdate"}
	for birth, n := range count {
		if n > limit {
			s.Groups++
			s.Records += n
			e.res.Births = append(e.res.Births, birth)
		}
	}
	slices.Sort(e.res.Births)
	if s.Groups == 0 {
		return s
	}
	e.t.Room.Parallel(e.t.Len(), e.o.Workers, func(_, from, to int) {
		for i := from; i < to; i++ {
			if r := e.t.At(uint32(i)); r.Birth != 0 {
				if _, common := slices.BinarySearch(e.res.Births, r.Birth); common {
					r.Birth = 0
				}
			}
		}
	})
	return s
}

// The dates that people have are counted in an array, others in a map.
const (
	firstYear = 1850
	lastYear  = 2105
)

// countBirths counts the records of each birth date.
func countBirths(t *record.Table, workers int) map[uint32]int {
	usual := make([][]uint32, workers)
	other := make([]map[uint32]int, workers)
	for w := range usual {
		usual[w], other[w] = make([]uint32, (lastYear-firstYear+1)<<9), map[uint32]int{}
	}
	t.Room.Parallel(t.Len(), workers, func(w, from, to int) {
		for i := from; i < to; i++ {
			b := t.At(uint32(i)).Birth
			y, m, d := b/10000, b/100%100, b%100
			switch {
			case b == 0:
			case y >= firstYear && y <= lastYear && m < 16 && d < 32:
				usual[w][(y-firstYear)<<9|m<<5|d]++
			default:
				other[w][b]++
			}
		}
	})
	count := map[uint32]int{}
	for w := range usual {
		for i, n := range usual[w] {
			if n > 0 {
				count[uint32((i>>9+firstYear)*10000+i>>5&15*100+i&31)] += int(n)
			}
		}
		for b, n := range other[w] {
			count[b] += n
		}
	}
	return count
}

// block finds the candidate pairs of all rules.
func (e *engine) block(ctx context.Context) error {
	e.pairs = newPairList(e.t.Room, e.t.Len(), e.o.Workers)
	e.tables.fill(e.t, e.names, probes)
	for i := range probes {
		x, err := e.tables.index(i, nil)
		if err != nil {
			return err
		}
		e.blockRule(&probes[i], x, e.o.Cap)
	}
	e.res.Families = e.families()
	use := rules
	if !e.res.Families || e.t.Len() <= SmallTable {
		use = slices.Concat(rules, wideRules)
	}
	for i := range use {
		if err := ctx.Err(); err != nil {
			return err
		}
		e.o.Progress("block", i, len(use))
		if i%batch == 0 {
			e.tables.fill(e.t, e.names, use[i:min(i+batch, len(use))])
		}
		rule := &use[i]
		keep := e.keep(rule.Name)
		if contactRule(rule.Name) >= 0 { // kept before shared contacts were taken out
			keep = nil
		}
		x, err := e.tables.index(i%batch, keep)
		if err != nil {
			return err
		}
		limit := x.fitCap(e.o.Cap, uint64(e.t.Len())*rule.budget()/budgetUnit+SmallTable, e.o.Workers)
		e.blockRule(rule, x, limit)
	}
	e.tables = keyTables{}
	e.t.Room.Reuse()
	return nil
}

// budgetUnit lets a budget be less than one pair for each record.
const budgetUnit = 8

// budget is how many pairs a rule may make for each record, in 1/budgetUnit.
// Rules that know a name alone get little: in a large table their groups are
// namesakes.
func (r *Rule) budget() uint64 {
	switch {
	case r.Person:
		return 4 * budgetUnit
	case r.Wide:
		return budgetUnit / 4
	}
	return 2 * budgetUnit
}

func (e *engine) blockRule(rule *Rule, x *index, limit int) {
	var mu sync.Mutex
	skipped := Skipped{Rule: rule.Name}
	seen := make([]map[Pattern]uint64, e.o.Workers)
	for w := range seen {
		seen[w] = map[Pattern]uint64{}
	}
	every := uint64(1)
	if n := x.all; n > 4*trainPairs {
		every = uint64(n / (2 * trainPairs))
	}
	bufs := make([][2]record.Record, e.o.Workers)
	parallelBuckets(e.t.Room, e.o.Workers, func(w, b int) {
		x.groups(b, func(rows []packed) {
			n := len(rows)
			if n > limit {
				mu.Lock()
				skipped.Groups++
				skipped.Records += n
				skipped.Pairs += uint64(n) * uint64(n-1) / 2
				mu.Unlock()
				return
			}
			train := rows[0]>>rowBits*0x9E3779B97F4A7C15>>20%every == 0
			for i, k := range rows {
				for _, l := range rows[i+1:] {
					if !rule.Probe {
						e.pairs.add(w, row(k), row(l))
					}
					if train {
						seen[w][Compare(e.names, e.t.Peek(row(k), &bufs[w][0]), e.t.Peek(row(l), &bufs[w][1]))]++
					}
				}
			}
		})
	})
	for _, more := range seen[1:] {
		for p, n := range more {
			seen[0][p] += n
		}
	}
	s := sample{rule, seen[0]}
	if rule.Probe {
		e.probes = append(e.probes, s)
		return
	}
	if skipped.Groups > 0 {
		e.res.Skipped = append(e.res.Skipped, skipped)
	}
	e.samples = append(e.samples, s)
}

const (
	// errorShare is the share of pairs with one difference, among those who
	// share a family name and an address, from which the records are full of
	// errors; familyShare is how many pairs with both differences there are
	// then, for each of those, when they hold families besides.
	errorShare  = 0.03
	familyShare = 0.2
)

// families reports whether people who share name and address may be two. A
// family differs in given name and in birth date; an error, as a rule, in one
// of them. Twins differ in the given name alone, and clearly; errors leave more
// names that are off by a letter than names that are quite different. Only when
// there are many errors and hardly a family is it no; too little to tell counts
// as yes.
func (e *engine) families() bool {
	var known, one, two, given1, near float64
	for _, s := range e.probes {
		for p, n := range s.count {
			given, birth := p.Level(Given), p.Level(Birth)
			if given == Missing || birth == Missing {
				continue
			}
			known += float64(n)
			switch {
			case given == Differs && birth == Differs:
				two += float64(n)
			case given == Differs:
				one += float64(n)
				given1 += float64(n)
			case birth == Differs:
				one += float64(n)
			}
			if given == GivenEdit || given == GivenAlike {
				near += float64(n)
			}
		}
	}
	return known < leastPairs || one < errorShare*known || two >= familyShare*one || given1 > near
}

// trainers are the samples that the model learns from: those of rules whose
// pairs are persons, or of all rules when the data lacks their fields: strangers
// then.
func (e *engine) trainers() (samples []sample, strangers bool) {
	var person []sample
	for _, s := range e.samples {
		n := uint64(0)
		for _, c := range s.count {
			n += c
		}
		if s.rule.Person && n >= leastPairs {
			person = append(person, s)
		}
	}
	if len(person) == 0 {
		return e.samples, true
	}
	return person, false
}

// compare scores all candidates and keeps the likely ones.
func (e *engine) compare(ctx context.Context) error {
	least := Score(math.Round((floor - firstPrior(e.t.Len())) * unit))
	links := make([][]Link, pairBuckets)
	pairs := make([]uint64, pairBuckets)
	var done sync.Mutex
	finished := 0
	rooms := make([][2][]uint64, e.o.Workers)
	arenas, found := make([][]Link, e.o.Workers), make([][]Link, e.o.Workers)
	parallelEach(e.t.Room, pairBuckets, e.o.Workers, func(w, k int) {
		if ctx.Err() != nil {
			return
		}
		all := e.pairs.take(k, &rooms[w])
		pairs[k] = uint64(len(all))
		found[w] = scorePairs(e.t, e.names, e.res.Model, e.common, all, least, found[w][:0])
		links[k] = settle(e.t.Room, &arenas[w], found[w])
		done.Lock()
		finished++
		e.o.Progress("compare", finished, pairBuckets)
		done.Unlock()
	})
	total := 0
	for k := range links {
		total += len(links[k])
		e.res.Pairs += pairs[k]
	}
	e.res.Links = record.Make[Link](e.t.Room, total)[:0]
	for k := range links {
		e.t.Room.Ease()
		e.res.Links = append(e.res.Links, links[k]...)
		links[k] = nil
	}
	e.pairs = nil
	e.t.Room.Reuse()
	return ctx.Err()
}

// ahead is how many rows are fetched at once: pairs are in the order of their
// lower rows, so each upper one is a miss of every cache, and fetching some
// together costs about as much as fetching one.
const ahead = 32

// scorePairs compares pairs and appends those of at least that score.
func scorePairs(t *record.Table, names *record.Names, m *Model, common *rarity, pairs []uint64, least Score, links []Link) []Link {
	var upper [ahead]record.Record
	hopeless := float32(least)/unit - m.most() - 1 // whatever the names are
	for len(pairs) > 0 {
		some := pairs[:min(ahead, len(pairs))]
		pairs = pairs[len(some):]
		for i, p := range some {
			t.Copy(&upper[i], uint32(p))
		}
		for i, p := range some {
			x, y := t.At(uint32(p>>32)), &upper[i]
			pattern := Compare(names, x, y)
			if m.table[pattern] < hopeless {
				continue
			}
			if s := m.score(common, pattern, x, y); s >= least {
				links = append(links, Link{uint32(p >> 32), uint32(p), s, pattern})
			}
		}
	}
	return links
}

// settle copies links to the beginning of an arena, which is made anew in the
// room when it is full.
func settle(room *record.Room, arena *[]Link, links []Link) []Link {
	const some = 1 << 18
	if len(*arena) < len(links) {
		*arena = record.Make[Link](room, max(some, len(links)))
	}
	out := (*arena)[:len(links):len(links)]
	*arena = (*arena)[len(links):]
	copy(out, links)
	return out
}

// parallelEach calls f for 0 to n-1, one at a time a worker.
func parallelEach(room *record.Room, n, workers int, f func(w, k int)) {
	room.Parallel(n<<14, workers, func(w, from, to int) {
		for k := from >> 14; k < to>>14; k++ {
			f(w, k)
		}
	})
}
