package revproxy

import (
	"context"
	"sync"
)

// directWay is the way around the gate for emergencies: everything passes,
// nobody looks and nothing is recorded. Whoever opens it records the gap.
type directWay struct {
	mu   sync.RWMutex // guards what follows, and that nobody enters while it is shut
	open context.Context
	shut context.CancelFunc
	in   sync.WaitGroup
}

// enter lets an exchange go the direct way if that is open. leave is called at
// its end; the context ends when the way is shut.
func (d *directWay) enter(ctx context.Context) (_ context.Context, leave func(), open bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.open == nil {
		return nil, nil, false
	}
	d.in.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(d.open, cancel)
	return ctx, func() { stop(); cancel(); d.in.Done() }, true
}

// SetUnseen opens or shuts the direct way. Shutting ends what goes along it and
// waits for that, so that the hole in the record ends when it returns.
func (g *Gate) SetUnseen(open bool) {
	d := &g.direct
	d.mu.Lock()
	switch {
	case open && d.open == nil:
		d.open, d.shut = context.WithCancel(context.Background())
	case !open && d.open != nil:
		d.shut()
		d.open = nil
	}
	d.mu.Unlock()
	if !open {
		d.in.Wait()
	}
}

// Unseen reports whether the direct way is open.
func (g *Gate) Unseen() bool {
	g.direct.mu.RLock()
	defer g.direct.mu.RUnlock()
	return g.direct.open != nil
}
