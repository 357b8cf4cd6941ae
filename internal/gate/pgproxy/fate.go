package pgproxy

import (
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
)

// fate is what the transaction under way wrote, and what decides whether all of it
// stays: a later statement that looks protected rows up for a foreign key, or tests
// its rows by code that reads some, takes the earlier ones with it when it fails.
type fate struct {
	mark     uint64  // the ReadyForQuery, idle, that ends it; 0: nothing was written
	Wrote    []Taint // relations, by Table and Rel
	Told     int     // of Wrote, those that are tainted
	From     []event.Place
	Elements element.Mask
}

// fated are the taints of what a transaction wrote whose fate is decided by what
// is looked up.
func (e *engine) fated(c *command, p *plan) (out []Taint) {
	f := &e.fate
	if len(e.g.Protected) == 0 {
		return nil
	}
	wrote := len(f.Wrote)
	f.writes(e, c, p)
	if len(f.Wrote) == 0 {
		return nil
	}
	f.mark = max(f.mark, e.sent+1)
	from, elements := f.From, f.Elements
	switch {
	case p == nil:
	case p.opaque == "foreign key":
		for i := range p.writes {
			elements |= p.writes[i].Rows
			for _, place := range p.writes[i].RowsFrom {
				from = appendPlace(from, place)
			}
		}
	case p.opaque == "constraint":
		for i := range p.parts {
			elements |= p.parts[i].elements
			from = appendPlace(from, p.parts[i].table)
		}
	}
	if elements != f.Elements || len(from) != len(f.From) {
		f.From, f.Elements, f.Told = from, elements, 0
	}
	if f.Elements == 0 || e.g.switches.NoRowsTaint || wrote == 0 && len(f.Wrote) == 1 { // its own rows: lineage.Write.Rows
		return nil
	}
	for _, t := range f.Wrote[f.Told:] {
		t.From, t.Elements, t.Rows, t.Source = f.From, f.Elements, f.Elements, e.sourceOf(f.From)
		out = append(out, t)
	}
	f.Told = len(f.Wrote)
	return out
}

// writes adds the relations that a command writes.
func (f *fate) writes(e *engine, c *command, p *plan) {
	if p == nil {
		return
	}
	add := func(t Taint) {
		if !slices.ContainsFunc(f.Wrote, func(o Taint) bool { return o.Table == t.Table }) {
			f.Wrote = append(f.Wrote, t)
		}
	}
	for i := range p.writes {
		add(Taint{Table: p.writes[i].Table, Rel: p.writes[i].Rel})
	}
	st, sql := c.st, c.sql
	if c.query != nil {
		st, sql = c.query, c.querySQL
	}
	switch st.Kind {
	case sqlscan.Insert, sqlscan.Update, sqlscan.Delete, sqlscan.Merge:
		if len(p.writes) == 0 && !st.Target.Empty() {
			add(Taint{Table: e.g.place(string(sqlscan.AppendName(nil, sql, st.Target)), e.env.now)})
		}
	}
}
