package main

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/fault"
	"sekisho/internal/view"
	"sekisho/internal/view/leaving"
	"sekisho/proof/scope"
)

// leavingKeeper keeps the view of what left in step with the ledger. What retention
// drops is no more in the view either: it is made anew then.
type leavingKeeper struct {
	file  string
	now   atomic.Pointer[leavingFold]
	aged  chan struct{} // takes a token when retention dropped something
	fresh func(ctx context.Context) (*leavingFold, error)
}

// leavingFold is the view from one beginning to the next.
type leavingFold struct {
	view     *leaving.View
	follower *view.Follower
	over     context.Context // ends when the view is about to be closed; queries end with it
	end      context.CancelFunc
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
	k := &leavingKeeper{file: leavingFile(p.cfg.Config), aged: make(chan struct{}, 1), fresh: p.openLeaving}
	f, err := k.fresh(ctx)
	if err != nil {
		return err
	}
	k.now.Store(f)
	p.gone = k
	s.run("view of what left", k.run)
	return nil
}

// openLeaving opens the view, or makes it when it is of another beginning of the ledger.
func (p *process) openLeaving(ctx context.Context) (*leavingFold, error) {
	file := leavingFile(p.cfg.Config)
	bad := func(err error) error { return fault.New(fault.ViewOpen, "file", file).Because(err) }
	first, err := p.ledger.First()
	if err != nil {
		return nil, bad(err)
	}
	f := new(leavingFold)
	if f.view, err = leaving.Open(ctx, file, first); err != nil {
		return nil, bad(err)
	}
	if f.follower, err = view.Follow(ctx, "leaving", p.ledger, f.view); err != nil {
		return nil, errors.Join(bad(err), f.view.Close())
	}
	f.follower.Pace = leavingPace
	f.over, f.end = context.WithCancel(context.WithoutCancel(ctx))
	return f, nil
}

// run follows the ledger, and begins anew when retention dropped something.
func (k *leavingKeeper) run(ctx context.Context) error {
	for {
		f := k.now.Load()
		until, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- f.follower.Run(until) }()
		select {
		case err := <-ended:
			stop()
			return err
		case <-k.aged:
		}
		stop()
		if err := <-ended; err != nil || ctx.Err() != nil {
			return err
		}
		f.end()
		if err := f.view.Close(); err != nil {
			return err
		}
		next, err := k.fresh(ctx)
		if err != nil {
			return err
		}
		k.now.Store(next)
	}
}

// dropped has the view made anew, without what retention dropped.
func (k *leavingKeeper) dropped() {
	if k == nil {
		return
	}
	select {
	case k.aged <- struct{}{}:
	default: // there is a token already
	}
}

// close closes the view; its cursor was saved with every batch.
func (k *leavingKeeper) close() error {
	if k == nil {
		return nil
	}
	f := k.now.Load()
	f.end()
	return f.view.Close()
}

// leftBy asks the view what left; not sure where the ledger has to be asked.
func (p *process) leftBy(ctx context.Context, q scope.Query, w scope.Frame) (l *scope.Leaving, sure bool, err error) {
	if p.gone == nil {
		return nil, false, nil
	}
	f, head := p.gone.now.Load(), p.ledger.Head()
	if head > f.follower.Cursor().Next+leavingBehind {
		return nil, false, nil
	}
	while, end := context.WithCancel(ctx)
	defer end()
	defer context.AfterFunc(f.over, end)()
	if head > 0 {
		err = f.follower.Await(while, head-1)
	}
	if err == nil {
		l, sure, err = f.view.Leaving(while, q, w)
	}
	switch {
	case err == nil:
		return l, sure, nil
	case f.over.Err() != nil, diskFull(err): // it ends here, and the ledger has it
		return nil, false, ctx.Err()
	}
	return nil, false, fault.New(fault.ViewOpen, "file", p.gone.file).Because(err)
}
