package disclosure

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"sekisho/internal/element"
)

// However many processors count, the counts are those of the members.
func TestTogetherAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var leaves []countLeaf
		all, tables, elements := map[uint32]bool{}, map[uint32]map[uint32]bool{}, map[element.Kind]map[uint32]bool{}
		into := func(m map[uint32]bool, members map[uint32]bool) map[uint32]bool {
			if m == nil {
				m = map[uint32]bool{}
			}
			maps.Copy(m, members)
			return m
		}
		for range rapid.IntRange(1, 5).Draw(t, "leaves") {
			set, members := drawBag(t, "set")
			if rapid.Bool().Draw(t, "stored") && len(members) > 0 {
				as := new(bag)
				if err := as.wait(set.encode(nil)); err != nil {
					t.Fatal(err)
				}
				set = as
			}
			table := rapid.Uint32Range(1, 3).Draw(t, "table")
			kinds := rapid.SampledFrom([][]element.Kind{{element.Name}, {element.Email}, {element.Name, element.Email}}).Draw(t, "elements")
			leaves = append(leaves, countLeaf{tableSource{table, 1}, maskSource{element.MaskOf(kinds...), 1}, set})
			all, tables[table] = into(all, members), into(tables[table], members)
			for _, k := range kinds {
				elements[k] = into(elements[k], members)
			}
		}
		n := rapid.Uint32Range(1, 5).Draw(t, "processors")
		sum := newTogether(leaves)
		sum.count(n)
		if sum.all != uint64(len(all)) {
			t.Fatalf("%d processors: %d in all, want %d", n, sum.all, len(all))
		}
		for table, members := range tables {
			if got := sum.tables[table]; got != uint64(len(members)) {
				t.Errorf("%d processors: table %d has %d, want %d", n, table, got, len(members))
			}
		}
		for _, s := range sum.subsets {
			for _, k := range s.elements {
				if s.n != uint64(len(elements[k])) {
					t.Errorf("%d processors: %v has %d, want %d", n, k, s.n, len(elements[k]))
				}
			}
		}
	})
}
