package lineage

import "sekisho/internal/lineage/nodetree"

// Kinds of SUBLINK (SubLinkType, nodes/primnodes.h).
const (
	sublinkExists = 0
	sublinkAny    = 2
	sublinkExpr   = 4
	sublinkMulti  = 5
)

// sublink analyses a subquery inside an expression.
//
// EXISTS and IN as a conjunct of WHERE keep rows: an entry in them whose key is
// tied to the row is known for every delivered row, and its deletion can only
// take rows away. Anywhere else in a condition the subquery's rows matter also
// when they are not there. In the select list its value goes with the row.
func (a *analyser) sublink(lv *level, n *nodetree.Node, ctx standing, inside *side) flow {
	kind := a.int(n, "subLinkType")
	res := a.query(a.node(a.get(n, "subselect")), lv, false)
	f := res.control.and(exist(res.knows))
	if kind != sublinkExists {
		for _, c := range res.cols {
			f = f.and(c.flow)
		}
	}
	test := a.get(n, "testexpr")
	var ties map[int]term
	if test.Kind != nodetree.Null {
		saved := lv.testing
		lv.testing = res.cols
		f = f.and(a.exprAt(lv, test, inOther, inside))
		if kind == sublinkAny {
			ties = a.ties(lv, test)
		}
		lv.testing = saved
	}
	for _, k := range res.knows {
		nk := &know{entry: k.entry, optional: true, why: "subquery", terms: lower(k.terms, 0, 1)}
		lv.knows = append(lv.knows, nk)
		if lv.single != nil && lv.single.query == n && kind == sublinkExpr && k.terms[term{att: 1}] {
			nk.tied = append(nk.tied, lv.single.equals)
		}
		switch {
		case ctx == inQual && (kind == sublinkExists || kind == sublinkAny):
			nk.optional, nk.branch, nk.sided = k.optional || inside != nil, k.branch, k.sided
			if inside != nil {
				nk.sides = append(nk.sides, inside)
			}
			for att, t := range ties {
				if k.terms[term{att: att}] {
					nk.terms[t] = true
				}
			}
			if k.contained {
				lv.pending = append(lv.pending, pending{know: nk, inside: inside, reason: "predicate"})
			}
		case ctx == inTarget:
			if k.contained && !nk.local() {
				a.confine(nk, nil, "predicate")
			}
		default:
			a.confine(nk, nil, "subquery")
		}
	}
	if kind == sublinkMulti {
		lv.multi = lv.multi.and(f)
	}
	return f
}

func (k *know) local() bool {
	for t := range k.terms {
		if !t.global() {
			return true
		}
	}
	return false
}

// ties returns, for x IN (SELECT y …), the terms of the level that equal the
// subquery's columns, by column number.
func (a *analyser) ties(lv *level, test nodetree.Value) map[int]term {
	out := map[int]term{}
	for _, c := range a.conjuncts(test, nil) {
		n := a.node(c)
		if n.Type != "OPEXPR" || !a.trustedEquality(n) {
			continue
		}
		args := a.list(n, "args")
		if len(args) != 2 {
			continue
		}
		left, ok := a.term(lv, args[0])
		p := a.node(a.strip(args[1]))
		if !ok || p.Type != "PARAM" || a.int(p, "paramkind") != paramSublink {
			continue
		}
		out[int(a.int(p, "paramid"))] = left.term
	}
	return out
}
