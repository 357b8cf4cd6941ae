package lineage

import (
	"slices"

	"sekisho/internal/event"
	"sekisho/internal/lineage/nodetree"
)

// onConflictUpdate is ONCONFLICT_UPDATE of OnConflictAction (nodes/nodes.h).
const onConflictUpdate = 2

var operations = map[int64]string{cmdUpdate: "update", cmdInsert: "insert", cmdDelete: "delete", cmdMerge: "merge"}

// write analyses INSERT, UPDATE, DELETE and MERGE.
func (a *analyser) write(lv *level, command int64) result {
	q := lv.q
	lv.target = int(a.int(q, "resultRelation"))
	r := a.rte(lv, lv.target)
	if r.kind != rteRelation {
		a.fail("tree: target")
	}
	if r.rel.Rules {
		a.fail("rule")
	}
	w := Write{Rel: r.rel.OID, Table: a.place(r.rel), Op: operations[command], Triggers: r.rel.Triggers, Others: r.rel.others()}
	w.hold(r.rel, a)
	returning := len(a.list(q, "returningList")) > 0
	if r.rel.Triggers && returning {
		a.fail("trigger") // a trigger may put anything into the returned row
	}
	if command == cmdMerge {
		lv.knows = append(lv.knows, a.rangeEntry(lv, lv.target, nil)...)
	}
	a.jointree(lv)
	lv.chosen = len(a.entries)
	var keys []nodetree.Value
	switch command {
	case cmdInsert:
		keys = a.insert(lv, r, &w)
	case cmdUpdate:
		a.multi(lv, "targetList")
		lv.assigned = map[int16]flow{}
		a.assign(lv, q, lv.assigned, command)
		a.defaults(lv, r, &w, command, nil)
		w.Sets = r.rel.sets(lv.assigned)
	case cmdMerge:
		a.merging(lv)
		a.defaults(lv, r, &w, command, nil)
	}
	cols, _ := a.targets(lv, "returningList")
	a.settle(lv)
	a.taints(lv, r, &w, command)
	a.upserted(lv, r, &w)
	if command == cmdMerge {
		for _, k := range lv.knows {
			a.entries[k.entry].widen("merge")
		}
	}
	if r.rel.Code && command != cmdDelete {
		w.Triggers = true
	}
	if a.opt.TaintedSettings && command != cmdDelete && a.fillsSettings(r.rel) {
		everyone, all := a.cat.everyone()
		w.Taints, w.From, w.Columns = w.Taints|all, appendPlaces(w.From, everyone), nil
	}
	a.followed(lv, r, command)
	if command != cmdDelete { // that the row is there tells what its foreign keys found
		for _, k := range r.rel.asks {
			w.Rows |= k.m
			w.RowsFrom = appendPlaces(w.RowsFrom, a.holdings(a.cat.Relations[k.rel]))
		}
	}
	res := a.result(lv, cols)
	a.writeKey(lv, r, &w, keys, res)
	a.writes = append(a.writes, w)
	a.viewTargets(lv, r.rel, w)
	if r.rel.Kind == 'f' && w.Taints|w.Rows != 0 {
		a.letterbox = true // it may lead anywhere, also back here
	}
	a.tested = a.tested || a.cat.tests(r.rel, command, nil)
	a.asked = a.asked || r.rel.Asks && command != cmdDelete
	return res
}

// fillsSettings says that a default of a relation, or of one behind a view, may
// put a setting into the new row.
func (a *analyser) fillsSettings(r *Relation) bool {
	if r.settings || r.Kind != 'v' || r.view() == nil {
		return r.settings
	}
	return slices.ContainsFunc(a.list(r.view(), "rtable"), func(item nodetree.Value) bool {
		base := a.cat.Relations[nodeOID(a.node(item), "relid")]
		return base != nil && base != r && a.fillsSettings(base)
	})
}

// multi reads the subqueries of UPDATE … SET (a, b) = (SELECT …) first: their
// parameters stand before them.
func (a *analyser) multi(lv *level, list string) {
	for _, item := range a.list(lv.q, list) {
		v := a.get(a.node(item), "expr")
		if v.Kind == nodetree.Struct && v.Node.Type == "SUBLINK" && a.int(v.Node, "subLinkType") == sublinkMulti {
			res := a.query(a.node(a.get(v.Node, "subselect")), lv, false)
			for _, c := range res.cols {
				lv.multi = lv.multi.and(c.flow)
			}
		}
	}
}

// assign records what flows into the target's columns.
func (a *analyser) assign(lv *level, n *nodetree.Node, into map[int16]flow, command int64) {
	target := a.rte(lv, lv.target)
	for _, item := range a.list(n, "targetList") {
		t := a.node(item)
		drawn := len(a.drawn)
		c := a.column(lv, a.get(t, "expr"), inTarget)
		if a.bool(t, "resjunk") {
			continue
		}
		att := int16(a.int(t, "resno"))
		into[att] = into[att].and(c.flow)
		lv.written = append(lv.written, written{att, c.flow, len(a.drawn) > drawn})
		if command == cmdUpdate {
			lv.replaced = append(lv.replaced, att)
			lv.rekey(target, att, c.term)
		}
	}
}

func (r *Relation) others() bool { return len(r.Parents)+len(r.Children)+len(r.cascades) > 0 }

// sets names the columns that are assigned, unless others are made of them.
func (r *Relation) sets(assigned map[int16]flow) (names []string) {
	if slices.ContainsFunc(r.Columns, func(c Attribute) bool { return c.Generated }) {
		return nil
	}
	for _, c := range r.Columns {
		if _, ok := assigned[c.Num]; ok {
			names = append(names, c.Name)
		}
	}
	return names
}

// bounds returns the places whose holdings bound an entry.
func (a *analyser) bounds(e *entry) []event.Place {
	if len(e.prot.From) > 0 {
		return e.prot.From
	}
	return []event.Place{a.place(e.rel)}
}

// insert handles the new row and ON CONFLICT, and returns the expressions of
// the key column.
func (a *analyser) insert(lv *level, r *rte, w *Write) []nodetree.Value {
	r.inserted = map[int16]column{}
	var keys []nodetree.Value
	for _, item := range a.list(lv.q, "targetList") {
		t := a.node(item)
		v := a.get(t, "expr")
		drawn := len(a.drawn)
		c := a.column(lv, v, inTarget)
		att := int16(a.int(t, "resno"))
		r.inserted[att] = c
		lv.written = append(lv.written, written{att, c.flow, len(a.drawn) > drawn})
		if r.rel.Protected != nil && att == r.rel.Protected.Key {
			keys = a.insertedKeys(lv, v)
		}
	}
	a.defaults(lv, r, w, cmdInsert, r.inserted)
	v := optional(lv.q, "onConflict")
	if v.Kind == nodetree.Null {
		return keys
	}
	n := a.node(v)
	if a.int(n, "action") != onConflictUpdate {
		a.skipping(lv, r, w)
		return keys
	}
	excluded := a.rte(lv, int(a.int(n, "exclRelIndex")))
	excluded.inserted = r.inserted
	r.inserted = nil
	if r.rel.Protected != nil {
		r.entry = a.newEntry(r.rel, r.node, a.memoOf(lv))
		a.entries[r.entry].widen("on conflict")
		lv.knows = append(lv.knows, &know{entry: r.entry, optional: true, terms: map[term]bool{}})
	}
	lv.assigned = map[int16]flow{}
	for att, c := range excluded.inserted {
		lv.assigned[att] = c.flow
	}
	for _, item := range a.list(n, "onConflictSet") {
		t := a.node(item)
		att := int16(a.int(t, "resno"))
		f := a.expr(lv, a.get(t, "expr"), inTarget)
		lv.assigned[att] = lv.assigned[att].and(f)
		lv.written = append(lv.written, written{att: att, flow: f})
		lv.replaced = append(lv.replaced, att)
		lv.rekey(r, att, term{})
	}
	a.qualAside(lv, a.get(n, "onConflictWhere"))
	a.updating(lv, r, n)
	return keys
}

// insertedKeys returns the key expressions of the new rows: one, or one a row
// of VALUES.
func (a *analyser) insertedKeys(lv *level, v nodetree.Value) []nodetree.Value {
	n := a.node(a.strip(v))
	if n.Type != "VAR" || a.int(n, "varlevelsup") != 0 {
		return []nodetree.Value{v}
	}
	r := a.rte(lv, int(a.int(n, "varno")))
	if r.kind != rteValues {
		return []nodetree.Value{v}
	}
	var out []nodetree.Value
	i := int(a.int(n, "varattno")) - 1
	for _, row := range a.list(r.node, "values_lists") {
		if i < 0 || i >= len(row.Items) {
			a.fail("tree: values")
		}
		out = append(out, row.Items[i])
	}
	return out
}

// insertedColumn is a column of a row that is new: what was put there. A
// column that was left out holds its default.
func (r *rte) insertedColumn(att int16) column {
	c, ok := r.inserted[att]
	if !ok {
		return expression(flow{})
	}
	return c
}

func (a *analyser) merging(lv *level) {
	if v := optional(lv.q, "mergeJoinCondition"); v.Kind != nodetree.Null { // PostgreSQL 17
		a.qualAside(lv, v)
	}
	lv.assigned = map[int16]flow{}
	for _, item := range a.list(lv.q, "mergeActionList") {
		n := a.node(item)
		if q := a.get(n, "qual"); q.Kind != nodetree.Null {
			a.qualAside(lv, q)
		}
		a.assign(lv, n, lv.assigned, a.int(n, "commandType"))
	}
}

// writeKey says how the subjects of the changed rows are known.
func (a *analyser) writeKey(lv *level, r *rte, w *Write, keys []nodetree.Value, res result) {
	p := r.rel.Protected
	if p == nil {
		return
	}
	w.Source = p.Source
	for _, k := range keys {
		param, typ := a.keyParam(lv, k)
		if param == 0 {
			w.KeyParams = nil
			break
		}
		w.KeyParams, w.KeyType = append(w.KeyParams, param), typ
	}
	if len(w.KeyParams) > 0 {
		w.KeyBy, w.Ordinal = KeyParam, w.KeyParams[0]
		if len(w.KeyParams) > 1 {
			w.KeyBy, w.Ordinal = KeyParams, 0
		}
		return
	}
	w.KeyParams = nil
	if p.Key == 0 {
		return
	}
	if lv.top {
		for i, c := range res.cols {
			if c.rel == r.rel.OID && c.att == p.Key {
				w.KeyBy, w.Ordinal, w.KeyType = KeyColumn, i, c.typ
				return
			}
		}
	}
	if k := lv.find(r.entry); r.entry >= 0 && k != nil {
		if t := k.param(); t > 0 {
			w.KeyBy, w.Ordinal, w.KeyType = KeyParam, t, a.paramTypes[t]
		}
	}
}

// keyParam returns the parameter that an inserted key is, 0 if it is none.
func (a *analyser) keyParam(lv *level, v nodetree.Value) (param int, typ OID) {
	n := a.node(a.strip(v))
	switch {
	case n.Type == "PARAM" && a.int(n, "paramkind") == paramExtern && !a.inBody:
		return int(a.int(n, "paramid")), OID(a.int(n, "paramtype"))
	case n.Type == "CONST" && lv.top && a.bool(n, "constisnull"):
		at := a.int(n, "location")
		for _, p := range a.opt.nulls {
			if p.at == at {
				return p.param, OID(a.int(n, "consttype"))
			}
		}
	}
	return 0, 0
}

// param returns the smallest parameter that equals the key, 0 if none does.
func (k *know) param() int {
	best := 0
	for t := range k.terms {
		if t.param > 0 && (best == 0 || t.param < best) {
			best = t.param
		}
	}
	return best
}

// viewTargets records the relations behind a view that is written through.
func (a *analyser) viewTargets(lv *level, rel *Relation, w Write) {
	view := rel.view()
	if rel.Kind != 'v' || view == nil {
		return
	}
	for _, item := range a.list(view, "rtable") {
		n := a.node(item)
		if a.int(n, "rtekind") != rteRelation {
			continue
		}
		base := a.cat.Relations[OID(a.int(n, "relid"))]
		if base == nil || base == rel {
			continue
		}
		b := Write{Rel: base.OID, Table: a.place(base), Op: w.Op, Taints: w.Taints, From: w.From, Rows: w.Rows, RowsFrom: w.RowsFrom, Triggers: base.Triggers || base.Rules || base.Code, Others: base.others(), Skips: w.Skips, Offered: w.Offered}
		b.hold(base, a)
		if base.Protected != nil {
			b.Source = base.Protected.Source
		}
		if own := lv.through[base]; own != nil {
			b.Own = *own
		}
		a.writes = append(a.writes, b)
		a.viewTargets(lv, base, w)
	}
}
