package match

import (
	"cmp"
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

// Keys are the sorted keys of rows, by rule: those of KeptRules.
type Keys map[string][]uint64

// KeptRules names the rules whose keys Extend needs, in the order of files.
func KeptRules() []string {
	var names []string
	for _, r := range slices.Concat(contactRules(), rules) {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	return names
}

// meeting is the rows of one rule that share keys with new rows.
type meeting struct {
	rule *Rule

	news, olds []packed // sorted by hash
}

// Extend finds the links of rows from first on, to each other and to the
// earlier ones, under a model that is not changed; counts are those of all
// rows, and old the keys of the earlier ones, in parts. It returns the keys of
// the new rows too.
func Extend(ctx context.Context, t *record.Table, names *record.Names, first int, frozen *Frozen, counts *record.Counts, old []Keys, o Options) ([]Link, Keys, error) {
	if o.Cap == 0 {
		o.Cap = DefaultCap
	}
	if t.Len() > MaxRecords {
		return nil, nil, ErrTooMany
	}
	x := &extension{t: t, names: names, first: first, frozen: frozen, counts: counts, o: o}
	x.clean()
	own := slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return contactRule(r.Name) >= 0 })
	keys := x.meet(slices.Concat(contactRules(), own), old)
	for i := range contacts {
		x.share(&x.meetings[i], contacts[i].mark)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	pairs := newPairList(t.Room, t.Len(), o.Workers)
	parallelEach(t.Room, len(rules), o.Workers, func(w, i int) { x.candidates(w, &rules[i], pairs) })
	return x.score(pairs), keys, ctx.Err()
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
	at := 0
	for x.meetings[at].rule.Name != rule.Name { // each is another worker's
		at++
	}
	m := &x.meetings[at]
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
	r := x.t.Peek(row, nil)
	return pack(rule.key(x.names, r), r, row)
}

// meet collects, for every rule, the new rows' keys and the old rows that have
// one of them. It returns the new rows' keys.
func (x *extension) meet(use []Rule, old []Keys) Keys {
	x.meetings = make([]meeting, len(use))
	parallelEach(x.t.Room, len(use), x.o.Workers, func(_, i int) {
		m := &x.meetings[i]
		m.rule = &use[i]
		for row := x.first; row < x.t.Len(); row++ {
			if row%(1<<13) == 0 {
				x.t.Room.Ease()
			}
			if k := x.pack(m.rule, uint32(row)); k != 0 {
				m.news = append(m.news, k)
			}
		}
		slices.Sort(m.news)
		for _, part := range old {
			m.olds = appendShared(x.t.Room, m.olds, m.news, part[m.rule.Name])
		}
		if len(old) > 1 {
			slices.Sort(m.olds)
		}
	})
	keys := Keys{}
	for i := range x.meetings {
		keys[x.meetings[i].rule.Name] = slices.Clone(x.meetings[i].news)
	}
	return keys
}

// leapsBetween is how many leaps there are between two calls of Ease: each lands
// on a dozen pages of its own.
const leapsBetween = 8

// appendShared appends the keys of old whose hash a key of news has. Both are
// sorted; it leaps through old, which is long.
func appendShared(room *record.Room, dst, news, old []packed) []packed {
	at, leaps := 0, 0
	for i := 0; i < len(news); {
		if leaps++; leaps%leapsBetween == 0 {
			room.Ease()
		}
		hash := news[i] >> rowBits
		step := 1
		for at+step < len(old) && old[at+step]>>rowBits < hash {
			at += step
			step *= 2
		}
		within, _ := slices.BinarySearchFunc(old[at:min(at+step+1, len(old))], hash, func(k packed, h uint64) int { return cmp.Compare(k>>rowBits, h) })
		for at += within; at < len(old) && old[at]>>rowBits == hash; at++ {
			dst = append(dst, old[at])
		}
		for i++; i < len(news) && news[i]>>rowBits == hash; i++ {
		}
	}
	return dst
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
			x.t.Update(row(k), mark)
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
	parallelEach(x.t.Room, pairBuckets, x.o.Workers, func(w, k int) {
		found := scorePairs(x.t, x.names, m, common, pairs.take(k, &rooms[w]), least, nil)
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
