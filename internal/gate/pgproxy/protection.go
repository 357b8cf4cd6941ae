package pgproxy

import (
	"sekisho/internal/element"
	"sekisho/internal/lineage"
)

// Protection returns what the lineage reader must know of a tainted relation:
// which of its columns hold which elements, which one holds the subject key,
// and whose holdings bound it. Columns that the taint does not name keep what
// is known of them, or are harmless: nothing protected was written there. ok is
// false when the catalogue does not know the relation, because it is temporary
// or gone.
func (t *Taint) Protection(cat *lineage.Catalog) (table lineage.Table, ok bool) {
	rel := cat.Relations[t.Rel]
	if t.Rel == 0 {
		for _, r := range cat.Relations {
			if r.Place == t.Table {
				rel = r
			}
		}
	}
	if rel == nil {
		return lineage.Table{}, false
	}
	table = lineage.Table{Schema: rel.Schema, Name: rel.Name, Source: t.Source, From: t.From, Columns: map[string]element.Mask{}}
	for _, a := range rel.Columns {
		mask := element.Mask(0)
		if known := rel.Protected; known != nil {
			mask = known.Elements[a.Num]
		}
		for _, c := range t.Columns {
			switch {
			case c.Att != a.Num && c.Name != a.Name:
			case c.Key != "" && c.Key == t.Source && c.Elements == 0:
				table.Key = a.Name
			default:
				mask |= c.Elements
			}
		}
		if len(t.Columns) == 0 { // which columns is not known
			mask |= t.Elements
		}
		table.Columns[a.Name] = mask
	}
	delete(table.Columns, table.Key)
	return table, true
}
