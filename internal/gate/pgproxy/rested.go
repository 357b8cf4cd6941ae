package pgproxy

import "sekisho/internal/sqlscan"

// Rows are as old as what the server reads them from: the snapshot of their
// statement, of a transaction that repeats its reads, of a cursor that outlives
// its own, a temporary table or a setting that was filled before. Who was deleted
// meanwhile is in them, and perhaps in no scan since. So a crossing says from
// when on what it shows may have rested in its tables: never too late, because
// it is counted from what the client sent.

// age is from when on, UTC ns, what a session reads may have rested.
type age struct {
	first int64 // message of the session
	began int64 // the message that began the transaction under way, or the next one
	kept  int64 // what may have filled temporary relations and settings; 0: nothing
}

// dates notes the message that begins a transaction, if none is under way.
func (e *engine) dates() {
	if e.age.first == 0 {
		e.age.first = e.clock
	}
	if e.tx == 'I' && e.queue.empty() && !e.open || e.age.began == 0 {
		e.age.began = e.clock
	}
}

// ends notes that what was answered last ended a transaction: what follows was
// sent later.
func (e *engine) ends(sent int64) {
	e.age.began = max(e.age.began, sent)
}

// keeps notes that what is read now may be read again later.
func (e *engine) keeps() {
	if e.age.kept == 0 {
		e.age.kept = e.oldest()
	}
}

// oldest is from when on what is read now may have rested.
func (e *engine) oldest() int64 {
	switch {
	case e.g.switches.NoSince:
		return e.clock
	case e.lost != "":
		return e.age.first
	case e.age.kept != 0:
		return min(e.age.kept, e.age.began)
	}
	return e.age.began
}

// anyTime says that x reads what was opened at an unknown time of the session.
func (e *engine) anyTime(x *execution) {
	if !e.g.switches.NoSince {
		x.at.rested = e.age.first
	}
}

// imports says that the transaction reads what another one's snapshot shows,
// which may be as old as this gate.
func (c *command) imports() bool {
	return c.st.Kind == sqlscan.Set && hasWord(c.st.Canon, "snapshot") && hasWord(c.st.Canon, "transaction")
}

// restedLong is how much older than its first row, in ns, what a crossing shows
// must be to be told: less is within what scans are widened by.
const restedLong = 50e6

// restedBefore returns since for an event that begins at from; 0: no earlier.
func restedBefore(rested, from int64) int64 {
	if rested == 0 || from-rested < restedLong {
		return 0
	}
	return rested
}
