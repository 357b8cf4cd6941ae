package pgproxy

import (
	"sync"
	"sync/atomic"

	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
)

// Which rows a transaction locks can be seen by others: SKIP LOCKED leaves them
// out, NOWAIT and lock_timeout fail. Where a condition over protected columns
// chose them, that tells of those columns. So the gates of a database know which
// relations have such locks now, and bound what asks for locks meanwhile.

// locks are those of transactions under way whose rows protected columns chose.
type locks struct {
	turn atomic.Uint64 // counts when they begin and end
	all  atomic.Int32  // how many transactions hold some

	mu sync.Mutex
	by map[event.Place]*lockedRows // "": perhaps of every relation
	// prepared are the locks of transactions that were prepared, by their names.
	prepared map[string][][]event.Place
}

type lockedRows struct {
	held int
	last uint64 // locks.turn when it last changed
}

// maxLocked bounds the relations that are told apart.
const maxLocked = 10_000

func (l *locks) hold(place event.Place) event.Place {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = map[event.Place]*lockedRows{}
	}
	if l.by[place] == nil && len(l.by) >= maxLocked {
		place = ""
	}
	r := l.by[place]
	if r == nil {
		r = &lockedRows{}
		l.by[place] = r
	}
	r.held++
	r.last = l.turn.Add(1)
	return place
}

func (l *locks) letGo(place event.Place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.by[place]
	r.held--
	r.last = l.turn.Add(1) // what is under way may have met them
}

// since says that rows of a relation ("": of any) are or were locked so since a
// turn.
func (l *locks) since(turn uint64, place event.Place) bool {
	if l.all.Load() == 0 && l.turn.Load() == turn {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, r := range l.by {
		if (place == "" || p == "" || p == place) && (r.held > 0 || r.last > turn) {
			return true
		}
	}
	return false
}

// holding is what the transaction under way locks so.
type holding struct {
	mark   uint64 // the ReadyForQuery, idle, that ends it; 0: nothing
	places []event.Place
}

// locks notes that a command is about to be sent whose locks tell.
func (e *engine) locks(c *command, x *execution, k *knownCode) {
	p := x.plan
	a := p.lineage()
	switch {
	case len(e.g.Protected) == 0:
	case k != nil && k.code.Protected && k.code.Locks:
		e.holds("")
	case p == nil || !p.crosses():
	case a == nil || p.opaque != "":
		if c.writes() || hasWord(c.st.Canon, "update", "share") {
			e.holds("")
		}
	case a.Predicate == 0:
	default:
		if a.Locks.Any {
			e.holds("")
		}
		for _, place := range a.Locks.Rows {
			e.holds(place)
		}
		for i := range p.writes {
			if w := &p.writes[i]; w.Op != "insert" {
				e.holds(w.Table)
			}
		}
	}
	if h := &e.holding; h.mark != 0 {
		switch c.st.Kind {
		case sqlscan.Commit, sqlscan.Rollback:
		case sqlscan.PrepareTransaction: // whoever ends it, and when
			if _, named := c.transactionName(); named && h.mark != ^uint64(0) {
				x.locked = append(x.locked, h.places...)
				*h = holding{}
			} else {
				h.mark = ^uint64(0)
			}
		default:
			h.mark = max(h.mark, e.sent+1)
		}
	}
}

func (e *engine) holds(place event.Place) {
	h := &e.holding
	if h.mark == 0 {
		e.g.locks.all.Add(1)
	}
	h.mark = max(h.mark, e.sent+1)
	for _, p := range h.places {
		if p == place {
			return
		}
	}
	h.places = append(h.places, e.g.locks.hold(place))
}

// keepPrepared keeps the locks of a transaction until it is ended by its name.
func (l *locks) keepPrepared(name string, places []event.Place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.prepared == nil {
		l.prepared = map[string][][]event.Place{}
	}
	l.prepared[name] = append(l.prepared[name], places)
}

// endPrepared lets go of the locks of all transactions of a name: the server has
// one at a time.
func (l *locks) endPrepared(name string) {
	l.mu.Lock()
	list := l.prepared[name]
	delete(l.prepared, name)
	l.mu.Unlock()
	for _, places := range list {
		for _, p := range places {
			l.letGo(p)
		}
		l.all.Add(-1)
	}
}

// takesLocksBack is called when x, which was to prepare a transaction, is done
// with. Unless it did, its locks are those of the session, until it is idle.
func (e *engine) takesLocksBack(x *execution) {
	if len(x.locked) == 0 {
		return
	}
	h := &e.holding
	if h.mark != 0 { // both are one from now on
		e.g.locks.all.Add(-1)
	}
	h.mark = max(h.mark, e.answered, 1)
	h.places = append(h.places, x.locked...)
	x.locked = nil
}

// letsGo is called when the transaction has ended. Locks of a transaction that
// was prepared count until it is ended by its name; for good when the gate does
// not know that.
func (e *engine) letsGo() {
	h := &e.holding
	if h.mark == 0 || h.mark == ^uint64(0) {
		return
	}
	for _, p := range h.places {
		e.g.locks.letGo(p)
	}
	e.g.locks.all.Add(-1)
	*h = holding{places: h.places[:0]}
}

// asksLocks says that the plan tells which rows others lock.
func (p *plan) asksLocks() bool { return p != nil && p.analysis != nil && p.analysis.Locks.Asks }

// seesLocks says that what x tells of locks tells of protected columns.
func (e *engine) seesLocks(x *execution) bool {
	if !x.plan.asksLocks() || x.plan.opaque != "" {
		return false
	}
	a := &x.plan.analysis.Locks
	if a.Any && e.g.locks.since(x.at.locks, "") {
		return true
	}
	for _, place := range a.Rows {
		if e.g.locks.since(x.at.locks, place) {
			return true
		}
	}
	return false
}

// waited gives an execution that an error stopped a wide plan when the error
// says that others hold locks which tell: it could not lock (lock_not_available),
// waited in a circle (deadlock_detected) or for too long (query_canceled).
func (e *engine) waited(head *expect, x *execution, sqlstate string) *execution {
	switch sqlstate {
	case "55P03", "40P01", "57014":
	default:
		return x
	}
	if x == nil && head.kind == expectQuery && head.query.at < len(head.query.steps) {
		x = e.stepExecution(&head.query.steps[head.query.at])
	}
	if x == nil || x.plan.lineage() != nil && x.plan.crosses() || len(e.g.Protected) == 0 || !e.g.locks.since(x.at.locks, "") {
		return x
	}
	x.silent = false
	e.setPlan(x, e.g.wideOf(x.shape, "locks"))
	x.cols, x.nums = x.cols[:0], x.nums[:0]
	return x
}
