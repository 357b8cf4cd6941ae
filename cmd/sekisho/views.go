package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/view"
	"sekisho/internal/view/disclosure"
)

// viewKeeper keeps the disclosure view in step with the ledger.
type viewKeeper struct {
	view     *disclosure.View
	follower *view.Follower
	file     string
}

func disclosureFile(c *config.Config) string { return filepath.Join(viewDir(c), "disclosure.db") }

// openView opens the view where it was left.
func (p *process) openView(ctx context.Context) error {
	k := &viewKeeper{file: disclosureFile(p.cfg.Config)}
	first, err := p.ledger.First()
	if err == nil {
		k.view, err = disclosure.Open(ctx, disclosure.Config{Path: k.file, First: first})
	}
	if err != nil {
		return fault.New(fault.ViewOpen, "file", k.file).Because(err)
	}
	if k.follower, err = view.Follow(ctx, "disclosure", p.ledger, k.view); err != nil {
		return errors.Join(fault.New(fault.ViewOpen, "file", k.file).Because(err), k.view.Close())
	}
	p.view = k
	return nil
}

// foldPace is how old the view may be before a question makes it catch up.
const foldPace = 250 * time.Millisecond

// startView follows the ledger until the stage stops.
func (p *process) startView(ctx context.Context, s *stage) error {
	if err := p.openView(ctx); err != nil {
		return err
	}
	p.view.follower.Pace = foldPace
	s.run("disclosure view", p.view.follower.Run)
	return nil
}

// close closes the view; its cursor was saved with every batch.
func (k *viewKeeper) close() error {
	if k == nil {
		return nil
	}
	return k.view.Close()
}

// folded returns how many events the view holds.
func (k *viewKeeper) folded() uint64 { return uint64(k.follower.Cursor().Next) }

// await returns when the view holds everything before head.
func (k *viewKeeper) await(ctx context.Context, head event.Index) error {
	if head == 0 {
		return nil
	}
	return k.follower.Await(ctx, head-1)
}
