package pgproxy

import (
	"time"

	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
)

// taints records that what a command writes holds protected data from now on,
// and keeps analyses away from it until it is protected.
func (e *engine) taints(c *command, p *plan) {
	if p == nil || e.g.switches.NoTaint {
		return
	}
	if p.tainted.Load() && !c.creates() {
		return
	}
	list := e.taintsOf(c, p)
	for i := range list {
		t := &list[i]
		e.submit(&event.Taint{Table: t.Table, From: t.From, Source: t.Source, Elements: t.Elements, Reason: c.st.Kind.String(), Temporary: t.Temporary})
		if !t.Temporary && e.g.Tainted != nil {
			e.tainting = append(e.tainting, *t)
			e.beginDDL()
		}
	}
	p.tainted.Store(true)
}

// taintsOf lists what a command taints.
func (e *engine) taintsOf(c *command, p *plan) (out []Taint) {
	for i := range p.writes {
		w := &p.writes[i]
		if w.Taints == 0 || w.protected {
			continue
		}
		t := Taint{Table: w.Table, Rel: w.Rel, From: w.From, Source: e.sourceOf(w.From), Elements: w.Taints}
		for _, col := range w.Columns {
			t.Columns = append(t.Columns, TaintColumn{Att: col.Att, Elements: col.Elements})
		}
		out = append(out, t)
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
		t.Elements = 0
		for i := range p.analysis.Columns {
			col := &p.analysis.Columns[i]
			t.Columns = append(t.Columns, TaintColumn{Name: col.Name, Att: int16(i + 1), Elements: col.Elements, Key: col.Key})
			t.Elements |= col.Elements
		}
		if t.Elements == 0 { // only a predicate: the rows tell, the values do not
			return out
		}
	}
	return append(out, t)
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

// triggeredProtected says that a write to a protected table runs triggers.
func (p *plan) triggeredProtected() bool {
	if p == nil {
		return false
	}
	for i := range p.writes {
		if p.writes[i].Triggers && p.writes[i].protected {
			return true
		}
	}
	return false
}

// launder notes that undeclared code may have copied protected data anywhere
// in the database: unclassified relations may hold it from now on.
func (e *engine) launder(why string) {
	if e.g.laundered.Swap(true) || e.g.switches.NoTaint {
		return
	}
	e.submit(&event.Taint{Table: e.g.Place, From: []event.Place{e.g.Place}, Elements: e.g.elementsOf(), Reason: why})
}

// protect makes tainted relations protected, and only then lets statements be
// analysed again.
func (g *shared) protect(list []Taint) {
	g.spawn(func() {
		for _, t := range list {
			for {
				err := g.Tainted(g.ctx, t)
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
