package pgproxy

import (
	"sekisho/internal/policy"
	"sekisho/internal/sqlscan"
	"sekisho/internal/wire/pgwire"
)

// A statement that only reads may still run when the time of the drain is over. Then
// its session is let go of in the middle: what was delivered is recorded as it is, and
// what is left of it, up to ReadyForQuery, passes the next gate unread and is bounded
// over all protected tables. What the client sends meanwhile waits. Of a statement
// that writes, locks, defines or runs code that is not known nobody could say there
// what became of it: it ends.

// keptCycle is a statement under way.
type keptCycle struct {
	Held []byte // the beginning of a message of the server, not passed on
}

// inside says that the session can be let go of although a statement runs.
func (e *engine) inside() bool {
	switch {
	case e.fatal != nil, e.lost != "", e.streaming != nil, e.sent-e.answered != 1, e.mixed == e.sent:
	case e.open, e.skip, e.copyIn != nil, e.discard, e.canceled, e.cutting != nil, e.dropping, e.long != nil, e.stray != nil:
	case e.clientHeld.has, e.serverHeld.has, !e.client.Idle(), e.server.InPieces(), e.awaiting != 0:
	case e.laundering != 0, e.toClient.closed, e.toServer.closed:
	case e.tx == pgwire.TxIdle && (e.unsettledAt() || e.holding.mark != 0 || e.signal.sent != 0):
	case !e.portalsAtRest():
	case e.carried != nil:
		return true
	default:
		return e.queueReads()
	}
	return false
}

// queueReads says that what is awaited is one statement that reads, and the end of its
// cycle.
func (e *engine) queueReads() bool {
	runs := 0
	for i := range e.queue.n {
		switch item := e.queue.at(i); item.kind {
		case expectQuery:
			if item.failed || item.swallow || item.refuse != nil || e.queue.n != 1 || len(item.query.added) > 0 {
				return false
			}
			for i := range item.query.steps {
				if s := &item.query.steps[i]; s.undo.kind != undoNothing || !e.readsOnly(s.exec, s.copy) {
					return false
				}
			}
			return true
		case expectParse, expectBind: // of the unnamed ones, which are forgotten
			if item.failed || item.undo.name != "" || item.exec != nil {
				return false
			}
		case expectDescribePortal:
			if item.failed || item.swallow {
				return false
			}
		case expectExecute:
			runs++
			if item.failed || item.swallow || item.refuse != nil || item.undo.kind != undoNothing || item.portal != e.blank || !e.readsOnly(item.exec, item.copy) {
				return false
			}
		case expectSync:
			return i == e.queue.n-1 && !item.failed && runs == 1
		default:
			return false
		}
	}
	return false
}

// readsOnly says that x does nothing but read, as far as it was analysed, and that no
// policy changes or counts its rows.
func (e *engine) readsOnly(x *execution, c *copyCommand) bool {
	if x == nil || x.launders != "" || x.ran || x.known || x.transaction != "" || len(x.locked)+len(x.made)+len(x.masks) > 0 || x.limits.on || x.reach != reachNone {
		return false
	}
	if p := x.plan; p != nil && (p.opaque != "" || len(p.writes) > 0 || p.strip > 0 || p.code() != codeNone) || x.again && e.rules().Mode == policy.Enforce {
		return false
	}
	switch x.shape.kind {
	case sqlscan.Select, sqlscan.Values, sqlscan.Table:
		return true
	case sqlscan.Copy:
		return c != nil && c.known && c.To
	}
	return false
}

// keepCycle returns what the next gate has to know of the statement under way.
func (e *engine) keepCycle() *keptCycle {
	if e.streaming != nil || e.sent == e.answered {
		return nil
	}
	return &keptCycle{Held: e.server.Carried()}
}

// restoreCycle goes on with one.
func (e *engine) restoreCycle(k *keptCycle) {
	e.sent = e.answered + 1
	e.carried = &execution{}
	if len(e.g.Protected) > 0 {
		e.carried = e.channelExecution(e.g.carriedShape, "upgrade")
	}
	_, _, _, _ = e.server.Next(k.Held) // it is no whole message
}

// carry passes a message of the server on, unread. It returns false when it must wait.
func (e *engine) carry(m *pgwire.Message) bool {
	x := e.carried
	if m.Whole() {
		switch m.Type {
		case pgwire.TypeParameterStatus:
			e.parameterStatus(m)
			return true
		case pgwire.TypeNotification:
			return e.notification(m)
		}
	}
	if x.slot != nil {
		if !e.start(x) {
			return e.waitDurably()
		}
		x.slot.to = e.now()
		for _, i := range x.plan.bounded {
			x.slot.tallies[i].hit = true
		}
	}
	row := m.First && (m.Type == pgwire.TypeDataRow || m.Type == pgwire.TypeCopyData)
	if row {
		e.rows++
		if x.slot != nil {
			e.errorRow(x)
		}
	}
	switch body := pgwire.ErrorBody(m.Body); {
	case !m.Whole():
	case m.Type == pgwire.TypeReadyForQuery:
		return e.carriedOver(m)
	case e.rules().Mode == policy.Enforce && (m.Type == pgwire.TypeNotice ||
		m.Type == pgwire.TypeError && quotesValues(string(body.Field(pgwire.FieldCode)), body.Field(pgwire.FieldWhere))):
		e.redacted(m)
		return true
	}
	e.toClient.pass(m.Raw)
	return true
}

// carriedOver ends the cycle: what follows is read as ever.
func (e *engine) carriedOver(m *pgwire.Message) bool {
	state, err := pgwire.DecodeReadyForQuery(m.Body)
	if err != nil {
		e.end(ErrProtocol)
		return true
	}
	if e.carried.slot != nil {
		e.release(e.carried)
	}
	e.carried, e.tx = nil, state
	e.answered++
	e.toClient.pass(m.Raw)
	e.transactionState(state)
	return true
}
