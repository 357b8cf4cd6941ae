package person

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/match"
)

// ErrNoRecord: a decision or question names a record that is not there.
var ErrNoRecord = fmt.Errorf("no such record")

// Decide keeps what somebody decided about pairs of records and applies it at
// once: the same, their persons become one; different, their person falls into
// what its own links still hold together. The decisions hold in every later run;
// a later one about the same pair replaces an earlier one.
func (n *State) Decide(decisions ...Decision) ([]Change, error) {
	res, err := n.Load()
	if err != nil {
		return nil, err
	}
	rows, err := res.rowsOf(decisions)
	if err != nil {
		return nil, err
	}
	for _, d := range decisions {
		n.manifest.Decisions = append(slices.DeleteFunc(n.manifest.Decisions, d.about), d)
	}
	res.decided = n.manifest.Decisions
	var changes []Change
	for _, d := range decisions {
		changes = append(changes, res.apply(d, rows[d.A], rows[d.B])...)
	}
	return changes, n.save(res, changes, n.manifest.Runs, nil)
}

// Holds reports whether the state remembers all of these decisions.
func (n *State) Holds(decisions ...Decision) bool {
	return !slices.ContainsFunc(decisions, func(d Decision) bool { return !slices.Contains(n.manifest.Decisions, d) })
}

// History is where the history of the state ends, in bytes.
func (n *State) History() int64 { return n.manifest.History }

// Decided returns the changes that decisions made since the history ended at from.
func (n *State) Decided(from int64) (changes []Change, err error) {
	f, err := os.Open(n.path("history.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was read
	for d := json.NewDecoder(io.NewSectionReader(f, from, n.manifest.History-from)); ; {
		var c Change
		if err := d.Decode(&c); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return changes, err
		}
		if c.Because == decided {
			changes = append(changes, c)
		}
	}
}

// decided is the reason of changes that decisions made.
const decided = "decided"

// rowsOf finds the records of decisions, all of them.
func (res *Result) rowsOf(decisions []Decision) (map[RecordName]uint32, error) {
	names := map[RecordName]uint32{}
	for _, d := range decisions {
		names[d.A], names[d.B] = 0, 0
	}
	rows := res.Find(names)
	for _, d := range decisions {
		for _, name := range []RecordName{d.A, d.B} {
			if _, ok := rows[name]; !ok {
				return nil, fmt.Errorf("%w: %s/%s", ErrNoRecord, name.Source, name.Key)
			}
		}
		if d.A == d.B {
			return nil, fmt.Errorf("%w: both names are one record", ErrNoRecord)
		}
	}
	return rows, nil
}

// Has returns an error when a decision is not about two records of the state.
func (n *State) Has(decisions ...Decision) error {
	res, err := n.Load()
	if err == nil {
		_, err = res.rowsOf(decisions)
	}
	return err
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
	return []Change{{"merge", keep, []uint32{gone}, decided}}
}

// split puts the records of the person of row together anew, under what was
// decided. The largest part keeps the number; of equal ones, that of the first
// record.
func (res *Result) split(row uint32, known cluster.Decisions) []Change {
	number := res.Persons[row]
	var members []uint32
	res.Sets.Members(row, func(r uint32) bool { members = append(members, r); return true })
	slices.Sort(members)
	sets := cluster.NewSets(nil, res.Table.Len())
	j := cluster.NewJoiner(res.Table, res.Names, sets, res.guard(), known)
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
	change := Change{"split", number, nil, decided}
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
