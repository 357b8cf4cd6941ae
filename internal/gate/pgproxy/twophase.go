package pgproxy

import (
	"bytes"
	"sync"

	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
	"sekisho/internal/wire/pgwire"
)

// pendingTaints are the taints of transactions that were prepared for a commit
// by whomever: until then nobody else sees their relations.
type pendingTaints struct {
	mu    sync.Mutex
	list  []Taint
	other []late          // changes and taints that are recorded again
	names map[string]bool // of transactions that were prepared through a gate
}

func (p *pendingTaints) keep(list []Taint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.list = append(p.list, list...); len(p.list) > maxTaints {
		p.list = p.list[len(p.list)-maxTaints:]
	}
}

func (p *pendingTaints) all() []Taint {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Taint(nil), p.list...)
}

// known says that a gate saw what the transaction of a name did.
func (p *pendingTaints) known(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.names[name]
}

func (p *pendingTaints) prepared(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.names == nil || len(p.names) >= maxTaints { // then some count as unknown
		p.names = map[string]bool{}
	}
	p.names[name] = true
}

func (p *pendingTaints) ended(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.names, name)
}

// transactionName returns the name in PREPARE TRANSACTION, COMMIT PREPARED and
// ROLLBACK PREPARED.
func (c *command) transactionName() (string, bool) {
	if len(c.st.Literals) != 1 || c.st.Literals[0].Class != sqlscan.String {
		return "", false
	}
	name, ok := c.st.Literals[0].AppendValue(nil, c.sql)
	return string(name), ok
}

// twoPhases notes which transaction x, about to be sent, prepares or ends. One
// that no gate saw being prepared, because it was before this start or by
// another way, may have written anything anywhere: like code that nobody knows.
func (e *engine) twoPhases(c *command, x *execution) {
	switch c.st.Kind {
	case sqlscan.PrepareTransaction, sqlscan.CommitPrepared, sqlscan.RollbackPrepared:
	default:
		return
	}
	name, ok := c.transactionName()
	if x.transaction = name; c.st.Kind == sqlscan.CommitPrepared && (!ok || !e.g.twoPhase.known(name)) {
		e.launders(x, launderPrepared)
	}
}

// twoPhaseEnds takes the server's word that x prepared or ended a transaction.
// PREPARE of a transaction that failed is answered with ROLLBACK.
func (e *engine) twoPhaseEnds(x *execution, m *pgwire.Message) {
	if x == nil || x.transaction == "" || m.Type != pgwire.TypeCommandComplete {
		return
	}
	if x.shape.kind != sqlscan.PrepareTransaction {
		e.g.locks.endPrepared(x.transaction)
	}
	tag := bytes.TrimSuffix(m.Body, []byte{0})
	switch {
	case x.shape.kind == sqlscan.PrepareTransaction:
		if string(tag) == "PREPARE TRANSACTION" {
			e.g.twoPhase.prepared(x.transaction)
			if len(x.locked) > 0 {
				e.g.locks.keepPrepared(x.transaction, x.locked)
				x.locked = nil
			}
		}
		e.takesLocksBack(x)
	case e.g.twoPhase.known(x.transaction):
		e.g.twoPhase.ended(x.transaction)
	case x.shape.kind == sqlscan.CommitPrepared: // it changed rows that nobody saw
		e.unknownWrite(x, 1)
	}
}

// preparing is a PREPARE TRANSACTION that was not answered.
type preparing struct {
	name   string
	locked []event.Place
}

// prepares takes what the queue has of transactions that locked and were to be
// prepared.
func (e *engine) prepares() (list []preparing) {
	take := func(x *execution) {
		if x != nil && len(x.locked) > 0 {
			list = append(list, preparing{x.transaction, x.locked})
			x.locked = nil
		}
	}
	for i := range e.queue.n {
		head := e.queue.at(i)
		take(head.exec)
		if q := head.query; q != nil {
			for k := range q.steps {
				take(q.steps[k].exec)
			}
		}
	}
	return list
}

// mayHavePrepared is called when the session, and its process, are gone: what was
// to be prepared may rest until somebody ends it by its name. Nobody saw it being
// prepared, so whoever commits it runs code that is not known.
func (e *engine) mayHavePrepared(list []preparing, l late) {
	for _, p := range list {
		e.g.locks.keepPrepared(p.name, p.locked)
	}
	if l.prepared > e.answered {
		e.g.twoPhase.keepChanged(l)
	}
}
