package pgproxy

import (
	"slices"
	"strings"

	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
)

// triggered says that a write of the plan runs triggers or rules.
func (p *plan) triggered() bool {
	if p == nil {
		return false
	}
	for i := range p.writes {
		if p.writes[i].Triggers {
			return true
		}
	}
	return false
}

// unsettles says why what follows a command in the same message cannot be
// known before the command ran; "" when it can.
func (e *engine) unsettles(c *command, x *execution) string {
	switch k := c.st.Kind; {
	case c.changesSettings(), c.shape.sets:
		return "environment"
	case k == sqlscan.Commit, k == sqlscan.Rollback, k == sqlscan.RollbackTo, k == sqlscan.PrepareTransaction:
		if e.env.inTx {
			return "environment"
		}
	case c.changesSchema():
		return "schema change"
	case c.makesTemporary():
		return "temporary"
	case c.runsCode(x.plan) && !e.settles(c):
		return "function ran"
	case len(e.taintsOf(c, x.plan)) > 0:
		return "taint"
	}
	return ""
}

func (c *command) changesSettings() bool {
	switch c.st.Kind {
	case sqlscan.Set, sqlscan.Reset:
		return c.st.All || settingMatters(c.name())
	case sqlscan.Discard, sqlscan.Unknown, sqlscan.Load:
		return true
	}
	return false
}

func (c *command) changesSchema() bool {
	temporary := c.st.Flags.Has(sqlscan.Temporary)
	k := c.st.Kind
	if k == sqlscan.Explain && c.st.Flags.Has(sqlscan.Executes) {
		k = c.st.Inner
	}
	switch k {
	case sqlscan.CreateTable, sqlscan.CreateTableAs, sqlscan.CreateView, sqlscan.CreateMaterializedView:
		return !temporary
	case sqlscan.CreateRoutine, sqlscan.DDL, sqlscan.ImportForeignSchema, sqlscan.Do, sqlscan.Call, sqlscan.Unknown,
		sqlscan.AlterSystem, sqlscan.CommitPrepared:
		return true
	}
	return !c.st.Into.Empty() && !temporary
}

func (c *command) makesTemporary() bool { return c.st.Flags.Has(sqlscan.Temporary) }

// effects applies what a command that is about to be sent does to the
// session's state. What comes back undoes it when the command fails.
func (e *engine) effects(c *command, x *execution) (u undo) {
	p := x.plan
	if c == nil { // a portal the gate does not know
		e.g.signals.note(e.who.ServerPID, e.age.first)
		e.runCode(x, launderCode)
		return u
	}
	e.noteUnclassified(p)
	k := e.codeOfRun(c, p)
	e.signals(c, p, k)
	e.locks(c, x, k)
	e.makes(c, x)
	if c.changesSettings() || c.shape.sets {
		e.touch()
	}
	if c.changesSchema() {
		e.moves(c)
		e.beginDDL()
		if !e.ddl.made.note(e.named(c), c.st.Canon) {
			e.runCode(x, launderCode)
		}
		e.env.askTemp = e.env.askTemp || e.env.temp || len(e.env.temps) > 0
	}
	if c.makesTemporary() {
		e.makeTemporary(c)
	}
	switch {
	case c.runsCode(p):
		e.runs(c, x)
	case p.code() != codeNone:
		e.touch()
	}
	if a := p.lineage(); a != nil && (a.Letterbox || a.Setting && !c.ownSetting()) {
		e.launders(x, launderLetter)
	}
	if e.env.setting && c.keepsSettings() {
		e.runCode(x, launderCode)
	}
	if c.makesCode() {
		e.g.laundering.made.Store(e.g.reg.epoch.Load() + 1)
	}
	if p != nil && (c.shape.sets && p.crosses() || p.analysis != nil && p.analysis.TaintsSession) {
		e.keeps()
		e.env.setting = true
	}
	e.twoPhases(c, x)
	if c.st.Kind == sqlscan.PrepareTransaction {
		e.g.twoPhase.keep(e.tainting)
		e.late.prepared = e.sent + 1
	}
	switch c.st.Kind {
	case sqlscan.Commit, sqlscan.Rollback, sqlscan.RollbackTo, sqlscan.PrepareTransaction:
		if e.env.inTx {
			e.touch()
		}
	case sqlscan.CommitPrepared:
		e.tainting = append(e.tainting, e.g.twoPhase.all()...)
		e.late.add(e.g.twoPhase.changed(), e.sent+1)
	case sqlscan.Prepare:
		u = e.definePrepared(c)
	case sqlscan.Deallocate:
		u = e.deallocate(c)
	case sqlscan.DeclareCursor:
		u = e.defineCursor(c, x)
	case sqlscan.CloseCursor:
		if c.st.All {
			u = e.forgetAll(false, true, false)
		} else {
			name := c.name()
			u = undo{kind: undoPortal, name: name, portal: e.portals[name]}
			delete(e.portals, name)
		}
	case sqlscan.Discard:
		u = e.discards(c)
	case sqlscan.Truncate:
		e.truncates(c)
	}
	e.taints(c, p)
	return u
}

// maxTemps bounds the temporary relations whose names are remembered.
const maxTemps = 64

// makeTemporary remembers the name of a temporary relation: statements that
// name it, or a table it may hide, are bounded.
func (e *engine) makeTemporary(c *command) {
	e.env.askTemp = true
	e.keeps()
	name := ""
	sqlscan.EachPart(c.sql, c.st.Target, func(part []byte) { name = string(part) })
	if name == "" || len(e.env.temps) >= maxTemps {
		e.env.temp = true
		return
	}
	if !slices.Contains(e.env.temps, name) {
		e.env.temps = append(e.env.temps, name)
	}
	if e.env.now != nil {
		now := *e.env.now
		now.temps = strings.Join(e.env.temps, "\x00")
		e.env.now = e.g.reg.intern(now)
	}
}

// runCode says that code nobody declared runs now. What it may have copied
// counts also when it fails: sequences and advisory locks know no rollback.
func (e *engine) runCode(x *execution, why string) {
	x.ran = true
	e.touch()
	e.env.opaque = e.sent + 1
	e.keeps()
	e.env.temp, e.env.askTemp, e.env.setting = true, true, true
	e.launders(x, why)
}

// definePrepared remembers PREPARE name AS statement.
func (e *engine) definePrepared(c *command) undo {
	name := c.name()
	u := undo{kind: undoPrepared, name: name, stmt: e.prepared[name]}
	s := &prepared{name: name, scan: e.env.scan()}
	if c.query != nil {
		s.text = append([]byte(nil), c.querySQL[c.query.Span.From:c.query.Span.To]...)
		if types, ok := e.prepareTypes(c); ok {
			if st := scanOne(s.text, s.scan); st != nil {
				s.command = e.newCommand(s.text, st, types)
			}
		}
	}
	e.setPrepared(name, s)
	return u
}

func (e *engine) deallocate(c *command) undo {
	if c.st.All {
		return e.forgetAll(true, false, false)
	}
	name := c.name()
	u := undo{kind: undoPrepared, name: name, stmt: e.prepared[name]}
	e.setPrepared(name, nil)
	return u
}

func (e *engine) defineCursor(c *command, x *execution) undo {
	name := c.name()
	u := undo{kind: undoPortal, name: name, portal: e.portals[name]}
	cursor := &execution{shape: c.shape, refs: 1 << 20, at: x.at} // never given back: FETCH copies from it
	if x.plan != nil {
		cursor.plan = x.plan
		cursor.copyParams(x)
	} else {
		cursor.plan = e.g.wideOf(c.shape, "cursor")
	}
	cursor.slot = e.slotOf(cursor.plan)
	e.setPortal(name, &portal{exec: cursor, mark: e.sent + 1, hold: c.st.Flags.Has(sqlscan.Hold)})
	x.cursor = cursor
	if !cursor.plan.inputs() || !e.mayInput() {
		x.plan, x.slot = nil, nil // DECLARE itself returns nothing
	}
	return u
}

func (e *engine) discards(c *command) (u undo) {
	if c.st.All || c.name() == "all" {
		u = e.forgetAll(true, true, true)
	}
	e.env.askTemp = e.env.temp || len(e.env.temps) > 0
	return u
}

// forgetAll forgets all prepared statements or all portals, and whole also the
// unnamed ones and what settings may hold. What it returns brings them back.
func (e *engine) forgetAll(statements, portals, whole bool) undo {
	old := &names{unnamed: e.unnamed, blank: e.blank, setting: e.env.setting, whole: whole}
	if statements {
		old.prepared, e.prepared, e.heldMem = e.prepared, map[string]*prepared{}, 0
	}
	if portals {
		old.portals, e.portals = e.portals, map[string]*portal{}
	}
	if whole {
		e.unnamed, e.blank, e.env.setting = nil, nil, false
	}
	return undo{kind: undoAll, all: old}
}

// remember brings back what forgetAll forgot, but for names that were defined
// since.
func (e *engine) remember(old *names) {
	for name, s := range old.prepared {
		if e.prepared[name] == nil {
			e.setPrepared(name, s)
		}
	}
	for name, p := range old.portals {
		if e.portals[name] == nil {
			e.setPortal(name, p)
		}
	}
	if !old.whole {
		return
	}
	if e.unnamed == nil {
		e.unnamed = old.unnamed
	}
	if e.blank == nil {
		e.blank = old.blank
	}
	e.env.setting = e.env.setting || old.setting
}

// truncates counts a TRUNCATE of what may be a protected table: which one is
// not resolved here, so every protected table of that name counts.
func (e *engine) truncates(c *command) {
	name := string(sqlscan.AppendName(nil, c.sql, c.st.Target))
	for i := range e.g.Protected {
		t := &e.g.Protected[i]
		if sameTable(e.g.relation(t.Table), name) {
			e.change(&event.HoldingChange{Session: e.session, Table: t.Table, Source: t.Source, Op: "truncate", Unknown: 1})
		}
	}
}

// sameTable compares "schema.table" with a name with or without its schema.
func sameTable(full, name string) bool {
	if full == name {
		return true
	}
	n := len(full) - len(name)
	return n > 0 && full[n:] == name && full[n-1] == '.'
}
