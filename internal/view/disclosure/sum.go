package disclosure

import (
	"fmt"
	"maps"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/proof/scope"
)

func queryError(text string) error { return fmt.Errorf("%w: %s", scope.ErrQuery, text) }

// sum gathers one figure: sets by elements and source, and by table and
// source; counts by table.
type sum struct {
	masks   map[maskSource]*bag
	tables  map[tableSource]*bag
	records map[uint32]uint64
	lost    map[uint32]uint64 // rows without number
}

type maskSource struct {
	mask   element.Mask
	source uint32
}

func newSum() sum {
	return sum{map[maskSource]*bag{}, map[tableSource]*bag{}, map[uint32]uint64{}, map[uint32]uint64{}}
}

func orInto[K comparable](m map[K]*bag, k K, set *bag) {
	if m[k] == nil {
		m[k] = new(bag)
	}
	m[k].or(set)
}

func (s *sum) add(table, source uint32, m element.Mask, set *bag) {
	orInto(s.masks, maskSource{m, source}, set)
	orInto(s.tables, tableSource{table, source}, set)
}

func (s *sum) count(table uint32, rows, lost uint64) {
	s.records[table] += rows
	s.lost[table] += lost
}

// include adds all subjects of t, not its counts.
func (s *sum) include(t *sum) {
	for k, set := range t.masks {
		orInto(s.masks, k, set)
	}
	for k, set := range t.tables {
		orInto(s.tables, k, set)
	}
}

// figure counts s and gives its sets by source; the rest of s is freed.
func (v *View) figure(s *sum) (scope.Figure, map[event.SubjectSource]*bag) {
	f := scope.Figure{Elements: map[string]uint64{}, Tables: map[string]scope.Count{}}
	all := map[uint32]*bag{}
	elements := map[maskSource][]*bag{} // by one element and source
	for k, set := range s.masks {
		orInto(all, k.source, set)
		for _, one := range k.mask.Kinds() {
			key := maskSource{element.MaskOf(one), k.source}
			elements[key] = append(elements[key], set)
		}
	}
	sets := map[event.SubjectSource]*bag{}
	for src, set := range all {
		f.Subjects += set.count()
		sets[event.SubjectSource(v.names.texts[src])] = set
	}
	for k, list := range elements {
		n := list[0].count()
		if len(list) > 1 {
			var union bag
			for _, set := range list {
				union.or(set)
			}
			n = union.count()
			union.free()
		}
		if n > 0 {
			f.Elements[k.mask.String()] += n
		}
	}
	for k, set := range s.tables {
		c := f.Tables[v.names.texts[k.table]]
		c.Subjects += set.count()
		f.Tables[v.names.texts[k.table]] = c
		set.free()
	}
	for t, n := range s.records {
		c := f.Tables[v.names.texts[t]]
		c.Records = n
		f.Tables[v.names.texts[t]] = c
		f.Records += n
	}
	for _, n := range s.lost {
		f.WithoutNumber += n
	}
	maps.DeleteFunc(f.Tables, func(_ string, c scope.Count) bool { return c == scope.Count{} })
	for _, set := range s.masks {
		set.free()
	}
	return f, sets
}
