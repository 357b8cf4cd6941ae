package pgproxy

import (
	"sekisho/internal/sqlscan"
	"sekisho/internal/wire/pgwire"
)

// A statement means what the schema says when the server comes to it, and the
// gate decides what it means when it sends it. In between other sessions may
// change the schema, or copy protected data to where the statement reads: it
// was sent ahead of others, or waits for a lock. So the schema's epoch of the
// decision is compared with that of the server's first answer: by then the
// server has begun, and what changes later is nothing to this execution.

// moment is when an execution was given its meaning.
type moment struct {
	epoch  uint64 // registry.epoch, less the session's own changes
	around uint64 // Common.around
	// turn is Settings.Turns when the transaction began, whose snapshot it may read.
	turn uint64
	// rested is from when on what it shows may have rested in its tables, UTC ns.
	rested int64
	locks  uint64 // Common.locks.turn
	// met: the server's first answer came, and the epoch was compared.
	met bool
	// late: the server gives it its meaning at Execute, not at Bind.
	late bool
}

// present is the moment of what is resolved now.
func (e *engine) present() moment {
	return moment{epoch: e.g.reg.epoch.Load() - e.ownDDL, around: e.g.reg.around.Load(), turn: e.turn, rested: e.oldest(), locks: e.g.locks.turn.Load()}
}

// begins notes what is known before a transaction begins.
func (e *engine) begins() {
	if e.g.Turns != nil && e.tx == pgwire.TxIdle && e.queue.empty() && !e.open && !e.clientHeld.has {
		e.turn = e.g.Turns()
	}
}

// identifies returns whose a value is that x reads. What a transaction reads may
// be older than a write that has ended, and than what was read after that.
func (e *engine) identifies(x *execution, k *keyCol, value []byte) (number uint32, ok bool) {
	number, ok = e.g.Identifier(x.plan.parts[k.part].table, k.kind, value)
	return number, ok && (e.g.Turns == nil || x.at.turn == e.g.Turns() || e.g.switches.NoTurn)
}

// since gives the rows of a cursor what has to be noticed since its DECLARE.
func (m *moment) since(cursor *execution) {
	m.around, m.turn = cursor.at.around, cursor.at.turn
	m.rested = min(m.rested, cursor.at.rested)
	if !cursor.at.met { // DECLARE has not been answered, or its functions can be replaced
		m.epoch = cursor.at.epoch
	}
}

// describedAhead notes that the answer to a Describe was no answer of the
// execution itself: the server looks again into what a command wraps when it is
// executed.
func (m *moment) describedAhead() {
	if m.late {
		m.met = false
	}
}

// givenLate says that the server reads the query in c anew when c is executed
// (PerformCursorOpen, ExecCreateTableAs, DoCopy, ExplainQuery and ExecuteQuery
// in src/backend/commands), while the plan of a query is made at Bind.
func (c *command) givenLate() bool {
	switch c.st.Kind {
	case sqlscan.Fetch, sqlscan.Move: // the cursor has its meaning
		return false
	}
	return c.st != c.query || !c.st.Into.Empty()
}

// meets compares the meaning of x with the schema when its first answer comes.
func (e *engine) meets(x *execution) {
	if x == nil || x.at.met || e.g.switches.NoMoment {
		return
	}
	x.at.met = !x.plan.callsOwn() && !x.plan.asksLocks()
	if e.seesLocks(x) {
		e.widen(x, "locks")
		return
	}
	l := &e.g.laundering
	stale := x.at.epoch != e.g.reg.epoch.Load()-e.ownDDL
	if x.cursor != nil { // DECLARE: what FETCH will return
		c := x.cursor
		if c.plan.opaque == "" && (stale || c.plan.readsStored() && l.suspected()) {
			e.widen(c, "schema change")
		}
		c.at.met = !c.plan.callsOwn()
		return
	}
	if !stale && (x.plan == nil || !x.plan.readsStored() || !l.suspected()) {
		return
	}
	if x.plan == nil || x.plan.opaque != "" {
		return // what it writes was dealt with when it was sent
	}
	if stale {
		e.movedLate(x)
	}
	if !stale && (e.g.switches.NoTaint || e.g.switches.NoCode) || !x.plan.depends() {
		return
	}
	writes := x.plan.writes
	reason := "schema change"
	if !stale {
		reason = "code ran"
	}
	e.widen(x, reason)
	if len(writes) > 0 { // a plan of its own, since the wide ones are shared
		w := e.g.widePlan(x.shape, reason)
		w.strip, w.writes = x.plan.strip, writes
		e.turnsOut(x, w)
	}
}

// continues is asked for every row: an execution that began before a change of
// the schema around the gate was seen may mean something else than was thought.
func (e *engine) continues(x *execution) {
	if x.at.around == e.g.reg.around.Load() || e.g.switches.NoMoment {
		return
	}
	x.at.around = e.g.reg.around.Load()
	if x.plan == nil || x.plan.depends() {
		e.widen(x, "schema changed around the gate")
	}
}

// callsOwn says that the plan calls functions that are not PostgreSQL's own:
// they can be replaced while it runs.
func (p *plan) callsOwn() bool { return p != nil && p.analysis != nil && p.analysis.Calls }

// readsStored says that the plan reads what code may have copied.
func (p *plan) readsStored() bool {
	return p.opaque == "" && p.analysis != nil && p.analysis.Stored
}

// depends says that the plan's meaning can change with the schema: it reads or
// writes a relation, or calls what is not PostgreSQL's own.
func (p *plan) depends() bool {
	return p.crosses() || len(p.writes) > 0 || p.analysis == nil || p.analysis.Stored || p.analysis.Calls || p.shape.calls
}

// movedLate taints what x wrote into, when it may have read something else than
// it was thought to.
func (e *engine) movedLate(x *execution) {
	if e.g.switches.NoTaint || len(e.g.Protected) == 0 {
		return
	}
	places := x.made
	x.made = nil
	if x.shape.moves && x.plan != nil {
		for i := range x.plan.writes {
			places = appendPlace(places, x.plan.writes[i].Table)
		}
	}
	var all, list []Taint
	for _, place := range places {
		t := Taint{Table: place, Elements: e.g.elementsOf()}
		for i := range e.g.Protected {
			t.From = append(t.From, e.g.Protected[i].Table)
		}
		t.Source = e.sourceOf(t.From)
		all = append(all, t)
	}
	if x.shape.moves && x.plan != nil && len(x.plan.writes) > 0 {
		e.spelt(x.shape.canon, true, &all)
	}
	for i := range all {
		t := &all[i]
		e.submitAhead(t.event("schema change"))
		if e.g.Tainted != nil && t.protects() && !e.g.isProtected(t) {
			list = append(list, *t)
		}
	}
	switch {
	case len(list) == 0:
	case e.ddl.mark != 0: // they are there for others when the transaction ends
		e.tainting = append(e.tainting, list...)
	default:
		e.g.reg.schemaChanging()
		e.ownDDL++
		e.g.protect(list)
	}
}

// makes notes the relation that a command makes of its query's rows.
func (e *engine) makes(c *command, x *execution) {
	x.made = nil
	if c.creates() && !c.st.Flags.Has(sqlscan.Temporary) {
		x.made = e.named(c)
	}
}
