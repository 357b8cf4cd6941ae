package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/config"
	"sekisho/internal/datamap/propose"
	"sekisho/internal/event"
)

// driftWatch looks on schedule how a database differs from its protect section.
type driftWatch struct {
	cfg    *config.Database
	dsn    string // secret
	attach func(*pgconn.Config)
	every  time.Duration
	rec    event.Recorder
	last   *event.Drift // nil: never looked
}

// startDrift has every database with a protect section looked at now and then: what
// came into it after somebody classified it is a finding.
func (p *process) startDrift(s *stage) {
	run := func(w *driftWatch) {
		w.last = p.past.drifts[place(w.cfg)]
		s.run("drift of "+w.cfg.Name, func(ctx context.Context) error { return p.followDrift(ctx, w) })
	}
	for _, b := range p.bases {
		run(&driftWatch{cfg: b.cfg, dsn: b.dsn, attach: b.control.Attach, every: time.Duration(b.cfg.Scan.Every), rec: b.rec})
	}
	for _, k := range p.keyed {
		run(&driftWatch{cfg: k.cfg, dsn: k.dsn, every: k.every, rec: p.ledger.Recorder(scanSource(k.cfg.Name+"/drift", k.cfg.Site), 0)})
	}
}

func (p *process) followDrift(ctx context.Context, w *driftWatch) error {
	for {
		if err := w.look(ctx, p.now); err != nil && ctx.Err() == nil {
			p.log.Warn("not compared with what is configured", "database", w.cfg.Name, "err", withoutText(err))
		}
		if pause(ctx, w.every) != nil {
			return nil
		}
	}
}

// look compares once and records it; what is new is a finding.
func (w *driftWatch) look(ctx context.Context, now func() time.Time) error {
	at := now()
	all, _, err := propose.Read(ctx, w.dsn, w.attach)
	if err != nil {
		return err
	}
	found := propose.Compare(configured(w.cfg), w.cfg.Plain, all, propose.Propose(all))
	drift := &event.Drift{Database: place(w.cfg), At: at.UnixNano(), Count: len(found)}
	for _, d := range found[:min(len(found), event.MaxDrift)] {
		drift.Items = append(drift.Items, event.DriftItem{Table: d.Table, Column: d.Column, What: d.What, Configured: d.Configured, Found: d.Found})
	}
	bodies := []event.Body{drift}
	if drift.Count > 0 && (w.last == nil || w.last.Count != drift.Count || !slices.Equal(w.last.Items, drift.Items)) {
		first := drift.Items[0]
		bodies = append(bodies, &event.Finding{Code: "SK3206", Title: "a database is not as the configuration says", Place: drift.Database,
			Detail: fmt.Sprintf("%d tables or columns; the first: %s %s: %s", drift.Count, first.Table, first.Column, first.What)})
	}
	if _, err := w.rec.Record(ctx, event.Durable, bodies...); err != nil {
		return err
	}
	w.last = drift
	return nil
}
