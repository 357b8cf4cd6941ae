package disclosure

import (
	"context"
	"database/sql"
	"math"
	"slices"

	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// trace notes the events that an answer rests on. A nil trace notes nothing.
type trace struct {
	indexes map[uint64]bool
	scanIDs map[uint32]bool
}

func (t *trace) event(index uint64) {
	if t != nil {
		t.indexes[index] = true
	}
}

func (t *trace) scans(list []*scan) {
	if t == nil {
		return
	}
	for _, s := range list {
		t.scanIDs[s.id] = true
	}
}

// Evidence answers q as Scope does and returns the ledger indexes, ascending,
// of events from which package scope computes the same answer: every crossing
// in the window at the places, who the sessions were, the scans and changes
// that make up the holdings, and the signs of life, gaps and bypasses. It takes
// much longer than Scope, for it looks at every crossing.
func (v *View) Evidence(ctx context.Context, q scope.Query) (*Answer, []event.Index, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	e, err := v.evaluation(q)
	if err != nil {
		return nil, nil, err
	}
	e.trace = &trace{map[uint64]bool{}, map[uint32]bool{}}
	a, err := e.evaluate(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, step := range []func(context.Context) error{e.traceCrossings, e.traceScans, e.traceTables, e.traceCover} {
		if err := step(ctx); err != nil {
			return nil, nil, err
		}
	}
	out := make([]event.Index, 0, len(e.trace.indexes))
	for i := range e.trace.indexes {
		out = append(out, event.Index(i))
	}
	slices.Sort(out)
	return a, out, nil
}

// traceCrossings notes the crossings and intents, and their sessions.
func (e *evaluation) traceCrossings(ctx context.Context) error {
	sessions := map[uint32]bool{}
	err := e.gatherAll(ctx, e.w, func(r *record) {
		if e.asked(r.series) {
			e.trace.event(r.index)
			sessions[r.session] = true
		}
	})
	if err != nil {
		return err
	}
	for _, i := range e.View.intents {
		e.trace.event(i.index)
		if i.until != 0 {
			e.trace.event(i.ended)
		}
		sessions[i.session] = true
	}
	return query(ctx, e.db.Read, "SELECT id, idx FROM session WHERE idx >= 0", func(r *sql.Rows) error {
		var id uint32
		var index int64
		if err := r.Scan(&id, &index); err != nil {
			return err
		}
		if sessions[id] {
			e.trace.event(uint64(index))
		}
		return nil
	})
}

func (e *evaluation) traceScans(ctx context.Context) error {
	for _, id := range sortedKeys(e.trace.scanIDs) {
		err := query(ctx, e.db.Read, "SELECT idx FROM scan_set WHERE scan = ?", e.traceIndex, id)
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *evaluation) traceIndex(r *sql.Rows) error {
	var index int64
	err := r.Scan(&index)
	e.trace.event(uint64(index))
	return err
}

// traceTables notes one event that names each table (a taint may be from a whole
// database), and how tables were written from others. A scan that is told in
// parts is noted whole: a part alone would be a scan that never ended.
func (e *evaluation) traceTables(ctx context.Context) error {
	for id, t := range e.tables {
		for _, x := range t.taints {
			e.trace.event(x.index)
			if x.until != math.MaxInt64 {
				e.trace.event(x.cleared)
			}
		}
		if !e.known[id] {
			continue
		}
		for _, q := range []string{
			"SELECT idx FROM known WHERE tbl = ?",
			`SELECT x.idx FROM known JOIN scan ON scan.tbl = known.tbl JOIN scan_set s ON s.scan = scan.id AND s.idx = known.idx
				JOIN scan_set x ON x.scan = s.scan WHERE known.tbl = ?`,
		} {
			if err := query(ctx, e.db.Read, q, e.traceIndex, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// traceCover notes what begins and ends cover, the signs of life in the window
// and those next to it.
func (e *evaluation) traceCover(ctx context.Context) error {
	for _, q := range []string{"SELECT idx FROM sign WHERE fixed", "SELECT idx FROM due"} {
		if err := query(ctx, e.db.Read, q, e.traceIndex); err != nil {
			return err
		}
	}
	for src, p := range e.vitals {
		e.trace.event(p.index)
		runs := e.gates.RunsOf(e.names.texts[src])
		slack := e.slack(runs)
		for run := range runs { // a clock may be set back between two runs
			for _, q := range []string{
				"SELECT idx FROM sign WHERE fixed = 0 AND source = ?1 AND run = ?2 AND at BETWEEN ?3 AND ?4",
				"SELECT idx FROM (SELECT idx FROM sign WHERE fixed = 0 AND source = ?1 AND run = ?2 AND at < ?3 AND ?4 IS NOT NULL ORDER BY at DESC LIMIT 1)",
				"SELECT idx FROM (SELECT idx FROM sign WHERE fixed = 0 AND source = ?1 AND run = ?2 AND at > ?4 AND ?3 IS NOT NULL ORDER BY at LIMIT 1)",
			} {
				if err := query(ctx, e.db.Read, q, e.traceIndex, src, run, e.w.From-slack, e.w.To+slack); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// slack is how far outside the window a sign of life of a gate with these runs
// can bear on it: clock errors widen the window here as well.
func (e *evaluation) slack(runs []*scope.Run) (ns int64) {
	for _, r := range runs {
		ns = max(ns, r.ClockNS)
	}
	return ns + e.gates.Silence
}
