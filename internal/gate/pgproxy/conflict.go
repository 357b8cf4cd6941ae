package pgproxy

import (
	"sekisho/internal/event"
	"sekisho/internal/wire/pgwire"
)

// holds bounds p over whom the target of a write holds.
func (g *shared) holds(p *plan, w *write, reason string) {
	for _, place := range w.HeldBy {
		if w.protected && place == w.Table && reason == "error" {
			continue // it is there
		}
		q := part{table: place, source: g.sourceOf(place), elements: w.Held, class: event.Bounded, reason: reason, entry: -1}
		p.bounded = append(p.bounded, len(p.parts))
		p.parts = append(p.parts, q)
	}
}

func (g *shared) sourceOf(place event.Place) event.SubjectSource {
	if t := g.protectedTable(place); t != nil {
		return t.Source
	}
	return ""
}

// skipped bounds an INSERT of which ON CONFLICT DO NOTHING left rows out, as its
// count tells: rows like them are there.
func (e *engine) skipped(x *execution, m *pgwire.Message) {
	if x == nil || x.plan == nil || x.plan.opaque != "" || m.Type != pgwire.TypeCommandComplete {
		return
	}
	old := x.plan
	if old.conflict.Load() == old {
		return // it waits for its record
	}
	p := &plan{shape: x.shape, analysis: old.analysis, writes: old.writes, always: true, strip: old.strip}
	for i := range old.writes {
		if w := &old.writes[i]; w.Skips && w.Held != 0 && (w.Offered == 0 || affectedRows(m.Body) != int64(w.Offered)) {
			e.g.holds(p, w, "conflict")
		}
	}
	if len(p.parts) == 0 {
		return
	}
	p.params = append(p.params, old.params...) // whose rows were changed
	p.conflict.Store(p)
	if !old.conflict.CompareAndSwap(nil, p) {
		p = old.conflict.Load()
	}
	e.setPlan(x, p)
}
