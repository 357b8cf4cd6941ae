package lineage

import (
	"fmt"
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage/nodetree"
)

// Options change what a statement's result means.
type Options struct {
	// Partial says that the client may receive only the first rows: a cursor,
	// or an Execute with a row limit.
	Partial bool
	// Explain says that the statement is explained, not run for its rows.
	Explain bool
	// TaintedSettings says that protected data may be in the session's
	// settings.
	TaintedSettings bool
	// Place is the place of the database: "shop".
	Place event.Place

	nulls []placed
	types []OID // of the parameters, as the client declared them
}

// maxWork bounds the nodes visited for one statement: views and CTEs are
// expanded once a reference.
const maxWork = 2_000_000

// bail ends an analysis; the statement is opaque.
type bail struct{ reason string }

type analyser struct {
	cat          *Catalog
	opt          Options
	entries      []*entry
	writes       []Write
	follows      []Write // by foreign keys
	unclassified map[event.Place]bool
	predicate    element.Mask
	effects      bool // a function keeps protected data
	letterbox    bool // where other sessions find it
	setting      bool // in a setting
	texts        bool // the texts of prepared statements are read
	offering     bool // columns are looked at that the statement does not name
	itself       bool // its own text is read: nothing may be added to it
	notifies     bool
	locks        Locks
	marked       []mark
	moves        bool  // a sequence or lock is moved, perhaps once a row
	effected     int   // calls that change something which others find, and row locks, that were seen
	figures      bool  // sizes or counters reach the result, or decide about it
	drawn        []OID // sequences that are drawn from, by their names
	stored       bool  // something that is stored is read
	reading      bool  // values of types are read that run code
	calls        bool  // a function of somebody's own is called
	asked        bool  // foreign keys look protected columns up
	tested       bool  // rows are tested by code that may read protected ones
	read         bool  // to its end
	memo         map[*nodetree.Node]int
	policyDepth  int
	bodyDepth    int
	bodyArgs     []flow // arguments of the SQL function being expanded
	inBody       bool
	inject       map[int]candidate
	paramTypes   map[int]OID
	work         int
	depth        int
}

// Opaque returns the analysis of a statement that cannot be followed.
func Opaque(reason string) *Analysis { return &Analysis{Opaque: reason, Inputs: true} }

// AnalyseTree is the analysis of one statement from the text of its node tree
// (pg_proc.prosqlbody). It is a pure function; a tree it does not understand
// gives an opaque analysis, never a wrong one.
func AnalyseTree(cat *Catalog, tree string, opt Options) *Analysis {
	an, _ := analyseText(cat, tree, opt)
	return an
}

func analyseText(cat *Catalog, tree string, opt Options) (*Analysis, []candidate) {
	v, err := nodetree.Parse(tree)
	if err != nil {
		return Opaque("tree"), nil
	}
	q, ok := single(v)
	if !ok {
		return Opaque("tree"), nil
	}
	return analyseQuery(cat, q, opt)
}

// single unwraps the lists around a body's only query.
func single(v nodetree.Value) (*nodetree.Node, bool) {
	for v.Kind == nodetree.List && len(v.Items) == 1 {
		v = v.Items[0]
	}
	return v.Node, v.Kind == nodetree.Struct && v.Node.Type == "QUERY"
}

func analyseQuery(cat *Catalog, q *nodetree.Node, opt Options) (out *Analysis, list []candidate) {
	a := &analyser{cat: cat, opt: opt, unclassified: map[event.Place]bool{}, memo: map[*nodetree.Node]int{}, paramTypes: map[int]OID{}}
	a.typed(q)
	inputs := a.reading || slices.ContainsFunc(opt.types, func(o OID) bool { return cat.UnsafeTypes[o] })
	defer func() {
		if r := recover(); r != nil {
			b, ok := r.(bail)
			if !ok {
				panic(r)
			}
			out, list = Opaque(b.reason), nil
			out.Inputs = inputs
			out.TaintsSession, out.Letterbox, out.Setting, out.Stored = a.effects, a.letterbox, a.setting, true
			out.Texts, out.Notifies, out.Locks = a.texts, true, a.locks
			out.Locks.Any = true
			out.Unclassified = a.places()
			out.Writes, out.Read = a.writes, a.read
			out.Sequences, out.Follows, out.Locked = a.sequences(true), a.follows, a.locked(q)
		}
	}()
	res := a.query(q, nil, true)
	a.read = true // what it writes is known by now
	switch {
	case a.reading || inputs:
		a.fail("function")
	case a.tested:
		a.fail("constraint")
	case a.asked:
		a.fail("foreign key")
	}
	out = a.finish(res)
	out.Read = true
	out.Stored, out.Texts, out.Calls, out.Notifies, out.Locks = a.stored, a.texts, a.calls, a.notifies, a.locks
	out.Letterbox = a.letterbox || a.moves && a.predicate != 0 // how often tells
	out.Sequences, out.Follows, out.Locked = a.sequences(false), a.follows, a.locked(nil)
	return out, a.proposal(out)
}

func (a *analyser) places() []event.Place {
	var out []event.Place
	for p := range a.unclassified {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

func (a *analyser) fail(reason string) { panic(bail{reason}) }

// The accessors of fields: a field that is missing or of another kind than in
// PostgreSQL 14 to 17 ends the analysis.

func (a *analyser) get(n *nodetree.Node, name string) nodetree.Value {
	v, ok := n.Get(name)
	if !ok {
		a.fail("tree: no " + name)
	}
	return v
}

func (a *analyser) int(n *nodetree.Node, name string) int64 {
	i, ok := a.get(n, name).Int()
	if !ok {
		a.fail("tree: " + name)
	}
	return i
}

func (a *analyser) bool(n *nodetree.Node, name string) bool {
	b, ok := a.get(n, name).Bool()
	if !ok {
		a.fail("tree: " + name)
	}
	return b
}

func (a *analyser) list(n *nodetree.Node, name string) []nodetree.Value {
	v := a.get(n, name)
	if v.Kind != nodetree.List && v.Kind != nodetree.Null {
		a.fail("tree: " + name)
	}
	return v.Items
}

func (a *analyser) node(v nodetree.Value) *nodetree.Node {
	if v.Kind != nodetree.Struct {
		a.fail("tree: not a node")
	}
	return v.Node
}

// optional returns the named field, or Null when this version has none.
func optional(n *nodetree.Node, name string) nodetree.Value {
	v, _ := n.Get(name)
	return v
}

func (a *analyser) step() {
	if a.work++; a.work > maxWork {
		a.fail("too complex")
	}
}

func (a *analyser) enter() func() {
	if a.depth++; a.depth > nodetree.MaxDepth {
		a.fail("too complex")
	}
	return func() { a.depth-- }
}

// elements returns the protected elements of a reference; keys have none
// unless configured.
func (a *analyser) elements(r ref) element.Mask { return a.entries[r.entry].prot.Of(r.att) }

// newEntry makes the entry of one range-table entry. Inside a recursive query
// the same node always gives the same entry, so that the fixpoint ends.
func (a *analyser) newEntry(rel *Relation, at *nodetree.Node, memo map[*nodetree.Node]int) int {
	if memo != nil {
		if i, ok := memo[at]; ok {
			return i
		}
	}
	a.entries = append(a.entries, &entry{rel: rel, prot: rel.Protected, out: map[int16]bool{}, pred: map[int16]bool{}, used: map[int16]bool{}})
	i := len(a.entries) - 1
	if memo != nil {
		memo[at] = i
	}
	if len(a.entries) > 10_000 {
		a.fail("too complex")
	}
	return i
}

// predicated records that f decides which rows appear; the caller widens.
func (a *analyser) predicated(f flow) {
	a.blur(f)
	for _, r := range f.refs {
		if m := a.elements(r); m != 0 {
			a.entries[r.entry].pred[r.att] = true
			a.predicate |= m
		}
	}
}

// judge applies a predicate's flow to the entries the level knows; columns of
// outer entries are passed on.
func (a *analyser) judge(lv *level, p pending) {
	if p.know != nil {
		a.confine(p.know, p.inside, p.reason)
		return
	}
	if p.rows {
		a.absent(p.flow, lv.knows)
	}
	a.predicated(p.flow)
	for _, r := range p.flow.refs {
		k := lv.find(r.entry)
		if k == nil { // keys too: a condition may look at a row that is absent
			lv.control = lv.control.and(flow{refs: []ref{r}})
			continue
		}
		if a.elements(r) == 0 {
			continue
		}
		a.confine(k, p.inside, p.reason)
	}
}

func (a *analyser) confine(k *know, inside *side, reason string) {
	global, local := k.confined(inside)
	switch {
	case local:
		k.sided = true
	case global:
		k.contained = true
	default:
		a.entries[k.entry].widen(reason)
	}
}

func (lv *level) find(entry int) *know {
	for _, k := range lv.knows {
		if k.entry == entry {
			return k
		}
	}
	return nil
}

// spread records that all rows of the level's entries matter, delivered or
// not, but those of which except says that their key settles it.
func (a *analyser) spread(lv *level, reason string, except func(*know) bool) {
	for _, k := range lv.knows {
		if except == nil || !except(k) {
			a.confine(k, nil, reason)
		}
	}
}

func (lv *level) at(sup int64) *level {
	for ; sup > 0 && lv != nil; sup-- {
		lv = lv.up
	}
	return lv
}

func (a *analyser) place(r *Relation) event.Place {
	if r.Place != "" {
		return r.Place
	}
	return event.Place(fmt.Sprintf("%s/%s.%s", a.opt.Place, r.Schema, r.Name))
}
