package lineage

import "sekisho/internal/lineage/nodetree"

// setUnion is SETOP_UNION of SetOperation (nodes/parsenodes.h).
const setUnion = 1

// branch is one leaf of a set operation.
type branch struct {
	rt    int
	knows []*know
	cols  []column
}

// unionOutput is the range-table index that stands for the merged columns.
const unionOutput = -1

// union analyses a query that is a tree of set operations.
func (a *analyser) union(lv *level) result {
	only, merged := true, false
	var branches []branch
	var walk func(v nodetree.Value)
	walk = func(v nodetree.Value) {
		defer a.enter()()
		n := a.node(v)
		if n.Type == "RANGETBLREF" {
			rt := int(a.int(n, "rtindex"))
			ks := a.rangeEntry(lv, rt, nil)
			branches = append(branches, branch{rt: rt, knows: ks, cols: a.rte(lv, rt).cols})
			return
		}
		if n.Type != "SETOPERATIONSTMT" {
			a.fail("tree: set operation")
		}
		only = only && a.int(n, "op") == setUnion
		merged = merged || !a.bool(n, "all")
		for _, item := range a.list(n, "groupClauses") {
			c := a.node(item)
			a.operator(OID(a.int(c, "eqop")))
			a.operator(OID(a.int(c, "sortop")))
		}
		walk(a.get(n, "larg"))
		walk(a.get(n, "rarg"))
	}
	walk(a.get(lv.q, "setOperations"))
	for _, b := range branches {
		lv.knows = append(lv.knows, b.knows...)
	}
	cols, tles := a.merge(lv, branches)
	a.settle(lv)
	if only {
		a.unionKeys(lv, branches, cols)
	} else {
		for _, c := range cols {
			a.predicated(c.flow)
		}
		a.spread(lv, "set operation", nil)
		for _, k := range lv.knows {
			k.optional, k.terms = true, globals(k.terms)
		}
	}
	a.ordering(lv, tles, merged)
	return a.result(lv, cols)
}

func globals(terms map[term]bool) map[term]bool {
	out := map[term]bool{}
	for t := range terms {
		if t.global() {
			out[t] = true
		}
	}
	return out
}

// merge makes the output columns: each draws from all branches.
func (a *analyser) merge(lv *level, branches []branch) (cols []column, tles []tle) {
	for _, item := range a.list(lv.q, "targetList") {
		n := a.node(item)
		t := tle{group: a.int(n, "ressortgroupref"), junk: a.bool(n, "resjunk")}
		if t.junk {
			a.fail("tree: set operation")
		}
		i := len(cols)
		var f flow
		for _, b := range branches {
			if i >= len(b.cols) {
				a.fail("tree: set operation")
			}
			f = f.and(b.cols[i].flow)
		}
		t.col = expression(f)
		t.col.term = term{rt: unionOutput, att: i + 1}
		t.col.typ = a.typeOf(a.get(n, "expr"))
		t.col.rel, t.col.att = OID(a.int(n, "resorigtbl")), int16(a.int(n, "resorigcol"))
		t.col.name = optional(n, "resname").Text
		cols, tles = append(cols, t.col), append(tles, t)
	}
	return cols, tles
}

// unionKeys keeps the keys of a UNION's entries. A column holds a key when in
// every branch it equals the key of an entry that is present, all of one
// source; a row then names a subject whose row it was made from.
func (a *analyser) unionKeys(lv *level, branches []branch, cols []column) {
	kept := map[*know]map[term]bool{}
	for i := range cols {
		sources := map[string]int{}
		for _, b := range branches {
			seen := map[string]bool{}
			for _, k := range b.knows {
				s := string(a.entries[k.entry].prot.Source)
				if !k.optional && !k.branch && !k.sided && k.terms[term{rt: b.rt, att: i + 1}] && !seen[s] {
					seen[s] = true
					sources[s]++
				}
			}
		}
		out := term{rt: unionOutput, att: i + 1}
		for j, b := range branches {
			for _, k := range b.knows {
				e := a.entries[k.entry]
				if !k.terms[term{rt: b.rt, att: i + 1}] || sources[string(e.prot.Source)] != len(branches) {
					continue
				}
				if kept[k] == nil {
					kept[k] = globals(k.terms)
					e.unions = append(e.unions, leaf{lv.q, j})
				}
				kept[k][out] = true
				cols[i].own = append(cols[i].own, k.entry)
			}
		}
	}
	for _, k := range lv.knows {
		if k.branch = true; k.why == "" {
			k.why = "set operation"
		}
		if kept[k] != nil {
			k.terms = kept[k]
		} else {
			k.terms = globals(k.terms)
		}
	}
}
