package pgproxy

import "sekisho/internal/wire/pgwire"

// keptPortal is a portal or cursor of a session that is kept. To the next gate its
// rows are bounded: it has no analysis of what the statement meant when it was
// opened. It is told apart from one that nobody saw because the gate's columns
// must not reach the client, and what it shows is no older than it was.
type keptPortal struct {
	Name      string
	Unnamed   bool
	Cursor    bool // of DECLARE
	Statement *keptPrepared
	Bind      []byte
	Hold      bool
	Silent    bool   // it has no plan: it returns nothing
	Reason    string // why it is bounded
	Strip     int
	Rested    int64
}

// portalsAtRest says that what the session has of portals can be written down: they
// were executed. The meaning of others is not made yet.
func (e *engine) portalsAtRest() bool {
	for _, p := range e.portals {
		if !p.atRest() {
			return false
		}
	}
	return e.tx == pgwire.TxIdle || e.blank == nil || e.blank.atRest()
}

func (p *portal) atRest() bool {
	return p.exec != nil && (p.executed || p.stmt == nil && !p.unknown) && p.exec.launders == "" && len(p.exec.locked) == 0
}

func (e *engine) keepPortals() (list []keptPortal) {
	for name, p := range e.portals {
		list = append(list, p.keep(name))
	}
	if e.blank != nil && e.tx != pgwire.TxIdle && e.sent == e.answered { // else it may not be there; it ended with its transaction
		k := e.blank.keep("")
		k.Unnamed = true
		list = append(list, k)
	}
	return list
}

func (p *portal) keep(name string) keptPortal {
	x := p.exec
	k := keptPortal{Name: name, Cursor: p.stmt == nil, Bind: p.bind, Hold: p.hold, Silent: x.plan == nil, Reason: "cursor", Rested: x.at.rested}
	if p.stmt != nil {
		s := p.stmt.keep()
		k.Statement = &s
	}
	if x.plan != nil {
		k.Strip = x.plan.strip
		switch c := x.plan.code(); {
		case c == codeRuns || c == codeSuccess: // what it has not read yet runs it
			k.Reason = "function"
		case x.plan.opaque != "":
			k.Reason = x.plan.opaque
		}
	}
	return k
}

// restorePortal puts one back.
func (e *engine) restorePortal(k *keptPortal) {
	p := &portal{bind: k.Bind, hold: k.Hold, executed: !k.Cursor, described: !k.Cursor}
	of := e.g.unknownShape
	if k.Statement != nil {
		p.stmt = e.preparedAgain(k.Statement)
		if p.stmt.command.shape != nil {
			of = p.stmt.command.shape
		}
	}
	p.exec = e.newExecution(of)
	p.exec.at.rested = k.Rested
	p.exec.kind = statementOf(p.command())
	if !k.Silent {
		w := e.g.wideOf(of, k.Reason)
		if k.Strip > 0 {
			w = e.g.widePlan(of, k.Reason)
			w.strip = k.Strip
		}
		e.turnsOut(p.exec, w)
	}
	if k.Unnamed {
		e.blank = p
		return
	}
	e.portals[k.Name] = p
}
