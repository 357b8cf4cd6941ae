package pgproxy

import (
	"sekisho/internal/sqlscan"
	"sekisho/internal/subject"
	"sekisho/internal/wire/pgwire"
)

// variant says for which use a statement is analysed.
type variant uint8

const (
	variantPartial variant = 1 << iota // rows are read in pages
	variantExplain
	variantTainted // the session's settings may hold protected values
)

// sure returns the environment when it is known to hold for what is sent now.
func (v *environ) sure() *environment {
	if v.dirty {
		return nil
	}
	return v.now
}

// silent says that a command without a plan runs no code and reads no row, so
// that its errors and notices tell nothing: unlike COMMIT, which runs deferred
// triggers, or DDL, which evaluates expressions over rows.
func (c *command) silent() bool {
	switch c.st.Kind {
	case sqlscan.Commit, sqlscan.SetConstraints:
		return false
	case sqlscan.Prepare, sqlscan.CreateView, sqlscan.Grant, sqlscan.Revoke:
		return true
	}
	return c.touchesNothing()
}

// execute makes the execution of a command. unsure, when not empty, is why its
// meaning cannot be known. ok is false when the client's message must wait.
func (e *engine) execute(c *command, b *pgwire.Bind, s *prepared, partial bool, unsure string) (x *execution, ok bool) {
	at := e.present() // before its meaning is looked up
	p, from, ok := e.resolve(c, s, partial, unsure)
	if !ok {
		return nil, false
	}
	x = e.newExecution(c.shape)
	x.at = at
	x.at.late = c.givenLate()
	if p == nil {
		x.silent = c.silent()
		return x, true
	}
	if from != nil { // rows of a cursor
		x.shape = from.shape
		x.at.since(from)
		e.setPlan(x, p)
		x.copyParams(from)
		return x, true
	}
	if s != nil && s.strip > 0 {
		p = e.boundInjected(s, p)
	}
	e.setPlan(x, p)
	if k := c.st.Kind; k == sqlscan.Fetch || k == sqlscan.Move { // of a cursor that the gate did not see
		e.anyTime(x)
	}
	if len(p.params) > 0 {
		e.bindParams(x, c, b, s)
	}
	return x, true
}

// resolve finds the plan of a command's rows: nil when it has none. For FETCH
// it also returns the cursor's execution.
func (e *engine) resolve(c *command, s *prepared, partial bool, unsure string) (p *plan, from *execution, ok bool) {
	kind := c.st.Kind
	if c.imports() {
		e.age.began = e.g.started
	}
	if c.showsTexts() {
		if !e.plainNames() {
			return nil, nil, false
		}
		e.env.plain = true
	}
	if c.touchesNothing() || len(e.g.Protected) == 0 {
		return nil, nil, true
	}
	if unsure != "" || e.lost != "" {
		if unsure == "" {
			unsure = "lost"
		}
		if e.returnsNothing(kind) {
			return nil, nil, true
		}
		return e.g.wideOf(c.shape, unsure), nil, true
	}
	switch kind {
	case sqlscan.Copy:
		return e.resolveCopy(c)
	case sqlscan.Fetch, sqlscan.Move:
		q := e.findPortal([]byte(c.name()))
		if q == nil || q.exec == nil || q.exec.plan == nil {
			return e.g.wideOf(c.shape, "cursor"), nil, true
		}
		if kind == sqlscan.Move || hasWord(c.st.Canon, "absolute", "relative") {
			return e.g.skippedOf(q.exec.plan), q.exec, true
		}
		return q.exec.plan, q.exec, true
	case sqlscan.Execute:
		return e.resolveExecute(c)
	case sqlscan.Explain:
		if c.showsNames() && !e.plainNames() {
			return nil, nil, false
		}
		if c.query == nil {
			return e.g.wideOf(c.shape, "explain"), nil, true
		}
		p, ok = e.plan(c, variantExplain)
		return p, nil, ok
	case sqlscan.Show:
		if (e.env.setting || e.suspects()) && showsValue(c) {
			return e.g.wideOf(c.shape, "setting"), nil, true
		}
		return e.g.showPlan, nil, true
	case sqlscan.Call, sqlscan.Do, sqlscan.Unknown:
		if !e.catalogueRead() {
			return nil, nil, false
		}
		return e.g.wideOf(c.shape, "function"), nil, true
	}
	if c.query == nil && c.creates() { // AS EXECUTE
		if !e.plainNames() {
			return nil, nil, false
		}
		return e.g.wideOf(c.shape, "unknown statement"), nil, true
	}
	if kind == sqlscan.DDL || kind == sqlscan.CreateTable {
		if reads, ok := e.evaluated(c); reads || !ok {
			return e.g.wideOf(c.shape, "function"), nil, ok
		}
	}
	if kind == sqlscan.DDL {
		p, ok = e.tested(c)
		return p, nil, ok
	}
	if kind == sqlscan.Prepare && !e.settled() { // the types it lists are names too
		return nil, nil, false
	}
	if c.query == nil || kind == sqlscan.CreateView || kind == sqlscan.Prepare {
		p, ok = e.parsedPlan(c)
		return p, nil, ok
	}
	v := variant(0)
	if partial || kind == sqlscan.DeclareCursor {
		v = variantPartial
	}
	p, ok = e.plan(c, v)
	if a := p.lineage(); ok && a != nil && a.Texts && !e.plainNames() {
		return nil, nil, false
	}
	return p, nil, ok
}

// touchesNothing says that a command neither returns rows of tables nor
// changes them: the quick way for BEGIN, COMMIT, SET and their like.
func (c *command) touchesNothing() bool {
	switch c.st.Kind {
	case sqlscan.Begin, sqlscan.Commit, sqlscan.Rollback, sqlscan.Savepoint, sqlscan.Release, sqlscan.RollbackTo,
		sqlscan.Set, sqlscan.Reset, sqlscan.Deallocate, sqlscan.CloseCursor, sqlscan.Discard,
		sqlscan.Listen, sqlscan.Unlisten, sqlscan.Notify, sqlscan.Lock, sqlscan.SetConstraints:
		return true
	}
	return false
}

// returnsNothing says that no rows come back from a kind whatever it means.
func (e *engine) returnsNothing(k sqlscan.Kind) bool {
	switch k {
	case sqlscan.DeclareCursor, sqlscan.Prepare, sqlscan.CreateTable, sqlscan.CreateView, sqlscan.CreateRoutine,
		sqlscan.DDL, sqlscan.Truncate, sqlscan.Vacuum, sqlscan.Analyze, sqlscan.Grant, sqlscan.Revoke:
		return true
	}
	return false
}

// plan finds the plan of a command's query in the session's environment.
func (e *engine) plan(c *command, v variant) (*plan, bool) {
	if !e.settled() {
		return nil, false
	}
	unsure := ""
	switch {
	case e.env.dirty && !(e.g.switches.NoEnvironment && e.env.now != nil):
		unsure = "environment"
	case e.env.now == nil:
		unsure = "environment unknown"
	case e.env.temp:
		unsure = "temporary"
	case e.env.opaque != 0:
		unsure = "function ran"
	case e.ddl.mark != 0:
		unsure = "schema change"
	}
	return e.planIn(c, e.env.now, v, unsure)
}

// maxAsked bounds how often one message waits for an analysis.
const maxAsked = 4

func (e *engine) planIn(c *command, env *environment, v variant, unsure string) (*plan, bool) {
	if unsure == "" && env == nil {
		unsure = "environment"
	}
	if unsure != "" {
		return e.g.wideOf(c.shape, unsure), true
	}
	if e.env.setting {
		v |= variantTainted
	}
	if p := e.g.reg.known(c.shape, env, v, c, e.clock); p != nil {
		e.asked = 0
		return e.unlaundered(p), true
	}
	if e.g.reg.changing.Load() > 0 {
		return e.g.wideOf(c.shape, "schema change"), true
	}
	if e.asked++; e.asked > maxAsked {
		e.asked = 0
		return e.g.wideOf(c.shape, "analysis late"), true
	}
	e.g.ask(c, env, v, e.env.encoding, e.wake)
	if p := e.g.reg.known(c.shape, env, v, c, e.clock); p != nil { // answered at once
		e.asked = 0
		return e.unlaundered(p), true
	}
	e.waitClient = waitAnalysis
	return nil, false
}

// unlaundered is p, or the wide plan when p reads where code may have copied
// protected data.
func (e *engine) unlaundered(p *plan) *plan {
	if p.analysis == nil || p.opaque != "" || e.g.switches.NoTaint {
		return p
	}
	if p.analysis.Stored && e.suspects() {
		return e.g.wideOf(p.shape, "code ran")
	}
	return p
}

// resolveExecute finds the plan of EXECUTE name (…).
func (e *engine) resolveExecute(c *command) (*plan, *execution, bool) {
	s := e.prepared[c.name()]
	if s == nil || s.command.st == nil || s.command.query == nil {
		return e.g.wideOf(c.shape, "unknown statement"), nil, true
	}
	c.shape = s.command.shape
	c.through = s
	if reads, ok := e.evaluated(c); reads || !ok {
		p := e.g.wideOf(c.shape, "function")
		if s.strip > 0 {
			p = e.g.widePlan(c.shape, "function")
			p.strip = s.strip
		}
		return p, nil, ok
	}
	p, ok := e.plan(&s.command, 0)
	if ok && s.strip > 0 { // Parse named it, and the gate's columns are in it
		p = e.boundInjected(s, p)
	}
	return p, nil, ok
}

// bindParams takes the values that name subjects. When one is not known the
// plan's parameters are bounded instead.
func (e *engine) bindParams(x *execution, c *command, b *pgwire.Bind, _ *prepared) {
	p := x.plan
	x.nums = x.nums[:0]
	for k := range p.params {
		value, format, null, ok := e.paramOf(c, p.params[k].ordinal, b)
		if !ok {
			e.setPlan(x, e.g.looseOf(p))
			x.nums = x.nums[:0]
			return
		}
		if null {
			value = nil
		} else if value == nil {
			value = []byte{}
		}
		x.bindParam(k, value, format)
		if keyKind(p.params[k].typ) == subject.Text && !e.env.sameText(value) {
			x.nums[k].resolved = true // and not ok: it may be anybody's
		}
		e.scratch = value[:0]
	}
}

func (e *engine) paramOf(c *command, ordinal int, b *pgwire.Bind) ([]byte, int16, bool, bool) {
	if s := c.through; s != nil {
		if ordinal <= s.command.query.MaxParam {
			return c.argument(ordinal, e.scratch[:0])
		}
		return s.command.paramValue(ordinal, nil, e.scratch[:0])
	}
	return c.paramValue(ordinal, b, e.scratch[:0])
}

// argument returns the n-th argument of EXECUTE when it is a constant.
func (c *command) argument(n int, dst []byte) ([]byte, int16, bool, bool) {
	args := sqlscan.Arguments(c.st, nil)
	if n > len(args) {
		return dst, 0, false, false
	}
	a := args[n-1]
	if a.Null {
		return dst, 0, true, true
	}
	if a.Literal < 0 {
		return dst, 0, false, false
	}
	v, ok := c.st.Literals[a.Literal].AppendValue(dst, c.sql)
	return v, pgwire.FormatText, false, ok
}
