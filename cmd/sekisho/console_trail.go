package main

import (
	"context"
	"errors"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/proof/scope"
)

// maxTrails bounds what one page shows.
const maxTrails = 200

// classNames are the words of classes.
var classNames = map[event.Class]string{event.Exact: "exact", event.Bounded: "bounded", event.Aggregate: "aggregate"}

// Trails implements office.Paths.
func (c *console) Trails(ctx context.Context, q scope.Query) (*consoleoffice.Trails, error) {
	viewFault := func(err error) error { return fault.New(fault.ViewOpen, "file", c.view.file).Because(err) }
	if err := c.view.await(ctx, c.ledger.Head()); err != nil {
		return nil, c.viewFault(c.view.file, err)
	}
	list, more, err := c.view.view.Trails(ctx, q, maxTrails)
	if errors.Is(err, scope.ErrQuery) {
		return nil, fault.New(fault.ScopeQuery, "problem", err, "hint", "see `sekisho scope --help`")
	}
	if err != nil {
		return nil, viewFault(err)
	}
	out := &consoleoffice.Trails{More: more}
	for _, t := range list {
		out.List = append(out.List, consoleoffice.Trail{Gate: string(t.Gate), Session: uint64(t.Session), User: t.User, Address: t.Address, Statement: t.Statement, Table: t.Table,
			Class: classNames[t.Class], Reason: t.Reason, Elements: elementNames(t.Elements), From: event.Time(t.From), To: event.Time(t.To), Rows: t.Rows, Times: t.Times})
	}
	return out, nil
}
