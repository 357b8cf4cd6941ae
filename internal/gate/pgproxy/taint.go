package pgproxy

import (
	"fmt"
	"sync"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/sqlscan"
)

// taints records that what a command writes holds protected data from now on,
// and keeps analyses away from it until it is protected.
func (e *engine) taints(c *command, p *plan) {
	if p == nil && c.st.Kind != sqlscan.DDL || e.g.switches.NoTaint {
		return
	}
	list := append(e.elsewhere(c, e.taintsOf(c, p)), e.fated(c, p)...)
	for i := range list {
		e.taint(&list[i], c.st.Kind.String())
	}
}

// taint records one and has it protected. What code may write at any time is
// recorded once.
func (e *engine) taint(t *Taint, reason string) {
	rested := e.oldest()
	if !t.standing || e.g.standing.first(t, rested) {
		body := t.event(reason)
		body.Since = restedBefore(rested, e.clock)
		e.submitAhead(body)
		if body.Own && !body.Standing && len(body.From) > 0 { // a scan ends it
			e.late.begins(e.clock, e.sent+1)
			e.late.taints = append(e.late.taints, body)
		}
	}
	if !t.Temporary && e.g.Tainted != nil && t.protects() && !e.g.isProtected(t) {
		e.tainting = append(e.tainting, *t)
		e.beginDDL()
	}
}

// protects says that t adds to what the lineage must know.
func (t *Taint) protects() bool { return !t.Own || len(t.Columns) > 0 || len(t.From) == 0 }

func (t *Taint) event(reason string) *event.Taint {
	out := &event.Taint{Table: t.Table, From: t.From, Source: t.Source, Elements: t.Elements, Reason: reason, Temporary: t.Temporary, Own: t.Own, Rows: t.Rows != 0, Standing: t.standing}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, c.Name)
	}
	return out
}

// taintsOf lists what a command taints.
func (e *engine) taintsOf(c *command, p *plan) (out []Taint) {
	if c.st.Kind == sqlscan.DDL {
		if !c.st.Target.Empty() && hasWord(c.st.Canon, "using") { // ALTER … TYPE … USING another column
			name := string(sqlscan.AppendName(nil, c.sql, c.st.Target))
			out = append(out, Taint{Table: e.g.place(name, e.env.now), Own: true, Elements: element.MaskOf(element.Unclassified)})
		}
		return out
	}
	if p == nil {
		return out
	}
	for i := range p.writes {
		out = e.appendTaints(out, &p.writes[i].Write)
	}
	if p.analysis != nil {
		for i := range p.analysis.Sequences {
			out = e.appendTaints(out, &p.analysis.Sequences[i])
		}
		for i := range p.analysis.Follows {
			out = e.appendTaints(out, &p.analysis.Follows[i])
		}
		for i := range p.analysis.Locked {
			w := &p.analysis.Locked[i]
			out = append(out, Taint{Table: w.Table, Rel: w.Rel, From: w.From, Source: e.sourceOf(w.From), Elements: w.Taints, Columns: taintColumns(w.Columns), standing: true})
		}
	}
	if c.copy != nil && !c.copy.To && (c.copy.Where != sqlscan.CopyClient || p.opaque == "function" || e.env.setting) {
		return append(out, e.fileTaints(c)...)
	}
	if p.opaque != "" && p.crosses() && (p.analysis == nil || !p.analysis.Read) {
		out = append(out, e.unread(c, p)...)
	}
	if !c.creates() || !p.crosses() {
		return out
	}
	name := string(sqlscan.AppendName(nil, c.sql, c.st.Target))
	t := Taint{Table: e.g.place(name, e.env.now), Temporary: c.st.Flags.Has(sqlscan.Temporary)}
	for _, q := range p.parts {
		t.From, t.Source, t.Elements = appendPlace(t.From, q.table), q.source, t.Elements|q.elements
	}
	if p.analysis != nil && p.opaque == "" {
		t.Rows = p.analysis.Predicate
		t.Elements = t.Rows
		for i := range p.analysis.Columns {
			col := &p.analysis.Columns[i]
			t.Columns = append(t.Columns, TaintColumn{Name: col.Name, Att: int16(i + 1), Elements: col.Elements, Key: col.Key})
			t.Elements |= col.Elements
		}
		if t.Elements == 0 { // only that rows are there
			return out
		}
	}
	return append(out, t)
}

// appendTaints appends what a write taints.
func (e *engine) appendTaints(out []Taint, w *lineage.Write) []Taint {
	taints, rows, columns := w.Taints, w.Rows, taintColumns(w.Columns)
	off := &e.g.switches
	known := e.g.protectedTable(w.Table) != nil
	if off.NoRowsTaint {
		rows = 0
	}
	if off.NoColumnTaint && known {
		taints, columns = 0, nil
	}
	if taints|rows != 0 {
		t := Taint{Table: w.Table, Rel: w.Rel, From: w.From, Source: e.sourceOf(w.From), Elements: taints | rows, Rows: rows, Columns: columns}
		for _, from := range w.RowsFrom {
			t.From = appendPlace(t.From, from)
		}
		if taints != 0 && len(w.Columns) == 0 { // through a view: which columns is not known
			t.Rows = 0
		}
		if off.NoOwnerTaint && known {
			t.Own, t.Rows = true, 0
		}
		out = append(out, t)
	}
	if len(w.Own)+len(w.OwnFrom) > 0 {
		t := Taint{Table: w.Table, Rel: w.Rel, From: w.OwnFrom, Source: w.Source, Own: true, Columns: taintColumns(w.Own)}
		if pt := e.g.protectedTable(w.Table); pt != nil && len(w.OwnFrom) > 0 {
			t.Elements = pt.Elements
		}
		for _, col := range w.Own {
			t.Elements |= col.Elements
		}
		out = append(out, t)
	}
	return out
}

func taintColumns(list []lineage.WriteColumn) (out []TaintColumn) {
	for _, c := range list {
		out = append(out, TaintColumn{Name: c.Name, Att: c.Att, Elements: c.Elements})
	}
	return out
}

func appendPlace(list []event.Place, p event.Place) []event.Place {
	for _, q := range list {
		if q == p {
			return list
		}
	}
	return append(list, p)
}

// creates says that the command makes a relation of its query's rows.
func (c *command) creates() bool {
	k := c.st.Kind
	if k == sqlscan.Explain && c.st.Flags.Has(sqlscan.Executes) {
		k = c.st.Inner
	}
	switch k {
	case sqlscan.CreateTableAs, sqlscan.CreateMaterializedView:
		return true
	}
	return !c.st.Into.Empty()
}

func (e *engine) sourceOf(from []event.Place) event.SubjectSource {
	for _, f := range from {
		if t := e.g.protectedTable(f); t != nil {
			return t.Source
		}
	}
	return ""
}

// protect makes tainted relations protected, and only then lets statements be
// analysed again.
func (g *shared) protect(list []Taint) {
	g.twoPhase.mu.Lock()
	before, done := g.protecting, make(chan struct{})
	g.protecting = done
	protected := g.underWay(list)
	g.twoPhase.mu.Unlock()
	g.spawn(func() {
		defer close(done)
		defer protected()
		if before != nil { // taints build on each other
			<-before
		}
		for _, t := range list {
			for {
				err := g.Tainted(g.ctx, t)
				if err == nil {
					g.protected.add(&t)
				}
				if err == nil || g.ctx.Err() != nil {
					break
				}
				g.metrics.Errors.Add(1)
				g.log("protect a tainted relation", err)
				wait := time.NewTimer(time.Second)
				select {
				case <-g.ctx.Done():
				case <-wait.C:
				}
				wait.Stop()
			}
		}
		g.reg.schemaChanged()
	})
}

// taintSet remembers taints that relations are protected for already, so that a
// statement that runs again and again does not have the catalogue read again.
type taintSet struct {
	mu   sync.Mutex
	seen map[string]int64 // from when on what they write may have rested, UTC ns
}

// maxTaints bounds the taints that a gate remembers; then it starts anew.
const maxTaints = 10_000

func (s *taintSet) add(t *Taint) {
	if t.Rel == 0 && len(t.Columns) > 0 { // created: the next one of that name is another relation
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil || len(s.seen) >= maxTaints {
		s.seen = map[string]int64{}
	}
	s.seen[fmt.Sprint(*t)] = 0
}

// first says that t was not seen before, or of nothing that rested so long.
func (s *taintSet) first(t *Taint, rested int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(*t)
	if old, ok := s.seen[key]; ok && old-rested < restedLong {
		return false
	}
	if s.seen == nil || len(s.seen) >= maxTaints {
		s.seen = map[string]int64{}
	}
	s.seen[key] = rested
	return true
}

func (g *shared) isProtected(t *Taint) bool {
	g.protected.mu.Lock()
	defer g.protected.mu.Unlock()
	_, ok := g.protected.seen[fmt.Sprint(*t)]
	return ok
}
