package pgproxy

import (
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
	"sekisho/internal/wire/pgwire"
)

// counter counts what was written to one table through the gate.
type counter struct {
	rows     atomic.Uint64 // as the command tags say
	unclear  atomic.Uint64 // statements whose rows are in no command tag
	inFlight atomic.Uint64 // sessions whose transaction may have written to it
}

// counters are those of a database. They never fall, except for inFlight.
type counters struct {
	total counter  // of all tables
	any   counter  // of statements that may have written to any table
	by    sync.Map // event.Place → *counter, of protected tables
}

// of returns the counter of a table.
func (c *counters) of(table event.Place) *counter {
	if t, ok := c.by.Load(table); ok {
		return t.(*counter)
	}
	t, _ := c.by.LoadOrStore(table, &counter{})
	return t.(*counter)
}

// Changes returns what was written through the gate to a table of a database,
// since the gate's start: the rows that command tags tell; how many statements
// wrote, or may have written, what no tag tells; and how many sessions have
// sent a statement that may write to it and wait for the ReadyForQuery that
// ends its transaction. Of the database's own place it returns what was written
// to all tables.
//
// A statement is in flight before the server gets it, and its rows are counted
// before it leaves, so whoever reads the server's counters first and these
// second finds each row that the server counted in one of the numbers.
func (g *Gate) Changes(database string, table event.Place) (rows, unclear, inFlight uint64) {
	g.mu.Lock()
	sh := g.databases[database]
	g.mu.Unlock()
	if sh == nil {
		return 0, 0, 0
	}
	n := &sh.changed
	if table == sh.Place {
		inFlight = n.total.inFlight.Load() // first: what leaves it is counted already
		return n.total.rows.Load(), n.total.unclear.Load(), inFlight
	}
	t := n.of(table)
	inFlight = t.inFlight.Load() + n.any.inFlight.Load()
	return t.rows.Load(), t.unclear.Load() + n.any.unclear.Load(), inFlight
}

// reach says which change counters an execution moves.
type reach uint8

const (
	reachNone    reach = iota
	reachCounted       // one table, and the command tag tells the rows
	reachTables        // the tables of plan.writes; no tag tells how many rows
	reachAny           // perhaps any table
)

// writing is what the transaction under way may have written.
type writing struct {
	mark   uint64 // the ReadyForQuery, idle, that ends it; 0: nothing was written
	any    bool
	tables []*counter
	told   map[event.Place]func(changed bool) // by Settings.Writing; "": of any table
	// statements that may write, and those of them that failed
	sent, failed uint64
	before       bool // some of it in the run before, which counted it
}

// sending counts a statement that is about to be sent.
func (e *engine) sending(c *command, x *execution) {
	p := x.plan
	if p != nil && p.opaque == "" && len(p.writes) == 0 && c != nil && c.st.Kind == sqlscan.Select {
		return
	}
	if x.reach == reachNone {
		if x.reach = e.reachOf(c, p); x.reach == reachNone {
			return
		}
		x.wrote = p
	}
	e.writes(x.reach, x.wrote)
}

// writes notes that what is sent now may write.
func (e *engine) writes(r reach, p *plan) {
	w, n := &e.writing, &e.g.changed
	if w.mark == 0 {
		n.total.inFlight.Add(1)
	}
	w.mark = max(w.mark, e.sent+1)
	w.sent++
	e.warns(r, p)
	switch {
	case r == reachAny && !w.any:
		w.any = true
		n.any.inFlight.Add(1)
	case r == reachCounted, r == reachTables:
		for i := range p.writes {
			if t := p.writes[i].counter; t != nil && !hasCounter(w.tables, t) {
				w.tables = append(w.tables, t)
				t.inFlight.Add(1)
			}
		}
	}
}

// warns says what may change, before the server can show it to anybody: once a
// transaction for each table that somebody wants to know of.
func (e *engine) warns(r reach, p *plan) {
	if e.g.Writing == nil || e.writing.told[""] != nil {
		return
	}
	if r == reachAny {
		e.warn("", nil)
		return
	}
	for i := range p.writes {
		switch w := &p.writes[i]; {
		case w.Others:
			e.warn("", nil)
		case w.Op != "delete": // whose a value is that is gone need not be known
			e.warn(w.Table, w.Sets)
		}
	}
}

func (e *engine) warn(table event.Place, columns []string) {
	w := &e.writing
	if w.told[table] != nil {
		return
	}
	if over := e.g.Writing(table, columns); over != nil {
		if w.told == nil {
			w.told = map[event.Place]func(bool){}
		}
		w.told[table] = over
	}
}

func hasCounter(list []*counter, c *counter) bool {
	for _, t := range list {
		if t == c {
			return true
		}
	}
	return false
}

// writesAnything says that nobody knows what the session writes until it ends.
func (e *engine) writesAnything() {
	e.writes(reachAny, nil)
	e.writing.mark = ^uint64(0)
}

// calmAfter is how long a lost session must be silent, after a ReadyForQuery
// outside of a transaction, until it counts as at rest. In a lost session
// nobody knows which ReadyForQuery ends which statement; what it wrote is in
// the server's counters after this time (PGSTAT_MAX_INTERVAL is 60 s).
const calmAfter = time.Minute

// mayRest begins the wait for rest of a lost session.
func (e *engine) mayRest(state byte) {
	if e.lost != "" && state == pgwire.TxIdle && e.writing.mark != 0 {
		e.calm = e.clock + int64(calmAfter)
	}
}

// rest ends what a lost session may have written: counters are compared again,
// from a new baseline, because nobody knows how many rows it was.
func (e *engine) rest() {
	e.calm = 0
	if e.writing.mark != 0 {
		e.endWriting(true)
	}
}

// stirs says that the client sends: a lost session may write again.
func (e *engine) stirs() {
	e.calm = 0
	if e.lost != "" && e.writing.mark == 0 {
		e.writesAnything()
	}
}

// wrote counts the end of a statement.
func (e *engine) wrote(x *execution, why event.Outcome, affected int64) {
	r, n := x.reach, &e.g.changed
	if why == event.OutcomeFailed && !x.outlives() {
		e.writing.failed++
	}
	switch {
	case r == reachCounted && why == event.OutcomeDone:
		n.total.rows.Add(uint64(affected))
		for i := range x.wrote.writes {
			if t := x.wrote.writes[i].counter; t != nil {
				t.rows.Add(uint64(affected))
			}
		}
		return
	case r == reachAny && why == event.OutcomeFailed && x.wrote.code() == codeSuccess:
		return // as the analysis said
	case r == reachCounted && why == event.OutcomeSuspended:
		// The command tag of RETURNING read in pages counts the last page only:
		// PortalRun in src/backend/tcop/pquery.c.
		x.reach = reachTables
	}
	n.total.unclear.Add(1)
	if r == reachAny {
		n.any.unclear.Add(1)
		return
	}
	for i := range x.wrote.writes {
		if t := x.wrote.writes[i].counter; t != nil {
			t.unclear.Add(1)
		}
	}
}

// outlives says that what x did may be there although it failed.
func (x *execution) outlives() bool {
	switch x.shape.kind {
	case sqlscan.Do, sqlscan.Call, sqlscan.Unknown: // may commit
		return true
	}
	return false
}

// endWriting lets go of the tables that the transaction may have written to.
// cut says that statements were under way.
func (e *engine) endWriting(cut bool) {
	w, n := &e.writing, &e.g.changed
	if cut = cut || w.before; cut {
		n.total.unclear.Add(1)
	}
	for _, t := range w.tables {
		if cut {
			t.unclear.Add(1)
		}
		t.inFlight.Add(^uint64(0))
	}
	if w.any {
		if cut {
			n.any.unclear.Add(1)
		}
		n.any.inFlight.Add(^uint64(0))
	}
	n.total.inFlight.Add(^uint64(0))
	for _, over := range w.told {
		over(cut || w.sent != w.failed)
	}
	e.wroteAt = e.clock
	*w = writing{tables: w.tables[:0]}
}

// leaves counts the end of the session.
func (e *engine) leaves() {
	if e.writing.mark != 0 {
		e.endWriting(true)
	}
}

// reachOf says what a statement may write to. c is nil when it is not known.
func (e *engine) reachOf(c *command, p *plan) reach {
	switch {
	case len(e.g.Protected) == 0:
		return reachNone // nothing is compared
	case c == nil:
		return reachAny
	}
	switch c.st.Kind {
	case sqlscan.Move: // runs the cursor's query
		return reachAny
	case sqlscan.Prepare, sqlscan.DeclareCursor, sqlscan.Show, sqlscan.Vacuum, sqlscan.Analyze, sqlscan.Checkpoint:
		return reachNone
	case sqlscan.Copy:
		if !c.copy.known || !c.copy.To {
			return reachOfCopy(p)
		}
	case sqlscan.Select, sqlscan.Values, sqlscan.Table, sqlscan.Insert, sqlscan.Update, sqlscan.Delete, sqlscan.Merge,
		sqlscan.Execute, sqlscan.Explain, sqlscan.Fetch, sqlscan.CreateTableAs:
	default:
		if c.touchesNothing() {
			return reachNone
		}
		return reachAny
	}
	return c.reach(p)
}

// reach says what a statement that was analysed, or could not be, may write to.
func (c *command) reach(p *plan) reach {
	explain := c.st.Kind == sqlscan.Explain
	switch {
	case p == nil:
		return reachAny
	case p.opaque != "":
		if k := p.code(); k == codeSuccess || c.runs(k) || c.writes() || len(p.writes) > 0 {
			return reachAny
		}
		return reachNone
	case len(p.writes) == 0, explain && !c.st.Flags.Has(sqlscan.Executes):
		return reachNone
	case p.triggered():
		return reachAny
	case len(p.writes) > 1 || explain || !c.tagged():
		return reachTables
	}
	return reachCounted
}

// reachOfCopy is that of COPY FROM. Triggers of its target are not analysed:
// the watch does not compare while they may run.
func reachOfCopy(p *plan) reach {
	switch {
	case p == nil || p.opaque != "":
		return reachAny
	case len(p.writes) > 1:
		return reachTables
	}
	return reachCounted
}

// tagged says that the command tag counts every row that the server counts.
// ON CONFLICT may count rows that were inserted for a moment, and a
// data-modifying CTE is in no tag.
func (c *command) tagged() bool {
	q := c.query
	if c.through != nil {
		q = c.through.command.query
	}
	if q == nil || c.st.Kind == sqlscan.Copy || q.Flags.Has(sqlscan.ModifyingCTE) || c.shape.conflict {
		return false
	}
	switch q.Kind {
	case sqlscan.Insert, sqlscan.Update, sqlscan.Delete:
		return true
	}
	return false
}
