package disclosure

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/proof/scope"
)

// Trail is what one statement of one session carried of one table, in one class.
type Trail struct {
	Gate          event.Source
	Session       event.Session
	User, Address string // as the gate saw them; empty when nobody said
	Statement     string // literals replaced; empty when its text is not known
	Table         string
	Elements      element.Mask
	Class         event.Class
	Reason        string // why not exact
	From, To      int64  // UTC ns, widened by the clock error
	Rows          uint64
	Times         int // crossings
	session       uint32
	statement     uint32
}

type trailKey struct {
	session, statement, series uint32
	doubt                      bool // it is in a time in which nothing is confirmed
}

// Trails returns how what q asks about went: by session and statement, those of
// the most rows first. Sessions of which it is not known whose they are belong
// to it: names never narrow. At most so many come back; more is how many do not.
//
// The answer rests on the events that were folded when it was asked for. Trails
// of a season take seconds, so folding goes on between two hours of them and
// while they are put in order: whoever asks meanwhile waits for no more than an
// hour's records.
func (v *View) Trails(ctx context.Context, q scope.Query, most int) (out []Trail, more int, err error) {
	e, all, err := v.trails(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	// There may be millions: nobody waits while they are put in order.
	list := slices.SortedFunc(maps.Values(all), func(a, b *Trail) int {
		if a.Rows != b.Rows {
			return cmp.Compare(b.Rows, a.Rows)
		}
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.session, b.session), cmp.Compare(a.statement, b.statement),
			cmp.Compare(a.Table, b.Table), cmp.Compare(a.Elements, b.Elements), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Reason, b.Reason))
	})
	for _, t := range list[:min(most, len(list))] {
		out = append(out, *t)
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	return out, len(list) - len(out), e.nameTrails(ctx, out)
}

// trails returns all of them, without gates, sessions and statements.
func (v *View) trails(ctx context.Context, q scope.Query) (*evaluation, map[trailKey]*Trail, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	e, err := v.evaluation(q)
	if err != nil {
		return nil, nil, err
	}
	if err := e.actorsOf(ctx); err != nil {
		return nil, nil, err
	}
	e.doubts = e.gates.Doubts(e.w)
	end, err := view.ReadCursor(ctx, v.db.Read)
	if err != nil {
		return nil, nil, err
	}
	all := map[trailKey]*Trail{}
	err = e.gatherApart(ctx, func(r *record) {
		if event.Index(r.index) >= end.Next { // folded since
			return
		}
		if _, maybe := e.fit(r.session); !maybe || !e.asked(r.series) {
			return
		}
		k := &e.series.list[r.series]
		key := trailKey{r.session, r.statement, r.series, k.class == event.Exact && e.doubtful(r, k.table)}
		t := all[key]
		if t == nil {
			c := e.clients.list[e.clientOf[r.session]]
			t = &Trail{User: e.names.texts[c.user], Address: e.names.texts[c.address], Table: e.names.texts[k.table], Elements: k.mask, Class: k.class,
				Reason: e.names.texts[k.reason], From: r.lo, To: r.hi, session: r.session, statement: r.statement}
			if key.doubt {
				t.Class, t.Reason = event.Bounded, scope.ReasonCatalogue
			}
			all[key] = t
		}
		t.From, t.To = min(t.From, r.lo), max(t.To, r.hi)
		t.Rows += r.rows
		t.Times++
	})
	return e, all, err
}

// gatherApart is gatherAll of the window that lets the view be folded between two
// hours.
func (e *evaluation) gatherApart(ctx context.Context, fn func(*record)) error {
	for _, h := range e.hoursIn(e.w) {
		if err := e.readHour(ctx, e.db.Read, h, within(e.w, fn)); err != nil {
			return err
		}
		if err := e.pause(ctx); err != nil {
			return err
		}
	}
	return e.gatherSpills(ctx, e.w, fn)
}

// pause gives the lock for reading to whoever waits to fold, and takes it again.
// When something was folded, a session may have got a name.
func (e *evaluation) pause(ctx context.Context) error {
	before := e.batches
	e.mu.RUnlock()
	if e.paused != nil {
		e.paused()
	}
	e.mu.RLock()
	if err := ctx.Err(); err != nil || e.batches == before {
		return err
	}
	return e.actorsOf(ctx)
}

// nameTrails fills in gates, sessions and statements.
func (e *evaluation) nameTrails(ctx context.Context, list []Trail) error {
	type who struct {
		gate   uint32
		number int64
	}
	sessions, texts := map[uint32]who{}, map[uint32]string{}
	for i := range list {
		sessions[list[i].session], texts[list[i].statement] = who{}, ""
	}
	for id := range sessions {
		err := query(ctx, e.db.Read, "SELECT source, number FROM session WHERE id = ?", func(r *sql.Rows) error {
			var w who
			err := r.Scan(&w.gate, &w.number)
			sessions[id] = w
			return err
		}, id)
		if err != nil {
			return err
		}
	}
	for id := range texts {
		err := query(ctx, e.db.Read, "SELECT text FROM statement WHERE id = ?", func(r *sql.Rows) error {
			var text string
			err := r.Scan(&text)
			texts[id] = text
			return err
		}, id)
		if err != nil {
			return err
		}
	}
	for i := range list {
		w := sessions[list[i].session]
		list[i].Gate, list[i].Session, list[i].Statement = event.Source(e.names.texts[w.gate]), event.Session(w.number), texts[list[i].statement]
	}
	return nil
}
