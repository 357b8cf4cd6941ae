package disclosure

import (
	"context"

	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// Passage is what one crossing carried of one table.
type Passage struct {
	Place         string
	User, Address string // of the session as the gate saw it; empty when unknown
	From, To      int64  // UTC ns, widened by the clock error
	Members       event.Set
}

// Passages calls fn with the exact crossings of subjects of a source that q
// asks about, in no order, and returns how many others there were: bounded and
// aggregate ones, which tell nobody apart. It looks at every crossing of the
// window. fn must not keep Members and must not ask the view.
func (v *View) Passages(ctx context.Context, q scope.Query, source event.SubjectSource, fn func(Passage)) (untold uint64, err error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	e, err := v.evaluation(q)
	if err != nil {
		return 0, err
	}
	if err := e.actorsOf(ctx); err != nil {
		return 0, err
	}
	err = e.gatherAll(ctx, e.w, func(r *record) {
		k := &e.series.list[r.series]
		if sure, _ := e.fit(r.session); !sure || !e.asked(r.series) || e.names.texts[k.source] != string(source) {
			return
		}
		if k.class != event.Exact {
			untold++
			return
		}
		c := e.clients.list[e.clientOf[r.session]]
		fn(Passage{e.names.texts[k.table], e.names.texts[c.user], e.names.texts[c.address], r.lo, r.hi, r.set})
	})
	return untold, err
}
