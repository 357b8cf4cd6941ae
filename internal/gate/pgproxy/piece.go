package pgproxy

import "sekisho/internal/wire/pgwire"

// serverPiece handles a message of the server that is too large to be held.
func (e *engine) serverPiece(m *pgwire.Message) bool {
	switch m.Type {
	case pgwire.TypeDataRow:
		return e.rowPiece(m)
	case pgwire.TypeCopyData:
		return e.copyPiece(m)
	}
	if m.First {
		e.lose("long message")
	}
	if !e.discard {
		e.toClient.pass(m.Raw)
	}
	return true
}

// rowPiece streams a row: its key columns are taken as they pass.
func (e *engine) rowPiece(m *pgwire.Message) bool {
	if e.discard {
		return true
	}
	x := e.rowExecution()
	if x == nil {
		return true
	}
	if x.plan.crosses() && !e.start(x) {
		return e.waitDurably()
	}
	if m.First {
		if x.plan.strip > 0 || len(x.masks) > 0 {
			e.end(errLongRow)
			return true
		}
	}
	if e.overLong(x, m) {
		return true
	}
	if m.First {
		x.stream(x.plan)
	}
	e.passing(x, m)
	x.long.Feed(m.Body)
	if m.Last {
		if x.plan.crosses() {
			e.longRow(x)
		}
		e.rows++
	}
	e.toClient.pass(m.Raw)
	if m.Last && x.limits.on {
		e.overSubjects(x)
	}
	return true
}

// passing notes whose row is passing in pieces.
func (e *engine) passing(x *execution, m *pgwire.Message) {
	e.long = nil
	if !m.Last && x.plan.crosses() {
		e.long = x
	}
}

// halfRow counts the row that the end of the session cut in two.
func (e *engine) halfRow() {
	x := e.long
	if x == nil || e.discard {
		return
	}
	e.long = nil
	if !e.start(x) && !x.slot.open {
		return // nothing can be recorded any more
	}
	if x.out != nil {
		e.copyRow(x, nil)
	} else {
		e.longRow(x)
	}
}
