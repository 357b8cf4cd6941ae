package match

import (
	"context"
	"slices"
	"sync"

	"sekisho/internal/person/record"
)

// Frozen is what later runs take over from the first: the model and what was
// found to stand for no one person.
type Frozen struct {
	Model     *Model
	Families  bool
	Births    []uint32 // birth dates that are placeholders
	Documents []uint64 // document numbers that are
}

// A filter has two stages. The first is small and stops nine keys in ten, the
// second stops most of the others.
const (
	coarseBits = 20
	filterBits = 24
	// filterRows is how many rows go through the filter of a rule before the
	// next rule's.
	filterRows = 1 << 12
)

// filter says which keys of a rule the new rows have; a false yes is possible.
type filter struct {
	coarse *[1 << (coarseBits - 6)]uint64
	fine   []uint64
}

func newFilter() filter {
	return filter{new([1 << (coarseBits - 6)]uint64), record.Large[uint64](1 << (filterBits - 6))}
}

func (f *filter) set(k packed) {
	i, j := k>>(64-coarseBits), k>>(64-filterBits)
	f.coarse[i>>6] |= 1 << (i & 63)
	f.fine[j>>6] |= 1 << (j & 63)
}

// sift leaves the keys that the filter lets through. The first stage has no
// branch: a processor looks many keys up at once then.
func (f *filter) sift(keys []packed) []packed {
	n := 0
	for _, k := range keys {
		i := k >> (64 - coarseBits)
		keys[n] = k
		n += int(f.coarse[i>>6] >> (i & 63) & 1)
	}
	out := keys[:0]
	for _, k := range keys[:n] {
		if j := k >> (64 - filterBits); f.fine[j>>6]>>(j&63)&1 != 0 {
			out = append(out, k)
		}
	}
	return out
}

// meeting is the rows of one rule that share keys with new rows.
type meeting struct {
	rule   *Rule
	wanted filter
	found  [][]packed // old rows by worker

	news, olds []packed // sorted
}

// Extend finds the links of rows from first on, to each other and to the
// earlier ones, under a model that is not changed; counts are those of all
// rows. It reads every earlier row once; that costs a second for ten million.
func Extend(ctx context.Context, t *record.Table, names *record.Names, first int, frozen *Frozen, counts *record.Counts, o Options) ([]Link, error) {
	if o.Cap == 0 {
		o.Cap = DefaultCap
	}
	if t.Len() > MaxRecords {
		return nil, ErrTooMany
	}
	x := &extension{t: t, names: names, first: first, frozen: frozen, counts: counts, o: o}
	x.clean()
	own := slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return contactRule(r.Name) >= 0 })
	x.meet(slices.Concat(contactRules(), own))
	for i := range contacts {
		x.share(&x.meetings[i], contacts[i].mark)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	pairs := newPairList(t.Len(), o.Workers)
	parallelEach(len(rules), o.Workers, func(w, i int) { x.candidates(w, &rules[i], pairs) })
	return x.score(pairs), ctx.Err()
}

// contactRule returns which contact has a rule of that name, or -1. Rules of
// contacts have the same keys as the contacts, but for rows whose contact is
// shared.
func contactRule(name string) int {
	return slices.IndexFunc(contactRules(), func(c Rule) bool { return c.Name == name })
}

// meeting returns that of a rule, or of its contact without the rows that many
// people share it with.
func (x *extension) meeting(rule *Rule) *meeting {
	m := &x.meetings[slices.IndexFunc(x.meetings, func(m meeting) bool { return m.rule.Name == rule.Name })]
	if contactRule(rule.Name) >= 0 {
		m.news, m.olds = x.still(rule, m.news), x.still(rule, m.olds)
	}
	return m
}

// extension is one call of Extend.
type extension struct {
	t        *record.Table
	names    *record.Names
	first    int
	frozen   *Frozen
	counts   *record.Counts
	o        Options
	meetings []meeting
}

// clean takes known placeholders out of the new rows.
func (x *extension) clean() {
	for i := x.first; i < x.t.Len(); i++ {
		r := x.t.At(uint32(i))
		if slices.Contains(x.frozen.Births, r.Birth) {
			r.Birth = 0
		}
		if slices.Contains(x.frozen.Documents, r.Document) {
			r.Document, r.Issued = 0, 0
		}
	}
}

func contactRules() []Rule {
	out := make([]Rule, len(contacts))
	for i, c := range contacts {
		out[i] = Rule{Name: c.what, key: c.key}
	}
	return out
}

// pack returns a rule's key of a row, 0 for none.
func (x *extension) pack(rule *Rule, row uint32) packed {
	r := x.t.At(row)
	return pack(rule.key(x.names, r), r, row)
}

// meet collects, for every rule, the new rows' keys and the old rows that have
// one of them, in one pass over the old rows.
func (x *extension) meet(use []Rule) {
	x.meetings = make([]meeting, len(use))
	for i := range use {
		m := &x.meetings[i]
		m.rule, m.wanted, m.found = &use[i], newFilter(), make([][]packed, x.o.Workers)
		for row := x.first; row < x.t.Len(); row++ {
			if k := x.pack(m.rule, uint32(row)); k != 0 {
				m.news = append(m.news, k)
				m.wanted.set(k)
			}
		}
	}
	record.Parallel(x.first, x.o.Workers, func(w, from, to int) {
		for ; from < to; from += filterRows {
			for i := range x.meetings {
				x.meetings[i].sift(x, w, from, min(from+filterRows, to))
			}
		}
	})
	parallelEach(len(use), x.o.Workers, func(_, i int) {
		m := &x.meetings[i]
		m.olds = slices.Concat(m.found...)
		m.found = nil
		slices.Sort(m.news)
		slices.Sort(m.olds)
	})
}

// sift keeps the old rows whose keys new ones have, or seem to have.
func (m *meeting) sift(x *extension, w, from, to int) {
	if len(m.news) == 0 {
		return
	}
	var room [filterRows]packed
	keys := room[:0]
	for row := from; row < to; row++ {
		if k := x.pack(m.rule, uint32(row)); k != 0 {
			keys = append(keys, k)
		}
	}
	m.found[w] = append(m.found[w], m.wanted.sift(keys)...)
}

// still leaves out the rows that have no key of that rule.
func (x *extension) still(rule *Rule, keys []packed) []packed {
	return slices.DeleteFunc(keys, func(k packed) bool { return x.pack(rule, row(k)) == 0 })
}

// groups calls f with the new and old rows of every key that new rows have.
func (m *meeting) groups(f func(news, olds []packed)) {
	olds, at := m.olds, 0
	for i := 0; i < len(m.news); {
		hash := m.news[i] >> rowBits
		j := i + 1
		for j < len(m.news) && m.news[j]>>rowBits == hash {
			j++
		}
		for at < len(olds) && olds[at]>>rowBits < hash {
			at++
		}
		end := at
		for end < len(olds) && olds[end]>>rowBits == hash {
			end++
		}
		f(m.news[i:j], olds[at:end])
		i, at = j, end
	}
}

// share marks contacts that belong to many people once the new rows are there.
func (x *extension) share(m *meeting, mark func(*record.Record)) {
	m.groups(func(news, olds []packed) {
		if len(olds)+len(news) < manyGivens {
			return
		}
		all := slices.Concat(olds, news)
		if givens(x.t, x.names, all) < manyGivens {
			return
		}
		for _, k := range all {
			mark(x.t.At(row(k)))
		}
	})
}

func (x *extension) candidates(w int, rule *Rule, pairs *pairList) {
	limit := x.o.Cap
	if rule.Wide {
		limit = min(limit, wideCap)
	}
	x.meeting(rule).groups(func(news, olds []packed) {
		if len(news)+len(olds) > limit {
			return
		}
		for i, k := range news {
			for _, l := range olds {
				pairs.add(w, row(k), row(l))
			}
			for _, l := range news[i+1:] {
				pairs.add(w, row(k), row(l))
			}
		}
	})
}

// wideCap is the cap of rules that know a name alone, when no budget says it.
const wideCap = 8

func (x *extension) score(pairs *pairList) []Link {
	m := x.frozen.Model
	common := newRarity(x.counts, m)
	least := m.ScoreAt(0.001)
	var mu sync.Mutex
	var links []Link
	rooms := make([][2][]uint64, x.o.Workers)
	parallelEach(pairBuckets, x.o.Workers, func(w, k int) {
		found := scorePairs(x.t, x.names, m, common, pairs.take(k, &rooms[w]), least)
		mu.Lock()
		links = append(links, found...)
		mu.Unlock()
	})
	return links
}

// Restore works out what a model that was read back keeps out of its file.
func (m *Model) Restore() {
	m.weigh()
	m.finish()
}

// Evidence returns the evidence of a pair under the frozen model.
func Evidence(t *record.Table, names *record.Names, counts *record.Counts, m *Model, a, b uint32) (Score, Pattern) {
	p := Compare(names, t.At(a), t.At(b))
	return m.score(newRarity(counts, m), p, t.At(a), t.At(b)), p
}
