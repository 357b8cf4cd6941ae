package pgproxy

import (
	"bytes"
	"sync"
	"sync/atomic"

	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
)

// Reasons of an event.Taint of a whole database.
const (
	launderCode     = "code"
	launderLetter   = "sequence or lock"
	launderStream   = "replication connection"
	launderPrepared = "prepared transaction"
)

// laundering is whether code of which nobody knows what it writes may have
// copied protected data, to anywhere: into relations that are declared free of
// personal data, other persons' rows, the catalogue. Code counts from before it
// is sent, because what it wrote may be read before its answer is.
type laundering struct {
	done    atomic.Bool
	running atomic.Int32
	made    atomic.Uint64 // the epoch, and one, in which a client last made code
	read    atomic.Uint64 // the last epoch that an analysis was made in

	// mu serialises what is recorded of it with what counts.
	mu     sync.Mutex
	taint  *event.Taint   // recorded, and neither taken back nor cleared
	by     event.Recorder // whose record it is
	rested int64          // from when on what it copies may have rested, UTC ns
}

func (l *laundering) suspected() bool { return l.done.Load() || l.running.Load() > 0 }

// suspects says that code may have copied protected data to where anybody reads
// it: into tables, and into settings of roles and databases.
func (e *engine) suspects() bool {
	return e.g.laundering.suspected() && !e.g.switches.NoTaint && !e.g.switches.NoCode
}

// greets bounds the settings that the server reported when the session began:
// code may have set those of its role or database. They have been sent, so
// nothing waits for the ledger here.
func (e *engine) greets() {
	if !e.suspects() || len(e.g.Protected) == 0 || e.streaming != nil {
		return
	}
	x := e.channelExecution(e.g.loginShape, "code ran")
	if !e.start(x) && e.fatal == nil { // not durable yet
		x.slot.count++
	}
	e.errorRow(x)
	e.release(x)
}

// fresh says that the catalogue was read since a client last made code.
func (l *laundering) fresh() bool { return l.read.Load() >= l.made.Load() }

// wasRead notes that an analysis was made in an epoch.
func (l *laundering) wasRead(epoch uint64) {
	for {
		old := l.read.Load()
		if old >= epoch || l.read.CompareAndSwap(old, epoch) {
			return
		}
	}
}

// launders says that x, which is about to be sent, runs code for a reason.
func (e *engine) launders(x *execution, reason string) {
	if x.launders != "" {
		return
	}
	x.launders = reason
	e.laundering++
	l := &e.g.laundering
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running.Add(1)
	rested := min(e.oldest(), x.at.rested)
	if reason == launderPrepared {
		rested = e.g.started
	}
	if !l.done.Load() || l.taint != nil && l.rested-rested >= restedLong {
		e.suspect(reason, rested)
	}
}

// suspect records that code may copy protected data, before it is sent: a gate
// that is killed meanwhile knows it when it starts again. What the code sees may
// be older than what was suspected before. The caller holds laundering.mu.
func (e *engine) suspect(reason string, rested int64) {
	l := &e.g.laundering
	if l.taint != nil && l.rested-rested < restedLong || e.g.switches.NoTaint || e.g.switches.NoCode || len(e.g.Protected) == 0 {
		return
	}
	l.taint, l.by = &event.Taint{Table: e.g.Place, From: []event.Place{e.g.Place}, Elements: e.g.elementsOf(), Reason: reason, Since: restedBefore(rested, e.clock)}, e.rec
	l.rested = rested
	e.submitAhead(l.taint)
}

// unlaunders takes that back: x failed, or the server never ran it.
func (e *engine) unlaunders(x *execution) {
	if x.launders == "" {
		return
	}
	x.launders = ""
	e.laundering--
	l := &e.g.laundering
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running.Add(-1) > 0 || l.done.Load() || l.taint == nil {
		return
	}
	// By the recorder of the Taint: a gate speaks for itself only.
	if _, err := l.by.Submit(event.Written, nil, &event.Cleared{Places: []event.Place{e.g.Place}, Reason: "the code failed"}); err != nil {
		e.note("take back what code may have copied", err)
		return
	}
	l.taint = nil
}

// laundered notes that the code of x ran to its end.
func (e *engine) laundered(x *execution) {
	if x.launders != "" {
		e.launder(x.launders)
		e.unlaunders(x)
	}
}

// launder notes that code may have copied protected data.
func (e *engine) launder(why string) {
	l := &e.g.laundering
	l.mu.Lock()
	before := l.done.Swap(true)
	if !before {
		e.suspect(why, e.oldest())
	}
	l.mu.Unlock()
	if before || e.g.switches.NoTaint || e.g.switches.NoCode {
		return
	}
	if why == launderPrepared {
		e.find("SK3110", "a transaction was committed that no gate saw being prepared: until an operator clears the database, whatever is read is bounded over all that is protected")
		return
	}
	e.find("SK3110", "code ran of which nobody knows what it writes: until an operator clears the database, whatever is read is bounded over all that is protected")
}

// leavesCode is called when the session ends: the server may still finish what
// it was sent.
func (e *engine) leavesCode() {
	if e.laundering == 0 {
		return
	}
	e.launder(launderCode) // from now on done: nothing is taken back
	e.g.laundering.running.Add(-int32(e.laundering))
	e.laundering = 0
}

// makesCode says that a command makes or changes code that runs later.
func (c *command) makesCode() bool {
	switch c.st.Kind {
	case sqlscan.CreateRoutine, sqlscan.Load, sqlscan.ImportForeignSchema:
		return true
	case sqlscan.DDL, sqlscan.Unknown, sqlscan.CreateView:
		return hasWord(c.st.Canon, "trigger", "rule", "function", "procedure", "routine", "aggregate", "operator", "extension", "language", "cast")
	}
	return false
}

// failedCode takes back that x runs code where a failure says that it did not
// (the server refused what the analysis was refused, or its rows). What ran may
// outlive a failure: a procedure or DO may have committed, and sequences and
// advisory locks know no rollback.
func (e *engine) failedCode(x *execution) {
	if k := x.shape.kind; x.ran || k == sqlscan.Do || k == sqlscan.Call || k == sqlscan.Unknown || x.launders == launderLetter {
		e.laundered(x)
		return
	}
	e.unlaunders(x)
}

// ownSetting says that the only set_config of a command names, by a literal, a
// setting with a point in its name: those are seen by their own session only.
func (c *command) ownSetting() bool {
	text := bytes.ToLower(c.sql[c.st.Span.From:c.st.Span.To])
	const name = "set_config"
	at := bytes.Index(text, []byte(name))
	if at < 0 || bytes.Contains(text[at+1:], []byte(name)) {
		return false
	}
	rest := bytes.TrimLeft(text[at+len(name):], " \t\r\n")
	if len(rest) == 0 || rest[0] != '(' {
		return false
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	from := c.st.Span.To - len(rest)
	for i := range c.st.Literals {
		l := &c.st.Literals[i]
		if l.Span.From != from || l.Class != sqlscan.String {
			continue
		}
		after := bytes.TrimLeft(c.sql[l.Span.To:], " \t\r\n")
		value, ok := l.AppendValue(nil, c.sql)
		return ok && bytes.IndexByte(value, '.') > 0 && len(after) > 0 && after[0] == ','
	}
	return false
}

// Clear takes back that code may have copied protected data of a database: an
// operator knows better, and the ledger has who and why (event.Cleared). Code
// that runs meanwhile counts again when it ends. It returns false when the gate
// has no such database.
func (g *Gate) Clear(database string) bool {
	g.mu.Lock()
	sh := g.databases[database]
	g.mu.Unlock()
	if sh == nil {
		return false
	}
	l := &sh.laundering
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done.Store(false)
	if l.running.Load() == 0 || l.taint == nil {
		l.taint = nil
	} else if _, err := l.by.Submit(event.Written, nil, l.taint); err != nil { // it runs on, and the word was not about it
		sh.log("record again what code may copy", err)
		l.done.Store(true)
	}
	return true
}

// Suspected says that code may have copied protected data of a database: all
// that is read there is bounded.
func (g *Gate) Suspected(database string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	sh := g.databases[database]
	return sh != nil && sh.laundering.suspected()
}
