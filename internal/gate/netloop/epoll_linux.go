package netloop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"sekisho/internal/wire/tlsrecord"
)

// epollLoop spreads pairs over workers.
type epollLoop struct {
	cfg     Config
	workers []*worker
	pairs   atomic.Int64

	mu      sync.Mutex // guards stopped; never held while a worker's lock is taken
	stopped bool
}

func newNative(cfg Config) (Loop, error) {
	l := &epollLoop{cfg: cfg}
	for range cfg.Workers {
		w, err := newWorker(l)
		if err != nil {
			for _, old := range l.workers {
				old.closeDescriptors()
			}
			return nil, err
		}
		l.workers = append(l.workers, w)
	}
	return l, nil
}

// Pairs implements Loop.
func (l *epollLoop) Pairs() int { return int(l.pairs.Load()) }

// Add implements Loop. It takes the descriptors out of Go's poller by duplicating them, so that only one epoll
// instance watches each.
func (l *epollLoop) Add(client, upstream Transport, h Handler) (*Pair, error) {
	if l.pairs.Add(1) > int64(l.cfg.MaxPairs) {
		l.pairs.Add(-1)
		return nil, ErrFull
	}
	p, err := l.take(client, upstream, h)
	if err != nil {
		l.pairs.Add(-1)
		return nil, err
	}
	return p, nil
}

func (l *epollLoop) take(client, upstream Transport, h Handler) (*Pair, error) {
	p := &Pair{h: h, cfg: &l.cfg, slot: -1}
	transports := [2]Transport{client, upstream}
	for s := range transports {
		e, err := newEnd(transports[s])
		if err != nil {
			p.giveBack(&transports)
			return nil, fmt.Errorf("netloop: take over the %s connection: %w", Side(s), err)
		}
		p.ends[s] = e
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		p.giveBack(&transports)
		return nil, ErrStopped
	}
	for s := range transports { // from here on nothing fails: the originals can go
		enterLoop(&transports[s])
	}
	w := l.leastLoaded()
	p.d = w
	w.pairs.Add(1)
	w.post(func(w *worker) { w.adds = append(w.adds, p) })
	return p, nil
}

// giveBack closes the duplicates: the caller still has the originals.
func (p *Pair) giveBack(transports *[2]Transport) {
	for s := range p.ends {
		if p.ends[s].fd > 0 && transports[s].Socket == nil {
			_ = unix.Close(p.ends[s].fd)
		}
	}
}

// enterLoop ends the first life of a transport.
func enterLoop(t *Transport) {
	if t.Socket != nil {
		t.Socket.fd = -1 // its Close has nothing to do any more
		t.Socket.TLS.Forget()
		return
	}
	conn := t.Conn
	if s, ok := conn.(*Stream); ok {
		conn, s.loop = s.Conn, true
		s.Trace.Settle()
	}
	_ = conn.Close() // the duplicate keeps the connection open
}

func (l *epollLoop) leastLoaded() *worker {
	best := l.workers[0]
	for _, w := range l.workers[1:] {
		if w.pairs.Load() < best.pairs.Load() {
			best = w
		}
	}
	return best
}

// newEnd duplicates the descriptor of a transport.
func newEnd(t Transport) (end, error) {
	e := end{fd: -1, ahead: t.Ahead}
	if t.TLS != nil {
		e.tls = t.TLS
	}
	if t.Socket != nil {
		if t.Socket.fd < 0 || t.TLS != nil {
			return e, errors.New("a socket that is closed, or with another TLS session than its own")
		}
		if t.Socket.TLS != nil {
			e.stream = &Stream{loop: true}
			c, err := tlsrecord.New(e.stream, t.Socket.TLS)
			if err != nil {
				return e, err
			}
			e.tls = c
		}
		e.fd, e.watchOut = t.Socket.fd, !t.Socket.local
		return e, nil
	}
	conn := t.Conn
	if s, ok := conn.(*Stream); ok {
		conn = s.Conn
		if t.TLS != nil {
			e.stream = s
		}
	}
	if t.TLS != nil && e.stream == nil {
		return e, errors.New("a TLS session needs a *Stream below it")
	}
	switch conn.(type) {
	case *net.TCPConn:
		e.watchOut = true
	case *net.UnixConn:
	default:
		return e, fmt.Errorf("%T is neither a TCP nor a Unix connection (Config.Portable takes any)", conn)
	}
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return e, err
	}
	var dupErr error
	err = raw.Control(func(fd uintptr) {
		e.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3)
	})
	if err = errors.Join(err, dupErr); err != nil {
		return e, err
	}
	return e, nil
}

// Run implements Loop.
func (l *epollLoop) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, w := range l.workers {
		wg.Go(w.run)
	}
	<-ctx.Done()
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	for _, w := range l.workers {
		w.post(func(w *worker) { w.stop = true })
	}
	wg.Wait()
	for _, w := range l.workers {
		w.mu.Lock()
		w.closeDescriptors()
		w.mu.Unlock()
	}
	return nil
}
