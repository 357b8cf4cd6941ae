package lineage

import (
	"sekisho/internal/lineage/nodetree"
)

// Kinds of range-table entries (RTEKind, nodes/parsenodes.h).
const (
	rteRelation  = 0
	rteSubquery  = 1
	rteJoin      = 2
	rteFunction  = 3
	rteTableFunc = 4
	rteValues    = 5
	rteCTE       = 6
	rteResult    = 8
)

// rangeEntry builds a range-table entry of the FROM list and returns what is
// known of the entries in it.
func (a *analyser) rangeEntry(lv *level, rt int, inside *side) []*know {
	r := a.rte(lv, rt)
	n := r.node
	switch r.kind {
	case rteRelation:
		return a.relation(lv, rt, r, n, inside)
	case rteSubquery:
		res := a.query(a.node(a.get(n, "subquery")), lv, false)
		return a.put(lv, rt, r, res, 1, inside)
	case rteCTE:
		return a.reference(lv, rt, r, inside)
	case rteFunction:
		a.functions(lv, r, inside)
	case rteTableFunc:
		f := a.expr(lv, a.get(n, "tablefunc"), inOther)
		a.rows(lv, f, inside)
		r.args = f
	case rteValues:
		a.values(lv, r)
	case rteResult:
	default:
		a.fail("tree: range-table entry")
	}
	return nil
}

// rte returns the entry with the given index, made on first use.
func (a *analyser) rte(lv *level, rt int) *rte {
	if rt < 1 || rt > len(lv.rtes) {
		a.fail("tree: range-table index")
	}
	if r := lv.rtes[rt-1]; r != nil {
		return r
	}
	n := a.node(a.list(lv.q, "rtable")[rt-1])
	r := &rte{kind: a.int(n, "rtekind"), node: n, entry: -1}
	lv.rtes[rt-1] = r
	switch r.kind {
	case rteRelation:
		rel := a.cat.Relations[OID(a.int(n, "relid"))]
		if rel == nil {
			a.fail("unknown relation")
		}
		r.rel = rel
	case rteJoin:
		r.aliases = a.list(n, "joinaliasvars")
	}
	return r
}

func (a *analyser) relation(lv *level, rt int, r *rte, n *nodetree.Node, inside *side) []*know {
	rel := r.rel
	a.stored = true
	if rel.Kind == 't' {
		a.fail("toast")
	}
	if rel.Kind == 'v' {
		view := rel.view()
		if view == nil {
			a.fail("view")
		}
		a.typed(view)
		res := a.query(view, nil, false)
		if rel.Protected == nil || len(res.knows) > 0 {
			return a.put(lv, rt, r, res, 1, inside)
		}
		// Declared protected over relations that are not: its rows are its own.
	}
	if rel.Kind == 'f' && !rel.Known {
		a.fail("foreign table") // it may lead back here, to what names nothing protected
	}
	if !rel.Known && rel.OID >= firstUserOID && rel.Kind != 'S' {
		a.unclassified[a.place(rel)] = true
	}
	if rel.Protected == nil {
		return a.policies(lv, r, inside)
	}
	r.entry = a.newEntry(rel, n, a.memoOf(lv))
	a.entries[r.entry].top = lv.top
	if m := rel.Protected.Carried[Presence].Elements; m != 0 {
		a.entries[r.entry].pred[Presence] = true
		a.predicate |= m
	}
	k := &know{entry: r.entry, terms: map[term]bool{}}
	if rel.Protected.Key != 0 {
		k.terms[term{rt: rt, att: int(rel.Protected.Key)}] = true
	}
	if sample := a.get(n, "tablesample"); sample.Kind != nodetree.Null {
		s := a.node(sample)
		a.function(lv, OID(a.int(s, "tsmhandler")), flow{})
		for _, arg := range a.list(s, "args") {
			a.qualAside(lv, arg)
		}
		a.entries[r.entry].widen("tablesample")
	}
	return append(a.policies(lv, r, inside), k)
}

// policies reads the row security policies of a relation as conditions. Which
// of them apply depends on the role: all are taken to.
func (a *analyser) policies(lv *level, r *rte, inside *side) []*know {
	if len(r.rel.Policies) == 0 {
		return nil
	}
	if a.policyDepth > 20 {
		a.fail("row security")
	}
	a.policyDepth++
	defer func() { a.policyDepth-- }()
	in := &level{rtes: []*rte{r}}
	var f flow
	for _, p := range r.rel.Policies {
		a.typed(p)
		f = f.and(a.expr(in, nodetree.Value{Kind: nodetree.Struct, Node: p}, inOther))
	}
	lv.pending = append(lv.pending, pending{flow: f, inside: inside, reason: "row security"})
	for _, k := range in.knows {
		a.entries[k.entry].wide = "row security"
		k.optional, k.terms = true, map[term]bool{}
	}
	return in.knows
}

// memoOf returns the memo of the recursive query that lv is in, if any.
func (a *analyser) memoOf(lv *level) map[*nodetree.Node]int {
	for ; lv != nil; lv = lv.up {
		for _, c := range lv.ctes {
			if c.memo != nil {
				return c.memo
			}
		}
	}
	return nil
}

// put puts a finished query's rows at a range-table entry. up is how many
// levels the query's outer terms lie beyond lv's own: 1 for a subquery.
func (a *analyser) put(lv *level, rt int, r *rte, res result, up int, inside *side) []*know {
	r.cols = make([]column, len(res.cols))
	for i, c := range res.cols {
		c.term = term{rt: rt, att: i + 1}
		r.cols[i] = c
	}
	ks := make([]*know, 0, len(res.knows))
	for _, k := range res.knows {
		n := &know{entry: k.entry, optional: k.optional, branch: k.branch, sided: k.sided, sides: k.sides, shuffled: k.shuffled, why: k.why, terms: lower(k.terms, rt, up)}
		if k.contained {
			lv.pending = append(lv.pending, pending{know: n, inside: inside, reason: "predicate"})
		}
		ks = append(ks, n)
	}
	if len(res.control.refs) > 0 {
		lv.pending = append(lv.pending, pending{flow: res.control, inside: inside, rows: inside == nil, reason: "predicate"})
	}
	return ks
}

// lower moves terms of a finished query to the level that contains it; rt 0
// drops its output columns.
func lower(terms map[term]bool, rt, up int) map[term]bool {
	out := make(map[term]bool, len(terms))
	for t := range terms {
		switch {
		case t.param > 0:
		case t.level > 0:
			t.level += up - 2
			if t.level < 0 {
				continue
			}
		case rt > 0:
			t.rt = rt
		default:
			continue
		}
		out[t] = true
	}
	return out
}

func (a *analyser) values(lv *level, r *rte) {
	for _, row := range a.list(r.node, "values_lists") {
		for i, v := range row.Items {
			f := a.expr(lv, v, inOther)
			for len(r.cols) <= i {
				r.cols = append(r.cols, expression(flow{}))
			}
			r.cols[i].flow = r.cols[i].flow.and(f)
		}
	}
}

// functions builds a FROM function. What flows into its arguments flows into
// every column, and decides how many rows there are.
func (a *analyser) functions(lv *level, r *rte, inside *side) {
	for _, item := range a.list(r.node, "functions") {
		n := a.node(item)
		v := a.get(n, "funcexpr")
		f := a.expr(lv, v, inOther)
		a.rows(lv, f, inside)
		r.args = r.args.and(f)
		if fn := a.node(v); fn.Type == "FUNCEXPR" {
			if def := a.cat.Functions[OID(a.int(fn, "funcid"))]; def != nil && def.SensitiveColumn > 0 {
				for len(r.cols) < int(def.SensitiveColumn) {
					r.cols = append(r.cols, expression(flow{}))
				}
				r.cols[def.SensitiveColumn-1].flow.opaque = "catalogue"
			}
		}
	}
}

// rows records that f decides how many rows a set-returning function gives.
func (a *analyser) rows(lv *level, f flow, inside *side) {
	if len(f.refs) > 0 {
		lv.pending = append(lv.pending, pending{flow: f, inside: inside, rows: inside == nil, reason: "set-returning function"})
	}
}

// reference builds a reference to a WITH query by expanding it.
func (a *analyser) reference(lv *level, rt int, r *rte, inside *side) []*know {
	up := a.int(r.node, "ctelevelsup")
	at := lv.at(up)
	name := a.get(r.node, "ctename").Text
	if at == nil {
		a.fail("tree: with")
	}
	for _, c := range at.ctes {
		if c.name != name {
			continue
		}
		if c.self != nil { // the recursive reference
			r.cols = make([]column, len(c.self))
			for i, col := range c.self {
				col.own, col.plain, col.term = nil, ref{entry: -1}, term{rt: rt, att: i + 1}
				r.cols[i] = col
			}
			return nil
		}
		var res result
		if a.recursive(c) {
			res = a.solve(c)
		} else {
			res = a.again(c)
		}
		return a.put(lv, rt, r, res, int(up)+1, inside)
	}
	a.fail("tree: with")
	return nil
}

// again analyses a WITH query for one more reference to it.
func (a *analyser) again(c *cte) result {
	if first := c.first; first != nil {
		c.first = nil
		return *first
	}
	if !c.wrote {
		return a.query(c.node, c.at, false)
	}
	writes, effects := a.writes, a.effects
	res := a.query(c.node, c.at, false)
	a.writes, a.effects = writes, effects
	return res
}

func (a *analyser) recursive(c *cte) bool {
	for _, item := range a.list(c.at.q, "cteList") {
		n := a.node(item)
		if a.get(n, "ctename").Text == c.name {
			return a.bool(n, "cterecursive")
		}
	}
	return false
}

// solve analyses a recursive query until its columns draw from nothing new.
// Every entry in it is wide: a row stands for a chain of rows.
func (a *analyser) solve(c *cte) result {
	c.memo = map[*nodetree.Node]int{}
	defer func() { c.self, c.memo = nil, nil }()
	c.self = make([]column, len(a.get(a.cteNode(c), "ctecolnames").Items))
	for i := range c.self {
		c.self[i] = expression(flow{})
	}
	for range 1000 {
		res := a.query(c.node, c.at, false)
		changed := len(res.cols) != len(c.self)
		next := make([]column, len(res.cols))
		for i, col := range res.cols {
			next[i] = expression(col.flow)
			if i < len(c.self) {
				next[i].flow = next[i].flow.and(c.self[i].flow)
				changed = changed || len(next[i].flow.refs) != len(c.self[i].flow.refs) ||
					next[i].flow.opaque != c.self[i].flow.opaque
			}
		}
		c.self = next
		if changed {
			continue
		}
		out := result{cols: next, control: res.control}
		for _, k := range res.knows {
			a.entries[k.entry].widen("recursive")
			out.knows = append(out.knows, &know{entry: k.entry, optional: true, terms: map[term]bool{}})
		}
		return out
	}
	a.fail("too complex")
	return result{}
}

func (a *analyser) cteNode(c *cte) *nodetree.Node {
	for _, item := range a.list(c.at.q, "cteList") {
		if n := a.node(item); a.get(n, "ctequery").Node == c.node {
			return n
		}
	}
	a.fail("tree: with")
	return nil
}
