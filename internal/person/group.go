package person

import (
	"cmp"
	"fmt"
	"slices"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/match"
	"sekisho/internal/person/record"
)

// Group is a cluster in doubt: persons that review links hang together, and
// joins within them that are less than sure. One answer settles it whole.
type Group struct {
	Number  uint32       `json:"number"` // the lowest person number in it: its name
	Persons []uint32     `json:"persons"`
	Records []RecordName `json:"records"`
	// Effect is how many persons the head count is expected to be wrong by until
	// somebody answers: over the links that hold the group together, how likely
	// the answer that was taken is wrong.
	Effect float64 `json:"effect"`
	// Merged and Split are by how much the head count changes if all of it is one
	// person, and if every doubtful link joins two.
	Merged int     `json:"if_one_person"`
	Split  int     `json:"if_all_apart"`
	Doubts []Doubt `json:"doubts"` // surest first
}

// weakBelow is how likely a join is right at most for people to be asked about
// it too.
const weakBelow = 0.99

// maxGroup is the most persons of a group: beyond it, somebody looks at links
// one by one. The rest of a larger one is a group of its own.
const maxGroup = 50

// noteWeak keeps the joins that may be wrong, for Groups.
func (res *Result) noteWeak(sure []match.Link) {
	limit := res.Match.Model.ScoreAt(weakBelow)
	for l := range record.Each(res.Table.Room, sure) {
		if l.Score < limit && res.Sets.Find(l.A) == res.Sets.Find(l.B) {
			res.Weak = record.Append(res.Table.Room, res.Weak, *l)
		}
	}
}

// Groups returns the clusters in doubt, the first being that whose answer
// changes the head count most. limit 0 is all.
func (res *Result) Groups(limit int) []Group {
	g := grouping{res: res, of: map[uint32]*group{}}
	g.decided()
	for _, l := range res.asked() {
		g.add(l)
	}
	all := g.groups()
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	out := make([]Group, len(all))
	members := res.membersOf(all)
	for i, one := range all {
		out[i] = res.describe(one, members)
	}
	return out
}

// Group returns one cluster in doubt by its number.
func (res *Result) Group(number uint32) (Group, error) {
	for _, g := range res.Groups(0) {
		if g.Number == number {
			return g, nil
		}
	}
	return Group{}, fmt.Errorf("%w: %d", ErrNoGroup, number)
}

// ErrNoGroup: nothing is in doubt under that number, or not any more.
var ErrNoGroup = fmt.Errorf("no cluster in doubt has that number")

// asked are the links that somebody may be asked about, surest first.
func (res *Result) asked() []match.Link {
	links := slices.Concat(res.Weak, res.Review)
	guard := res.guard()
	links = slices.DeleteFunc(links, func(l match.Link) bool { return guard.Check(l.Pattern) != cluster.None })
	cluster.Sort(res.Table, links, 1)
	return links
}

// decided notes what nobody has to be asked about any more.
func (g *grouping) decided() {
	g.apart, g.same = map[[2]uint32]bool{}, map[[2]uint32]bool{}
	d := g.res.decisions(g.res.decided)
	for _, p := range d.Different {
		g.apart[pairOf(g.res.Persons[p[0]], g.res.Persons[p[1]])] = true
	}
	for _, p := range d.Same {
		g.same[pairOf(p[0], p[1])] = true
	}
}

func pairOf(a, b uint32) [2]uint32 { return [2]uint32{min(a, b), max(a, b)} }

// group is a Group in the making.
type group struct {
	persons []uint32
	links   []match.Link
	effect  float64
	merged  int
	split   int
}

type grouping struct {
	res   *Result
	of    map[uint32]*group  // by person
	apart map[[2]uint32]bool // pairs of persons that were decided to be two
	same  map[[2]uint32]bool // pairs of rows that were decided to be one
}

// add takes one link, the surest first.
func (g *grouping) add(l match.Link) {
	a, b := g.res.Persons[l.A], g.res.Persons[l.B]
	if a == 0 || b == 0 || a != b && g.apart[pairOf(a, b)] {
		return
	}
	x, y := g.group(a), g.group(b)
	p := g.res.Match.Model.Probability(l.Score)
	switch {
	case a == b: // joined, and not surely
		if l.Score < g.res.LinkAt || g.same[pairOf(l.A, l.B)] { // joined for another reason, or decided
			return
		}
		x.links, x.effect, x.split = append(x.links, l), x.effect+min(p, 1-p), x.split+1
	case x == y: // another way between persons who hang together already
		x.links = append(x.links, l)
	case len(x.persons)+len(y.persons) > maxGroup:
	default:
		if len(x.persons) < len(y.persons) {
			x, y = y, x
		}
		for _, q := range y.persons {
			g.of[q] = x
		}
		x.persons = append(x.persons, y.persons...)
		x.links = append(append(x.links, y.links...), l)
		x.effect += y.effect + min(p, 1-p)
		x.merged += y.merged - 1
		x.split += y.split
	}
}

func (g *grouping) group(person uint32) *group {
	if g.of[person] == nil {
		g.of[person] = &group{persons: []uint32{person}}
	}
	return g.of[person]
}

// groups are those that have a link, by effect; equal ones by what their first
// records hold.
func (g *grouping) groups() []*group {
	var out []*group
	for p, one := range g.of {
		if one.persons[0] == p && len(one.links) > 0 {
			out = append(out, one)
		}
	}
	content := func(one *group) uint64 { return g.res.Table.At(one.links[0].A).Content }
	slices.SortFunc(out, func(x, y *group) int {
		return cmp.Or(cmp.Compare(y.effect, x.effect), cmp.Compare(content(x), content(y)), cmp.Compare(x.persons[0], y.persons[0]))
	})
	return out
}

// membersOf are the rows of the persons of groups.
func (res *Result) membersOf(groups []*group) map[uint32][]uint32 {
	rows := map[uint32][]uint32{}
	for _, one := range groups {
		for _, p := range one.persons {
			rows[p] = nil
		}
	}
	for row, p := range res.Persons {
		if list, ok := rows[p]; ok && p != 0 {
			rows[p] = append(list, uint32(row))
		}
	}
	return rows
}

func (res *Result) describe(one *group, members map[uint32][]uint32) Group {
	slices.Sort(one.persons)
	g := Group{Number: one.persons[0], Persons: one.persons, Effect: one.effect, Merged: one.merged, Split: one.split}
	for _, p := range one.persons {
		for _, row := range members[p] {
			g.Records = append(g.Records, res.Name(row))
		}
	}
	slices.SortStableFunc(one.links, func(x, y match.Link) int { return cmp.Compare(y.Score, x.Score) })
	for _, l := range one.links {
		g.Doubts = append(g.Doubts, res.doubt(l))
	}
	return g
}

// Answers are the decisions that settle a group: that all of it is one person, or
// that every doubtful link in it is between two.
//
// One person: a record of each person is that of the next. Apart: so is none, of
// any two persons, and the records of each join in doubt are two.
func (res *Result) Answers(g Group, same bool) []Decision {
	first := map[uint32]RecordName{} // the first record of each person
	for row, p := range res.Persons {
		if _, ok := slices.BinarySearch(g.Persons, p); ok && p != 0 {
			if _, have := first[p]; !have {
				first[p] = res.Name(uint32(row))
			}
		}
	}
	var out []Decision
	add := func(a, b RecordName) {
		d := Decision{A: a, B: b, Same: same}
		if a != b && !slices.ContainsFunc(out, d.about) {
			out = append(out, d)
		}
	}
	for _, d := range g.Doubts {
		if d.PersonA == d.PersonB || !same {
			add(d.A, d.B)
		}
	}
	for i, p := range g.Persons {
		for _, q := range g.Persons[i+1:] {
			add(first[p], first[q])
			if same {
				break // the next one of each is enough
			}
		}
	}
	return out
}

// ExplainGroup explains a cluster in doubt: each of its records beside its first
// one, and every doubtful link.
func (res *Result) ExplainGroup(g Group, decisions []Decision) []Explanation {
	names := map[RecordName]uint32{}
	for _, n := range g.Records {
		names[n] = 0
	}
	rows := res.Find(names)
	seen := map[[2]uint32]bool{}
	var out []Explanation
	add := func(a, b RecordName) {
		x, y := rows[a], rows[b]
		if pair := pairOf(x, y); x != y && !seen[pair] {
			seen[pair] = true
			out = append(out, res.Explain(x, y, decisions))
		}
	}
	for _, d := range g.Doubts {
		add(d.A, d.B)
	}
	for _, n := range g.Records[1:] {
		add(g.Records[0], n)
	}
	return out
}
