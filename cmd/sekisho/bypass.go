package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/gate/cutting"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/policy/cut"
	"sekisho/internal/roll"
)

// bypass is the way around a gate: logins as usual, then bytes that nobody
// looks at. It exists for emergencies; while it is open every scope has a hole.
type bypass struct {
	acceptor *pglogin.Acceptor
	loop     netloop.Loop
	log      *slog.Logger
	open     atomic.Bool
	logins   sync.WaitGroup

	cuts   cutting.Flows
	roll   roll.Roll     // for the bypass watch
	opened atomic.Uint64 // times that the way was opened or shut

	mu     sync.Mutex
	ending []*unseen // that a Cut has ended and waits for
	pairs  map[*unseen]bool
	none   chan struct{} // closed when pairs is empty and somebody waits
}

func newBypass(cfg pglogin.Config, loop netloop.Config, log *slog.Logger) (*bypass, error) {
	b := &bypass{log: log, pairs: map[*unseen]bool{}}
	var err error
	if b.acceptor, err = pglogin.New(cfg); err != nil {
		return nil, err
	}
	loop.Workers = 1
	b.loop, err = netloop.New(loop)
	return b, err
}

// unseen passes everything on.
type unseen struct {
	bypass *bypass
	login  *pglogin.Login
	entry  *roll.Entry
	once   sync.Once // closes gone
	pair   *netloop.Pair
	live   *cutting.Live
	isCut  atomic.Bool
	gone   chan struct{} // closed when it has ended
	ended  bool
}

// cut ends the session, also when it has not begun.
func (u *unseen) cut() {
	b := u.bypass
	u.isCut.Store(true)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ending = append(b.ending, u)
	if u.pair != nil {
		u.pair.Wake()
	}
}

// leave takes the session out of what can be cut.
func (u *unseen) leave() {
	u.live.Leave()
	u.once.Do(func() { close(u.gone) })
}

// Cut ends what goes the direct way and matches, by the client's address and
// the user it logged in as.
func (b *bypass) Cut(ctx context.Context, set *cut.Set) (int, error) {
	n, err := b.cuts.Cut(ctx, set)
	b.mu.Lock()
	list := b.ending
	b.ending = nil
	b.mu.Unlock()
	for _, u := range list {
		select {
		case <-u.gone:
		case <-ctx.Done():
			return n, errors.Join(err, ctx.Err())
		}
	}
	return n, err
}

// OnOpen implements netloop.Opener.
func (u *unseen) OnOpen(p *netloop.Pair) error {
	b := u.bypass
	b.mu.Lock()
	u.pair = p
	b.pairs[u] = true
	b.mu.Unlock()
	if !b.open.Load() {
		return errShut
	}
	return u.OnWake(p)
}

// errShut ends what comes after the way was shut.
var errShut = errors.New("the direct way was shut")

// OnData implements netloop.Handler.
func (u *unseen) OnData(p *netloop.Pair, side netloop.Side, b []byte) error {
	p.Write(side.Other(), b)
	return nil
}

// OnClosed implements netloop.Handler.
func (u *unseen) OnClosed(*netloop.Pair, netloop.Side, error) {
	if u.ended {
		return
	}
	u.ended = true
	u.login.Release()
	u.entry.End()
}

// OnGone implements netloop.Ender: what neither side had taken when they ended
// passed unseen too.
func (u *unseen) OnGone(*netloop.Pair, error) {
	u.leave()
	b := u.bypass
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.pairs, u)
	if b.none != nil && len(b.pairs) == 0 {
		close(b.none)
		b.none = nil
	}
}

// count is how many are carried.
func (b *bypass) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.pairs)
}

// OnWake implements netloop.Handler: a cut waits for nobody who does not read.
func (u *unseen) OnWake(p *netloop.Pair) error {
	if u.isCut.Load() {
		p.Reset(errShut)
	}
	return nil
}

// OnTick implements netloop.Handler.
func (*unseen) OnTick(*netloop.Pair, time.Time) error { return nil }

// carry brings one client through its login and onto the loop.
func (b *bypass) carry(ctx context.Context, conn net.Conn) {
	defer b.logins.Done()
	entry := b.roll.Begin()
	login, err := b.acceptor.Accept(ctx, conn)
	if err != nil {
		if begun := (*pglogin.Begun)(nil); errors.As(err, &begun) {
			entry.Establish(begun.PID)
		}
		entry.End()
		if !errors.Is(err, pglogin.ErrCancel) && !errors.Is(err, pglogin.ErrLeft) {
			b.log.Warn("login on the direct way", "err", err)
		}
		return
	}
	entry.Establish(login.PID)
	u := &unseen{bypass: b, login: login, entry: entry, gone: make(chan struct{})}
	flow := cut.Flow{User: login.Role, Name: login.Database}
	if a, err := netip.ParseAddrPort(login.Address.String()); err == nil {
		flow.Client = a.Addr().Unmap()
	}
	var refused bool
	if u.live, _, refused = b.cuts.Enter(flow, func(cut.Entry) { u.cut() }); refused {
		err = errShut
	} else {
		_, err = b.loop.Add(login.Client, login.Upstream, u)
	}
	if err != nil {
		u.leave()
		entry.End()
		login.Close()
		login.Release()
		b.log.Warn("session on the direct way", "err", err)
	}
}

// shut closes the way, ends what goes along it and waits for that, so that the
// hole in the record ends now.
func (b *bypass) shut() {
	b.open.Store(false)
	b.logins.Wait()
	b.mu.Lock()
	var none chan struct{}
	if len(b.pairs) > 0 {
		if b.none == nil {
			b.none = make(chan struct{})
		}
		none = b.none
	}
	for u := range b.pairs {
		u.pair.Kill(errShut)
	}
	b.mu.Unlock()
	if none != nil {
		<-none
	}
}

// unseenDDL rises while the way is open, because any statement may pass then.
func (b *bypass) unseenDDL() uint64 {
	if b.open.Load() {
		return b.opened.Add(1)
	}
	return b.opened.Load()
}

// carriesUnseen says that something may pass now that nobody looks at.
func (b *bypass) carriesUnseen() bool { return b.open.Load() || b.sessions() > 0 }

// sessions returns how many clients go the direct way.
func (b *bypass) sessions() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.pairs)
}

// splitter is a listener that gives clients to the gate, or to the bypass while
// that is open.
type splitter struct {
	net.Listener
	bypass *bypass
	ctx    context.Context // of logins on the direct way
	stop   context.CancelFunc
}

func newSplitter(l net.Listener, b *bypass) *splitter {
	s := &splitter{Listener: l, bypass: b}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Accept implements net.Listener for the gate.
func (s *splitter) Accept() (net.Conn, error) {
	for {
		conn, err := s.Listener.Accept()
		if err != nil || !s.bypass.open.Load() {
			return conn, err
		}
		s.bypass.logins.Add(1)
		go s.bypass.carry(s.ctx, conn)
	}
}

// run runs the gate and then ends the direct way.
func (s *splitter) run(ctx context.Context, gate func(context.Context) error) error {
	loop := make(chan error, 1)
	loopCtx, stopLoop := context.WithCancel(context.WithoutCancel(ctx))
	go func() { loop <- s.bypass.loop.Run(loopCtx) }()
	err := gate(ctx)
	s.stop()
	s.bypass.shut()
	stopLoop()
	return errors.Join(err, <-loop)
}
