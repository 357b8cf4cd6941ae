package lineage

import (
	"sekisho/internal/event"
	"sekisho/internal/lineage/nodetree"
)

// Locks is what a statement locks of rows, and whether it tells what others lock.
type Locks struct {
	Rows []event.Place // relations whose rows FOR UPDATE and its like lock
	Any  bool          // rows of others too: through a view, partitions, or not known
	// Asks says that rows which others lock are left out or make it fail (SKIP
	// LOCKED, NOWAIT), or that it reads the server's list of locks.
	Asks bool
}

// marks notes the row locks of a query.
func (a *analyser) marks(q *nodetree.Node) {
	for _, item := range optional(q, "rowMarks").Items {
		n := a.node(item)
		a.effected++
		if a.int(n, "waitPolicy") != 0 {
			a.locks.Asks = true
		}
		list, rt := a.list(q, "rtable"), a.int(n, "rti")
		if rt < 1 || int(rt) > len(list) {
			a.fail("tree: row lock")
		}
		r := a.cat.Relations[nodeOID(a.node(list[rt-1]), "relid")]
		if r == nil || r.Kind != 'r' || len(r.Parents)+len(r.Children) > 0 {
			a.locks.Any = true
			continue
		}
		a.locks.Rows = appendPlaces(a.locks.Rows, []event.Place{a.place(r)})
	}
}

// lockFunctions tell which locks others hold or wait for.
var lockFunctions = wordSet(`pg_lock_status pg_blocking_pids pg_safe_snapshot_blocking_pids pg_isolation_test_session_is_blocked`)
