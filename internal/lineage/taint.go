package lineage

import (
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/event"
)

// written is a value that a statement puts into a column of its target.
type written struct {
	att   int16
	flow  flow
	drawn bool // from a sequence
}

// taints says what the written values carry: of others, or of the subject of
// the written row itself. It runs when all equalities of the level are known.
func (a *analyser) taints(lv *level, r *rte, w *Write, command int64) {
	same := a.sameSubject(lv, r, command)
	for _, v := range lv.written {
		a.blur(v.flow)
		for _, ref := range v.flow.refs {
			if prot := r.rel.Protected; prot != nil && prot.Key == v.att {
				w.OwnFrom = appendPlaces(w.OwnFrom, a.bounds(a.entries[ref.entry]))
			}
			m := a.elements(ref)
			_, borrowed := a.entries[ref.entry].prot.Carried[ref.att]
			switch {
			case m == 0:
			case !borrowed && same(ref.entry):
				a.owned(lv, r, w, v.att, m)
			default:
				w.taint(r.rel, v.att, m, a.bounds(a.entries[ref.entry]))
			}
		}
	}
	for i, e := range a.entries {
		var m element.Mask
		for att := range e.pred {
			m |= e.prot.Of(att)
		}
		switch {
		case m == 0:
		case same(i) && command == cmdUpdate:
			for _, v := range lv.written { // which rows were changed shows in what they hold now
				if a.harmless(r, v.att) {
					a.owned(lv, r, w, v.att, m)
				}
			}
		case i == r.entry, same(i) && command == cmdDelete: // only that rows are there, or gone
		case command == cmdUpdate:
			for _, v := range lv.written {
				w.taint(r.rel, v.att, m, a.bounds(e))
			}
			if i < lv.chosen { // the rows that were changed lie elsewhere now
				w.Rows |= m
				w.RowsFrom = appendPlaces(w.RowsFrom, a.bounds(e))
			}
		default:
			w.Rows |= m
			w.RowsFrom = appendPlaces(w.RowsFrom, a.bounds(e))
		}
	}
	for _, v := range lv.written {
		if v.drawn && w.Rows != 0 { // how far the sequence went tells how many rows were chosen
			w.taint(r.rel, v.att, w.Rows, w.RowsFrom)
		}
		if base, i := r.behind(v.att); r.rel.Kind == 'v' && i >= 0 && base == a.entries[i].prot.Key {
			for _, c := range a.entries[i].rel.Columns {
				w.Taints |= a.entries[i].prot.Of(c.Num)
			}
			w.From = appendPlaces(w.From, a.bounds(a.entries[i]))
		}
	}
	if a.rekeyed(lv, r) {
		for _, other := range a.cat.Relations {
			if p := other.Protected; p != nil && p.Source == r.rel.Protected.Source && len(p.From) == 0 && len(other.Parents) == 0 {
				w.OwnFrom = appendPlaces(w.OwnFrom, []event.Place{a.place(other)})
			}
		}
		slices.Sort(w.OwnFrom)
		for _, c := range r.rel.Columns {
			if m := r.rel.Protected.Of(c.Num); m != 0 {
				w.taint(r.rel, c.Num, m, a.bounds(a.entries[r.entry]))
			}
		}
	}
}

// sameSubject returns what says that an entry's row is of the subject of the
// row that is written, for sure.
func (a *analyser) sameSubject(lv *level, r *rte, command int64) func(entry int) bool {
	p := r.rel.Protected
	if p == nil && r.rel.Kind == 'v' && command == cmdUpdate {
		return func(i int) bool { // every value that is written goes to the row of one entry
			return !slices.ContainsFunc(lv.written, func(v written) bool {
				_, e := r.behind(v.att)
				return e != i
			})
		}
	}
	if p == nil || p.Key == 0 || a.rekeyed(lv, r) {
		return func(int) bool { return false }
	}
	inserted := r.inserted[p.Key].own
	return func(i int) bool {
		k := lv.find(i)
		switch {
		case i == r.entry:
			return true
		case a.entries[i].prot.Source != p.Source || k == nil || k.branch:
			return false
		case command == cmdInsert:
			return slices.Contains(inserted, i)
		case command == cmdMerge: // the row may be new
			return false
		}
		key := term{rt: lv.target, att: int(p.Key)}
		return k.terms[key] || slices.Contains(k.tied, key)
	}
}

// behind returns the column of the entry that a view's column is, or -1.
func (r *rte) behind(att int16) (base int16, entry int) {
	if att < 1 || int(att) > len(r.cols) {
		return 0, -1
	}
	c := r.cols[att-1].plain
	return c.att, c.entry
}

// harmless says that a column of the target has no element so far.
func (a *analyser) harmless(r *rte, att int16) bool {
	if r.rel.Kind == 'v' {
		base, entry := r.behind(att)
		return a.entries[entry].prot.Of(base) == 0
	}
	return r.rel.Protected.Of(att) == 0
}

// owned records that a column comes to hold m of its row's own subject.
func (a *analyser) owned(lv *level, r *rte, w *Write, att int16, m element.Mask) {
	rel, list := r.rel, &w.Own
	if rel.Kind == 'v' {
		base, entry := r.behind(att)
		rel, att = a.entries[entry].rel, base
		if lv.through == nil {
			lv.through = map[*Relation]*[]WriteColumn{}
		}
		if lv.through[rel] == nil {
			lv.through[rel] = &[]WriteColumn{}
		}
		list = lv.through[rel]
	}
	if m &^= rel.Protected.Of(att); m != 0 {
		*list = addColumn(*list, rel, att, m)
	}
}

// rekeyed says that rows that are there may get another key: what they hold was
// another subject's.
func (a *analyser) rekeyed(lv *level, r *rte) bool {
	k := lv.find(r.entry)
	return slices.ContainsFunc(lv.keys, func(t term) bool { return k == nil || t.none() || !k.terms[t] })
}

// rekey notes the key that rows that are there get.
func (lv *level) rekey(target *rte, att int16, value term) {
	if p := target.rel.Protected; p != nil && p.Key == att {
		lv.keys = append(lv.keys, value)
	}
}

func (w *Write) taint(rel *Relation, att int16, m element.Mask, from []event.Place) {
	w.Taints |= m
	w.From = appendPlaces(w.From, from)
	w.Columns = addColumn(w.Columns, rel, att, m)
}

func addColumn(list []WriteColumn, rel *Relation, att int16, m element.Mask) []WriteColumn {
	i := slices.IndexFunc(list, func(c WriteColumn) bool { return c.Att == att })
	if i < 0 {
		col, _ := rel.attribute(att)
		list = append(list, WriteColumn{Att: att, Name: col.Name})
		i = len(list) - 1
	}
	list[i].Elements |= m
	return list
}

func appendPlaces(list, more []event.Place) []event.Place {
	for _, p := range more {
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}
