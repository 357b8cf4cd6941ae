package person

import (
	"fmt"
	"slices"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/match"
)

// ErrNoRecord: a decision or question names a record that is not there.
var ErrNoRecord = fmt.Errorf("no such record")

// Decide keeps what somebody decided about two records and applies it at once:
// the same, their persons become one; different, their person falls into what
// its own links still hold together. The decision holds in every later run; a
// later one about the same pair replaces it.
func (n *State) Decide(d Decision) ([]Change, error) {
	res, err := n.Load()
	if err != nil {
		return nil, err
	}
	a, b, err := res.pair(d.A, d.B)
	if err != nil {
		return nil, err
	}
	n.manifest.Decisions = append(slices.DeleteFunc(n.manifest.Decisions, d.about), d)
	res.decided = n.manifest.Decisions
	changes := res.apply(d, a, b)
	return changes, n.save(res, changes, n.manifest.Runs, nil)
}

// Has returns an error when the two names are not two records of the state.
func (n *State) Has(a, b RecordName) error {
	res, err := n.Load()
	if err == nil {
		_, _, err = res.pair(a, b)
	}
	return err
}

// pair finds two records.
func (res *Result) pair(a, b RecordName) (rowA, rowB uint32, err error) {
	rows := res.Find(map[RecordName]uint32{a: 0, b: 0})
	for _, name := range []RecordName{a, b} {
		if _, ok := rows[name]; !ok {
			return 0, 0, fmt.Errorf("%w: %s/%s", ErrNoRecord, name.Source, name.Key)
		}
	}
	if rows[a] == rows[b] {
		return 0, 0, fmt.Errorf("%w: both names are one record", ErrNoRecord)
	}
	return rows[a], rows[b], nil
}

// apply makes a decision true for the persons that are there.
func (res *Result) apply(d Decision, a, b uint32) (changes []Change) {
	switch together := res.Persons[a] == res.Persons[b]; {
	case d.Same && !together:
		changes = res.merge(a, b)
	case !d.Same && together:
		changes = res.split(a, res.decisions(res.decided))
	}
	res.Review = slices.DeleteFunc(res.Review, func(l match.Link) bool {
		return l.A == a && l.B == b || l.A == b && l.B == a
	})
	return changes
}

// merge makes one person of two; the lower number stays.
func (res *Result) merge(a, b uint32) []Change {
	keep, gone := res.Persons[a], res.Persons[b]
	if gone < keep {
		keep, gone = gone, keep
	}
	res.Sets.Join(a, b)
	res.Sets.Members(a, func(row uint32) bool { res.Persons[row] = keep; return true })
	return []Change{{"merge", keep, []uint32{gone}, "decided"}}
}

// split puts the records of the person of row together anew, under what was
// decided. The largest part keeps the number; of equal ones, that of the first
// record.
func (res *Result) split(row uint32, decided cluster.Decisions) []Change {
	number := res.Persons[row]
	var members []uint32
	res.Sets.Members(row, func(r uint32) bool { members = append(members, r); return true })
	slices.Sort(members)
	sets := cluster.NewSets(nil, res.Table.Len())
	j := cluster.NewJoiner(res.Table, res.Names, sets, res.guard(), decided)
	var links []match.Link
	for i, a := range members {
		for _, b := range members[i+1:] {
			if s, p := match.Evidence(res.Table, res.Names, &res.Match.Counts, res.Match.Model, a, b); s >= res.LinkAt {
				links = append(links, match.Link{A: a, B: b, Score: s, Pattern: p})
			}
		}
	}
	cluster.Sort(res.Table, links, 1)
	j.Join(links)
	largest := members[0]
	for _, r := range members {
		if sets.Len(r) > sets.Len(largest) {
			largest = r
		}
	}
	change := Change{"split", number, nil, "decided"}
	given := map[uint32]uint32{sets.Find(largest): number}
	for _, r := range members {
		root := sets.Find(r)
		if given[root] == 0 {
			given[root] = res.next
			change.Others = append(change.Others, res.next)
			res.next++
		}
		res.Persons[r] = given[root]
	}
	return []Change{change}
}
