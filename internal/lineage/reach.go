package lineage

import (
	"cmp"
	"maps"
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage/nodetree"
)

// hook is a function that runs when a relation is written.
type hook struct {
	function OID
	before   bool   // it may change the row that is being written
	fills    string // the column whose default it is
	tests    bool   // a row that it does not like is refused
}

// builtinTriggers are trigger functions of PostgreSQL's own that write nothing,
// or (true) columns of their row from other columns of it.
var builtinTriggers = map[string]bool{
	"pg_catalog.suppress_redundant_updates_trigger()": false,
	"pg_catalog.tsvector_update_trigger()":            true,
	"pg_catalog.tsvector_update_trigger_column()":     true,
}

// reach walks through everything that code can get to. It goes by names: what
// has the same name in another schema counts too.
type reach struct {
	cat       *Catalog
	temporary []string
	unknown   string
	defines   string
	settings  bool
	held      bool // settings may hold something protected
	protected bool // something protected may be read
	returns   bool // by a function
	notifies  bool
	locks     bool
	tests     bool
	// others says that the statement reads others than the subjects of the rows
	// of a relation that it writes; nil: it may.
	others   func(*Relation) bool
	read     map[*Relation]bool
	called   map[*Function]bool
	written  map[*Relation]*touched
	hooked   map[*Relation]bool
	assigned map[*Relation][]string // columns that BEFORE triggers change; "" is any
}

// touched is what is written of a relation.
type touched struct {
	all     bool
	columns map[string]bool
}

func (c *Catalog) reach() *reach {
	return &reach{cat: c, read: map[*Relation]bool{}, called: map[*Function]bool{}, written: map[*Relation]*touched{},
		hooked: map[*Relation]bool{}, assigned: map[*Relation][]string{}}
}

func (w *reach) fail(why string) {
	if w.unknown == "" {
		w.unknown = why
	}
}

// statement follows a client's statement: what it names, and the triggers of
// what it writes.
func (w *reach) statement(x *text, definition bool) {
	w.others = func(r *Relation) bool { return w.cat.readsOthers(x, r) }
	if x.unknown != "" && !definition {
		w.fail(x.unknown)
		return
	}
	w.names(x)
	if definition {
		for _, o := range w.cat.events {
			w.callsOID(o)
		}
		for name := range x.words {
			for _, r := range w.cat.named[name] {
				w.hooks(r)
			}
		}
	}
	for _, t := range x.targets {
		for _, r := range w.cat.named[t.name] {
			w.hooks(r)
			w.tests = w.tests || w.cat.tests(r, cmdMerge, nil)
			for _, base := range w.bases(r) {
				w.hooks(base)
			}
		}
	}
}

// readsOthers says that a statement names other protected relations than r, or
// one of them more than once.
func (c *Catalog) readsOthers(x *text, r *Relation) bool {
	for name, n := range x.words {
		for _, o := range c.named[name] {
			if o.Kind == 'v' || o.Protected != nil && (o != r && !c.above(o, r) || n > 1) {
				return true
			}
		}
	}
	return false
}

// above says that r is a partition or child of o.
func (c *Catalog) above(o, r *Relation) bool {
	return slices.ContainsFunc(r.Parents, func(p OID) bool {
		parent := c.Relations[p]
		return parent != nil && (parent == o || c.above(o, parent))
	})
}

// text follows the names in a body, and what its statements write.
func (w *reach) text(x *text) {
	if x.unknown != "" {
		w.fail(x.unknown)
		return
	}
	w.settings = w.settings || x.sets
	if x.defines != "" {
		w.defines = x.defines
		for _, o := range w.cat.events {
			w.callsOID(o)
		}
	}
	w.names(x)
	for _, t := range x.targets {
		list := w.cat.named[t.name]
		if len(list) == 0 && x.defines == "" && !slices.Contains(w.temporary, t.name) {
			w.fail("target")
		}
		for _, r := range list {
			w.writes(r, t.columns)
		}
	}
}

// names follows what a text names.
func (w *reach) names(x *text) {
	for _, name := range w.temporary {
		w.protected = w.protected || x.words[name] > 0
	}
	for name := range x.words {
		w.protected = w.protected || statistics[name] || tellsFigures(name)
		for _, r := range w.cat.named[name] {
			w.reads(r)
		}
	}
	w.notifies = w.notifies || x.words["notify"]+x.words["pg_notify"] > 0
	w.locks = w.locks || x.words["update"]+x.words["delete"]+x.words["share"]+x.words["lock"]+x.words["merge"] > 0
	named := w.protected
	w.protected = false
	for name := range x.words {
		for _, fn := range w.cat.functions[name] {
			w.calls(fn)
		}
	}
	for _, o := range w.cat.implicit {
		w.callsOID(o)
	}
	w.returns = w.returns || w.protected
	w.protected = w.protected || named
}

// statistics are the views of the catalogue that show values of users' rows,
// statements of others, or how far sequences went.
var statistics = wordSet(`pg_stats pg_stats_ext pg_stats_ext_exprs pg_stat_activity pg_stat_statements pg_sequences
	pg_prepared_statements pg_cursors pg_locks`)

// reads notes that a relation is named, and what is read through it.
func (w *reach) reads(r *Relation) {
	if w.read[r] {
		return
	}
	w.read[r] = true
	w.protected = w.protected || r.Protected != nil || len(r.Sensitive) > 0
	if r.Kind == 'f' || r.Kind == 't' {
		w.fail("relation")
	}
	for _, p := range r.Policies {
		w.tree(p, false)
	}
	if r.Kind == 'v' {
		if view := r.view(); view != nil {
			w.tree(view, false)
		} else {
			w.fail("view")
		}
	}
	for _, o := range r.Children {
		if child := w.cat.Relations[o]; child != nil {
			w.reads(child)
		}
	}
}

// calls follows a function that may be called.
func (w *reach) calls(fn *Function) {
	if w.called[fn] {
		return
	}
	w.called[fn] = true
	w.notifies = w.notifies || fn.Notifies
	switch {
	case fn.Trust == Pure && !fn.Moves, fn.Trust == Effect && fn.Private:
	case fn.Trust == Settings: // what they hold: CodeRequest.Tainted
		w.protected = w.protected || w.held
	case fn.Trust == Effect && fn.Sets:
		w.settings = true
	case fn.Trust == Reads:
		w.protected = true
	case fn.Trust == Body:
		w.tree(fn.Body, true)
	case fn.text != nil:
		w.text(fn.text)
	default:
		w.fail(fn.Name)
	}
}

func (w *reach) callsOID(o OID) {
	fn := w.cat.Functions[o]
	if fn == nil {
		w.fail("function")
		return
	}
	w.calls(fn)
}

// writes notes that columns of a relation (nil: all, and rows) are written.
func (w *reach) writes(r *Relation, columns []string) {
	t := w.written[r]
	if t == nil {
		t = &touched{columns: map[string]bool{}}
		w.written[r] = t
	}
	known, all := len(t.columns), t.all
	t.all = t.all || columns == nil
	for _, name := range columns {
		a, ok := r.named(name)
		t.all = t.all || !ok || r.Protected != nil && a.Num == r.Protected.Key // another key is another subject
		t.columns[name] = true
	}
	w.hooks(r)
	if all || !t.all && len(t.columns) == known {
		return
	}
	for _, base := range w.bases(r) {
		w.writes(base, nil)
	}
	for _, o := range r.Children {
		if child := w.cat.Relations[o]; child != nil {
			w.writes(child, columns)
		}
	}
	if !t.all {
		w.follows(r, t)
		return
	}
	for _, o := range slices.Concat(r.cascades, r.draws) {
		if other := w.cat.Relations[o]; other != nil {
			w.writes(other, nil)
		}
	}
}

// bases are the relations behind a view.
func (w *reach) bases(r *Relation) (list []*Relation) {
	if r.Kind != 'v' {
		return nil
	}
	view := r.view()
	if view == nil {
		w.fail("view")
		return nil
	}
	eachNode(nodetree.Value{Kind: nodetree.Struct, Node: view}, func(n *nodetree.Node) {
		if base := w.cat.Relations[nodeOID(n, "relid")]; base != nil && base != r && !slices.Contains(list, base) {
			list = append(list, base)
		}
	})
	return list
}

// hooks follows what runs when a relation is written.
func (w *reach) hooks(r *Relation) {
	if w.hooked[r] {
		return
	}
	w.hooked[r] = true
	if r.Rules || r.Kind == 'f' {
		w.fail("rule")
	}
	for _, h := range r.hooks {
		fn := w.cat.Functions[h.function]
		if fn == nil {
			w.fail("trigger")
			continue
		}
		if changes, ok := builtinTriggers[fn.Name]; ok {
			if changes {
				w.assigned[r] = append(w.assigned[r], "")
			}
			continue
		}
		w.calls(fn)
		if h.fills != "" {
			w.writes(r, []string{h.fills})
		}
		if !h.before || fn.text == nil {
			continue
		}
		names, all := fn.text.names()
		switch {
		case !all && len(names) == 0:
		case fn.text.plain && !w.cat.callsRisky(fn.text):
			if all {
				names = []string{""}
			}
			w.assigned[r] = append(w.assigned[r], names...)
		case all:
			w.writes(r, nil)
		default:
			w.writes(r, names)
		}
	}
	for _, o := range slices.Concat(r.Children, r.cascades) {
		if other := w.cat.Relations[o]; other != nil {
			w.hooks(other)
		}
	}
}

// callsRisky says that a text calls what may read.
func (c *Catalog) callsRisky(x *text) bool {
	for name := range x.words {
		if c.risky[name] || slices.ContainsFunc(c.functions[name], func(fn *Function) bool { return fn.Trust != Pure }) {
			return true
		}
	}
	return false
}

// tree follows a node tree. runs says that it may write.
func (w *reach) tree(n *nodetree.Node, runs bool) {
	eachNode(nodetree.Value{Kind: nodetree.Struct, Node: n}, func(n *nodetree.Node) {
		if relid := nodeOID(n, "relid"); relid != 0 && n.Type != "ALIAS" {
			if r := w.cat.Relations[relid]; r != nil {
				w.reads(r)
			} else {
				w.fail("relation")
			}
		}
		for _, field := range []string{"funcid", "opfuncid", "aggfnoid", "winfnoid", "tsmhandler"} {
			if o := nodeOID(n, field); o != 0 {
				w.callsOID(o)
			}
		}
		if command, _ := optional(n, "commandType").Int(); runs && n.Type == "QUERY" && command >= cmdUpdate && command <= cmdMerge {
			w.target(n)
		}
	})
}

// target notes what a query tree changes.
func (w *reach) target(q *nodetree.Node) {
	at, _ := optional(q, "resultRelation").Int()
	if at < 1 {
		return
	}
	if list := optional(q, "rtable").Items; int(at) <= len(list) && list[at-1].Kind == nodetree.Struct {
		if r := w.cat.Relations[nodeOID(list[at-1].Node, "relid")]; r != nil {
			w.writes(r, nil)
			return
		}
	}
	w.fail("tree")
}

// code sums up.
func (w *reach) code() *Code {
	out := &Code{Unknown: w.unknown, Settings: w.settings, Reads: w.returns, Notifies: w.notifies, Protected: w.protected, Locks: w.locks, Tests: w.tests}
	switch {
	case out.Unknown != "":
		return out
	case !w.protected: // nothing of anybody gets in
		return out
	case w.defines != "":
		out.Unknown = w.defines
		return out
	}
	everyone, all := w.cat.everyone()
	for _, r := range inOrder(w.written) {
		if r.Kind == 'v' {
			continue
		}
		t := w.written[r]
		wr := Write{Rel: r.OID, Table: r.Place, Op: "code", Taints: all, From: everyone}
		if t.all {
			wr.Rows, wr.RowsFrom = all, everyone
		}
		for _, a := range r.Columns {
			if t.all || t.columns[a.Name] || a.Generated {
				wr.Columns = append(wr.Columns, WriteColumn{Att: a.Num, Name: a.Name, Elements: all})
			}
		}
		out.Writes = append(out.Writes, wr)
	}
	for _, r := range inOrder(w.assigned) {
		if wr := w.changed(r, everyone, all); len(wr.Own)+len(wr.Columns) > 0 {
			out.Writes = append(out.Writes, wr)
		}
	}
	return out
}

func inOrder[V any](m map[*Relation]V) []*Relation {
	return slices.SortedFunc(maps.Keys(m), func(a, b *Relation) int { return cmp.Compare(a.OID, b.OID) })
}

// changed is what BEFORE triggers make of a row that is written: its own data,
// when nobody else's can get in.
func (w *reach) changed(r *Relation, everyone []event.Place, all element.Mask) Write {
	out := Write{Rel: r.OID, Table: r.Place, Op: "code"}
	p := r.Protected
	others := p == nil || w.others == nil || w.written[r] != nil || w.others(r)
	var held element.Mask
	if p != nil {
		for _, a := range r.Columns {
			held |= p.Of(a.Num)
		}
	}
	for _, a := range r.Columns {
		if !slices.Contains(w.assigned[r], "") && !slices.Contains(w.assigned[r], a.Name) {
			continue
		}
		switch {
		case others:
			out.Taints, out.From = all, everyone
			out.Columns = append(out.Columns, WriteColumn{Att: a.Num, Name: a.Name, Elements: all})
		case a.Num == p.Key:
			out.Taints, out.From = held, everyone
			out.Columns = append(out.Columns, WriteColumn{Att: a.Num, Name: a.Name, Elements: held})
		case p.Of(a.Num) == 0:
			out.Own = append(out.Own, WriteColumn{Att: a.Num, Name: a.Name, Elements: held})
		}
	}
	return out
}

// everyone returns the places whose holdings bound anything protected, and
// every element that there is.
func (c *Catalog) everyone() (places []event.Place, all element.Mask) {
	for _, r := range c.Relations {
		if r.Protected == nil {
			continue
		}
		if len(r.Protected.From) > 0 {
			places = appendPlaces(places, r.Protected.From)
		} else {
			places = appendPlaces(places, []event.Place{r.Place})
		}
		for _, a := range r.Columns {
			all |= r.Protected.Of(a.Num)
		}
	}
	slices.Sort(places)
	return places, all
}

// eachNode calls f for every node of a tree.
func eachNode(v nodetree.Value, f func(*nodetree.Node)) {
	for _, item := range v.Items {
		eachNode(item, f)
	}
	if v.Node == nil {
		return
	}
	f(v.Node)
	for i := range v.Node.Fields {
		eachNode(v.Node.Fields[i].Value, f)
	}
}

func nodeOID(n *nodetree.Node, field string) OID {
	v, ok := n.Get(field)
	if !ok {
		return 0
	}
	i, _ := v.Int()
	return OID(i)
}
