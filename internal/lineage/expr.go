package lineage

import (
	"sekisho/internal/lineage/nodetree"
)

// standing says where an expression stands, which decides what a subquery in it
// may hide.
type standing uint8

const (
	inTarget standing = iota // its value is delivered with the row
	inQual                   // a conjunct that must be true for the row to appear
	inOther                  // anywhere else
)

// Kinds of PARAM (nodes/primnodes.h).
const (
	paramExtern  = 0
	paramSublink = 2
	paramMulti   = 3
)

// existence stands for "a row of the entry is there" in a flow. It carries no
// element.
const existence = -1000

// plainExpressions are the nodes whose value depends on their parts and on no
// function but built-in ones that belong to the syntax. Labels of PostgreSQL
// 14 and 15 first, then those of 16 and 17 where they differ.
var plainExpressions = wordSet(`
SUBSCRIPTINGREF NAMEDARGEXPR BOOLEXPR FIELDSELECT FIELDSTORE RELABELTYPE COERCEVIAIO ARRAYCOERCEEXPR
CONVERTROWTYPEEXPR COLLATE COLLATEEXPR CASE CASEEXPR WHEN CASEWHEN CASETESTEXPR ARRAY ARRAYEXPR ROW ROWEXPR
COALESCE COALESCEEXPR MINMAX MINMAXEXPR SQLVALUEFUNCTION XMLEXPR NULLTEST BOOLEANTEST COERCETODOMAIN
COERCETODOMAINVALUE SETTODEFAULT NEXTVALUEEXPR INFERENCEELEM CONST TARGETENTRY TABLEFUNC STRING
JSONVALUEEXPR JSONCONSTRUCTOREXPR JSONISPREDICATE JSONFORMAT JSONRETURNING JSONEXPR JSONBEHAVIOR
GROUPINGFUNC SORTGROUPCLAUSE
`)

func (a *analyser) expr(lv *level, v nodetree.Value, ctx standing) flow {
	return a.exprAt(lv, v, ctx, nil)
}

// exprAt returns what flows into an expression. inside is the nullable side
// the expression stands in, as for from.
func (a *analyser) exprAt(lv *level, v nodetree.Value, ctx standing, inside *side) flow {
	switch v.Kind {
	case nodetree.List:
		var f flow
		for _, item := range v.Items {
			f = f.and(a.exprAt(lv, item, inner(ctx), inside))
		}
		return f
	case nodetree.Struct:
	default:
		return flow{}
	}
	a.step()
	n := v.Node
	switch n.Type {
	case "VAR":
		return a.variable(lv, n).flow
	case "PARAM":
		return a.param(lv, n)
	case "SUBLINK":
		return a.sublink(lv, n, ctx, inside)
	case "CONST":
		return flow{}
	case "AGGREF":
		return a.aggregate(lv, n)
	case "WINDOWFUNC":
		f := a.parts(lv, n, inner(ctx), inside)
		return f.and(a.function(lv, OID(a.int(n, "winfnoid")), f))
	case "FUNCEXPR":
		return a.call(lv, n, ctx, inside)
	case "OPEXPR", "DISTINCTEXPR", "NULLIFEXPR", "SCALARARRAYOPEXPR":
		f := a.parts(lv, n, inner(ctx), inside)
		fn := OID(a.int(n, "opfuncid"))
		if fn == 0 {
			fn = a.cat.Operators[OID(a.int(n, "opno"))]
		}
		return f.and(a.function(lv, fn, f))
	case "ROWCOMPARE", "ROWCOMPAREEXPR":
		f := a.parts(lv, n, inner(ctx), inside)
		for _, op := range a.get(n, "opnos").Ints {
			a.operator(OID(op))
		}
		return f
	case "CURRENTOFEXPR":
		a.fail("cursor")
	case "NEXTVALUEEXPR":
		return a.draw(lv, OID(a.int(n, "seqid")))
	case "COERCETODOMAIN":
		if a.cat.UnsafeTypes[OID(a.int(n, "resulttype"))] {
			a.fail("function")
		}
	}
	if !plainExpressions[n.Type] {
		a.fail("tree: " + n.Type)
	}
	if choices[n.Type] {
		return a.choice(lv, n, inner(ctx), inside)
	}
	return a.parts(lv, n, inner(ctx), inside)
}

// inner is the context of a part of an expression: a conjunct's parts are not
// conjuncts, a delivered value's parts are delivered.
func inner(ctx standing) standing {
	if ctx == inQual {
		return inOther
	}
	return ctx
}

func (a *analyser) parts(lv *level, n *nodetree.Node, ctx standing, inside *side) flow {
	defer a.enter()()
	var f flow
	for i := range n.Fields {
		f = f.and(a.exprAt(lv, n.Fields[i].Value, ctx, inside))
	}
	return f
}

// column is like expr and keeps the identity of plain variables.
func (a *analyser) column(lv *level, v nodetree.Value, ctx standing) column {
	if v.Kind != nodetree.Struct {
		return expression(flow{})
	}
	n := a.node(a.strip(v))
	switch n.Type {
	case "VAR":
		return a.variable(lv, n)
	case "PARAM":
		c := expression(a.param(lv, n))
		if a.int(n, "paramkind") == paramExtern && !a.inBody {
			c.term = a.parameter(n)
		}
		return c
	}
	return expression(a.expr(lv, v, ctx))
}

func (a *analyser) param(lv *level, n *nodetree.Node) flow {
	id := a.int(n, "paramid")
	switch a.int(n, "paramkind") {
	case paramExtern:
		if a.inBody {
			if id < 1 || int(id) > len(a.bodyArgs) {
				a.fail("tree: argument")
			}
			return a.bodyArgs[id-1]
		}
		return flow{}
	case paramSublink:
		if lv.testing == nil || id < 1 || int(id) > len(lv.testing) {
			a.fail("tree: subquery parameter")
		}
		return lv.testing[id-1].flow
	case paramMulti:
		return lv.multi
	}
	a.fail("tree: parameter")
	return flow{}
}

func (a *analyser) variable(lv *level, n *nodetree.Node) column {
	sup, rt, att := a.int(n, "varlevelsup"), int(a.int(n, "varno")), int16(a.int(n, "varattno"))
	at := lv.at(sup)
	if at == nil {
		a.fail("tree: variable level")
	}
	c := a.columnOf(at, rt, att)
	if !c.term.none() && c.term.param == 0 {
		c.term.level += int(sup)
	}
	return c
}

// columnOf returns a column of a range-table entry of lv; 0 is the whole row.
func (a *analyser) columnOf(lv *level, rt int, att int16) column {
	defer a.enter()()
	a.step()
	r := a.rte(lv, rt)
	if att == 0 {
		return a.wholeRow(lv, rt, r)
	}
	here := term{rt: rt, att: int(att)}
	switch {
	case r.inserted != nil:
		return r.insertedColumn(att)
	case r.kind == rteJoin:
		if att < 1 || int(att) > len(r.aliases) {
			a.fail("tree: join column")
		}
		return a.column(lv, r.aliases[att-1], inOther)
	case r.kind == rteRelation && r.entry >= 0:
		self := ref{entry: r.entry, att: att}
		if !a.offering {
			a.entries[r.entry].used[att] = true
		}
		c := column{flow: flow{refs: []ref{self}}, plain: self, term: here}
		if att == a.entries[r.entry].prot.Key && att > 0 {
			c.own = []int{r.entry}
		}
		if lv.target == rt {
			c.flow = c.flow.and(lv.assigned[att])
		}
		return c
	case r.kind == rteRelation && r.cols == nil:
		if r.rel.Kind == 'v' || r.rel.Protected != nil {
			a.fail("tree: unread relation") // not in the FROM list: OLD or NEW of a rule
		}
		c := expression(flow{})
		c.term = here
		if r.rel.Sensitive[att] {
			c.flow.opaque = "catalogue"
		}
		if r.rel.Figures[att] {
			c.flow.opaque = ofFigures
		}
		if lv.target == rt {
			c.flow = c.flow.and(lv.assigned[att])
		}
		return c
	}
	c := expression(r.args)
	if att < 0 {
		a.fail("tree: system column")
	}
	if int(att) <= len(r.cols) {
		c = r.cols[att-1]
		c.flow = c.flow.and(r.args)
	} else if r.kind == rteSubquery || r.kind == rteCTE || r.kind == rteRelation {
		a.fail("tree: column")
	}
	c.term = here
	if lv.target == rt {
		c.flow = c.flow.and(lv.assigned[att])
	}
	return c
}

func (a *analyser) wholeRow(lv *level, rt int, r *rte) column {
	f := r.args
	switch {
	case r.inserted != nil:
		for _, c := range r.inserted {
			f = f.and(c.flow)
		}
	case r.kind == rteJoin:
		for i := range r.aliases {
			f = f.and(a.columnOf(lv, rt, int16(i+1)).flow)
		}
	case r.kind == rteRelation && r.cols == nil:
		for _, c := range r.rel.Columns {
			f = f.and(a.columnOf(lv, rt, c.Num).flow)
		}
		for num := range r.rel.Sensitive {
			f = f.and(a.columnOf(lv, rt, num).flow)
		}
		for num := range r.rel.Figures {
			f = f.and(a.columnOf(lv, rt, num).flow)
		}
	default:
		for _, c := range r.cols {
			f = f.and(c.flow)
		}
	}
	return expression(f)
}

func (a *analyser) aggregate(lv *level, n *nodetree.Node) flow {
	if a.int(n, "agglevelsup") != 0 {
		a.fail("outer aggregate")
	}
	f := a.parts(lv, n, inOther, nil)
	f = f.and(a.function(lv, OID(a.int(n, "aggfnoid")), f))
	return f.and(exist(lv.knows)).aggregated()
}

// exist is the flow of whether rows of these entries are there.
func exist(ks []*know) flow {
	var f flow
	for _, k := range ks {
		f.refs = append(f.refs, ref{entry: k.entry, att: existence})
	}
	return flow{}.and(flow{refs: f.refs}.and(flow{}))
}

func (a *analyser) call(lv *level, n *nodetree.Node, ctx standing, inside *side) flow {
	if seq := a.sequenceOf(n); seq != 0 {
		return a.draw(lv, seq)
	}
	f := a.parts(lv, n, inner(ctx), inside)
	f = f.and(a.function(lv, OID(a.int(n, "funcid")), f))
	if ctx == inTarget && a.bool(n, "funcretset") {
		a.rows(lv, f, inside) // an empty set drops the row
	}
	return f
}

func (a *analyser) operator(op OID) {
	if op == 0 {
		return
	}
	a.function(nil, a.cat.Operators[op], flow{})
}

// protectedFlow says that f carries an element or cannot be followed.
func (a *analyser) protectedFlow(f flow) bool {
	for _, r := range f.refs {
		if a.elements(r) != 0 {
			return true
		}
	}
	return f.opaque != ""
}

// function checks that a function may be called with args flowing in, and
// returns what it adds to its result.
func (a *analyser) function(lv *level, oid OID, args flow) flow {
	fn := a.cat.Functions[oid]
	if fn == nil {
		a.fail("function")
	}
	a.stored = a.stored || fn.Stored
	a.calls = a.calls || oid >= firstUserOID
	a.texts = a.texts || fn.Texts
	a.itself = a.itself || fn.Itself
	a.moves = a.moves || fn.Moves
	a.notifies = a.notifies || fn.Notifies
	if fn.Moves || fn.Trust == Effect {
		a.effected++
	}
	if fn.Locks {
		a.locks.Asks, a.locks.Any = true, true
	}
	if fn.Sequence && len(a.cat.letters) > 0 {
		return a.readSequences(lv, a.cat.letters)
	}
	switch fn.Trust {
	case Pure:
		if fn.Figures {
			return flow{opaque: ofFigures}
		}
		return flow{}
	case Settings:
		if a.opt.TaintedSettings {
			a.fail("settings")
		}
		return flow{}
	case Effect:
		if a.protectedFlow(args) {
			a.effects = true
			a.letterbox = a.letterbox || !fn.Private && !fn.Sets
			a.setting = a.setting || fn.Sets
			a.fail("function")
		}
		return flow{}
	case Reads:
		return a.reads(lv, fn)
	case Body:
		return a.expand(lv, fn, args)
	}
	a.fail("function")
	return flow{}
}

// reads makes entries for the relations a declared function reads.
func (a *analyser) reads(lv *level, fn *Function) flow {
	if lv == nil {
		a.fail("function")
	}
	var f flow
	for _, oid := range fn.Tables {
		rel := a.cat.Relations[oid]
		if rel == nil {
			a.fail("function")
		}
		if rel.Protected == nil {
			continue
		}
		e := a.newEntry(rel, nil, nil)
		a.entries[e].widen("function")
		lv.knows = append(lv.knows, &know{entry: e, optional: true, terms: map[term]bool{}})
		for _, c := range rel.Columns {
			f.refs = append(f.refs, ref{entry: e, att: c.Num})
		}
	}
	return f
}

// expand analyses the body of an SQL function in the place of a call.
func (a *analyser) expand(lv *level, fn *Function, args flow) flow {
	if lv == nil || a.bodyDepth > 20 {
		a.fail("function")
	}
	savedArgs, savedIn := a.bodyArgs, a.inBody
	a.bodyArgs, a.inBody = make([]flow, 100), true // FUNC_MAX_ARGS
	for i := range a.bodyArgs {
		a.bodyArgs[i] = args
	}
	a.bodyDepth++
	a.typed(fn.Body)
	res := a.query(fn.Body, nil, false)
	a.bodyDepth--
	a.bodyArgs, a.inBody = savedArgs, savedIn
	f := res.control
	for _, k := range res.knows {
		a.entries[k.entry].widen("function")
		lv.knows = append(lv.knows, &know{entry: k.entry, optional: true, terms: map[term]bool{}})
	}
	for _, c := range res.cols {
		f = f.and(c.flow)
	}
	return f.and(exist(res.knows))
}
