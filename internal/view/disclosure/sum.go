package disclosure

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/proof/scope"
)

func queryError(text string) error { return fmt.Errorf("%w: %s", scope.ErrQuery, text) }

// sum gathers one figure: sets by elements and source, and by table and
// source; counts by table.
type sum struct {
	masks   map[maskSource]*mix
	tables  map[tableSource]*mix
	records map[uint32]uint64
	lost    map[uint32]uint64 // rows without number
}

type maskSource struct {
	mask   element.Mask
	source uint32
}

func newSum() sum {
	return sum{map[maskSource]*mix{}, map[tableSource]*mix{}, map[uint32]uint64{}, map[uint32]uint64{}}
}

func at[K comparable](m map[K]*mix, k K) *mix {
	x := m[k]
	if x == nil {
		x = new(mix)
		m[k] = x
	}
	return x
}

// add adds a set, which must stay as it is until the answer is made.
func (s *sum) add(table, source uint32, m element.Mask, set *bag) {
	at(s.masks, maskSource{m, source}).own(set)
	at(s.tables, tableSource{table, source}).own(set)
}

// keep adds what was held.
func (s *sum) keep(table, source uint32, m element.Mask, c *component) {
	at(s.masks, maskSource{m, source}).keep(c)
	at(s.tables, tableSource{table, source}).keep(c)
}

func (s *sum) count(table uint32, rows, lost uint64) {
	s.records[table] += rows
	s.lost[table] += lost
}

// include adds all subjects of t, not its counts.
func (s *sum) include(t *sum) {
	for k, m := range t.masks {
		at(s.masks, k).include(m)
	}
	for k, m := range t.tables {
		at(s.tables, k).include(m)
	}
}

// all returns the union by source.
func (s *sum) all() map[uint32]*mix {
	all := map[uint32]*mix{}
	for k, m := range s.masks {
		at(all, k.source).include(m)
	}
	return all
}

// figure counts s.
func (v *View) figure(s *sum) scope.Figure {
	f := scope.Figure{Elements: map[string]uint64{}, Tables: map[string]scope.Count{}}
	all := s.all()
	counts := map[uint32]uint64{}
	for src, m := range all {
		counts[src] = v.count(m)
		f.Subjects += counts[src]
	}
	v.figureElements(s, &f, counts)
	for k, m := range s.tables {
		c := f.Tables[v.names.texts[k.table]]
		c.Subjects += v.count(m)
		f.Tables[v.names.texts[k.table]] = c
	}
	v.figureRecords(s, &f)
	return f
}

// figureRecords adds the counts of records.
func (v *View) figureRecords(s *sum, f *scope.Figure) {
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
}

// figureElements counts by element. Elements that always appear together share
// one count.
func (v *View) figureElements(s *sum, f *scope.Figure, counts map[uint32]uint64) {
	masks := sortedMasks(s.masks)
	done := map[string]uint64{}
	for src, whole := range counts {
		for one := range element.Kinds() {
			var m mix
			var key strings.Builder
			everywhere := true
			for _, k := range masks {
				if k.source != src {
					continue
				}
				if !k.mask.Has(element.Kind(one)) {
					everywhere = false
					continue
				}
				fmt.Fprintf(&key, "%d %d;", src, k.mask)
				m.include(s.masks[k])
			}
			n := whole
			if !everywhere {
				var known bool
				if n, known = done[key.String()]; !known {
					n = v.count(&m)
					done[key.String()] = n
				}
			}
			if n > 0 {
				f.Elements[element.Kind(one).String()] += n
			}
		}
	}
}

func sortedMasks(masks map[maskSource]*mix) []maskSource {
	list := make([]maskSource, 0, len(masks))
	for k := range masks {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b maskSource) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.mask, b.mask))
	})
	return list
}

// setsOf names the union by source.
func (v *View) setsOf(s *sum) map[event.SubjectSource]*mix {
	out := map[event.SubjectSource]*mix{}
	for src, m := range s.all() {
		out[event.SubjectSource(v.names.texts[src])] = m
	}
	return out
}
