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

// filterBits is the size of the filter that keys of old rows go through: small
// enough for a cache, large enough that few pass by chance.
const filterBits = 24

// filter says which keys of a rule the new rows have; a false yes is possible.
type filter []uint64

func (f filter) set(k packed)      { i := k >> (64 - filterBits); f[i>>6] |= 1 << (i & 63) }
func (f filter) has(k packed) bool { i := k >> (64 - filterBits); return f[i>>6]>>(i&63)&1 != 0 }

// meeting is the rows of one rule that share keys with new rows.
type meeting struct {
	rule   *Rule
	wanted filter
	news   []packed
	olds   [][]packed // by worker
}

// Extend finds the links of rows from first on, to each other and to the
// earlier ones, under a model that is not changed. It reads every earlier row
// once; that costs a few seconds for ten million.
func Extend(ctx context.Context, t *record.Table, names *record.Names, first int, frozen *Frozen, o Options) ([]Link, error) {
	if o.Cap == 0 {
		o.Cap = DefaultCap
	}
	if t.Len() > MaxRecords {
		return nil, ErrTooMany
	}
	x := &extension{t: t, names: names, first: first, frozen: frozen, o: o}
	x.clean()
	x.meet(contactRules())
	for i := range x.meetings {
		x.share(&x.meetings[i], contacts[i].mark)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x.meet(rules)
	pairs := newPairList(t.Len(), 1)
	for i := range x.meetings {
		x.candidates(&x.meetings[i], pairs)
	}
	return x.score(pairs), ctx.Err()
}

// extension is one call of Extend.
type extension struct {
	t        *record.Table
	names    *record.Names
	first    int
	frozen   *Frozen
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
		m.rule, m.wanted, m.olds = &use[i], make(filter, 1<<(filterBits-6)), make([][]packed, x.o.Workers)
		for row := x.first; row < x.t.Len(); row++ {
			if k := x.pack(m.rule, uint32(row)); k != 0 {
				m.news = append(m.news, k)
				m.wanted.set(k)
			}
		}
		slices.Sort(m.news)
	}
	record.Parallel(x.first, x.o.Workers, func(w, from, to int) {
		for i := range x.meetings {
			m := &x.meetings[i]
			if len(m.news) == 0 {
				continue
			}
			for row := from; row < to; row++ {
				if k := x.pack(m.rule, uint32(row)); k != 0 && m.wanted.has(k) {
					m.olds[w] = append(m.olds[w], k)
				}
			}
		}
	})
}

// groups calls f with the new and old rows of every key that new rows have.
func (m *meeting) groups(f func(news, olds []packed)) {
	var olds []packed
	for _, part := range m.olds {
		olds = append(olds, part...)
	}
	slices.Sort(olds)
	at := 0
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
		all := slices.Concat(olds, news)
		if len(all) < manyGivens || givens(x.t, x.names, all) < manyGivens {
			return
		}
		for _, k := range all {
			mark(x.t.At(row(k)))
		}
	})
}

func (x *extension) candidates(m *meeting, pairs *pairList) {
	limit := x.o.Cap
	if m.rule.Wide {
		limit = min(limit, wideCap)
	}
	m.groups(func(news, olds []packed) {
		if len(news)+len(olds) > limit {
			return
		}
		for i, k := range news {
			for _, l := range olds {
				pairs.add(0, row(k), row(l))
			}
			for _, l := range news[i+1:] {
				pairs.add(0, row(k), row(l))
			}
		}
	})
}

// wideCap is the cap of rules that know a name alone, when no budget says it.
const wideCap = 8

func (x *extension) score(pairs *pairList) []Link {
	m := x.frozen.Model
	common := newRarity(x.t, x.names, m, x.o.Workers)
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
func Evidence(t *record.Table, names *record.Names, m *Model, a, b uint32) (Score, Pattern) {
	p := Compare(names, t.At(a), t.At(b))
	return m.score(newRarity(t, names, m, 1), p, t.At(a), t.At(b)), p
}
