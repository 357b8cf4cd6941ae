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
}

// keyCol is a result column that names the subject of a row.
type keyCol struct {
	ordinal int // 0-based in the server's row
	part    int // exact part that it numbers
	// rest is the bounded part that takes rows whose identifier belongs to
	// nobody or to several; -1 when the column is a key.
	rest int
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
	// always says that the execution is a crossing even when no row comes.
	always bool
	// opaque is why the whole database is bounded; "" when it is not.
	opaque  string
	explain bool // rows are the text of EXPLAIN
	// strip is the number of trailing columns that the gate added.
	strip int

	// entries is, for each part, its index in analysis.Entries.
	entries []int

	described atomic.Pointer[[]byte] // a RowDescription that was checked and holds
	loose     atomic.Pointer[plan]   // the plan when its parameters are not known
	copyIn    atomic.Pointer[plan]   // what COPY FROM of the same columns changes
	tainted   atomic.Bool            // its Taint events are recorded
}

// write is a changed relation whose subjects the gate tells.
type write struct {
	lineage.Write
	protected bool
	numbers   Numbers
	typ       uint32
	ordinal   int // column of the key in COPY FROM, -1 when it is not there
	param     int // index in plan.params, -1 when no parameter names the subject
}

// crosses says that rows of the plan are crossings.
func (p *plan) crosses() bool { return len(p.parts) > 0 }

// attributable says that the subjects of every row will be named.
func (p *plan) attributable() bool { return p.opaque == "" && len(p.bounded) == 0 }

// newPlan makes a plan of an analysis.
func (g *shared) newPlan(s *shape, a *lineage.Analysis) *plan {
	if a.Opaque != "" {
		p := g.widePlan(s, a.Opaque)
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
		g.addEntry(p, a, &a.Entries[i])
		for len(p.entries) < len(p.parts) {
			p.entries = append(p.entries, i)
		}
	}
	slices.SortFunc(p.cols, func(x, y keyCol) int { return x.ordinal - y.ordinal })
	return p
}

func (g *shared) addEntry(p *plan, a *lineage.Analysis, e *lineage.Entry) {
	if e.Elements == 0 {
		return
	}
	sw := &g.switches
	exact := part{table: e.Table, source: e.Source, elements: e.Elements, class: event.Exact}
	exact.numbers = g.Numbers(e.Source)
	rest := exact
	rest.class, rest.reason = event.Bounded, e.Reason
	if a.Aggregate {
		rest.class = event.Aggregate
	}
	if rest.reason == "" {
		rest.reason = "key not known"
	}
	predicate := a.Predicate != 0 && !sw.NoPredicate && e.KeyBy == lineage.KeyNone
	switch {
	case e.KeyBy == lineage.KeyColumn && !sw.NoKeyColumn && keyKind(uint32(e.KeyType)) != 0 && e.Ordinal < max(len(a.Columns), 1):
		p.cols = append(p.cols, keyCol{ordinal: e.Ordinal, part: len(p.parts), rest: -1})
		p.parts = append(p.parts, exact)
	case e.KeyBy == lineage.KeyParam && !sw.NoParameter && keyKind(uint32(e.KeyType)) != 0:
		p.params = append(p.params, keyParam{e.Ordinal, len(p.parts), uint32(e.KeyType)})
		p.parts = append(p.parts, exact)
	case e.Identifier >= 0 && e.IdentifierElement != 0 && !predicate && !a.Aggregate && !sw.NoIdentifier && g.Identifier != nil:
		p.cols = append(p.cols, keyCol{e.Identifier, len(p.parts), len(p.parts) + 1, e.IdentifierElement})
		p.parts = append(p.parts, exact, rest)
	default:
		p.bounded = append(p.bounded, len(p.parts))
		p.parts = append(p.parts, rest)
	}
}

func (g *shared) writesOf(p *plan, a *lineage.Analysis) (out []write) {
	for _, w := range a.Writes {
		x := write{Write: w, typ: uint32(w.KeyType), ordinal: -1, param: -1}
		if t := g.protectedTable(w.Table); t != nil {
			x.protected = true
			if x.Source == "" {
				x.Source = t.Source
			}
			x.numbers = g.Numbers(x.Source)
			if w.KeyBy == lineage.KeyParam && keyKind(x.typ) != 0 && a.Opaque == "" {
				x.param = len(p.params)
				p.params = append(p.params, keyParam{w.Ordinal, -1, x.typ})
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
		p.parts = append(p.parts, part{table: t.Table, source: t.Source, elements: t.Elements, class: event.Bounded, reason: reason})
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
	if p.analysis == nil || part >= len(p.entries) {
		return -1
	}
	return p.entries[part]
}

// keyType is the type of the key column of a part.
func (p *plan) keyType(part int) uint32 {
	if i := p.entryOf(part); i >= 0 {
		return uint32(p.analysis.Entries[i].KeyType)
	}
	return 0
}
