package pgproxy

import (
	"slices"
	"strings"
	"sync/atomic"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
)

// part is one line of an Intent and a Crossing: the rows of one range-table
// entry with one class.
type part struct {
	table    event.Place
	source   event.SubjectSource
	elements element.Mask
	class    event.Class
	reason   string
	numbers  Numbers // for exact parts
	entry    int     // index in analysis.Entries, -1 when there is none
}

// keyCol is a result column that names the subject of a row.
type keyCol struct {
	ordinal int // 0-based in the server's row
	part    int // exact part that it numbers
	// rest are the bounded parts that take rows whose identifier belongs to
	// nobody or to several; nil when the column is a key.
	rest []int
	kind element.Kind // of an identifier
}

// keyParam is a parameter that equals the key of a part's rows.
type keyParam struct {
	ordinal int // 1-based, literals after the client's own parameters
	part    int // -1: it names the subject of a write
	typ     uint32
}

// plan is an analysis made ready for rows. It is immutable and shared, except
// for the atomics.
type plan struct {
	shape    *shape
	analysis *lineage.Analysis // nil for a wide plan
	parts    []part
	cols     []keyCol // ascending by ordinal
	params   []keyParam
	writes   []write
	bounded  []int // parts that count every row
	pinned   []int // parts that count executions without a row
	whole    []int // parts that count executions whose result was not read to its end
	// always says that the execution is a crossing even when no row comes.
	always bool
	// opaque is why the whole database is bounded; "" when it is not.
	opaque  string
	explain bool // rows are the text of EXPLAIN
	// strip is the number of trailing columns that the gate added.
	strip int

	described atomic.Pointer[[]byte] // a RowDescription that was checked and holds
	injected  atomic.Pointer[plan]   // the plan with the keys in the result
	loose     atomic.Pointer[plan]   // the plan when its parameters are not known
	copyIn    atomic.Pointer[plan]   // what COPY FROM of the same columns changes
	tested    atomic.Pointer[plan]   // the same, when code tests the rows
	conflict  atomic.Pointer[plan]   // what it is when its count tells of a conflict
	noted     atomic.Bool            // its unclassified relations are recorded
	sampled   atomic.Int32           // rows looked into
	skipped   atomic.Pointer[plan]   // the plan when rows are passed over
}

// write is a changed relation whose subjects the gate tells.
type write struct {
	lineage.Write
	protected bool
	numbers   Numbers
	counter   *counter // of a protected table
	typ       uint32
	ordinal   int   // column of the key in COPY FROM, -1 when it is not there
	params    []int // indexes in plan.params: the subjects of the changed rows, in order
}

// lineage is the plan's analysis; nil when there is none.
func (p *plan) lineage() *lineage.Analysis {
	if p == nil {
		return nil
	}
	return p.analysis
}

// crosses says that rows of the plan are crossings.
func (p *plan) crosses() bool { return len(p.parts) > 0 }

// attributable says that the subjects of every row will be named.
func (p *plan) attributable() bool { return p.opaque == "" && len(p.bounded) == 0 }

// newPlan makes a plan of an analysis.
func (g *shared) newPlan(s *shape, a *lineage.Analysis) *plan {
	if a.Opaque != "" {
		p := g.widePlan(s, a.Opaque)
		if a.Opaque == "statistics" {
			for i := range p.parts {
				p.parts[i].class = event.Aggregate
			}
		}
		p.analysis = a
		p.writes = g.writesOf(p, a)
		return p
	}
	p := &plan{shape: s, analysis: a}
	p.writes = g.writesOf(p, a)
	sw := &g.switches
	if a.Bare && len(a.Entries) == 0 {
		return p
	}
	p.always = a.Predicate != 0 && !sw.NoPredicate
	for i := range a.Entries {
		g.addEntry(p, a, i)
	}
	p.always = p.always || len(p.pinned) > 0
	slices.SortFunc(p.cols, func(x, y keyCol) int { return x.ordinal - y.ordinal })
	return p
}

// addEntry turns one entry into parts: an exact one when its subjects can be
// named, and bounded ones where they cannot or may not.
func (g *shared) addEntry(p *plan, a *lineage.Analysis, i int) {
	e := &a.Entries[i]
	exact := part{table: e.Table, source: e.Source, elements: elementsOf(e), class: event.Exact, numbers: g.Numbers(e.Source), entry: i}
	by, ordinal, typ := g.allowed(e.KeyBy), e.Ordinal, uint32(e.KeyType)
	confirm := by == lineage.KeyNone
	if confirm && e.KeyBy == lineage.KeyNone {
		by, ordinal, typ = g.allowed(e.ConfirmBy), e.ConfirmOrdinal, uint32(e.ConfirmType)
	}
	if keyKind(typ) == 0 || by == lineage.KeyColumn && ordinal >= len(a.Columns) {
		by, confirm = lineage.KeyNone, true
	}
	named := len(p.parts)
	if by != lineage.KeyNone {
		p.parts = append(p.parts, exact)
	}
	switch by {
	case lineage.KeyColumn:
		p.cols = append(p.cols, keyCol{ordinal: ordinal, part: named})
	case lineage.KeyParam:
		p.params = append(p.params, keyParam{ordinal, named, typ})
	}
	identifier := confirm && by == lineage.KeyNone && e.Identifier >= 0 && e.Identifier < len(a.Columns) && !g.switches.NoIdentifier && g.Identifier != nil
	if !confirm && !e.Whole {
		return
	}
	rest := g.bounded(p, a, e, i)
	switch {
	case !confirm:
		p.whole = append(p.whole, rest...)
	case identifier:
		p.cols = append(p.cols, keyCol{e.Identifier, len(p.parts), rest, e.IdentifierElement})
		p.parts = append(p.parts, exact)
	case e.Pinned && by == lineage.KeyParam:
		p.pinned = append(p.pinned, rest...)
	default:
		p.bounded = append(p.bounded, rest...)
	}
}

// allowed is by, unless its rung is switched off.
func (g *shared) allowed(by lineage.KeyBy) lineage.KeyBy {
	switch {
	case by == lineage.KeyColumn && !g.switches.NoKeyColumn, by == lineage.KeyParam && !g.switches.NoParameter:
		return by
	}
	return lineage.KeyNone
}

// elementsOf returns what an entry's rows give away. Without a protected column
// the statement still tells that the row is there, and often its key: taking
// the row away would change what is delivered.
func elementsOf(e *lineage.Entry) element.Mask {
	if e.Elements == 0 {
		return element.MaskOf(element.CustomerNumber)
	}
	return e.Elements
}

// bounded adds the parts that bound an entry and returns their indexes.
func (g *shared) bounded(p *plan, a *lineage.Analysis, e *lineage.Entry, i int) (list []int) {
	q := part{table: e.Table, source: e.Source, elements: elementsOf(e), class: event.Bounded, reason: e.Reason, entry: i}
	if a.Aggregate {
		q.class = event.Aggregate
	}
	if q.reason == "" {
		q.reason = "key not known"
	}
	places := e.Bound
	if len(places) == 0 {
		places = []event.Place{e.Table}
	}
	for _, place := range places {
		q.table = place
		if t := g.protectedTable(place); t != nil {
			q.source = t.Source
		}
		list = append(list, len(p.parts))
		p.parts = append(p.parts, q)
	}
	return list
}

// skippedOf is p for MOVE and FETCH of a far row: how many rows are passed over
// tells of each of them, so that everything p touches is bounded.
func (g *shared) skippedOf(p *plan) *plan {
	if p.opaque != "" || !p.crosses() {
		return p
	}
	if q := p.skipped.Load(); q != nil {
		return q
	}
	q := &plan{shape: p.shape, analysis: p.analysis, always: true, strip: p.strip}
	for _, t := range p.parts {
		if t.class == event.Exact {
			t.class = event.Bounded
		}
		t.reason, t.numbers = "rows passed over", nil
		q.bounded = append(q.bounded, len(q.parts))
		q.parts = append(q.parts, t)
	}
	p.skipped.Store(q)
	return q
}

func (g *shared) writesOf(p *plan, a *lineage.Analysis) (out []write) {
	for _, w := range a.Writes {
		x := write{Write: w, typ: uint32(w.KeyType), ordinal: -1}
		if t := g.protectedTable(w.Table); t != nil {
			x.protected, x.counter = true, g.changed.of(w.Table)
			if x.Source == "" {
				x.Source = t.Source
			}
			x.numbers = g.Numbers(x.Source)
			if keyKind(x.typ) != 0 && a.Opaque == "" {
				p.addKeyParams(&x)
			}
		}
		out = append(out, x)
	}
	return out
}

// widePlan bounds a statement over every protected table of the database.
func (g *shared) widePlan(s *shape, reason string) *plan {
	p := &plan{shape: s, opaque: reason, always: true}
	for i := range g.Protected {
		t := &g.Protected[i]
		p.bounded = append(p.bounded, i)
		p.parts = append(p.parts, part{table: t.Table, source: t.Source, elements: t.Elements, class: event.Bounded, reason: reason, entry: -1})
	}
	return p
}

func (g *shared) protectedTable(place event.Place) *Protected {
	for i := range g.Protected {
		if g.Protected[i].Table == place {
			return &g.Protected[i]
		}
	}
	return nil
}

// relation returns the table of a place as policies write it.
func (g *shared) relation(place event.Place) string {
	return strings.TrimPrefix(string(place), string(g.Place)+"/")
}

// entryOf is the entry of a part, or -1.
func (p *plan) entryOf(part int) int {
	if p.analysis == nil {
		return -1
	}
	return p.parts[part].entry
}

// keyType is the type of the key column of a part.
func (p *plan) keyType(part int) uint32 {
	i := p.entryOf(part)
	if i < 0 {
		return 0
	}
	if e := &p.analysis.Entries[i]; e.KeyBy != lineage.KeyNone {
		return uint32(e.KeyType)
	}
	return uint32(p.analysis.Entries[i].ConfirmType)
}

// addKeyParams asks for the values of the parameters that name a write's
// subjects.
func (p *plan) addKeyParams(w *write) {
	ordinals := w.KeyParams
	switch w.KeyBy {
	case lineage.KeyParam:
		ordinals = []int{w.Ordinal}
	case lineage.KeyParams:
	default:
		return
	}
	for _, o := range ordinals {
		w.params = append(w.params, len(p.params))
		p.params = append(p.params, keyParam{o, -1, w.typ})
	}
}
