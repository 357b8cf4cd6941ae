package pgproxy

import (
	"bytes"
	"strings"

	"sekisho/internal/event"
	"sekisho/internal/policy"
	"sekisho/internal/sqlscan"
	"sekisho/internal/wire/pgwire"
)

// serverError handles ErrorResponse.
func (e *engine) serverError(m *pgwire.Message) bool {
	body := pgwire.ErrorBody(m.Body)
	head := e.queue.front()
	if sev := string(body.Field(pgwire.FieldSeverity)); sev == "FATAL" || sev == "PANIC" {
		e.forwardError(head, m)
		return true
	}
	if head == nil {
		if e.open { // an error between two messages of a pipeline: the server skips to Sync
			e.skip = true
		} else {
			e.lose("error without a statement")
		}
		e.forwardError(nil, m)
		return true
	}
	x := e.failing(head)
	sqlstate, where := string(body.Field(pgwire.FieldCode)), body.Field(pgwire.FieldWhere)
	switch {
	case x == nil && head.kind.unexecuted():
		x = e.unplanned(head, x, "error", spoke(sqlstate, where))
	case quotesValues(sqlstate, where):
		e.meets(x)
		x = e.unplanned(head, x, "error", x != nil && x.raised(sqlstate, where))
	}
	x = e.waited(head, x, sqlstate)
	if !e.discard && e.tells(x, body) && !(head.kind.unexecuted() && strings.HasPrefix(sqlstate, "42") && len(where) == 0) {
		if x.plan.opaque == "" && !x.plan.always {
			x = e.asError(x)
		}
		if !e.start(x) {
			return e.waitDurably()
		}
		e.errorRow(x)
	}
	e.finish(x, event.OutcomeFailed, 0)
	e.forwardError(head, m)
	if x != nil && x.plan != nil && x.plan.strip > 0 {
		e.g.dropInjection(x.plan, string(body.Field(pgwire.FieldCode)))
	}
	switch {
	case producesReady(head.kind):
		head.failed = true
		if head.query != nil {
			e.undoQuery(head.query)
		}
	default:
		e.skipToSync()
	}
	e.copyEnds()
	return true
}

// failing is the execution that an error stopped; nil when none had begun.
func (e *engine) failing(head *expect) *execution {
	if head.kind == expectDescribePortal {
		return head.exec
	}
	if head.kind == expectQuery && head.query.at < len(head.query.steps) {
		return head.query.steps[head.query.at].exec
	}
	return head.exec
}

// raised says that an error comes from code that ran under the statement: of a
// check, a default or a trigger. COPY adds a line of its own to where it was.
func (x *execution) raised(sqlstate string, where []byte) bool {
	if len(sqlstate) < 2 || strings.Contains(" P0 38 39 ", " "+sqlstate[:2]+" ") || ofCode(where) || !ofServer(sqlstate) {
		return true
	}
	return len(where) > 0 && x.plan != nil && x.plan.analysis != nil && len(x.plan.analysis.Writes) > 0
}

// unplanned gives a wide plan to what runs code or reads rows without having a
// plan of its own: DDL, COMMIT, the Sync that commits, a Parse whose literals
// call code, a write with triggers, and a harmless statement under which code
// raised something all the same. Its errors and notices may quote anybody.
func (e *engine) unplanned(head *expect, x *execution, reason string, raised bool) *execution {
	if len(e.g.Protected) == 0 {
		return x
	}
	switch {
	case x == nil && (head.kind == expectSync || raised && head.kind.unexecuted() && !e.g.switches.NoInputs):
		head.exec = e.newExecution(e.g.unknownShape)
		x = head.exec
	case x == nil || x.silent && !raised || x.plan != nil && (x.plan.crosses() || !x.plan.triggered() && !raised):
		return x
	}
	e.setPlan(x, e.g.wideOf(x.shape, reason))
	x.cols, x.nums = x.cols[:0], x.nums[:0]
	return x
}

// tells says that the error itself can carry or reveal protected values: the
// statement touches protected columns and the SQLSTATE is of a class whose
// messages quote values, or raised by code.
func (e *engine) tells(x *execution, body pgwire.ErrorBody) bool {
	if x == nil || x.plan == nil {
		return false
	}
	sqlstate := string(body.Field(pgwire.FieldCode))
	if !x.described && x.rows == 0 && refusedEarly(x.plan, sqlstate) {
		return false
	}
	if x.plan.always && x.plan.crosses() {
		return true
	}
	if !quotesValues(sqlstate, body.Field(pgwire.FieldWhere)) {
		return false
	}
	if x.plan.crosses() {
		return true
	}
	for i := range x.plan.writes {
		if x.plan.writes[i].protected || x.plan.writes[i].Held != 0 {
			return true
		}
	}
	return false
}

// refusedEarly says that a statement without a RowDescription failed before it
// read anything: in the parser or for a missing privilege (class 42), and it is
// a query, whose rows begin with a RowDescription.
func refusedEarly(p *plan, sqlstate string) bool {
	if len(sqlstate) < 2 || sqlstate[:2] != "42" {
		return false
	}
	return p.code() == codeSuccess || p.analysis != nil && p.opaque == "" && len(p.analysis.Columns) > 0 && len(p.writes) == 0
}

// quotesValues says that an error may quote values of rows: by its class
// (PostgreSQL 18, Appendix A: 21 cardinality, 22 data exception, 23 integrity
// constraint, 38 and 39 external routines, 44 WITH CHECK OPTION, P0 PL/pgSQL, XX
// internal), or because code raised it, which may give it any class.
func quotesValues(sqlstate string, where []byte) bool {
	if len(sqlstate) < 2 || ofCode(where) || !ofServer(sqlstate) {
		return true
	}
	switch sqlstate[:2] {
	case "21", "22", "23", "38", "39", "44", "P0", "XX", "HV", "2F":
		return true
	}
	return false
}

// ofServer says that the class of an SQLSTATE is one that PostgreSQL itself gives
// (Appendix A). Code may raise others.
func ofServer(sqlstate string) bool {
	return strings.Contains(" 00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42 44 53 54 55 57 58 72 F0 HV P0 XX ",
		" "+sqlstate[:2]+" ")
}

// ofCode says that the context of an error or notice, from the innermost line on,
// names code. Lines are the server's words, in English or another language: the
// name of a PL is in all of them.
func ofCode(where []byte) bool {
	return bytes.HasPrefix(where, []byte("PL/")) || bytes.HasPrefix(where, []byte("SQL ")) || bytes.IndexByte(where, '\n') >= 0
}

// asError makes x bounded for what its error told: its own tables when they
// are known.
func (e *engine) asError(x *execution) *execution {
	p := &plan{shape: x.shape, analysis: x.plan.analysis}
	for _, q := range x.plan.parts {
		q.class, q.reason, q.numbers = event.Bounded, "error", nil
		p.bounded = append(p.bounded, len(p.parts))
		p.parts = append(p.parts, q)
	}
	for i := range x.plan.writes {
		w := &x.plan.writes[i]
		if t := e.g.protectedTable(w.Table); w.protected && t != nil {
			p.bounded = append(p.bounded, len(p.parts))
			p.parts = append(p.parts, part{table: t.Table, source: t.Source, elements: t.Elements, class: event.Bounded, reason: "error"})
		}
		e.g.holds(p, w, "error")
	}
	x.strippedBy(p)
	e.setPlan(x, p)
	x.cols, x.nums = x.cols[:0], x.nums[:0]
	return x
}

func (x *execution) strippedBy(p *plan) { p.strip = x.plan.strip }

// errorRow counts the error itself as one row of every bounded part.
func (e *engine) errorRow(x *execution) {
	x.slot.to = e.now()
	for _, i := range x.plan.bounded {
		x.slot.tallies[i].rows++
	}
}

// forwardError passes an error on, replaced by a refusal or redacted.
func (e *engine) forwardError(head *expect, m *pgwire.Message) {
	if e.discard {
		return
	}
	if head != nil {
		switch {
		case head.refuse != nil:
			e.toClient.buf = head.refuse.append(e.toClient.own())
			return
		case head.kind == expectProbe:
			e.env.failed = true
			return
		}
	}
	if body := pgwire.ErrorBody(m.Body); e.rules().Mode == policy.Enforce && quotesValues(string(body.Field(pgwire.FieldCode)), body.Field(pgwire.FieldWhere)) {
		e.redacted(m)
		return
	}
	if list := injected(head); len(list) > 0 {
		e.shifted(list, m)
		return
	}
	e.toClient.pass(m.Raw)
}

// redacted passes an error or notice on without the texts that quote values.
func (e *engine) redacted(m *pgwire.Message) {
	out, err := pgwire.AppendErrorEdited(e.toClient.own(), m.Type, m.Body, func(code byte, value []byte) ([]byte, bool) {
		switch code {
		case pgwire.FieldMessage:
			return []byte("values were removed from this message by the gate (SK3003)"), true
		case pgwire.FieldDetail, pgwire.FieldHint, pgwire.FieldWhere, pgwire.FieldInternalQuery, pgwire.FieldInternalPos:
			return nil, false
		}
		return value, true
	})
	if err != nil {
		e.end(ErrProtocol)
		return
	}
	e.toClient.buf = out
	e.g.metrics.Redacted.Add(1)
}

// skipToSync drops every awaited answer before the next Sync: the server
// discards those messages (PostgreSQL 18, "Extended Query": on error the
// backend reads and discards messages until a Sync is reached).
func (e *engine) skipToSync() {
	n := 0
	for n < e.queue.n && e.queue.at(n).kind != expectSync {
		n++
	}
	for i := n - 1; i >= 0; i-- {
		e.undo(&e.queue.at(i).undo)
	}
	sync := n < e.queue.n
	for range n {
		e.drop(e.queue.front())
	}
	if !sync {
		e.skip = true
	}
}

func (e *engine) undo(u *undo) {
	switch u.kind {
	case undoPrepared:
		e.setPrepared(u.name, u.stmt)
	case undoPortal:
		e.setPortal(u.name, u.portal)
	case undoAll:
		e.remember(u.all)
	}
	*u = undo{}
}

// undoQuery takes back what the statements of a failed simple Query from the
// failed one on would have defined.
func (e *engine) undoQuery(q *query) {
	for i := len(q.steps) - 1; i >= q.at; i-- {
		e.undo(&q.steps[i].undo)
	}
}

// parameterStatus passes a setting on. A value may come from a protected
// column only after a statement that was bounded for it.
func (e *engine) parameterStatus(m *pgwire.Message) {
	if p, err := pgwire.DecodeParameterStatus(m.Body); err == nil {
		e.env.reported(string(p.Name), string(p.Value))
	}
	e.toClient.pass(m.Raw)
}

// notice passes a notice on. One raised by code that runs for a statement
// over protected tables may quote them.
func (e *engine) notice(m *pgwire.Message) bool {
	head := e.queue.front()
	if sev := pgwire.ErrorBody(m.Body).Field(pgwire.FieldSeverity); string(sev) == "LOG" || bytes.HasPrefix(sev, []byte("DEBUG")) {
		e.env.plain = true
	}
	if head == nil {
		e.toClient.pass(m.Raw)
		return true
	}
	x := e.failing(head)
	if len(pgwire.ErrorBody(m.Body).Field(pgwire.FieldWhere)) > 0 { // code raised it
		e.meets(x)
		x = e.unplanned(head, x, "notice", true)
	} else if !e.g.switches.NoVerbose && x.verbose(m.Body) {
		x = e.unplanned(head, x, "statistics", true)
	}
	if x != nil && x.plan != nil && x.plan.crosses() && !e.discard {
		if !e.start(x) {
			return e.waitDurably()
		}
		e.errorRow(x)
		if e.rules().Mode == policy.Enforce {
			e.redacted(m)
			return true
		}
	}
	if !e.discard {
		e.toClient.pass(m.Raw)
	}
	return true
}

// verbose says that a notice tells how much a table holds: of VACUUM VERBOSE and
// its like.
func (x *execution) verbose(body []byte) bool {
	if x == nil || string(pgwire.ErrorBody(body).Field(pgwire.FieldSeverity)) != "INFO" {
		return false
	}
	switch x.shape.kind {
	case sqlscan.Vacuum, sqlscan.Analyze, sqlscan.DDL, sqlscan.Unknown:
		return true
	}
	return false
}

// notification passes a NOTIFY on. Its payload may hold anything that any
// session's code read: it is bounded over the database, and in enforce mode it
// arrives without the payload unless the policy opens the channel. Without one
// it tells something if its sender read something protected.
func (e *engine) notification(m *pgwire.Message) bool {
	n, err := pgwire.DecodeNotification(m.Body)
	if err != nil {
		e.end(ErrProtocol)
		return true
	}
	rested, tells := e.g.signals.of(n.PID)
	if len(n.Payload) == 0 && !tells || len(e.g.Protected) == 0 {
		e.toClient.pass(m.Raw)
		return true
	}
	refused := false
	if len(n.Payload) > 0 {
		d := e.decideChannel(policy.Notify)
		refused = d.Refused()
	}
	if !refused || tells {
		x := e.channelExecution(e.g.notifyShape, "notify")
		if tells {
			x.at.rested = min(x.at.rested, rested)
		}
		if !e.start(x) {
			return e.waitDurably()
		}
		e.errorRow(x)
		e.release(x)
	}
	if refused {
		e.toClient.buf = appendNotification(e.toClient.own(), n)
	} else {
		e.toClient.pass(m.Raw)
	}
	return true
}

func appendNotification(dst []byte, n pgwire.Notification) []byte {
	body := []byte{byte(n.PID >> 24), byte(n.PID >> 16), byte(n.PID >> 8), byte(n.PID)}
	body = append(append(body, n.Channel...), 0, 0)
	return pgwire.AppendMessage(dst, pgwire.TypeNotification, body)
}

// channelExecution is an execution for data that no statement of this session
// asked for.
func (e *engine) channelExecution(s *shape, reason string) *execution {
	x := e.newExecution(s)
	e.setPlan(x, e.g.wide(s, reason))
	return x
}
