package netloop

import (
	"context"
	"sync"
	"sync/atomic"
)

// portableLoop carries each pair with four goroutines: a reader and a writer for each side.
type portableLoop struct {
	cfg   Config
	pairs atomic.Int64

	mu      sync.Mutex // guards the fields below; taken before a portablePair's, never while one is held
	running bool
	stopped bool
	waiting []*portablePair // added before Run
	live    map[*portablePair]struct{}
	wg      sync.WaitGroup
}

func newPortable(cfg Config) *portableLoop {
	return &portableLoop{cfg: cfg, live: map[*portablePair]struct{}{}}
}

// Pairs implements Loop.
func (l *portableLoop) Pairs() int { return int(l.pairs.Load()) }

// Add implements Loop.
func (l *portableLoop) Add(client, upstream Transport, h Handler) (*Pair, error) {
	if l.pairs.Add(1) > int64(l.cfg.MaxPairs) {
		l.pairs.Add(-1)
		return nil, ErrFull
	}
	pp := &portablePair{loop: l, poked: make(chan struct{}, 1)}
	pp.work = sync.NewCond(&pp.mu)
	p := &pp.pair
	p.h, p.cfg, p.d = h, &l.cfg, pp
	for s, t := range [2]Transport{client, upstream} {
		e := &p.ends[s]
		e.conn, e.ahead = t.Conn, t.Ahead
		if t.TLS != nil {
			e.conn, e.tls = t.TLS, t.TLS
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.stopped:
		l.pairs.Add(-1)
		return nil, ErrStopped
	case l.running:
		l.start(pp)
	default:
		l.waiting = append(l.waiting, pp)
	}
	return p, nil
}

// start is called with mu held.
func (l *portableLoop) start(pp *portablePair) {
	l.live[pp] = struct{}{}
	l.wg.Go(pp.run)
}

// Run implements Loop.
func (l *portableLoop) Run(ctx context.Context) error {
	l.mu.Lock()
	l.running = true
	for _, pp := range l.waiting {
		l.start(pp)
	}
	l.waiting = nil
	l.mu.Unlock()
	<-ctx.Done()
	l.mu.Lock()
	l.stopped = true
	live := make([]*portablePair, 0, len(l.live))
	for pp := range l.live {
		live = append(live, pp)
	}
	l.mu.Unlock()
	for _, pp := range live {
		pp.mu.Lock()
		pp.pair.Close(ErrStopped)
		pp.settle()
		pp.mu.Unlock()
	}
	l.wg.Wait()
	return nil
}

// ended forgets a pair.
func (l *portableLoop) ended(pp *portablePair) {
	l.mu.Lock()
	delete(l.live, pp)
	l.mu.Unlock()
	l.pairs.Add(-1)
}
