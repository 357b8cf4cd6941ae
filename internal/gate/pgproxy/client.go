package pgproxy

import (
	"cmp"
	"fmt"

	"sekisho/internal/sqlscan"
	"sekisho/internal/traceparent"
	"sekisho/internal/wire/pgwire"
)

// clientMessage handles one message of the client. It returns false when the
// message must wait and be given again; it has then sent nothing of it.
func (e *engine) clientMessage(m *pgwire.Message) bool {
	if e.carried != nil && m.Type != pgwire.TypeTerminate {
		e.waitClient = waitReplies
		return false
	}
	e.dates()
	if !m.Whole() {
		return e.clientPiece(m)
	}
	if e.queue.n >= maxQueue {
		e.waitClient = waitReplies
		return false
	}
	if e.skip && m.Type != pgwire.TypeSync && m.Type != pgwire.TypeTerminate {
		// The server discards it, and so does the state here.
		if !e.dropping {
			e.toServer.pass(m.Raw)
		}
		return true
	}
	switch m.Type {
	case pgwire.TypeQuery:
		return e.clientQuery(m)
	case pgwire.TypeParse:
		return e.clientParse(m)
	case pgwire.TypeBind:
		return e.clientBind(m)
	case pgwire.TypeDescribe:
		return e.clientDescribe(m)
	case pgwire.TypeExecute:
		return e.clientExecute(m)
	case pgwire.TypeClose:
		e.clientClose(m)
	case pgwire.TypeSync:
		e.clientSync(m)
	case pgwire.TypeFunction:
		return e.clientFunction(m)
	case pgwire.TypeCopyData:
		e.copyInData(m)
	case pgwire.TypeCopyDone, pgwire.TypeCopyFail:
		e.toServer.pass(m.Raw)
	case pgwire.TypeFlush, pgwire.TypeTerminate:
		e.toServer.pass(m.Raw)
	default:
		e.endGarbage(fmt.Errorf("message type %q", m.Type))
	}
	return true
}

// clientPiece passes a message on that is too large to be held. What it
// defines stays unknown.
func (e *engine) clientPiece(m *pgwire.Message) bool {
	if m.First && !e.skip {
		switch m.Type {
		case pgwire.TypeQuery, pgwire.TypeParse, pgwire.TypeBind:
			if e.client.Hold == maxEditedRow {
				e.end(errLongRow) // its answers could not be told from those that the gate's columns are in
				return true
			}
		}
		switch m.Type {
		case pgwire.TypeCopyData:
			e.copyInPiece()
		case pgwire.TypeQuery:
			e.lose("long message")
			e.queue.push(expect{kind: expectQuery, query: &query{}})
			e.sent++
		case pgwire.TypeParse:
			e.lose("long message")
			e.expectExtended(expect{kind: expectParse})
		case pgwire.TypeBind:
			e.lose("long message")
			e.expectExtended(expect{kind: expectBind})
		case pgwire.TypeCopyFail:
		default:
			e.endGarbage(fmt.Errorf("message type %q", m.Type))
			return true
		}
	}
	e.toServer.pass(m.Raw)
	return true
}

func (e *engine) expectExtended(x expect) *expect {
	e.open = true
	return e.queue.push(x)
}

// malformed passes a message on that the server will refuse, and awaits the
// error.
func (e *engine) malformed(m *pgwire.Message, x expect) bool {
	e.toServer.pass(m.Raw)
	if producesReady(x.kind) {
		e.queue.push(x)
		e.sent++
	} else {
		e.expectExtended(x)
	}
	return true
}

// query is a simple Query under way.
type query struct {
	steps []step
	at    int // the statement whose answers come now
	added []insertion
}

// step is one statement of a simple Query.
type step struct {
	shape *shape
	exec  *execution
	undo  undo
	copy  *copyCommand
}

// clientQuery handles a simple Query.
func (e *engine) clientQuery(m *pgwire.Message) bool {
	text, err := pgwire.DecodeQuery(m.Body)
	if err != nil {
		return e.malformed(m, expect{kind: expectQuery, query: &query{}})
	}
	if e.open { // what is unsynced can still fail and swallow this Query
		e.mixed = e.sent + 1
	}
	statements, err := e.scanner.Scan(text, e.env.scan())
	if err != nil { // the server refuses the text as a whole
		return e.malformed(m, expect{kind: expectQuery, query: &query{}})
	}
	q := e.newQuery(len(statements))
	commands := e.commands[:0]
	unsure := ""
	if e.env.unsafeEncoding && nonASCII(text) {
		unsure = "encoding"
	}
	trace := cmp.Or(traceparent.InSQL(text), e.env.trace)
	for i := range statements {
		commands = append(commands, e.newCommand(text, &statements[i], nil))
		c := &commands[i]
		x, ok := e.execute(c, nil, nil, false, unsure)
		if !ok {
			e.commands = commands[:0]
			e.abandon(q, i)
			return false
		}
		x.trace = trace
		e.inject(c, x)
		q.steps[i] = step{shape: c.shape, exec: x, copy: c.copy}
		if unsure == "" {
			unsure = e.unsettles(c, x)
		}
	}
	e.commands = commands[:0]
	for i := range commands {
		if r := e.permit(&commands[i], q.steps[i].exec); r != nil {
			e.abandon(q, len(commands))
			e.refuseQuery(r)
			return true
		}
	}
	if e.fatal != nil {
		return true
	}
	text = e.rewriteQuery(text, commands, q)
	e.dropUnnamed()
	for i := range commands {
		e.sending(&commands[i], q.steps[i].exec)
		q.steps[i].undo = e.effects(&commands[i], q.steps[i].exec)
	}
	if text == nil {
		e.toServer.pass(m.Raw)
	} else {
		e.toServer.buf = pgwire.AppendQuery(e.toServer.own(), string(text))
	}
	e.queue.push(expect{kind: expectQuery, query: q, at: e.clock})
	e.sent++
	e.open = false
	return true
}

// dropUnnamed forgets the unnamed statement and portal: a simple Query
// destroys both.
func (e *engine) dropUnnamed() {
	e.unnamed = nil
	if e.blank != nil {
		e.dropPortal(e.blank)
		e.blank = nil
	}
}

func (e *engine) newQuery(n int) *query {
	q := e.spareQuery
	e.spareQuery = nil
	if q == nil {
		q = &query{}
	}
	if cap(q.steps) < n {
		q.steps = make([]step, n)
	}
	q.steps, q.at, q.added = q.steps[:n], 0, q.added[:0]
	clear(q.steps)
	return q
}

// abandon lets go of the first n steps of a query that was not sent.
func (e *engine) abandon(q *query, n int) {
	for i := range n {
		e.release(q.steps[i].exec)
	}
	e.recycleQuery(q)
}

// maxKeptSteps bounds the memory that an idle session keeps for a query.
const maxKeptSteps = 16

// recycleQuery takes back the memory of a query that nothing awaits.
func (e *engine) recycleQuery(q *query) {
	if cap(q.steps) <= maxKeptSteps {
		e.spareQuery = q
	}
}

// clientParse handles Parse.
func (e *engine) clientParse(m *pgwire.Message) bool {
	p, err := pgwire.DecodeParse(m.Body)
	if err != nil {
		return e.malformed(m, expect{kind: expectParse})
	}
	if len(e.g.Protected) > 0 && !e.settled() { // in the pipeline that begins now it is too late
		return false
	}
	name := string(p.Name)
	old := e.findPrepared(p.Name)
	s := old
	if s == nil || name != "" || !s.same(&p, e.env.scan()) {
		s = e.newPrepared(name, &p)
	}
	read, ok := e.parsedPlan(&s.command)
	if !ok {
		return false
	}
	out, ok := e.rewriteParse(s, &p)
	if !ok {
		return false
	}
	e.expectExtended(expect{kind: expectParse, stmt: s, exec: e.parses(s, read), undo: undo{kind: undoPrepared, name: name, stmt: old}})
	e.setPrepared(name, s)
	if out == nil {
		e.toServer.pass(m.Raw)
	} else {
		e.toServer.buf = pgwire.AppendParseReplaced(e.toServer.own(), &p, out)
	}
	return true
}

// clientBind handles Bind: it fixes what the portal's statement means.
func (e *engine) clientBind(m *pgwire.Message) bool {
	b, err := pgwire.DecodeBind(m.Body)
	if err != nil {
		return e.malformed(m, expect{kind: expectBind})
	}
	s := e.findPrepared(b.Statement)
	name := b.Portal
	old := e.findPortal(name)
	x, c := (*execution)(nil), (*command)(nil)
	if s != nil && s.command.st != nil {
		c = &s.command
		var ok bool
		if x, ok = e.execute(c, &b, s, false, ""); !ok {
			return false
		}
	} else {
		x = e.newExecution(e.g.unknownShape)
		e.setPlan(x, e.g.wideOf(x.shape, "unknown statement"))
	}
	x.trace = e.env.trace
	if s != nil {
		x.trace = cmp.Or(s.trace, x.trace)
	}
	p := e.newPortal()
	p.stmt, p.exec, p.env, p.mark = s, x, e.env.sure(), e.sent+1
	p.bind = append(p.bind[:0], m.Body...)
	n := string(name)
	item := expect{kind: expectBind, undo: undo{kind: undoPortal, name: n, portal: old}}
	if x.plan.code() == codeRuns || c != nil && x.plan.inputs() && e.mayInput() { // the input functions or the planner may run it
		if c != nil {
			e.runs(c, x)
		} else {
			e.launders(x, launderCode)
		}
		item.exec = x.held()
	}
	e.expectExtended(item)
	e.setPortal(n, p)
	if strip := e.stripOf(s); strip > 0 && b.ResultFormats() > 1 {
		e.toServer.buf = pgwire.AppendBindExtended(e.toServer.own(), &b, strip, pgwire.FormatText)
	} else {
		e.toServer.pass(m.Raw)
	}
	return true
}

// stripOf is how many columns of the gate's the rows of s have: EXECUTE returns
// those of the statement that it names.
func (e *engine) stripOf(s *prepared) int {
	switch {
	case s == nil:
		return 0
	case s.command.st != nil && s.command.st.Kind == sqlscan.Execute:
		if named := e.prepared[s.command.name()]; named != nil {
			return named.strip
		}
		return 0
	}
	return s.strip
}

func (e *engine) newPortal() *portal {
	if p := e.sparePortal; p != nil {
		e.sparePortal = nil
		return p
	}
	return &portal{}
}

// clientDescribe handles Describe.
func (e *engine) clientDescribe(m *pgwire.Message) bool {
	t, err := pgwire.DecodeTarget(m.Body)
	if err != nil {
		return e.malformed(m, expect{kind: expectDescribePortal})
	}
	if !t.Portal {
		e.expectExtended(expect{kind: expectDescribeStatement, stmt: e.findPrepared(t.Name)})
		e.toServer.pass(m.Raw)
		return true
	}
	p := e.findPortal(t.Name)
	x := expect{kind: expectDescribePortal, portal: p}
	if p != nil {
		p.described = p.described || !p.executed
		x.exec = p.exec.held()
	}
	e.expectExtended(x)
	e.toServer.pass(m.Raw)
	return true
}

// clientExecute handles Execute: the portal's own RowDescription is asked for
// when the client did not.
func (e *engine) clientExecute(m *pgwire.Message) bool {
	x, err := pgwire.DecodeExecute(m.Body)
	if err != nil {
		return e.malformed(m, expect{kind: expectExecute})
	}
	p := e.findPortal(x.Portal)
	if p == nil || p.exec == nil { // the server refuses it, or code on the server opened it
		p = &portal{exec: e.newExecution(e.g.unknownShape), unknown: true}
		e.setPlan(p.exec, e.g.wideOf(p.exec.shape, "unknown portal"))
		e.anyTime(p.exec)
	}
	if x.MaxRows > 0 && !p.executed && !e.partial(p) {
		return false
	}
	c, defined := p.command(), undo{}
	if p.executed {
		e.sending(c, p.exec)
	} else {
		if r := e.permit(c, p.exec); r != nil {
			e.refuseExtended(r)
			return true
		}
		if e.fatal != nil {
			return true
		}
		e.sending(c, p.exec)
		defined = e.effects(c, p.exec)
		if p.exec.needsFormats() {
			p.described = false // what was described before the policy was asked hides nothing
		}
	}
	// Asking about a portal that cannot run would change the error's place.
	if !p.described && !p.executed && !p.unknown && e.tx != pgwire.TxFailed {
		p.described = true
		e.toServer.buf = pgwire.AppendDescribePortal(e.toServer.own(), x.Portal)
		e.expectExtended(expect{kind: expectDescribePortal, portal: p, exec: p.exec.held(), swallow: true})
	}
	p.executed = true
	item := expect{kind: expectExecute, portal: p, exec: p.exec.held(), undo: defined}
	if c != nil && c.copy != nil {
		item.copy = c.copy
	}
	e.expectExtended(item)
	e.toServer.pass(m.Raw)
	return true
}

// partial asks for the analysis of a portal that is read in pages: which rows
// come first then tells something too.
func (e *engine) partial(p *portal) bool {
	c := p.command()
	if c == nil || c.query == nil || p.exec.plan == nil || !p.exec.plan.crosses() || p.exec.plan.opaque != "" {
		return true
	}
	plan, ok := e.planIn(c, p.env, variantPartial, "")
	if !ok {
		return false
	}
	if p.stmt != nil && p.stmt.strip > 0 {
		plan = e.boundInjected(p.stmt, plan)
	}
	x := p.exec
	e.setPlan(x, plan)
	x.cols, x.nums = x.cols[:0], x.nums[:0]
	e.bindParams(x, c, p.bound(), nil)
	p.described = false // its formats are needed for the new plan
	return true
}

// clientClose handles Close.
func (e *engine) clientClose(m *pgwire.Message) {
	t, err := pgwire.DecodeTarget(m.Body)
	if err != nil {
		e.malformed(m, expect{kind: expectClose})
		return
	}
	name := string(t.Name)
	x := expect{kind: expectClose}
	if t.Portal {
		x.undo = undo{kind: undoPortal, name: name, portal: e.findPortal(t.Name)}
		e.setPortal(name, nil)
	} else {
		x.undo = undo{kind: undoPrepared, name: name, stmt: e.findPrepared(t.Name)}
		e.setPrepared(name, nil)
	}
	e.expectExtended(x)
	e.toServer.pass(m.Raw)
}

// clientSync handles Sync.
func (e *engine) clientSync(m *pgwire.Message) {
	e.toServer.pass(m.Raw)
	if e.copyIn != nil && e.copyIn.active && !e.skip {
		return // ignored by the server while it reads COPY data
	}
	e.queue.push(expect{kind: expectSync, at: e.clock})
	e.sent++
	e.open, e.skip, e.dropping = false, false, false
}

// clientFunction handles a fast-path call.
func (e *engine) clientFunction(m *pgwire.Message) bool {
	if r := e.permitFunction(m); r != nil {
		e.refuseQuery(r)
		return true
	}
	x := e.channelExecution(e.g.fastpathShape, "fastpath")
	x.reach, x.wrote = reachAny, x.plan
	e.writes(reachAny, x.plan)
	if f, err := pgwire.DecodeFunctionCall(m.Body); err != nil || !largeObject(f.Function) { // what a client writes to large objects it has
		e.runCode(x, launderCode)
	}
	e.queue.push(expect{kind: expectFunction, exec: x})
	e.sent++
	e.touch()
	e.env.opaque, e.env.temp = e.sent, true
	e.toServer.pass(m.Raw)
	return true
}
