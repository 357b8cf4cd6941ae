package main

import (
	"context"

	"sekisho/internal/event"
	"sekisho/internal/ledger"
)

// group is what crossings are grouped by.
type group struct {
	session   event.Session
	statement event.StatementID
	table     event.Place
	class     event.Class
	hour      int64
}

type total struct {
	events, rows uint64
	subjects     uint64
}

// foldAll decodes every event and folds the crossings by group.
func foldAll(ctx context.Context, r *ledger.Reader) (int, error) {
	groups := make(map[group]*total)
	err := r.ScanEvents(ctx, 0, func(_ event.Index, e *event.Event) error {
		c, ok := e.Body.(*event.Crossing)
		if !ok {
			return nil
		}
		for i := range c.Parts {
			p := &c.Parts[i]
			g := group{c.Session, c.Statement, p.Table, p.Class, c.From / 3_600_000_000_000}
			t := groups[g]
			if t == nil {
				t = new(total)
				groups[g] = t
			}
			t.events++
			t.rows += p.Rows
			t.subjects += p.Subjects.Len()
		}
		return nil
	})
	return len(groups), err
}
