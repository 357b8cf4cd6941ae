package lineage

import (
	"slices"

	"sekisho/internal/lineage/nodetree"
)

// Commands of CmdType (nodes/nodes.h); 5 is MERGE from PostgreSQL 15 on and
// UTILITY before, which utilityStmt tells.
const (
	cmdSelect = 1
	cmdUpdate = 2
	cmdInsert = 3
	cmdDelete = 4
	cmdMerge  = 5
)

func (a *analyser) query(q *nodetree.Node, up *level, top bool) result {
	defer a.enter()()
	a.step()
	if q.Type != "QUERY" || optional(q, "utilityStmt").Kind != nodetree.Null {
		a.fail("tree: not a query")
	}
	lv := &level{q: q, up: up, top: top}
	lv.rtes = make([]*rte, len(a.list(q, "rtable")))
	a.with(lv)
	a.marks(lv)
	command := a.int(q, "commandType")
	switch {
	case command == cmdSelect && optional(q, "setOperations").Kind != nodetree.Null:
		return a.union(lv)
	case command == cmdSelect:
		return a.selectQuery(lv)
	case command == cmdInsert, command == cmdUpdate, command == cmdDelete, command == cmdMerge:
		return a.write(lv, command)
	}
	a.fail("tree: command")
	return result{}
}

func (a *analyser) with(lv *level) {
	for _, item := range a.list(lv.q, "cteList") {
		n := a.node(item)
		c := &cte{name: a.get(n, "ctename").Text, node: a.node(a.get(n, "ctequery")), at: lv}
		lv.ctes = append(lv.ctes, c)
		if a.int(c.node, "commandType") != cmdSelect {
			// Runs whether or not it is read. A reference analyses it again
			// for its rows; what it writes is recorded here, once.
			res := a.query(c.node, lv, false)
			c.first, c.wrote = &res, true
		}
	}
}

func (a *analyser) selectQuery(lv *level) result {
	a.jointree(lv)
	cols, tles := a.targets(lv, "targetList")
	a.settle(lv)
	a.grouping(lv)
	a.windows(lv, tles)
	a.ordering(lv, tles, false)
	a.candidates(lv)
	return a.result(lv, cols)
}

// tle is one entry of a target list.
type tle struct {
	col   column
	group int64 // ressortgroupref
	junk  bool
}

func (a *analyser) targets(lv *level, list string) (cols []column, all []tle) {
	for _, item := range a.list(lv.q, list) {
		n := a.node(item)
		t := tle{
			col:   a.column(lv, a.get(n, "expr"), inTarget),
			group: a.int(n, "ressortgroupref"),
			junk:  a.bool(n, "resjunk"),
		}
		t.col.typ = a.typeOf(a.get(n, "expr"))
		t.col.rel, t.col.att = OID(a.int(n, "resorigtbl")), int16(a.int(n, "resorigcol"))
		t.col.name = optional(n, "resname").Text
		all = append(all, t)
		if !t.junk {
			cols = append(cols, t.col)
		}
	}
	return cols, all
}

// settle judges the predicates once all equalities of the level are known.
func (a *analyser) settle(lv *level) {
	closure(lv.knows, lv.eqs)
	for _, p := range lv.pending {
		a.judge(lv, p)
	}
	lv.pending, lv.settled = nil, true
}

// grouping handles GROUP BY, grouping sets, HAVING and plain aggregates.
func (a *analyser) grouping(lv *level) {
	q := lv.q
	having := a.get(q, "havingQual")
	if having.Kind != nodetree.Null {
		a.qualAside(lv, having)
		a.spread(lv, "having", nil)
	}
	grouped := len(a.list(q, "groupClause")) > 0
	if len(a.list(q, "groupingSets")) > 0 {
		a.spread(lv, "grouping sets", nil)
		grouped = true
		for _, k := range lv.knows {
			k.optional, k.why = true, "grouping sets"
			for t := range k.terms {
				if !t.global() {
					delete(k.terms, t)
				}
			}
		}
	}
	if !grouped && (a.bool(q, "hasAggs") || having.Kind != nodetree.Null) {
		for _, k := range lv.knows {
			k.optional, k.why = true, "aggregate" // the row comes even when nothing was aggregated
		}
	}
}

// qualAside handles a condition whose place allows no equality to be used.
func (a *analyser) qualAside(lv *level, v nodetree.Value) {
	f := a.expr(lv, v, inOther)
	p := pending{flow: f, reason: "predicate"}
	if !lv.settled {
		lv.pending = append(lv.pending, p)
		return
	}
	a.judge(lv, p)
}

// windows handles window functions. They look at all rows of the level, so the
// level's rows must all be delivered, or lie within one subject.
func (a *analyser) windows(lv *level, tles []tle) {
	clauses := a.list(lv.q, "windowClause")
	if len(clauses) == 0 {
		return
	}
	var parts []map[term][]int
	for _, item := range clauses {
		n := a.node(item)
		parts = append(parts, a.sortTerms(n, "partitionClause", tles))
		for _, list := range []string{"partitionClause", "orderClause"} {
			for _, t := range a.sorted(n, list, tles) {
				a.decide(lv, t.col.flow)
			}
		}
		for _, name := range []string{"startOffset", "endOffset"} {
			if v := optional(n, name); v.Kind != nodetree.Null {
				a.qualAside(lv, v)
			}
		}
	}
	within := func(k *know) bool {
		for _, p := range parts {
			if !k.any(p) {
				return false
			}
		}
		return true
	}
	if lv.top && !a.limited(lv) && !a.bool(lv.q, "hasDistinctOn") {
		for _, k := range lv.knows {
			if !within(k) {
				a.entries[k.entry].whole = true
			}
		}
		return
	}
	a.spread(lv, "window", within)
}

// any says that one of the terms fixes the entry's key in rows that are equal
// under them. The own key of a row that may be absent does not: it is NULL for
// all that are.
func (k *know) any(terms map[term][]int) bool {
	for t, own := range terms {
		if k.terms[t] && !(k.optional && slices.Contains(own, k.entry)) {
			return true
		}
	}
	return false
}

// limited says that rows of the level's result may not reach the client.
func (a *analyser) limited(lv *level) bool {
	return a.get(lv.q, "limitCount").Kind != nodetree.Null ||
		a.get(lv.q, "limitOffset").Kind != nodetree.Null || lv.top && a.opt.Partial
}

// sorted returns the target list entries that a list of SORTGROUPCLAUSE names.
func (a *analyser) sorted(n *nodetree.Node, list string, tles []tle) []tle {
	var out []tle
	for _, item := range a.list(n, list) {
		c := a.node(item)
		if c.Type != "SORTGROUPCLAUSE" {
			a.fail("tree: sort clause")
		}
		a.operator(OID(a.int(c, "eqop")))
		a.operator(OID(a.int(c, "sortop")))
		group, found := a.int(c, "tleSortGroupRef"), false
		for _, t := range tles {
			if t.group == group && group != 0 {
				out, found = append(out, t), true
				break
			}
		}
		if !found {
			a.fail("tree: sort reference")
		}
	}
	return out
}

// sortTerms returns the terms of a clause with the entries whose key each is.
func (a *analyser) sortTerms(n *nodetree.Node, list string, tles []tle) map[term][]int {
	terms := map[term][]int{}
	for _, t := range a.sorted(n, list, tles) {
		if !t.col.term.none() {
			terms[t.col.term] = t.col.own
		}
	}
	return terms
}

// ordering handles DISTINCT, ORDER BY, LIMIT and OFFSET.
//
// Without a limit the order of rows moves no subject in or out. With one, the
// rows that are left out compete with those delivered, unless the rows come as
// the storage gives them (no sort, no hash table) or the sort keys include the
// subject key of every entry: then the cut lies within one subject's rows.
func (a *analyser) ordering(lv *level, tles []tle, merged bool) {
	q := lv.q
	group := a.sorted(q, "groupClause", tles)
	distinct := a.sorted(q, "distinctClause", tles)
	for _, t := range group {
		a.decide(lv, t.col.flow)
	}
	if a.bool(q, "hasDistinctOn") {
		for _, t := range distinct {
			a.decide(lv, t.col.flow)
		}
		terms := a.sortTerms(q, "distinctClause", tles)
		a.spread(lv, "distinct on", func(k *know) bool { return k.any(terms) })
	}
	if !lv.top && (merged || len(distinct) > 0) { // how many rows are left
		for _, t := range tles {
			a.decide(lv, t.col.flow)
		}
	}
	sort := a.sorted(q, "sortClause", tles)
	terms := a.sortTerms(q, "sortClause", tles)
	var sortFlow flow
	for _, t := range sort {
		sortFlow = sortFlow.and(t.col.flow)
		a.decide(lv, t.col.flow)
	}
	if v := a.get(q, "limitOffset"); v.Kind != nodetree.Null {
		a.qualAside(lv, v)
		a.spread(lv, "offset", nil)
	}
	count := a.get(q, "limitCount")
	if count.Kind != nodetree.Null {
		a.qualAside(lv, count)
	}
	if count.Kind != nodetree.Null && !lv.top {
		a.spread(lv, "limit", nil)
	}
	limited := a.limited(lv)
	if !lv.top && !limited && len(sort) > 0 {
		limited = true // a query around it may cut after so many rows
	}
	competing := map[int]string{}
	for _, r := range sortFlow.refs {
		if a.elements(r) != 0 {
			competing[r.entry] = "order"
		}
	}
	stored := len(sort) == 0 && len(group) == 0 && len(distinct) == 0 && !merged
	for _, k := range lv.knows {
		if lv.fromList(a, k.entry) {
			k.shuffled = a.indexed(a.entries[k.entry], len(sort) > 0 && k.any(terms) || lv.top && a.bool(q, "hasAggs")) || k.shuffled
		}
		stored = stored && !k.shuffled
	}
	for _, k := range lv.knows {
		k.shuffled = !stored && !k.any(terms)
		if competing[k.entry] == "" && k.shuffled {
			competing[k.entry] = "limit"
		}
		reason := competing[k.entry]
		switch {
		case reason == "":
		case limited:
			a.confine(k, nil, reason)
		case lv.top:
			a.entries[k.entry].whole = true
		}
	}
}

// fromList says that an entry is a relation in the FROM list of the level.
func (lv *level) fromList(a *analyser, entry int) bool {
	return slices.ContainsFunc(lv.rtes, func(r *rte) bool { return r != nil && r.kind == rteRelation && r.entry == entry })
}

// decide records columns that decide the shape of the result without moving
// another subject's rows: the elements count, nothing is widened.
func (a *analyser) decide(lv *level, f flow) {
	a.blur(f)
	for _, r := range f.refs {
		if a.elements(r) == 0 {
			continue
		}
		if lv.find(r.entry) == nil {
			lv.control = lv.control.and(flow{refs: []ref{r}})
		}
		a.entries[r.entry].pred[r.att] = true
	}
}

// result turns what the level knows into what the query around it sees.
func (a *analyser) result(lv *level, cols []column) result {
	a.settle(lv)
	a.unread(lv)
	res := result{cols: cols, control: lv.control}
	for _, k := range lv.knows {
		out := &know{entry: k.entry, optional: k.optional, branch: k.branch, contained: k.contained, sided: k.sided, sides: k.sides, shuffled: k.shuffled, why: k.why, terms: map[term]bool{}}
		for t := range k.terms {
			if t.global() {
				out.terms[t] = true
			}
		}
		for i, c := range cols {
			if !c.term.none() && k.terms[c.term] {
				out.terms[term{att: i + 1}] = true
			}
		}
		res.knows = append(res.knows, out)
	}
	return res
}

// unread ends the writing WITH queries that nobody read: their rows go
// nowhere, and their entries count only if a condition looked at them.
func (a *analyser) unread(lv *level) {
	for _, c := range lv.ctes {
		if c.first == nil {
			continue
		}
		for _, k := range c.first.knows {
			e := a.entries[k.entry]
			if k.contained {
				e.widen("predicate")
			}
			e.aside = true
		}
		if len(c.first.control.refs) > 0 {
			a.fail("tree: control")
		}
		c.first = nil
	}
}
