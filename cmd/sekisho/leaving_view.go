package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/fault"
	"sekisho/internal/view"
	"sekisho/internal/view/leaving"
	"sekisho/proof/scope"
)

// leavingKeeper keeps the view of what left in step with the ledger.
type leavingKeeper struct {
	view     *leaving.View
	follower *view.Follower
	file     string
}

// leavingPace is how old the view of what left may be before a question makes it
// catch up.
const leavingPace = time.Second

// leavingBehind is how many events the view may have to fold before an answer;
// when there are more (it is made anew), the ledger is read instead.
const leavingBehind = 100_000

func leavingFile(c *config.Config) string { return filepath.Join(viewDir(c), "leaving.db") }

// startLeaving follows the ledger until the stage stops.
func (p *process) startLeaving(ctx context.Context, s *stage) error {
	k := &leavingKeeper{file: leavingFile(p.cfg.Config)}
	bad := func(err error) error { return fault.New(fault.ViewOpen, "file", k.file).Because(err) }
	var err error
	if k.view, err = leaving.Open(ctx, k.file); err != nil {
		return bad(err)
	}
	if k.follower, err = view.Follow(ctx, "leaving", p.ledger, k.view); err != nil {
		return errors.Join(bad(err), k.view.Close())
	}
	k.follower.Pace = leavingPace
	p.gone = k
	s.run("view of what left", k.follower.Run)
	return nil
}

// close closes the view; its cursor was saved with every batch.
func (k *leavingKeeper) close() error {
	if k == nil {
		return nil
	}
	return k.view.Close()
}

// leftBy asks the view what left; not sure where the ledger has to be asked.
func (p *process) leftBy(ctx context.Context, q scope.Query, w scope.Frame) (l *scope.Leaving, sure bool, err error) {
	k, head := p.gone, p.ledger.Head()
	if k == nil || head > k.follower.Cursor().Next+leavingBehind {
		return nil, false, nil
	}
	if head > 0 {
		err = k.follower.Await(ctx, head-1)
	}
	if err != nil && diskFull(err) { // it ends here, and the ledger has it
		return nil, false, nil
	}
	if err == nil {
		l, sure, err = k.view.Leaving(ctx, q, w)
	}
	if err != nil {
		return nil, false, fault.New(fault.ViewOpen, "file", k.file).Because(err)
	}
	return l, sure, nil
}
