// Package cluster joins linked records to persons.
//
// Links are taken from the surest down. Two clusters are joined only when no
// record of one contradicts a record of the other, so a chain of good links
// never joins a father with his son. The outcome does not depend on the order
// of links or rows. It does not find links: package match does.
package cluster

import (
	"cmp"
	"slices"

	"sekisho/internal/person/match"
	"sekisho/internal/person/record"
)

// Veto is why two records are two persons whatever else agrees.
type Veto uint8

// The vetoes. A passport number that agrees overrides them all.
const (
	None         Veto = iota
	GivenDiffers      // twins, families, colleagues
	GivenUnknown      // the given names cannot be compared
	BirthDiffers
	SexDiffers // with a given name that is only alike
	TooLarge   // the person would have more than MaxRecords records
	Decided    // somebody decided that they are two
)

var vetoNames = [...]string{"", "given_differs", "given_not_comparable", "birthdate_differs", "sex_differs", "too_large", "decided"}

// String returns the name that --json uses; empty for None.
func (v Veto) String() string { return vetoNames[v] }

// MaxRecords is the most records that one person may have: more is a sign of a
// placeholder that nothing caught.
const MaxRecords = 200

// Guard says what counts as a contradiction.
type Guard struct {
	// Families says that the records hold families: see match.Result.Families.
	// Without them nothing contradicts: whoever shares most is one person with
	// errors, and the evidence alone decides.
	Families bool
}

// Check returns why the two records of a pattern may not be linked.
func (g Guard) Check(p match.Pattern) Veto {
	if v := g.Contradiction(p); v != None {
		return v
	}
	if g.Families && !documented(p) && p.Level(match.Given) == match.Missing {
		return GivenUnknown
	}
	return None
}

// Contradiction returns why two records of one cluster may not stand together,
// whether or not they are linked themselves.
func (g Guard) Contradiction(p match.Pattern) Veto {
	if !g.Families || documented(p) {
		return None
	}
	given, birth := p.Level(match.Given), p.Level(match.Birth)
	switch {
	case given == match.Differs:
		return GivenDiffers
	case birth == match.Differs:
		return BirthDiffers
	case p.Level(match.Sex) == match.Differs && given != match.Missing && given < match.GivenSound:
		return SexDiffers
	}
	return None
}

// documented reports whether a document number overrides everything: the same
// one does, and one that is a character off when the birth date agrees too.
func documented(p match.Pattern) bool {
	return p.Level(match.Document) == match.DocumentSame || p.Level(match.Document) == match.DocumentAlike && p.Level(match.Birth) >= match.BirthTurned
}

// Sets is a partition of rows into clusters.
type Sets struct {
	parent []uint32
	next   []uint32 // ring of the members of a cluster
	size   []uint32
	joined int
	trial  bool
	tried  []uint32     // roots that a trial joined to others, in order
	place  *record.Room // of tried
}

// NewSets returns n clusters of one row each, in the room.
func NewSets(place *record.Room, n int) *Sets {
	room := n + n/32 // for Grow
	s := &Sets{parent: record.Make[uint32](place, room)[:n], next: record.Make[uint32](place, room)[:n], size: record.Make[uint32](place, room)[:n]}
	for i := range s.parent {
		if i%(1<<14) == 0 {
			place.Ease()
		}
		s.parent[i], s.next[i], s.size[i] = uint32(i), uint32(i), 1
	}
	return s
}

// Find returns the row that stands for the cluster of i.
func (s *Sets) Find(i uint32) uint32 {
	for {
		p := s.parent[i]
		if p == i {
			return i
		}
		if above := s.parent[p]; above != p && !s.trial { // a way made shorter in a trial would be wrong after it
			s.parent[i] = above
		}
		i = p
	}
}

// Flatten makes all ways short. Until the next Join, methods that only look may
// run beside each other.
func (s *Sets) Flatten(place *record.Room) {
	for i := range s.parent {
		if i%(1<<14) == 0 {
			place.Ease()
		}
		s.parent[i] = s.Find(uint32(i))
	}
}

// Joins is how many clusters fewer there are than rows.
func (s *Sets) Joins() int { return s.joined }

// Try calls f and takes back what f joined. The room is where what to take back
// is kept.
func (s *Sets) Try(place *record.Room, f func()) {
	s.trial, s.tried = true, record.Make[uint32](place, 1<<10)[:0]
	s.place = place
	f()
	for i := len(s.tried) - 1; i >= 0; i-- {
		b := s.tried[i]
		a := s.parent[b]
		s.next[a], s.next[b] = s.next[b], s.next[a]
		s.size[a] -= s.size[b]
		s.parent[b] = b
	}
	s.joined -= len(s.tried)
	s.trial, s.tried, s.place = false, nil, nil
}

// Len is the size of the cluster of i.
func (s *Sets) Len(i uint32) int { return int(s.size[s.Find(i)]) }

// Members calls f for the rows of the cluster of i until it returns false.
func (s *Sets) Members(i uint32, f func(row uint32) bool) {
	for k := i; ; {
		if !f(k) {
			return
		}
		if k = s.next[k]; k == i {
			return
		}
	}
}

// Join makes one cluster of those of a and b.
func (s *Sets) Join(a, b uint32) {
	a, b = s.Find(a), s.Find(b)
	if a == b {
		return
	}
	if s.size[a] < s.size[b] || s.size[a] == s.size[b] && b < a {
		a, b = b, a
	}
	s.parent[b] = a
	s.size[a] += s.size[b]
	s.next[a], s.next[b] = s.next[b], s.next[a]
	s.joined++
	if s.trial {
		s.tried = record.Append(s.place, s.tried, b)
	}
}

// Refused is a link that a veto stopped.
type Refused struct {
	Link match.Link
	Veto Veto
	A, B uint32 // the records that contradict each other
}

// Decisions are what people decided about pairs of rows.
type Decisions struct {
	Same, Different [][2]uint32
}

// Joiner applies links to sets.
type Joiner struct {
	Table *record.Table
	Names *record.Names
	Sets  *Sets
	Guard Guard
	apart map[uint32][]uint32 // rows decided to be two persons
	buf   [2]record.Record
}

// NewJoiner joins what was decided to be the same and remembers what was
// decided to be different. A decision outranks every veto and every link.
func NewJoiner(t *record.Table, names *record.Names, s *Sets, g Guard, d Decisions) *Joiner {
	j := &Joiner{Table: t, Names: names, Sets: s, Guard: g, apart: map[uint32][]uint32{}}
	for _, p := range d.Different {
		j.apart[p[0]] = append(j.apart[p[0]], p[1])
		j.apart[p[1]] = append(j.apart[p[1]], p[0])
	}
	for _, p := range d.Same {
		if j.decided(p[0], p[1]) == None {
			s.Join(p[0], p[1])
		}
	}
	return j
}

// Sort orders links from the surest down; equal ones by what the records hold,
// not by where they stand.
func Sort(t *record.Table, links []match.Link, workers int) {
	if len(links) == 0 {
		return
	}
	most, least := links[0].Score, links[0].Score
	for l := range record.Each(t.Room, links) {
		most, least = max(most, l.Score), min(least, l.Score)
	}
	at := make([]int, int(most-least)+2)
	for l := range record.Each(t.Room, links) {
		at[most-l.Score+1]++
	}
	for i := range at[1:] {
		at[i+1] += at[i]
	}
	begin := slices.Clone(at)
	byScore := record.Make[match.Link](t.Room, len(links))
	for l := range record.Each(t.Room, links) {
		byScore[at[most-l.Score]] = *l
		at[most-l.Score]++
	}
	record.Move(t.Room, links, byScore)
	t.Room.Parallel((len(begin)-1)<<14, workers, func(_, from, to int) {
		for i := from >> 14; i < to>>14; i++ {
			sortEqual(t, links[begin[i]:begin[i+1]])
		}
	})
}

// sortEqual orders links of one score.
func sortEqual(t *record.Table, links []match.Link) {
	if len(links) < 2 {
		return
	}
	type order struct {
		low, high uint64
		link      match.Link
	}
	list := make([]order, len(links))
	var x, y record.Record
	for i, l := range links {
		a, b := t.Peek(l.A, &x).Content, t.Peek(l.B, &y).Content
		list[i] = order{min(a, b), max(a, b), l}
	}
	slices.SortFunc(list, func(x, y order) int {
		if c := cmp.Compare(x.low, y.low); c != 0 {
			return c
		}
		if c := cmp.Compare(x.high, y.high); c != 0 {
			return c
		}
		return cmp.Compare(uint64(x.link.A)<<32|uint64(x.link.B), uint64(y.link.A)<<32|uint64(y.link.B))
	})
	for i := range list {
		links[i] = list[i].link
	}
}

// Join takes sorted links and returns those that a veto stopped.
func (j *Joiner) Join(links []match.Link) (refused []Refused) {
	for l := range record.Each(j.Table.Room, links) {
		if r, ok := j.Try(*l); !ok {
			refused = record.Append(j.Table.Room, refused, r)
		}
	}
	return refused
}

// Try joins the clusters of one link unless something forbids it.
func (j *Joiner) Try(l match.Link) (Refused, bool) {
	if j.Sets.Find(l.A) == j.Sets.Find(l.B) {
		return Refused{}, true
	}
	if v := j.Guard.Check(l.Pattern); v != None {
		return Refused{l, v, l.A, l.B}, false
	}
	if j.Sets.Len(l.A)+j.Sets.Len(l.B) > MaxRecords {
		return Refused{l, TooLarge, l.A, l.B}, false
	}
	if v, a, b := j.conflict(l); v != None {
		return Refused{l, v, a, b}, false
	}
	j.Sets.Join(l.A, l.B)
	return Refused{}, true
}

// conflict looks for two members of the clusters that contradict each other.
func (j *Joiner) conflict(l match.Link) (v Veto, x, y uint32) {
	if v := j.decided(l.A, l.B); v != None {
		return v, l.A, l.B
	}
	if j.Sets.Len(l.A) == 1 && j.Sets.Len(l.B) == 1 {
		return None, 0, 0
	}
	j.Sets.Members(l.A, func(a uint32) bool {
		one := j.Table.Peek(a, &j.buf[0])
		j.Sets.Members(l.B, func(b uint32) bool {
			if a == l.A && b == l.B {
				return true
			}
			if w := j.Guard.Contradiction(match.Compare(j.Names, one, j.Table.Peek(b, &j.buf[1]))); w != None && (v == None || w < v) {
				v, x, y = w, a, b
			}
			return true
		})
		return true
	})
	return v, x, y
}

// decided reports whether a decision keeps the clusters of a and b apart.
func (j *Joiner) decided(a, b uint32) (v Veto) {
	if len(j.apart) == 0 {
		return None
	}
	other := j.Sets.Find(b)
	j.Sets.Members(a, func(row uint32) bool {
		for _, r := range j.apart[row] {
			if j.Sets.Find(r) == other {
				v = Decided
			}
		}
		return v == None
	})
	return v
}

// Grow adds clusters of one row each, up to n rows, in the room.
func (s *Sets) Grow(place *record.Room, n int) {
	for i := uint32(len(s.parent)); int(i) < n; i++ {
		s.parent, s.next, s.size = record.Append(place, s.parent, i), record.Append(place, s.next, i), record.Append(place, s.size, 1)
	}
}
