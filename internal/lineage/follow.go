package lineage

import (
	"slices"
	"strconv"
	"strings"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage/nodetree"
)

// follow is a foreign key that carries what is changed in the relation it refers
// to into its own.
type follow struct {
	to                 OID     // the relation that has the key
	refs, atts         []int16 // the columns that are referred to, and those that refer to them
	onUpdate, onDelete byte    // pg_constraint.confupdtype and confdeltype
}

// asked is a protected relation whose columns a foreign key looks up.
type asked struct {
	rel OID
	m   element.Mask
}

// carries says that an action changes the rows that refer: cascade, set null, set
// default.
func carries(action byte) bool { return action == 'c' || action == 'n' || action == 'd' }

func attributes(text string) (list []int16) {
	for _, n := range strings.Fields(strings.Trim(text, "{}")) {
		if num, err := strconv.Atoi(n); err == nil {
			list = append(list, int16(num))
		}
	}
	return list
}

// carry is what foreign keys carry on from one relation.
type carry struct {
	rel     *Relation
	atts    []int16 // columns that get other values; nil with all: any
	all     bool
	removed bool // rows go
	moved   bool // rows that stay get other values
	m       element.Mask
	others  element.Mask // of others than the subject of the row that goes
	from    []event.Place
}

// followed records what foreign keys carry into other relations when a statement
// changes rows of r that are there: the values, and which rows were chosen.
func (a *analyser) followed(lv *level, r *rte, command int64) {
	start := carry{rel: r.rel, atts: lv.replaced, all: r.rel.Kind == 'v' || r.rel.Triggers || r.rel.Code,
		moved: len(lv.replaced) > 0, removed: command == cmdDelete}
	if command == cmdMerge {
		start.removed = slices.ContainsFunc(a.list(lv.q, "mergeActionList"), func(v nodetree.Value) bool { return a.int(a.node(v), "commandType") == cmdDelete })
	}
	if !start.moved && !start.removed {
		return
	}
	if p := r.rel.Protected; p != nil && !a.rekeyed(lv, r) {
		start.atts = slices.DeleteFunc(slices.Clone(start.atts), func(att int16) bool { return att == p.Key })
	}
	same := a.sameSubject(lv, r, command)
	for i, e := range a.entries {
		m := e.prot.Carried[Presence].Elements
		for att := range e.pred {
			m |= e.prot.Of(att)
		}
		if i != r.entry && !same(i) {
			start.others |= m
		}
		for _, v := range lv.written {
			for _, ref := range v.flow.refs {
				if ref.entry == i {
					m |= a.elements(ref)
				}
			}
		}
		if m != 0 {
			start.m |= m
			start.from = appendPlaces(start.from, a.bounds(e))
		}
	}
	if a.opt.TaintedSettings { // a default may read one
		places, all := a.cat.everyone()
		start.m, start.from = start.m|all, appendPlaces(start.from, places)
	}
	list := []carry{start}
	for _, base := range a.behind(r.rel, nil) {
		c := start
		c.rel = base
		list = append(list, c)
	}
	a.follow(list)
}

// behind are the relations behind a view that may be written through.
func (a *analyser) behind(rel *Relation, list []*Relation) []*Relation {
	a.cat.throughView(rel, func(base *Relation) {
		if base != rel && !slices.Contains(list, base) {
			list = a.behind(base, append(list, base))
		}
	})
	return list
}

// throughView calls do with the relations that the query of a view names, and with none for
// what is no view.
func (c *Catalog) throughView(view *Relation, do func(*Relation)) {
	if view.Kind != 'v' || view.view() == nil {
		return
	}
	eachNode(nodetree.Value{Kind: nodetree.Struct, Node: view.view()}, func(n *nodetree.Node) {
		if r := c.Relations[nodeOID(n, "relid")]; r != nil {
			do(r)
		}
	})
}

// follow goes along foreign keys until nothing new is carried anywhere.
func (a *analyser) follow(list []carry) {
	type step struct {
		f       *follow
		removed bool
	}
	seen := map[step]carry{}
	for len(list) > 0 {
		c := list[0]
		list = list[1:]
		for _, o := range c.rel.Children {
			if child := a.cat.Relations[o]; child != nil && child != c.rel {
				next := c
				next.rel = child
				next.all = true // its columns may have other numbers
				list = append(list, next)
			}
		}
		for i := range c.rel.follows {
			a.step()
			f := &c.rel.follows[i]
			to := a.cat.Relations[f.to]
			if to == nil {
				continue
			}
			for _, removed := range []bool{false, true} {
				next, w, ok := a.carriedBy(&c, f, to, removed)
				if !ok {
					continue
				}
				old, was := seen[step{f, removed}]
				from := appendPlaces(slices.Clone(old.from), next.from)
				if was && old.m|next.m == old.m && old.others|next.others == old.others && len(from) == len(old.from) {
					continue
				}
				seen[step{f, removed}] = carry{m: old.m | next.m, others: old.others | next.others, from: from}
				if w.Taints|w.Rows != 0 || len(w.OwnFrom) > 0 {
					a.follows = append(a.follows, w)
				}
				list = append(list, next)
			}
		}
	}
}

// carriedBy is what one foreign key makes of its relation.
func (a *analyser) carriedBy(c *carry, f *follow, to *Relation, removed bool) (next carry, w Write, ok bool) {
	action := f.onUpdate
	if removed {
		action = f.onDelete
	}
	meant := removed && c.removed || !removed && c.moved && (c.all || slices.ContainsFunc(f.refs, func(att int16) bool {
		col, _ := c.rel.attribute(att)
		return col.Generated || slices.Contains(c.atts, att)
	}))
	if !meant || !carries(action) {
		return next, w, false
	}
	next = carry{rel: to, m: c.m, others: c.others, from: c.from}
	p := c.rel.Protected
	if p != nil {
		for _, att := range f.refs {
			if m := p.Of(att); m != 0 {
				next.m, next.others = next.m|m, next.others|m
				next.from = appendPlaces(slices.Clone(next.from), a.holdings(c.rel))
			}
		}
	}
	m := next.m
	if removed && action == 'c' && p != nil && to.Protected != nil && p.Source == to.Protected.Source && p.Key != 0 &&
		slices.Equal(f.refs, []int16{p.Key}) && slices.Equal(f.atts, []int16{to.Protected.Key}) {
		m = next.others // of the subject that goes itself: only that rows are gone
	} else {
		next.others = next.m
	}
	w = Write{Rel: to.OID, Table: to.Place, Op: "follow"}
	if w.Table == "" {
		w.Table = a.place(to)
	}
	if removed && action == 'c' {
		next.removed = true
		w.Rows, w.RowsFrom = m, next.from
		return next, w, true
	}
	next.moved, next.atts, next.all = true, f.atts, to.Triggers || to.Code
	if m != 0 {
		for _, att := range f.atts {
			w.taint(to, att, m, next.from)
		}
		for _, col := range to.Columns {
			if col.Generated {
				w.taint(to, col.Num, m, next.from)
			}
		}
	}
	if q := to.Protected; q != nil && q.Key != 0 && slices.Contains(f.atts, q.Key) && action != 'n' { // what the rows hold was another subject's
		for _, other := range a.cat.Relations {
			if o := other.Protected; o != nil && o.Source == q.Source && len(o.From) == 0 && len(other.Parents) == 0 {
				w.OwnFrom = appendPlaces(w.OwnFrom, []event.Place{a.place(other)})
			}
		}
		slices.Sort(w.OwnFrom)
		w.Source = q.Source
		for _, col := range to.Columns {
			if m := q.Of(col.Num); m != 0 {
				w.taint(to, col.Num, m, a.holdings(to))
			}
		}
	}
	return next, w, true
}

// holdings are the places whose subjects a protected relation's rows are of.
func (a *analyser) holdings(r *Relation) []event.Place {
	if len(r.Protected.From) > 0 {
		return r.Protected.From
	}
	return []event.Place{a.place(r)}
}

// follows notes what foreign keys make of columns that code sets.
func (w *reach) follows(r *Relation, t *touched) {
	for i := range r.follows {
		f := &r.follows[i]
		if other := w.cat.Relations[f.to]; other != nil && slices.ContainsFunc(f.refs, func(att int16) bool {
			col, _ := r.attribute(att)
			return col.Generated || t.columns[col.Name]
		}) {
			w.writes(other, nil)
		}
	}
}
