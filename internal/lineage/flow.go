package lineage

import (
	"cmp"
	"maps"
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/lineage/nodetree"
)

// ref is one protected or key column of an entry.
type ref struct {
	entry int
	att   int16
	agg   bool // reached through an aggregate
}

// ofFigures is why a value cannot be followed that tells of sizes or counters.
// Without a protected column beside it the statement tells no more than an
// aggregate.
const ofFigures = "statistics"

// blur notes that something that cannot be followed reaches the result, or
// decides about it.
func (a *analyser) blur(f flow) {
	switch f.opaque {
	case "":
	case ofFigures:
		a.figures = true
	default:
		a.fail(f.opaque)
	}
}

// flow is what influences a value: columns of entries, and perhaps something
// that cannot be followed.
type flow struct {
	refs   []ref
	opaque string
}

func (f flow) and(g flow) flow {
	out := flow{opaque: f.opaque}
	if out.opaque == "" || out.opaque == ofFigures {
		out.opaque = cmp.Or(g.opaque, out.opaque)
	}
	switch {
	case len(g.refs) == 0:
		out.refs = f.refs
	case len(f.refs) == 0:
		out.refs = g.refs
	default:
		seen := make(map[ref]bool, len(f.refs)+len(g.refs))
		for _, r := range f.refs {
			seen[r] = true
		}
		for _, r := range g.refs {
			seen[r] = true
		}
		out.refs = slices.SortedFunc(maps.Keys(seen), compareRef)
	}
	return out
}

func compareRef(a, b ref) int {
	switch {
	case a.entry != b.entry:
		return a.entry - b.entry
	case a.att != b.att:
		return int(a.att) - int(b.att)
	case a.agg == b.agg:
		return 0
	case b.agg:
		return -1
	}
	return 1
}

// aggregated marks every reference as reached through an aggregate.
func (f flow) aggregated() flow {
	out := flow{opaque: f.opaque, refs: make([]ref, len(f.refs))}
	for i, r := range f.refs {
		r.agg = true
		out.refs[i] = r
	}
	return out
}

// term names a value that is the same for a whole row of a query level: a
// column of a range-table entry of the level (level 0) or of an outer one
// (level 1 and up), an output column of a finished query (rt 0), or a
// parameter.
type term struct {
	level, rt, att int
	param          int // 1-based; then the rest is 0
}

func (t term) none() bool   { return t == term{} }
func (t term) global() bool { return t.param > 0 || t.level > 0 }

// column is the value of an output column or a variable.
type column struct {
	flow  flow
	own   []int // entries whose subject key this is, straight; NULL when the entry's row is absent
	plain ref   // the base column it is, straight; entry -1 when it is an expression
	term  term
	rel   OID
	att   int16
	typ   OID
	name  string
}

func expression(f flow) column { return column{flow: f, plain: ref{entry: -1}} }

// know is what one query level knows of an entry in or below it.
type know struct {
	entry int
	// terms are equal to the entry's subject key whenever its row is present.
	terms map[term]bool
	// optional: the entry's row may be absent from a row of the level.
	optional bool
	// branch: the row may come from another branch of a UNION instead.
	branch bool
	// contained: a predicate or the like looks at rows of the entry that may
	// not reach the result, but only at rows whose key equals a global term.
	contained bool
	// sided: a condition of an outer join looks at rows of the entry, all of
	// which have the key of the other side's row. That row comes in any case,
	// so only a key taken from it makes the entry exact.
	sided bool
	sides []*side // the nullable sides the entry lies in
	// shuffled: the row comes in an order that others' rows decide (a hash
	// table), so that a limit above may cut differently without them.
	shuffled bool
	// tied are terms that equal the key of rows of a subquery of one row. No
	// delivered row is attributed by them: what else the subquery finds is an
	// error. What a write tells of is.
	tied []term
	why  string // reason of optional or branch, for people
}

// oneValued is a conjunct term = (SELECT …).
type oneValued struct {
	query  *nodetree.Node
	equals term
}

// side is the side of an outer join that may be absent.
type side struct {
	rts map[int]bool
	// required: a later filter refuses rows without the side, so that the
	// join's conditions decide which rows appear.
	required bool
}

func newSide() *side { return &side{rts: map[int]bool{}} }

// confined says that all rows of the entry that the level looks at have a key
// that is fixed from outside: by a parameter, an outer column, or a column of
// the level that is not in the subtree inside.
func (k *know) confined(inside *side) (global, local bool) {
	for t := range k.terms {
		switch {
		case t.global():
			global = true
		case inside != nil && !inside.required && !inside.rts[t.rt]:
			local = true
		}
	}
	return global, local
}

type equality struct{ a, b term }

// closure adds to every know what the equalities imply.
func closure(ks []*know, eqs []equality) {
	for _, k := range ks {
		for changed := true; changed; {
			changed = false
			for _, q := range eqs {
				if ina, inb := k.terms[q.a], k.terms[q.b]; ina != inb {
					k.terms[q.a], k.terms[q.b] = true, true
					changed = true
				}
			}
		}
	}
}

// entry is one range-table entry over a protected relation.
type entry struct {
	rel    *Relation
	prot   *Protection
	top    bool           // it stands in the FROM list of the statement itself
	used   map[int16]bool // columns that the statement names
	out    map[int16]bool // columns that reach the result
	pred   map[int16]bool // columns that decide which rows appear
	wide   string         // why rows other than the delivered ones matter
	whole  bool           // exact only when the whole result was delivered
	unions []leaf
	aside  bool // its rows go nowhere
	sided  bool // see know; or nothing is known of it at the end
}

// leaf says in which branch of which UNION an entry is.
type leaf struct {
	union *nodetree.Node
	index int
}

func (e *entry) widen(reason string) {
	if e.wide == "" {
		e.wide = reason
	}
}

// level is one query while it is analysed.
type level struct {
	q        *nodetree.Node
	up       *level
	top      bool
	rtes     []*rte // by range-table index - 1; built on first use
	ctes     []*cte
	knows    []*know
	eqs      []equality
	pending  []pending
	control  flow // outer entries' columns in predicates of this level
	assigned map[int16]flow
	target   int      // range-table index of the target of a write, 0
	chosen   int      // entries before it choose the rows of a write
	testing  []column // columns of the subquery whose test is being read
	multi    flow     // of UPDATE … SET (a, b) = (SELECT …)
	settled  bool
	single   *oneValued                   // the conjunct that is being read, if it has that form
	written  []written                    // by the statement into its target
	keys     []term                       // that rows which are there get
	upsert   element.Mask                 // what ON CONFLICT DO UPDATE compares
	replaced []int16                      // columns that rows which are there get other values in
	through  map[*Relation]*[]WriteColumn // Write.Own of the relations behind a view that is written
}

// pending is a predicate that is judged once all equalities are known.
type pending struct {
	flow   flow
	know   *know // instead of flow: a subquery's entry that was contained
	inside *side
	rows   bool // the flow decides how many rows there are
	reason string
}

// rte is one range-table entry of a level.
type rte struct {
	kind    int64
	node    *nodetree.Node
	rel     *Relation
	entry   int      // of a protected base relation, else -1
	cols    []column // of subqueries, views, VALUES, functions and CTEs
	aliases []nodetree.Value
	args    flow // of a function: what flows into every column
	// inserted are the values given to the columns of a row that is new.
	inserted map[int16]column
}

// cte is one WITH query of a level.
type cte struct {
	name  string
	node  *nodetree.Node // the query
	at    *level
	self  []column // columns while a recursive query is being solved
	memo  map[*nodetree.Node]int
	first *result // of a writing query, until its first reference takes it
	wrote bool
}

// result is what a query gives to the query around it.
type result struct {
	cols    []column
	knows   []*know
	control flow
}
