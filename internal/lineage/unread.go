package lineage

import (
	"maps"
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/event"
)

// words tells what a statement writes by its words alone.
type words struct {
	a        *analyser
	req      *CodeRequest
	text     *text
	everyone []event.Place
	all      element.Mask
	out      []Write
	starts   []carry
}

// unread says what a statement that was not analysed writes, by its words, and
// what the server carries on from there.
func (c *Catalog) unread(req *CodeRequest) (out *Code) {
	w := &words{a: &analyser{cat: c}, req: req, text: readText(req.Text, false)}
	out = &Code{Unknown: w.text.unknown}
	defer func() {
		if r := recover(); r != nil {
			b, ok := r.(bail)
			if !ok {
				panic(r)
			}
			out = &Code{Unknown: b.reason, Writes: slices.Concat(w.out, w.a.follows)}
		}
	}()
	w.everyone, w.all = c.everyone()
	for i := range w.text.targets {
		if t := &w.text.targets[i]; !w.target(t) {
			out.Unknown = "target"
			w.views(t)
		}
	}
	w.a.follow(w.starts)
	out.Writes = slices.Concat(w.out, w.a.follows)
	return out
}

// target adds what becomes of one target; false: no relation has its name.
func (w *words) target(t *target) (known bool) {
	for _, r := range w.a.cat.named[t.name] {
		switch {
		case r.OID < firstUserOID:
			continue
		case t.schema != "" && t.schema != r.Schema, t.schema == "" && w.req.Schemas != nil && !slices.Contains(w.req.Schemas, r.Schema):
			continue
		}
		known = true
		w.through(t, r, r)
	}
	return known
}

// through adds what becomes of r and of what is behind it; named is the relation
// whose columns the statement names.
func (w *words) through(t *target, r, named *Relation) {
	list := w.a.behind(r, []*Relation{r})
	read := w.req.Tainted || slices.ContainsFunc(list, func(o *Relation) bool {
		return len(o.Policies) > 0 || o != named && o.Protected != nil || slices.Contains(w.req.Pending, o.Place)
	})
	for _, o := range list {
		w.relation(t, o, o == named, read)
	}
}

// views adds what becomes of the relations that views name which were made in the
// transaction under way.
func (w *words) views(t *target) {
	for _, name := range slices.Sorted(maps.Keys(readText(w.req.Views, false).words)) {
		for _, r := range w.a.cat.named[name] {
			if r.OID >= firstUserOID {
				w.through(t, r, nil)
			}
		}
	}
}

// relation adds what becomes of a relation that is the target or behind it.
// read says that it may come from anybody.
func (w *words) relation(t *target, r *Relation, named, read bool) {
	wr := Write{Rel: r.OID, Table: w.a.place(r), Op: t.verb}
	start := carry{rel: r, m: w.all, others: w.all, from: w.everyone, all: !named || t.columns == nil || r.Kind == 'v' || r.Triggers || r.Code}
	if !read {
		start.m, start.others, start.from = w.held(r)
	}
	start.removed = t.verb == "delete" || t.verb == "merge"
	start.moved = t.verb == "update" || t.verb == "merge" || t.verb == "insert" && w.text.words["conflict"] > 0
	sets := map[int16]bool{} // what gets other values; a column that is not known is new, and counts as unclassified
	for _, col := range r.Columns {
		sets[col.Num] = col.Generated || !named || t.columns == nil || slices.Contains(t.columns, col.Name)
		if sets[col.Num] {
			start.atts = append(start.atts, col.Num)
		}
	}
	switch {
	case read:
		if t.verb != "delete" {
			wr.fill(r, sets, start.m, start.from)
		}
		wr.Rows, wr.RowsFrom = start.m, start.from
	case start.m == 0:
	case start.moved:
		wr.keeps(r, sets, &start)
	case start.removed && start.others != 0:
		wr.Rows, wr.RowsFrom = start.others, start.from
	}
	if t.verb != "delete" {
		w.draws(&wr, r, read)
		for _, k := range r.asks {
			wr.Rows |= k.m
			wr.RowsFrom = appendPlaces(wr.RowsFrom, w.a.holdings(w.a.cat.Relations[k.rel]))
		}
	}
	if wr.Taints|wr.Rows != 0 || len(wr.Own)+len(wr.OwnFrom) > 0 {
		w.out = append(w.out, wr)
	}
	if start.moved || start.removed {
		w.starts = append(w.starts, start)
	}
}

// held is what a relation holds: all of it, and what is of others than the
// subjects of its rows.
func (w *words) held(r *Relation) (m, others element.Mask, from []event.Place) {
	p := r.Protected
	if p == nil {
		return 0, 0, nil
	}
	var h Write
	h.hold(r, w.a)
	for _, c := range p.Carried {
		others |= c.Elements
	}
	if p.Key == 0 {
		others = h.Held
	}
	return h.Held, others, h.HeldBy
}

// fill taints columns; sets nil: all.
func (w *Write) fill(r *Relation, sets map[int16]bool, m element.Mask, from []event.Place) {
	for _, col := range r.Columns {
		if sets == nil || sets[col.Num] {
			w.taint(r, col.Num, m, from)
		}
	}
}

// keeps says what becomes of the rows of a protected relation that get values from
// their own columns, or are chosen by them.
func (w *Write) keeps(r *Relation, sets map[int16]bool, from *carry) {
	p := r.Protected
	if p.Key == 0 || sets[p.Key] { // of another subject, perhaps
		w.fill(r, nil, from.m, from.from)
		return
	}
	for _, col := range r.Columns {
		if !sets[col.Num] {
			continue
		}
		if from.others != 0 {
			w.taint(r, col.Num, from.others, from.from)
		}
		if p.Of(col.Num) == 0 {
			w.Own = addColumn(w.Own, r, col.Num, from.m)
		}
	}
}

// draws moves the sequences of columns that may be left out.
func (w *words) draws(wr *Write, r *Relation, read bool) {
	if wr.Op == "update" && w.text.words["default"] == 0 {
		return
	}
	for _, d := range r.defaults {
		seq := w.a.cat.Relations[d.seq]
		if seq == nil {
			continue
		}
		if seq.Protected != nil {
			m, _, from := w.held(seq)
			wr.taint(r, d.att, m, from)
		}
		if read && w.all != 0 {
			w.out = append(w.out, Write{Rel: seq.OID, Table: w.a.place(seq), Op: "sequence", Rows: w.all, RowsFrom: w.everyone})
		}
	}
}
