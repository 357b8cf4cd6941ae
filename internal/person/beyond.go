package person

import (
	"math"
	"slices"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/match"
	"sekisho/internal/person/record"
)

// kind is which fields a record has, and its source.
type kind uint32

const (
	hasLatinFamily kind = 1 << iota
	hasLatinGiven
	hasKanjiFamily
	hasKanjiGiven
	hasSex
	hasBirthDate
	hasMail
	hasAddress
	hasTelephone
	hasNumber
	hasExtra1
	hasExtra2
	sourceShift = iota
)

// Bounds of the work: further sources count as one, and further kinds as none.
const (
	mostSources = 32
	mostKinds   = 1200
)

func kindOf(r *record.Record) kind {
	return min(kind(r.Source), mostSources-1)<<sourceShift |
		has(r.Family != 0, hasLatinFamily) | has(r.Given != 0, hasLatinGiven) |
		has(r.KanjiFamily != 0, hasKanjiFamily) | has(r.KanjiGiven != 0, hasKanjiGiven) |
		has(r.Sex != 0, hasSex) | has(r.Birth != 0, hasBirthDate) |
		has(r.Email != 0 && r.Flags&record.EmailShared == 0, hasMail) |
		has(r.Postal != 0 || r.Town != 0, hasAddress) |
		has(r.Phone != 0 && r.Flags&record.PhoneShared == 0, hasTelephone) |
		has(r.Document != 0, hasNumber) | has(r.Extra[0] != 0, hasExtra1) | has(r.Extra[1] != 0, hasExtra2)
}

func has(is bool, k kind) kind {
	if is {
		return k
	}
	return 0
}

func (k kind) source() int { return int(k >> sourceShift) }

// comparable says which fields of a pattern two records of these kinds have.
var comparable = [...]struct {
	needs kind
	field match.Field
}{{hasLatinFamily | hasKanjiFamily, match.Family}, {hasLatinGiven | hasKanjiGiven, match.Given}, {hasSex, match.Sex}, {hasBirthDate, match.Birth},
	{hasMail, match.Email}, {hasAddress, match.Place}, {hasTelephone, match.Phone}, {hasNumber, match.Document}, {hasExtra1, match.Extra1}, {hasExtra2, match.Extra2}}

func (k kind) compared(with kind) (m match.Mask) {
	for _, c := range comparable {
		if k&with&c.needs != 0 {
			m |= 1 << c.field
		}
	}
	return m
}

// beyond estimates how many joins were not found because two records of one
// person have too little to compare, or too many errors in it: likely, and at
// most. Unlike hidden it asks how likely each kind of pair is found, and how many
// pairs there are from those that were: pairs of two sources are taken to be
// as frequent whatever fields their records have. Where two sources have next to
// nothing to compare, what other sources share says how many they do, if there
// are enough of those and they agree; else the most is that all of them do.
//
// It also returns how many records there are.
func (res *Result) beyond(workers int) (likely, most float64, records int) {
	b := bridge{res: res}
	b.count(workers)
	if len(b.kinds) == 0 {
		return 0, 0, 0
	}
	guard := res.guard()
	small := res.Table.Len() <= match.SmallTable || !res.Match.Families
	b.found = res.Match.Model.Found(res.ownLevels(), res.LinkAt, small, func(p match.Pattern) bool { return guard.Check(p) == cluster.None })
	b.learn()
	return b.lost(&b.rate), b.lost(&b.top), b.records
}

// bridge is the work of beyond.
type bridge struct {
	res      *Result
	records  int
	kinds    []kind
	n, alone []float64 // records of each kind, and those found alone
	sizes    [cluster.MaxRecords + 1]float64
	found    match.Shares

	pairs, findable, all [mostSources][mostSources]float64 // of sources, the lower one first
	rate, top            [mostSources][mostSources]float64 // matches for each pair of records
}

// tally is what one worker counted.
type tally struct {
	n, alone []uint32 // by kind
	sizes    [cluster.MaxRecords + 1]int
	pairs    [mostSources][mostSources]int
}

// count counts records by kind, and pairs that were joined by source.
func (b *bridge) count(workers int) {
	tallies := make([]tally, workers)
	for w := range tallies {
		tallies[w].n, tallies[w].alone = make([]uint32, mostSources<<sourceShift), make([]uint32, mostSources<<sourceShift)
	}
	b.res.Table.Room.Parallel(b.res.Table.Len(), workers, func(w, from, to int) {
		var members []int
		for i := uint32(from); i < uint32(to); i++ {
			members = b.res.tally(&tallies[w], i, members)
		}
	})
	n, alone := tallies[0].n, tallies[0].alone
	for w := range tallies {
		t := &tallies[w]
		for k := range n {
			if w > 0 {
				n[k] += t.n[k]
				alone[k] += t.alone[k]
			}
		}
		for size, c := range t.sizes {
			b.sizes[size] += float64(c)
		}
		for s := range t.pairs {
			for to, c := range t.pairs[s] {
				b.pairs[s][to] += float64(c)
			}
		}
	}
	for _, c := range n {
		b.records += int(c)
	}
	for k, c := range n {
		if c > 0 {
			b.kinds = append(b.kinds, kind(k))
		}
	}
	slices.SortStableFunc(b.kinds, func(x, y kind) int { return int(n[y]) - int(n[x]) })
	b.kinds = b.kinds[:min(len(b.kinds), mostKinds)]
	for _, k := range b.kinds {
		b.n, b.alone = append(b.n, float64(n[k])), append(b.alone, float64(alone[k]))
	}
}

// tally counts a row. members is room for its work, which it returns.
func (res *Result) tally(t *tally, row uint32, members []int) []int {
	r := res.Table.At(row)
	if r.Flags&record.Alive == 0 {
		return members
	}
	k := kindOf(r)
	t.n[k]++
	size := res.Sets.Len(row)
	if size == 1 {
		t.alone[k]++
		return members
	}
	t.sizes[min(size, cluster.MaxRecords)]++
	if res.Sets.Find(row) != row {
		return members
	}
	if len(res.Reads) == 1 {
		t.pairs[0][0] += size * (size - 1) / 2
		return members
	}
	members = members[:0]
	res.Sets.Members(row, func(row uint32) bool {
		members = append(members, min(res.sourceOf(row), mostSources-1))
		return true
	})
	slices.Sort(members)
	for i, s := range members {
		for _, to := range members[i+1:] {
			t.pairs[s][to]++
		}
	}
	return members
}

// sourceOf returns the number of the source of a row, without a look at the row:
// the rows of a source lie together.
func (res *Result) sourceOf(row uint32) int {
	next, _ := slices.BinarySearchFunc(res.Reads, int(row)+1, func(r Read, row int) int { return r.First - row })
	return next - 1
}

// known is how many matches two sources should have shown for what they share to
// be known; agreeing is how many such pairs of sources say what others share, and
// alike how many times more the most of them may share than the least. Two sources
// of which less than the share tells could have been found say nothing: a few
// matches by what only some records have would make a rate of any size.
const (
	known    = 20
	agreeing = 6
	alike    = 3
	tells    = 0.05
)

// learn works the rates out.
func (b *bridge) learn() {
	for i, x := range b.kinds {
		for j, y := range b.kinds[:i+1] {
			n := b.n[i] * b.n[j]
			if i == j {
				n = b.n[i] * (b.n[i] - 1) / 2
			}
			s, t := min(x.source(), y.source()), max(x.source(), y.source())
			b.all[s][t] += n
			b.findable[s][t] += n * b.found[x.compared(y)]
		}
	}
	var pairs, findable float64
	var rates []float64
	for s := range b.all {
		for t := s; t < mostSources; t++ {
			pairs += b.pairs[s][t]
			findable += b.findable[s][t]
			if b.pairs[s][t] >= known && b.tells(s, t) {
				rates = append(rates, b.pairs[s][t]/max(b.findable[s][t], 1e-9))
			}
		}
	}
	usual, bound := pairs/max(findable, 1e-9), math.Inf(1)
	if slices.Sort(rates); len(rates) >= agreeing && rates[len(rates)-1] < alike*rates[0] {
		bound = rates[len(rates)-1]
	}
	for s := range b.all {
		for t := s; t < mostSources; t++ {
			found := b.pairs[s][t]
			b.rate[s][t] = found / max(b.findable[s][t], 1e-9)
			b.top[s][t] = (found + 2*math.Sqrt(found) + 3) / max(b.findable[s][t], 1e-9)
			if !b.tells(s, t) {
				b.rate[s][t] = usual
			}
			b.top[s][t] = max(b.rate[s][t], min(b.top[s][t], bound))
			b.rate[t][s], b.top[t][s] = b.rate[s][t], b.top[s][t]
		}
	}
}

// tells reports whether what was found of two sources says how many persons they
// share.
func (b *bridge) tells(s, t int) bool { return b.findable[s][t] >= tells*b.all[s][t] }

// lost returns how many joins are missing at those rates: of two records of one
// person that are both alone one, and of more one for each that is alone.
func (b *bridge) lost(rate *[mostSources][mostSources]float64) float64 {
	joined, companions := 0.0, 0.0
	for size, n := range b.sizes {
		joined += n
		companions += n * float64(size-1)
	}
	sizes := b.sizes
	if joined == 0 {
		joined, companions, sizes[2] = 1, 1, 1
	}
	companions /= joined
	lost := 0.0
	for i, x := range b.kinds {
		matches, findable := 0.0, 0.0
		for j, y := range b.kinds {
			n := rate[x.source()][y.source()] * b.n[j]
			matches += n
			findable += n * b.found[x.compared(y)]
		}
		if matches == 0 {
			continue
		}
		missed := max(0, 1-findable/matches)
		with := min(1, matches/companions) * b.n[i]
		alone, weight := 0.0, 0.0
		for size := 2; size < len(sizes); size++ {
			if sizes[size] == 0 {
				continue
			}
			p := sizes[size] / joined * math.Pow(missed, float64(size-1))
			alone += p
			if size == 2 {
				p /= 2
			}
			weight += p
		}
		if alone == 0 {
			continue
		}
		lost += min(with*alone, b.alone[i]) * weight / alone
	}
	return lost
}

// sureEnough is how many pairs must show how a field errs.
const sureEnough = 20

// ownLevels is how often each level of each field occurs between records that are
// sure enough to be one person without that field. Given names are those of the
// model, as if a clear difference never occurred: findLost counts those. Where
// people of one family are told apart by birth dates, those err in usualErrors at
// most: what differs more often is of strangers with a rare name.
func (res *Result) ownLevels() match.Levels {
	m, guard := res.Match.Model, res.guard()
	var sum match.Levels
	for l := range record.Each(res.Table.Room, res.Match.Links) {
		sameName := l.Pattern.Level(match.Given) >= match.GivenSound
		if v := guard.Check(l.Pattern); v != cluster.None && !(v == cluster.BirthDiffers && sameName) {
			continue
		}
		for f := match.Family; f <= match.Document; f++ {
			level := l.Pattern.Level(f)
			if level == match.Missing || l.Score.Bits()-m.Weight(f, level) < res.LinkAt.Bits() || f == match.Birth && !sameName {
				continue
			}
			sum[f][level]++
		}
	}
	out := match.Levels(m.M)
	for f := range sum {
		all := 0.0
		for _, n := range sum[f] {
			all += n
		}
		if all < sureEnough || match.Field(f) == match.Given {
			continue
		}
		for l := range sum[f] {
			out[f][l] = sum[f][l] / all
		}
	}
	if birth := &out[match.Birth]; res.Match.Families {
		atMost(birth, match.BirthSame, usualErrors)
	}
	if given := &out[match.Given]; res.Match.Families {
		for l := range given {
			if l > int(match.Differs) {
				given[l] /= 1 - given[match.Differs]
			}
		}
		given[match.Differs] = 0
	}
	return out
}

// atMost makes all levels but the same and missing together at most share.
func atMost(levels *[6]float64, same match.Level, share float64) {
	other := 0.0
	for l := int(match.Differs); l < len(levels); l++ {
		if l != int(same) {
			other += levels[l]
		}
	}
	if other <= share {
		return
	}
	for l := int(match.Differs); l < len(levels); l++ {
		if l != int(same) {
			levels[l] *= share / other
		}
	}
	levels[same] += other - share
}
