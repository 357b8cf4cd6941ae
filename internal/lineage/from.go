package lineage

import (
	"maps"
	"slices"

	"sekisho/internal/lineage/nodetree"
)

// Join types of nodes/nodes.h that parse analysis makes.
const (
	joinInner = 0
	joinLeft  = 1
	joinFull  = 2
	joinRight = 3
)

// subtree is what a part of the join tree contributes.
type subtree struct {
	knows []*know
	rts   map[int]bool
	eqs   []equality
}

func (s *subtree) add(o subtree) {
	s.knows = append(s.knows, o.knows...)
	s.eqs = append(s.eqs, o.eqs...)
	if s.rts == nil {
		s.rts = map[int]bool{}
	}
	maps.Copy(s.rts, o.rts)
}

// jointree builds the FROM list and WHERE of a level.
func (a *analyser) jointree(lv *level) {
	tree := a.get(lv.q, "jointree")
	if tree.Kind == nodetree.Null {
		return
	}
	n := a.node(tree)
	var all subtree
	for _, item := range a.list(n, "fromlist") {
		part := a.from(lv, item, nil)
		all.add(part)
		lv.knows = append(lv.knows, part.knows...)
	}
	lv.eqs = append(lv.eqs, all.eqs...)
	lv.eqs = append(lv.eqs, a.quals(lv, a.get(n, "quals"), lv.knows, nil, true)...)
}

// from builds one item of the join tree. inside is the set of range-table
// entries of the nearest nullable side around it, nil when there is none; it
// is filled after the item was built and read when predicates are judged.
func (a *analyser) from(lv *level, v nodetree.Value, inside *side) subtree {
	defer a.enter()()
	n := a.node(v)
	switch n.Type {
	case "RANGETBLREF":
		rt := int(a.int(n, "rtindex"))
		ks := a.rangeEntry(lv, rt, inside)
		return subtree{knows: ks, rts: map[int]bool{rt: true}}
	case "FROMEXPR":
		var s subtree
		for _, item := range a.list(n, "fromlist") {
			s.add(a.from(lv, item, inside))
		}
		s.eqs = append(s.eqs, a.quals(lv, a.get(n, "quals"), s.knows, inside, true)...)
		return s
	case "JOINEXPR":
		return a.join(lv, n, inside)
	}
	a.fail("tree: from " + n.Type)
	return subtree{}
}

func (a *analyser) join(lv *level, n *nodetree.Node, inside *side) subtree {
	kind := a.int(n, "jointype")
	quals := a.get(n, "quals")
	insideLeft, insideRight := inside, inside
	if kind == joinRight || kind == joinFull {
		insideLeft = newSide()
	}
	if kind == joinLeft || kind == joinFull {
		insideRight = newSide()
	}
	left := a.from(lv, a.get(n, "larg"), insideLeft)
	right := a.from(lv, a.get(n, "rarg"), insideRight)
	var s subtree
	s.add(left)
	s.add(right)
	rt := int(a.int(n, "rtindex"))
	s.rts[rt] = true
	switch kind {
	case joinInner:
		s.eqs = append(s.eqs, a.quals(lv, quals, s.knows, inside, true)...)
	case joinLeft:
		a.nullable(lv, quals, right, insideRight)
		s.eqs = left.eqs
	case joinRight:
		a.nullable(lv, quals, left, insideLeft)
		s.eqs = right.eqs
	case joinFull:
		maps.Copy(insideLeft.rts, left.rts)
		maps.Copy(insideRight.rts, right.rts)
		// Both sides may be absent and neither takes a key from the other.
		a.condition(lv, quals, "full join")
		extend(left.knows, insideLeft)
		extend(right.knows, insideRight)
		s.eqs = nil
	default:
		a.fail("tree: join type")
	}
	return s
}

// nullable handles an outer join whose side may be absent: it takes keys from
// the other side by the join's equalities, never the other way round.
func (a *analyser) nullable(lv *level, quals nodetree.Value, part subtree, inside *side) {
	maps.Copy(inside.rts, part.rts)
	eqs := a.quals(lv, quals, part.knows, inside, false)
	closure(part.knows, append(eqs, part.eqs...))
	extend(part.knows, inside)
}

// extend puts entries on a side that may be absent.
func extend(ks []*know, s *side) {
	for _, k := range ks {
		k.optional = true
		if k.why == "" {
			k.why = "outer join"
		}
		k.sides = append(k.sides, s)
	}
}

// quals handles a conjunction over the entries ks and returns its equalities,
// which hold whenever the entries of ks are present. filter says that rows
// that fail it vanish (WHERE, inner join) instead of being extended by NULLs.
func (a *analyser) quals(lv *level, v nodetree.Value, ks []*know, inside *side, filter bool) []equality {
	var eqs []equality
	conjuncts := a.conjuncts(v, nil)
	for _, c := range conjuncts {
		q, own, ok := a.equal(lv, c)
		if !ok {
			continue
		}
		eqs = append(eqs, q)
		if filter {
			for _, e := range own {
				a.require(e, ks)
			}
		}
	}
	for _, c := range conjuncts {
		ctx := inQual
		if !filter {
			ctx = inOther
		}
		lv.single = a.equalsOne(lv, c)
		f := a.exprAt(lv, c, ctx, inside)
		lv.single = nil
		if filter {
			a.absent(f, ks)
		}
		lv.pending = append(lv.pending, pending{flow: f, inside: inside, reason: "predicate"})
	}
	closure(ks, eqs)
	return eqs
}

// require notes that a filter refuses rows without the entry: NULL = x is not
// true. What was a condition of an outer join becomes a filter then.
func (a *analyser) require(entry int, ks []*know) {
	for _, k := range ks {
		if k.entry != entry || !k.optional {
			continue
		}
		for _, s := range k.sides {
			s.required = true
		}
		for _, o := range ks {
			if o.sided && (o == k || k.shares(o)) {
				a.entries[o.entry].widen("outer join")
			}
		}
		k.optional = false
	}
}

func (k *know) shares(o *know) bool {
	for _, s := range k.sides {
		if slices.Contains(o.sides, s) {
			return true
		}
	}
	return false
}

// condition handles a join condition no key may be taken from.
func (a *analyser) condition(lv *level, v nodetree.Value, reason string) {
	for _, c := range a.conjuncts(v, nil) {
		f := a.expr(lv, c, inOther)
		lv.pending = append(lv.pending, pending{flow: f, reason: reason})
	}
}

// absent widens the entries whose absence a filter can see: a row that a
// subject's row kept away would appear with its deletion.
func (a *analyser) absent(f flow, ks []*know) {
	for _, r := range f.refs {
		for _, k := range ks {
			if k.entry == r.entry && k.optional {
				for _, o := range ks {
					if o == k || k.shares(o) {
						a.entries[o.entry].widen("outer join")
					}
				}
			}
		}
	}
}

func (a *analyser) conjuncts(v nodetree.Value, out []nodetree.Value) []nodetree.Value {
	if v.Kind == nodetree.Null {
		return out
	}
	if v.Kind == nodetree.List { // implicit AND
		for _, item := range v.Items {
			out = a.conjuncts(item, out)
		}
		return out
	}
	n := a.node(v)
	if n.Type == "BOOLEXPR" && a.get(n, "boolop").Text == "and" {
		defer a.enter()()
		for _, item := range a.list(n, "args") {
			out = a.conjuncts(item, out)
		}
		return out
	}
	return append(out, v)
}

// equal recognises term = term by a built-in equality under which equal values
// have the same text. own are the entries whose key is one of the terms.
func (a *analyser) equal(lv *level, v nodetree.Value) (q equality, own []int, ok bool) {
	n := a.node(v)
	if n.Type != "OPEXPR" || !a.trustedEquality(n) {
		return q, nil, false
	}
	args := a.list(n, "args")
	if len(args) != 2 {
		return q, nil, false
	}
	l, lok := a.term(lv, args[0])
	r, rok := a.term(lv, args[1])
	if !lok || !rok || l.term == r.term {
		return q, nil, false
	}
	return equality{l.term, r.term}, append(append([]int(nil), l.own...), r.own...), true
}

// equalsOne recognises term = (SELECT …).
func (a *analyser) equalsOne(lv *level, v nodetree.Value) *oneValued {
	n := a.node(v)
	if n.Type != "OPEXPR" || !a.trustedEquality(n) {
		return nil
	}
	args := a.list(n, "args")
	if len(args) != 2 {
		return nil
	}
	for i := range args {
		if c, ok := a.term(lv, args[i]); ok {
			return &oneValued{a.node(a.strip(args[1-i])), c.term}
		}
	}
	return nil
}

func (a *analyser) trustedEquality(n *nodetree.Node) bool {
	f := OID(a.int(n, "opfuncid"))
	if f == 0 {
		f = a.cat.Operators[OID(a.int(n, "opno"))]
	}
	return equalityFunctions[f] && !a.cat.LooseCollations[OID(a.int(n, "inputcollid"))]
}

// term resolves an expression that is a plain variable or parameter.
func (a *analyser) term(lv *level, v nodetree.Value) (column, bool) {
	n := a.node(a.strip(v))
	switch n.Type {
	case "VAR":
		c := a.variable(lv, n)
		return c, !c.term.none()
	case "PARAM":
		if a.int(n, "paramkind") == paramExtern && !a.inBody {
			return column{term: a.parameter(n), plain: ref{entry: -1}}, true
		}
	}
	return column{}, false
}

// parameter returns the term of a PARAM and notes its type.
func (a *analyser) parameter(n *nodetree.Node) term {
	id := int(a.int(n, "paramid"))
	a.paramTypes[id] = OID(a.int(n, "paramtype"))
	return term{param: id}
}

// strip removes relabelling between types with the same bytes. A character(n)
// value compares without its trailing spaces, so it is left alone.
func (a *analyser) strip(v nodetree.Value) nodetree.Value {
	for v.Kind == nodetree.Struct && v.Node.Type == "RELABELTYPE" {
		arg := a.get(v.Node, "arg")
		if OID(a.int(v.Node, "resulttype")) == bpcharOID || a.typeOf(arg) == bpcharOID {
			break
		}
		v = arg
	}
	return v
}

const bpcharOID = 1042

func (a *analyser) typeOf(v nodetree.Value) OID {
	if v.Kind != nodetree.Struct {
		return 0
	}
	for _, name := range []string{"vartype", "paramtype", "consttype", "resulttype", "funcresulttype"} {
		if t, ok := v.Node.Get(name); ok {
			i, _ := t.Int()
			return OID(i)
		}
	}
	return 0
}
