package lineage

import (
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage/nodetree"
)

// Locks is what a statement locks of rows, and whether it tells what others lock.
type Locks struct {
	Rows []event.Place // relations whose rows FOR UPDATE and its like lock
	Any  bool          // rows of others too: through a view, partitions, or not known
	// Asks says that rows which others lock are left out or make it fail (SKIP
	// LOCKED, NOWAIT), or that it reads the server's list of locks.
	Asks bool
}

// mark is a range-table entry whose rows a query locks.
type mark struct {
	lv *level
	rt int
}

// marks notes the row locks of a query.
func (a *analyser) marks(lv *level) {
	for _, item := range optional(lv.q, "rowMarks").Items {
		n := a.node(item)
		a.effected++
		if a.int(n, "waitPolicy") != 0 {
			a.locks.Asks = true
		}
		list, rt := a.list(lv.q, "rtable"), a.int(n, "rti")
		if rt < 1 || int(rt) > len(list) {
			a.fail("tree: row lock")
		}
		a.marked = append(a.marked, mark{lv, int(rt)})
		r := a.cat.Relations[nodeOID(a.node(list[rt-1]), "relid")]
		if r == nil || r.Kind != 'r' || len(r.Parents)+len(r.Children) > 0 {
			a.locks.Any = true
			continue
		}
		a.locks.Rows = appendPlaces(a.locks.Rows, []event.Place{a.place(r)})
	}
}

// locked are the relations whose rows tell by xmax, for as long as they lie
// there, that protected columns chose them. Of a statement q that was not read to
// its end everything counts that it may have read.
func (a *analyser) locked(q *nodetree.Node) (out []Write) {
	add := func(r *Relation, m element.Mask, from []event.Place) {
		i := slices.IndexFunc(out, func(w Write) bool { return w.Rel == r.OID })
		if i < 0 {
			out = append(out, Write{Rel: r.OID, Table: a.place(r), Op: "lock"})
			i = len(out) - 1
		}
		out[i].taint(r, xmaxColumn, m, from)
	}
	if q != nil {
		from, m := a.cat.everyone()
		eachNode(nodetree.Value{Kind: nodetree.Struct, Node: q}, func(n *nodetree.Node) {
			list := optional(n, "rtable").Items
			for _, item := range optional(n, "rowMarks").Items {
				if item.Node == nil {
					continue
				}
				rt, _ := optional(item.Node, "rti").Int()
				if rt < 1 || int(rt) > len(list) || list[rt-1].Node == nil || m == 0 {
					continue
				}
				for _, r := range a.cat.behind(a.cat.Relations[nodeOID(list[rt-1].Node, "relid")]) {
					add(r, m, from)
				}
			}
		})
		return out
	}
	for _, mk := range a.marked {
		node := a.node(a.list(mk.lv.q, "rtable")[mk.rt-1])
		own := a.rte(mk.lv, mk.rt).entry
		for _, r := range a.cat.behind(a.cat.Relations[nodeOID(node, "relid")]) {
			for i, e := range a.entries {
				var m element.Mask
				for att := range e.pred {
					if own >= 0 && a.sameRow(mk, own, i) {
						m |= e.prot.Carried[att].Elements
					} else {
						m |= e.prot.Of(att)
					}
				}
				if m != 0 {
					add(r, m, a.bounds(e))
				}
			}
		}
	}
	return out
}

// sameRow says that an entry's row is of the subject of the row that is locked,
// whose entry is own.
func (a *analyser) sameRow(mk mark, own, i int) bool {
	if i == own {
		return true
	}
	p, k := a.entries[own].prot, mk.lv.find(i)
	return p.Key != 0 && a.entries[i].prot.Source == p.Source && k != nil && !k.branch && k.terms[term{rt: mk.rt, att: int(p.Key)}]
}

// behind are the relations whose rows are locked with those of r: of a view,
// all that it names, and partitions and children.
func (c *Catalog) behind(r *Relation) (list []*Relation) {
	seen := map[*Relation]bool{}
	var add func(r *Relation)
	add = func(r *Relation) {
		if r == nil || seen[r] {
			return
		}
		seen[r] = true
		for _, o := range r.Children {
			add(c.Relations[o])
		}
		if r.Kind != 'v' {
			list = append(list, r)
			return
		}
		c.throughView(r, add)
	}
	add(r)
	return list
}

// lockFunctions tell which locks others hold or wait for.
var lockFunctions = wordSet(`pg_lock_status pg_blocking_pids pg_safe_snapshot_blocking_pids pg_isolation_test_session_is_blocked`)
