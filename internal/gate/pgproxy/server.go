package pgproxy

import (
	"sekisho/internal/event"
	"sekisho/internal/wire/pgwire"
)

// serverMessage handles one message of the server. It returns false when the
// message must wait and be given again; it has then changed nothing.
func (e *engine) serverMessage(m *pgwire.Message) bool {
	if e.carried != nil {
		return e.carry(m)
	}
	if !m.Whole() {
		return e.serverPiece(m)
	}
	switch m.Type {
	case pgwire.TypeDataRow:
		return e.dataRow(m)
	case pgwire.TypeParameterStatus:
		e.parameterStatus(m)
		return true
	case pgwire.TypeNotice:
		return e.notice(m)
	case pgwire.TypeNotification:
		return e.notification(m)
	case pgwire.TypeError:
		return e.serverError(m)
	case pgwire.TypeReadyForQuery:
		return e.ready(m)
	case pgwire.TypeCommandComplete, pgwire.TypePortalSuspended, pgwire.TypeEmptyQuery:
		return e.complete(m)
	case pgwire.TypeCopyOutResponse:
		return e.copyOutBegins(m)
	case pgwire.TypeCopyData:
		return e.copyOutData(m)
	}
	head := e.queue.front()
	if head == nil {
		e.strayMessage(m)
		return true
	}
	if head.kind == expectProbe {
		return true
	}
	if m.Type == pgwire.TypeFunctionResponse {
		return e.functionResponse(head, m)
	}
	if !e.parsed(head, m.Type) {
		return false
	}
	e.reply(head, m)
	return true
}

// functionResponse passes the value of a fast-path call on.
func (e *engine) functionResponse(head *expect, m *pgwire.Message) bool {
	if head.kind != expectFunction {
		e.strayMessage(m)
		return true
	}
	if x := head.exec; x.plan.crosses() && !e.discard {
		if !e.start(x) {
			return e.waitDurably()
		}
		e.errorRow(x)
	}
	e.wrote(head.exec, event.OutcomeDone, 0)
	e.laundered(head.exec)
	e.forward(head, m)
	return true
}

// reply handles answers that carry no row.
func (e *engine) reply(head *expect, m *pgwire.Message) {
	switch m.Type {
	case pgwire.TypeParseComplete:
		e.simpleReply(head, m, expectParse)
	case pgwire.TypeBindComplete:
		e.simpleReply(head, m, expectBind)
	case pgwire.TypeCloseComplete:
		e.simpleReply(head, m, expectClose)
	case pgwire.TypeParameterDescription:
		if head.kind != expectDescribeStatement {
			e.strayMessage(m)
			return
		}
		e.forward(head, m)
	case pgwire.TypeRowDescription:
		e.rowDescription(head, m)
	case pgwire.TypeNoData:
		e.noData(head, m)
	case pgwire.TypeCopyInResponse:
		e.copyInBegins(head, m)
	case pgwire.TypeCopyBothResponse:
		e.lose("CopyBoth")
		e.forward(head, m)
	case pgwire.TypeCopyDone:
		e.forward(head, m)
	default:
		e.strayMessage(m)
	}
}

// forward passes an answer on unless it is the gate's own or being discarded.
func (e *engine) forward(head *expect, m *pgwire.Message) {
	if head != nil && (head.swallow || head.kind == expectProbe) || e.discard {
		return
	}
	e.toClient.pass(m.Raw)
}

func (e *engine) simpleReply(head *expect, m *pgwire.Message, want expectKind) {
	if head.kind != want {
		e.strayMessage(m)
		return
	}
	e.forward(head, m)
	if want == expectBind {
		e.recycle(head.undo.portal)
	}
	e.drop(head)
}

// recycle takes back the memory of a portal that a Bind replaced for good:
// everything that was sent for it has been answered.
func (e *engine) recycle(p *portal) {
	if p == nil || p.hold {
		return
	}
	e.dropPortal(p)
	if e.sparePortal == nil {
		*p = portal{bind: p.bind[:0]}
		e.sparePortal = p
	}
}

// drop removes the head and lets go of what it holds.
func (e *engine) drop(head *expect) {
	e.release(head.exec)
	if q := head.query; q != nil {
		for i := range q.steps {
			e.release(q.steps[i].exec)
		}
		e.recycleQuery(q)
	}
	e.queue.pop()
}

// strayMessage is an answer that nothing in the queue explains.
func (e *engine) strayMessage(m *pgwire.Message) {
	e.lose("unexpected " + string(rune(m.Type)))
	if !e.discard {
		e.toClient.pass(m.Raw)
	}
}

// running is the execution that rows belong to now; nil when there is none.
func (e *engine) running() *execution {
	head := e.queue.front()
	if head == nil {
		return nil
	}
	switch head.kind {
	case expectExecute:
		return head.exec
	case expectQuery:
		if q := head.query; q.at < len(q.steps) {
			return e.stepExecution(&q.steps[q.at])
		}
	}
	return nil
}

// stepExecution returns the execution of a step, making one for a statement
// that was not expected to have a result.
func (e *engine) stepExecution(s *step) *execution {
	if s.exec == nil {
		s.exec = e.newExecution(s.shape)
	}
	return s.exec
}

func (e *engine) rowDescription(head *expect, m *pgwire.Message) {
	strip := 0
	switch head.kind {
	case expectDescribeStatement:
		if head.stmt != nil {
			strip = head.stmt.strip
		}
	case expectDescribePortal:
		if head.exec != nil {
			e.describe(head.exec, m.Body)
			head.exec.at.describedAhead()
			e.meantFor(head.exec)
			if head.exec.plan != nil {
				strip = head.exec.plan.strip
			}
		}
	case expectQuery:
		x := e.running()
		if x == nil {
			e.strayMessage(m)
			return
		}
		e.describe(x, m.Body)
		e.meantFor(x)
		strip = x.plan.strip
	default:
		e.strayMessage(m)
		return
	}
	if strip > 0 && !head.swallow && !e.discard {
		out, err := pgwire.AppendRowDescriptionTrimmed(e.toClient.own(), m.Body, strip)
		if err == nil {
			e.toClient.buf = out
		}
	} else {
		e.forward(head, m)
	}
	if head.kind != expectQuery {
		e.drop(head)
	}
}

func (e *engine) noData(head *expect, m *pgwire.Message) {
	switch head.kind {
	case expectDescribePortal:
		if x := head.exec; x != nil {
			e.meets(x)
			x.at.describedAhead()
			x.described = true
			x.cols = x.cols[:0]
		}
	case expectDescribeStatement:
	default:
		e.strayMessage(m)
		return
	}
	e.forward(head, m)
	e.drop(head)
}

// dataRow attributes a row and passes it on.
func (e *engine) dataRow(m *pgwire.Message) bool {
	head := e.queue.front()
	if head != nil && head.kind == expectProbe {
		e.probeRow(m.Body)
		return true
	}
	if e.discard {
		return true
	}
	x := e.rowExecution()
	if x == nil {
		return true
	}
	if x.plan.crosses() {
		if !e.start(x) {
			return e.waitDurably()
		}
		e.markRow(x)
		e.row(x, m.Body)
	}
	if e.g.Classifier != nil && e.g.classifies(x.plan) {
		e.sample(x, m.Body)
	}
	e.rows++
	if x.limits.on && e.overLimits(x) {
		return true
	}
	if x.plan.strip > 0 || len(x.masks) > 0 {
		e.editedRow(x, m)
		return true
	}
	e.toClient.pass(m.Raw)
	return true
}

// rowExecution is the execution of the row at hand, bounded when its result was
// never described or when the queue is not trusted. It is nil when the policy
// refuses what the row turned out to be.
func (e *engine) rowExecution() *execution {
	x := e.running()
	if x == nil {
		e.lose("row without a statement")
		x = e.strayExecution()
	}
	if e.lost != "" {
		e.widen(x, "lost")
		e.anyTime(x)
	} else if !x.described {
		e.widen(x, "no row description")
	}
	if x.plan == nil {
		e.turnsOut(x, e.g.wide(x.shape, "unexpected result"))
	}
	if !x.at.met {
		e.meets(x)
	}
	e.continues(x)
	if x.again {
		x.returns = true
		if !e.decideAgain(x) {
			return nil
		}
	}
	return x
}

// strayExecution takes the rows that belong to no statement, up to
// ReadyForQuery.
func (e *engine) strayExecution() *execution {
	if e.stray == nil {
		e.stray = e.newExecution(e.g.unknownShape)
		e.stray.asked, e.stray.returns = true, true
		e.turnsOut(e.stray, e.g.wide(e.g.unknownShape, "lost"))
	}
	return e.stray
}

// waitDurably makes the server's side wait for the sync of an intent.
func (e *engine) waitDurably() bool {
	if e.fatal != nil {
		return true
	}
	e.waitServer = waitDurable
	return false
}

// complete handles the end or the suspension of a statement.
func (e *engine) complete(m *pgwire.Message) bool {
	head := e.queue.front()
	if head == nil || head.kind != expectQuery && head.kind != expectExecute && head.kind != expectProbe {
		e.strayMessage(m)
		return true
	}
	if head.kind == expectProbe {
		return true
	}
	x := head.exec
	if head.kind == expectQuery {
		q := head.query
		if q.at >= len(q.steps) {
			if m.Type != pgwire.TypeEmptyQuery {
				e.lose("more results than statements")
			}
			e.forward(head, m)
			return true
		}
		x = q.steps[q.at].exec
	}
	e.meets(x)
	if x != nil && x.again {
		e.decideAgain(x)
	}
	if !e.discard {
		e.skipped(x, m)
	}
	if x != nil && x.plan != nil && x.plan.always && x.plan.crosses() && !e.discard {
		if !e.start(x) {
			return e.waitDurably()
		}
		x.answered()
	}
	e.statements++
	outcome, affected := event.OutcomeDone, int64(0)
	if m.Type == pgwire.TypePortalSuspended {
		outcome = event.OutcomeSuspended
	} else if m.Type == pgwire.TypeCommandComplete {
		affected = affectedRows(m.Body)
	}
	e.finish(x, outcome, affected)
	e.twoPhaseEnds(x, m)
	e.forward(head, m)
	if head.kind == expectQuery {
		head.query.at++
		return true
	}
	e.copyEnds()
	e.drop(head)
	return true
}

// affectedRows reads the count of a command that changes rows; 0 for others.
func affectedRows(body []byte) int64 {
	tag, err := pgwire.DecodeCommandComplete(body)
	if err != nil || tag.Rows <= 0 {
		return 0
	}
	switch string(tag.Verb) {
	case "INSERT", "UPDATE", "DELETE", "MERGE", "COPY":
		return tag.Rows
	}
	return 0
}

// ready handles ReadyForQuery.
func (e *engine) ready(m *pgwire.Message) bool {
	state, err := pgwire.DecodeReadyForQuery(m.Body)
	head := e.queue.front()
	if err != nil || head == nil || !producesReady(head.kind) {
		e.lose("unexpected ReadyForQuery")
		e.tx = state
		e.mayRest(state)
		e.discard, e.cutting, e.stray = false, nil, nil
		e.forward(nil, m)
		return true
	}
	if e.cutting != nil && e.canceled {
		e.waitServer = waitCancel
		return false
	}
	if e.cutting != nil && !head.failed && state == pgwire.TxBlock {
		e.failTransaction(head)
		return true
	}
	if head.kind == expectQuery && !head.failed && head.query.at < len(head.query.steps) && e.lost == "" {
		e.lose("fewer results than statements")
	}
	e.tx = state
	if state == pgwire.TxIdle {
		e.ends(head.at)
	}
	e.mayRest(state)
	e.answered++
	e.copyEnds()
	probe := head.kind == expectProbe && !head.swallow
	e.discard, e.cutting, e.stray = false, nil, nil // before forward: the client waits for this one
	e.forward(head, m)
	e.drop(head)
	e.transactionState(state)
	if probe {
		e.probeDone()
	}
	return true
}

func producesReady(k expectKind) bool {
	return k == expectQuery || k == expectSync || k == expectFunction || k == expectProbe
}

// transactionState lets go of what ended with the transaction.
func (e *engine) transactionState(state byte) {
	if state != pgwire.TxIdle {
		return
	}
	for name, p := range e.portals {
		if p.mark <= e.answered && !p.hold {
			e.dropPortal(p)
			delete(e.portals, name)
		}
	}
	if e.ddl.mark != 0 && e.ddl.mark <= e.answered {
		e.endDDL()
	}
	e.env.transactionEnded(e.answered)
	if e.fate.mark <= e.answered {
		e.fate = fate{Wrote: e.fate.Wrote[:0]}
	}
	if e.late.ended(e.answered) {
		e.endLate()
	}
	if e.holding.mark != 0 && e.holding.mark <= e.answered {
		e.letsGo()
	}
	if e.writing.mark != 0 && e.writing.mark <= e.answered {
		e.endWriting(false)
	}
}
