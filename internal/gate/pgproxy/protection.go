package pgproxy

import (
	"maps"

	"sekisho/internal/element"
	"sekisho/internal/lineage"
)

// Protection returns what the lineage reader must know of a tainted relation:
// which of its columns hold which elements, which one holds the subject key,
// and whose holdings bound it. What is known of a relation that was protected
// before stays, and what was written from others' rows is added to it. Columns
// that the taint of another relation does not name are harmless: nothing
// protected was written there. ok is false when the catalogue does not know the
// relation, because it is temporary or gone.
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
	created := len(t.Columns) > 0 && t.Columns[0].Att != 0 && t.Rel == 0
	if rel.Protected != nil && !created {
		return t.added(rel), true
	}
	if t.Own { // of a relation that holds nothing
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
			case !c.is(a):
			case c.Key != "" && c.Key == t.Source && c.Elements == 0:
				table.Key = a.Name
			default:
				mask |= c.Elements
			}
		}
		if len(t.Columns) == 0 && t.Rows == 0 { // which columns is not known
			mask |= t.Elements
		}
		table.Columns[a.Name] = mask
	}
	delete(table.Columns, table.Key)
	carried := map[string]lineage.Carried{}
	for _, c := range t.Columns {
		if c.Name == lineage.Xmax {
			carried[c.Name] = lineage.Carried{Elements: c.Elements, From: t.From}
		}
	}
	if rows := t.presence(); rows != 0 {
		carried[""] = lineage.Carried{Elements: rows, From: t.From}
	}
	if len(carried) > 0 {
		table.Carried = carried
	}
	return table, true
}

// presence is what the existence of a row tells of others: of a write that was
// not analysed, everything that its columns may hold.
func (t *Taint) presence() element.Mask {
	if t.Rows != 0 || t.Own || len(t.Columns) > 0 {
		return t.Rows
	}
	return t.Elements
}

func (c *TaintColumn) is(a lineage.Attribute) bool { return c.Att == a.Num || c.Name == a.Name }

// added is the protection of a relation that is protected already, with what
// the taint adds.
func (t *Taint) added(rel *lineage.Relation) lineage.Table {
	table := rel.Table()
	carry := func(column string, m element.Mask) {
		c := table.Carried[column]
		c.Elements, c.Stored = c.Elements|m, false
		for _, from := range t.From {
			c.From = appendPlace(c.From, from)
		}
		table.Carried[column] = c
	}
	table.Columns, table.Carried = maps.Clone(table.Columns), maps.Clone(table.Carried)
	if table.Carried == nil {
		table.Carried = map[string]lineage.Carried{}
	}
	for _, a := range rel.All() {
		mask := element.Mask(0)
		for _, c := range t.Columns {
			if c.is(a) {
				mask |= c.Elements
			}
		}
		if len(t.Columns) == 0 && t.Rows == 0 && !(t.Own && (rel.Protected.Of(a.Num) != 0 || rel.Protected.Key == a.Num)) {
			mask = t.Elements
		}
		switch {
		case mask == 0:
		case t.Own:
			table.Columns[a.Name] |= mask
		default:
			carry(a.Name, mask)
		}
	}
	if rows := t.presence(); rows != 0 {
		carry("", rows)
	}
	return table
}
