package lineage

import (
	"sekisho/internal/element"
	"sekisho/internal/lineage/nodetree"
)

// hold says what the target holds by now.
func (w *Write) hold(r *Relation, a *analyser) {
	p := r.Protected
	if p == nil {
		return
	}
	for _, c := range r.Columns {
		w.Held |= p.Of(c.Num)
	}
	w.Held |= p.Carried[Presence].Elements
	if w.Held == 0 {
		w.Held = element.MaskOf(element.CustomerNumber)
	}
	w.HeldBy = appendPlaces(w.HeldBy, a.holdings(r))
	for _, c := range p.Carried {
		w.HeldBy = appendPlaces(w.HeldBy, c.From)
	}
}

// skipping notes that ON CONFLICT DO NOTHING leaves rows out that are there. How
// many came in is in the command's count; elsewhere a row more or less tells it.
func (a *analyser) skipping(lv *level, r *rte, w *Write) {
	w.Skips = true
	if lv.top && !a.opt.Explain && !a.inBody {
		w.Offered = a.offered(lv)
		return
	}
	a.found(lv, append(a.behind(r.rel, nil), r.rel))
}

// found notes that it shows whether rows like the new one are in one of the
// relations.
func (a *analyser) found(lv *level, list []*Relation) (m element.Mask) {
	for _, rel := range list {
		if rel.Protected == nil {
			continue
		}
		i := a.newEntry(rel, nil, nil)
		a.entries[i].widen("conflict")
		lv.knows = append(lv.knows, &know{entry: i, optional: true, terms: map[term]bool{}})
		for _, c := range rel.Columns {
			a.predicated(flow{refs: []ref{{entry: i, att: c.Num}}})
			m |= rel.Protected.Of(c.Num)
		}
	}
	return m
}

// updating notes which way ON CONFLICT DO UPDATE goes: whether a row is there with
// the values of the arbiter's columns. RETURNING shows it, and so does how many
// rows there are when the update has a condition.
func (a *analyser) updating(lv *level, r *rte, n *nodetree.Node) {
	told := len(a.list(lv.q, "returningList")) > 0 || a.get(n, "onConflictWhere").Kind != nodetree.Null
	if r.rel.Kind == 'v' {
		if told {
			lv.upsert = a.found(lv, a.behind(r.rel, nil))
			return
		}
		for _, rel := range a.behind(r.rel, nil) {
			var w Write
			w.hold(rel, a)
			lv.upsert |= w.Held
		}
		return
	}
	if r.rel.Protected == nil {
		return
	}
	for att := range a.arbiter(r.rel, n) {
		lv.upsert |= r.rel.Protected.Of(att)
		if told {
			a.predicated(flow{refs: []ref{{entry: r.entry, att: att}}})
		}
	}
}

// arbiter returns the columns that ON CONFLICT compares. A constraint is known by
// its number alone: the columns of all indexes count.
func (a *analyser) arbiter(r *Relation, n *nodetree.Node) map[int16]bool {
	atts := map[int16]bool{}
	if a.int(n, "constraint") == 0 {
		for _, field := range []string{"arbiterElems", "arbiterWhere"} {
			eachNode(a.get(n, field), func(n *nodetree.Node) {
				if n.Type == "VAR" {
					atts[int16(a.int(n, "varattno"))] = true
				}
			})
		}
	}
	for _, x := range r.indexes {
		for _, name := range x.reads {
			if c, ok := r.named(name); ok && a.int(n, "constraint") != 0 {
				atts[c.Num] = true
			}
		}
	}
	if len(atts) == 0 || atts[0] { // of the whole row
		for _, c := range r.Columns {
			atts[c.Num] = true
		}
	}
	return atts
}

// upserted notes that the columns which DO UPDATE sets tell of rows that they were
// there.
func (a *analyser) upserted(lv *level, r *rte, w *Write) {
	if lv.upsert == 0 {
		return
	}
	for _, att := range lv.replaced {
		switch p := r.rel.Protected; {
		case p == nil: // a view
			w.taint(r.rel, att, lv.upsert, w.HeldBy)
			for _, rel := range a.behind(r.rel, nil) {
				if rel.Protected != nil {
					w.From = appendPlaces(w.From, a.holdings(rel))
				}
			}
		case p.Key == 0:
			w.taint(r.rel, att, lv.upsert, a.bounds(a.entries[r.entry]))
		case p.Of(att) == 0:
			a.owned(lv, r, w, att, lv.upsert)
		}
	}
}

// offered is how many rows an INSERT offers: 1, or those of VALUES; 0: it is not
// known.
func (a *analyser) offered(lv *level) int {
	list := a.list(lv.q, "rtable")
	n := 0
	for i := range list {
		if i+1 == lv.target {
			continue
		}
		switch r := a.node(list[i]); a.int(r, "rtekind") {
		case rteValues:
			n += len(a.list(r, "values_lists"))
		default:
			if a.int(r, "rtekind") == rteRelation && lv.target > 0 && a.int(r, "relid") == a.int(a.node(list[lv.target-1]), "relid") {
				continue // EXCLUDED
			}
			return 0
		}
	}
	return max(n, 1)
}
