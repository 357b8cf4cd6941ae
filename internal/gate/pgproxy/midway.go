package pgproxy

import (
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"sekisho/internal/event"
	"sekisho/internal/wire/pgwire"
)

// A session that is kept in the middle of a transaction takes along what the gate
// remembers of it: from when on its snapshot may be, what it wrote, locks, taints
// and changes of the schema, and what is recorded again at its end. What others
// must know of it holds from New of the next gate on, before any session goes on.

// keptTransaction is a transaction under way, its client at rest; or, outside of
// one, locks that nobody can say the end of.
type keptTransaction struct {
	State byte // of the last ReadyForQuery
	// Environment is what was last asked for, which may be impossible now; nil: it was not known.
	Environment *keptEnvironment
	Settings    bool // environ.inTx
	Opaque      bool // environ.opaque
	Read, Sent  int64
	DDL, Moved  bool
	Made        made
	Tainting    []keptTaint
	Fate        fate
	Late        *keptLate
	Writing     *keptWriting
	Locks       []event.Place
	LocksStay   bool
}

// keptEnvironment is an environment, but for the names of temporary relations.
type keptEnvironment struct{ SearchPath, Role, User string }

// keptTaint is a Taint with what is not of its interface.
type keptTaint struct {
	Taint
	Standing bool
}

type keptLate struct {
	Since    int64
	Marked   bool
	Prepared bool
	Changes  []keptChange
	Taints   []event.Taint
}

type keptChange struct {
	Table    event.Place
	Source   event.SubjectSource
	Op       string
	Subjects event.Set
	Unknown  uint64
}

type keptWriting struct {
	Any          bool
	Tables, Told []event.Place
	Sent, Failed uint64
	Protected    []Protected // what was counted
}

// keepTransaction returns what the next gate has to know of the transaction under
// way; nil: there is nothing.
func (e *engine) keepTransaction() *keptTransaction {
	if e.tx == pgwire.TxIdle && e.holding.mark == 0 {
		return nil
	}
	t := &keptTransaction{State: e.tx, Settings: e.env.inTx, Opaque: e.env.opaque != 0, Read: e.signal.read, Sent: e.signal.sent,
		DDL: e.ddl.mark != 0, Moved: e.ddl.moved, Made: e.ddl.made, Fate: e.fate, Locks: e.holding.places, LocksStay: e.holding.mark == ^uint64(0)}
	if now := e.env.sure(); now != nil {
		t.Environment = &keptEnvironment{now.searchPath, now.role, now.user}
	}
	for _, x := range e.tainting {
		t.Tainting = append(t.Tainting, keptTaint{x, x.standing})
	}
	if l := &e.late; l.mark != 0 || l.prepared != 0 {
		t.Late = &keptLate{Since: l.since, Marked: l.mark != 0, Prepared: l.prepared != 0}
		for k, c := range l.changes {
			t.Late.Changes = append(t.Late.Changes, keptChange{k.table, k.source, k.op, setOf(&c.subjects), c.unknown})
		}
		for _, x := range l.taints {
			t.Late.Taints = append(t.Late.Taints, *x)
		}
	}
	if w := &e.writing; w.mark != 0 {
		t.Writing = &keptWriting{Any: w.any, Sent: w.sent, Failed: w.failed, Protected: e.g.Protected}
		e.g.changed.by.Range(func(place, of any) bool {
			if hasCounter(w.tables, of.(*counter)) {
				t.Writing.Tables = append(t.Writing.Tables, place.(event.Place))
			}
			return true
		})
		for place := range w.told {
			t.Writing.Told = append(t.Writing.Told, place)
		}
	}
	return t
}

// takeUp makes known what others must not pass by: locks and changes of the
// schema. It returns the places that the locks count for.
func (c *Common) takeUp(t *keptTransaction) (places []event.Place) {
	if t.DDL {
		c.changing.Add(1)
		c.laundering.made.Store(c.epoch.Add(1) + 1) // code may be among it
	}
	for _, place := range t.Locks {
		places = append(places, c.locks.hold(place))
	}
	if len(places) > 0 {
		c.locks.all.Add(1)
	}
	return places
}

// underWay is the mark of what ends with the transaction: every ReadyForQuery from
// now on is of a later message.
const underWay = 1

// restoreTransaction puts back what keepTransaction returned; places are those of
// Common.takeUp. What identifiers mean may have changed since the transaction began.
func (e *engine) restoreTransaction(t *keptTransaction, places []event.Place) {
	e.tx, e.turn = t.State, ^uint64(0)
	e.signal = signal{t.Read, t.Sent}
	e.env.inTx = t.Settings
	if k := t.Environment; k != nil {
		e.env.dirty = false
		e.env.now = e.g.reg.intern(environment{k.SearchPath, k.Role, k.User, strings.Join(e.env.temps, "\x00")})
	}
	if t.Opaque {
		e.env.opaque = underWay
	}
	if t.DDL {
		e.ddl = ddlState{underWay, t.Moved, t.Made}
		e.g.reg.passed.Add(1)
	}
	for _, x := range t.Tainting {
		x.standing = x.Standing
		e.tainting = append(e.tainting, x.Taint)
	}
	if e.fate = t.Fate; len(e.fate.Wrote) > 0 {
		e.fate.mark = underWay
	}
	if len(places) > 0 {
		e.holding = holding{underWay, places}
		if t.LocksStay {
			e.holding.mark = ^uint64(0)
		}
	}
	if t.Late != nil {
		e.late = t.Late.restore()
	}
	if t.Writing != nil {
		e.restoreWriting(t.Writing)
	}
}

func (k *keptLate) restore() late {
	l := late{since: k.Since}
	if k.Marked {
		l.mark = underWay
	}
	if k.Prepared {
		l.prepared = underWay
	}
	for i := range k.Changes {
		c := &k.Changes[i]
		subjects := roaring.New()
		for _, r := range c.Subjects {
			subjects.AddRange(uint64(r.First), uint64(r.Last)+1)
		}
		to := l.at(lateKey{c.Table, c.Source, c.Op})
		to.unknown = c.Unknown
		to.subjects.Or(subjects)
	}
	for i := range k.Taints {
		l.taints = append(l.taints, &k.Taints[i])
	}
	return l
}

// restoreWriting goes on with what the transaction may have written. Nobody counts
// in this run what it wrote in the one before.
func (e *engine) restoreWriting(k *keptWriting) {
	w, n := &e.writing, &e.g.changed
	w.mark, w.before, w.sent, w.failed = underWay, true, k.Sent, k.Failed
	n.total.inFlight.Add(1)
	if w.any = k.Any; w.any {
		n.any.inFlight.Add(1)
	}
	for _, place := range k.Tables {
		t := n.of(place)
		w.tables = append(w.tables, t)
		t.inFlight.Add(1)
	}
	for _, p := range e.g.Protected { // who was written to what is protected since, nobody recorded
		if slices.Contains(k.Protected, p) {
			continue
		}
		e.late.begins(0, underWay)
		e.late.since = 0
		e.late.at(lateKey{p.Table, p.Source, "unknown"}).unknown++
	}
	if e.g.Writing == nil {
		return
	}
	for _, place := range k.Told {
		e.warn(place, nil)
	}
}
