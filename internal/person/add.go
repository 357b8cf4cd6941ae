package person

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/match"
	"sekisho/internal/person/record"
)

// Change is one entry of a state's history: what happened to person numbers.
type Change struct {
	Kind    string   `json:"kind"` // "merge" or "split"
	Person  uint32   `json:"person"`
	Others  []uint32 `json:"others"` // merged into Person, or split from it
	Because string   `json:"because"`
}

// Create runs over sources for the first time and keeps the result.
func (n *State) Create(ctx context.Context, sources []Source, o Options) (*Result, error) {
	o.Keys = true
	w, err := n.newRun()
	if err != nil {
		return nil, err
	}
	o.keep = w.keep
	o.Temp = n.temp(o)
	res, err := Run(ctx, sources, o)
	if err := w.close(err); err != nil {
		return nil, err
	}
	n.later(res.Close)
	n.manifest.Decisions = res.decided
	return res, n.save(res, nil, []keyRun{w.run}, nil)
}

// Load returns what the state holds, for questions.
func (n *State) Load() (*Result, error) {
	res := emptyResult()
	return res, n.load(res, true)
}

// temp is where a run keeps what has no place in memory: beside the state,
// unless somebody says otherwise.
func (n *State) temp(o Options) string {
	if o.Temp == "" {
		return n.dir
	}
	return o.Temp
}

// Add joins the records of new sources to the persons that are there. The
// model stays as it was; earlier records are joined to each other only through
// new ones. Persons keep their numbers; of two that become one, the lower
// number stays and the history tells.
func (n *State) Add(ctx context.Context, sources []Source, o Options) (*Result, []Change, error) {
	o = o.withDefaults()
	o.Temp = n.temp(o)
	if err := o.refuse(sources, n.manifest.Rows); err != nil {
		return nil, nil, err
	}
	res, ctx, err := newResult(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	n.later(res.Close)
	changes, err := n.add(ctx, res, sources, o)
	if cause := context.Cause(ctx); errors.Is(cause, record.ErrRoom) {
		err = cause
	}
	if err != nil {
		return nil, nil, err
	}
	return res, changes, nil
}

func (n *State) add(ctx context.Context, res *Result, sources []Source, o Options) ([]Change, error) {
	if err := n.load(res, o.Keys || o.Known != nil || len(n.manifest.Decisions) > 0); err != nil {
		return nil, err
	}
	o.Keys = true
	first := res.Table.Len()
	for _, s := range sources {
		if slices.ContainsFunc(res.Reads, func(r Read) bool { return r.Source == s.Name || strings.HasPrefix(r.Source, s.Name+"/") }) {
			return nil, fmt.Errorf("%w: source %s", ErrReadBefore, s.Name)
		}
	}
	if err := res.read(ctx, sources, o); err != nil {
		return nil, err
	}
	changes, err := n.learn(res, o, first)
	if err != nil {
		return nil, err
	}
	record.Settle(res.Table, res.Names, first, res.Match.Counts)
	res.Match.Counts.Add(record.Count(res.Table, res.Names, first, o.Workers, record.All))
	old, err := n.loadRuns(res.Table.Room)
	if err != nil {
		return nil, err
	}
	links, keys, err := match.Extend(ctx, res.Table, res.Names, first, &res.Match.Frozen, &res.Match.Counts, old,
		match.Options{Workers: o.Workers, Cap: o.Cap})
	if err != nil {
		return nil, err
	}
	res.Match.Links = links
	res.Sets.Grow(res.Table.Room, res.Table.Len())
	persons := record.Make[uint32](res.Table.Room, res.Table.Len())
	record.Move(res.Table.Room, persons, res.Persons)
	res.Persons = persons
	var sure []match.Link
	for _, l := range links {
		switch {
		case l.Score >= res.LinkAt:
			sure = append(sure, l)
		case l.Score >= res.ReviewAt:
			res.Review = append(res.Review, l)
		}
	}
	cluster.Sort(res.Table, sure, o.Workers)
	j := cluster.NewJoiner(res.Table, res.Names, res.Sets, res.guard(), res.decisions(res.decided))
	res.Refused = j.Join(sure)
	res.noteWeak(sure)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	changes = append(changes, res.renumber(first)...)
	runs, gone, err := n.keepKeys(keys, old)
	if err != nil {
		return nil, err
	}
	return changes, n.save(res, changes, runs, gone)
}

// learn asks for decisions that are known elsewhere, and applies those about
// records that are here already: a run that died, or another folder, made them.
func (n *State) learn(res *Result, o Options, first int) (changes []Change, err error) {
	before := n.manifest.Decisions
	if err := res.know(o, before); err != nil {
		return nil, err
	}
	for _, d := range res.decided {
		if slices.Contains(before, d) {
			continue
		}
		if rows := res.Find(map[RecordName]uint32{d.A: 0, d.B: 0}); len(rows) == 2 && int(rows[d.A]) < first && int(rows[d.B]) < first {
			changes = append(changes, res.apply(d, rows[d.A], rows[d.B])...)
		}
	}
	if len(changes) > 0 {
		res.Sets = setsOf(res.Table.Room, res.Persons)
	}
	n.manifest.Decisions = res.decided
	return changes, nil
}

// ErrReadBefore: a source of that name is in the state already.
var ErrReadBefore = fmt.Errorf("was read into this state before")

// renumber gives new rows their persons' numbers and merges persons that new
// rows brought together.
func (res *Result) renumber(first int) []Change {
	var changes []Change
	done := map[uint32]bool{}
	give := func(root uint32) {
		if done[root] {
			return
		}
		done[root] = true
		var old []uint32
		res.Sets.Members(root, func(row uint32) bool {
			if p := res.Persons[row]; p != 0 && !slices.Contains(old, p) {
				old = append(old, p)
			}
			return true
		})
		slices.Sort(old)
		number := res.next
		if len(old) > 0 {
			number = old[0]
		} else {
			res.next++
		}
		if len(old) > 1 {
			changes = append(changes, Change{"merge", number, old[1:], "new records belong to both"})
		}
		res.Sets.Members(root, func(row uint32) bool { res.Persons[row] = number; return true })
	}
	for row := first; row < res.Table.Len(); row++ {
		if res.Table.At(uint32(row)).Flags&record.Alive != 0 {
			give(res.Sets.Find(uint32(row)))
		}
	}
	return changes
}

// setsOf makes clusters of rows with one person number.
func setsOf(room *record.Room, persons []uint32) *cluster.Sets {
	s := cluster.NewSets(room, len(persons))
	most := uint32(0)
	for p := range record.Each(room, persons) {
		most = max(most, *p)
	}
	first := record.Make[uint32](room, int(most)+1) // row+1
	row := uint32(0)
	for p := range record.Each(room, persons) {
		switch row++; {
		case *p == 0:
		case first[*p] == 0:
			first[*p] = row
		default:
			s.Join(first[*p]-1, row-1)
		}
	}
	return s
}
