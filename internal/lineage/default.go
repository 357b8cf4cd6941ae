package lineage

import (
	"slices"

	"sekisho/internal/lineage/nodetree"
)

// drawn is a column whose default is a number of a sequence.
type drawn struct {
	att int16 // 0: not known
	seq OID
}

// defaults moves the sequences of the columns that new rows are not given: the
// tree has no defaults. A sequence stays where it went when its rows are rolled
// back.
func (a *analyser) defaults(lv *level, r *rte, w *Write, command int64, given map[int16]column) {
	asked := false // somewhere DEFAULT stands for a value
	eachNode(nodetree.Value{Kind: nodetree.Struct, Node: lv.q}, func(n *nodetree.Node) { asked = asked || n.Type == "SETTODEFAULT" })
	if command == cmdUpdate && !asked || command == cmdMerge && !asked && !a.newRows(lv) {
		return
	}
	for _, d := range r.rel.defaults {
		if _, ok := given[d.att]; ok && !asked {
			continue
		}
		f := a.draws(lv, d.seq)
		lv.written = append(lv.written, written{d.att, f, true})
		if given != nil {
			c, ok := given[d.att]
			if !ok {
				c = expression(flow{})
			}
			c.flow = c.flow.and(f)
			given[d.att] = c
		}
	}
	for _, base := range a.behind(r.rel, nil) {
		for _, d := range base.defaults {
			f := a.draws(lv, d.seq)
			a.predicated(f)
			for _, ref := range f.refs {
				w.Taints |= a.elements(ref)
				w.From = appendPlaces(w.From, a.bounds(a.entries[ref.entry]))
			}
		}
	}
}

// draws notes that a default moves a sequence, and returns what its number tells.
func (a *analyser) draws(lv *level, seq OID) flow {
	effected := a.effected
	defer func() { a.effected = effected }()
	return a.draw(lv, seq)
}

// newRows says that a MERGE may insert.
func (a *analyser) newRows(lv *level) bool {
	return slices.ContainsFunc(a.list(lv.q, "mergeActionList"), func(v nodetree.Value) bool { return a.int(a.node(v), "commandType") == cmdInsert })
}
