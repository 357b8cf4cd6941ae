package lineage

import "sekisho/internal/element"

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
	for _, rel := range append(a.behind(r.rel, nil), r.rel) {
		if rel.Protected == nil {
			continue
		}
		i := a.newEntry(rel, nil, nil)
		a.entries[i].widen("conflict")
		lv.knows = append(lv.knows, &know{entry: i, optional: true, terms: map[term]bool{}})
		for _, c := range rel.Columns {
			a.predicated(flow{refs: []ref{{entry: i, att: c.Num}}})
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
