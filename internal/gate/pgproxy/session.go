package pgproxy

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/cutting"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/roll"
	"sekisho/internal/wire/pgwire"
)

// session carries an engine's bytes between the two sides of a pair. The loop
// calls it; only what is atomic is touched by others.
type session struct {
	gate  *Gate
	e     *engine
	login *pglogin.Login
	entry *roll.Entry
	since time.Time
	live  *cutting.Live
	once  sync.Once
	gone  chan struct{} // closed when the session has ended

	pair     atomic.Pointer[netloop.Pair]
	order    atomic.Pointer[order] // what an operator wants
	survey   atomic.Pointer[survey]
	canceled atomic.Bool // a CancelRequest was delivered
	rows     atomic.Uint64
	closed   bool  // the engine is; bytes may still be on their way
	again    bool  // another gate kept it
	keeping  bool  // the loop is about to let go of it
	silenced Quiet // since which the client is not read
	stays    bool  // drains.midway counts it; Gate.mu guards it
}

// order ends a session on somebody's behalf.
type order struct {
	code, message string
	idle          bool // only when no transaction is open (drain)
	keep          bool // a session at rest is kept for the next gate
	midway        bool // and one at rest in the middle of a transaction
	inside        bool // and one in the middle of a statement that reads
	cut           bool // no byte passes any more, but this message
}

// give has the session obey o, unless a cut ends it already, or somebody does that
// it shall be kept.
func (s *session) give(o *order) {
	for old := s.order.Load(); old == nil || !old.cut && (!o.keep || old.keep); old = s.order.Load() {
		if s.order.CompareAndSwap(old, o) {
			break
		}
	}
	if p := s.pair.Load(); p != nil {
		p.Wake()
	}
}

// ErrCut is why a session ended that an operator or the policy cut.
var ErrCut = errors.New("session was cut (SK3005)")

// OnOpen implements netloop.Opener: the client gets the server's first
// ReadyForQuery, and the environment is asked for meanwhile.
func (s *session) OnOpen(p *netloop.Pair) error {
	s.pair.Store(p)
	s.e.clock = p.Now().UnixNano()
	s.e.greets()
	if len(s.login.Held) > 0 {
		p.Write(netloop.Client, s.login.Held)
	}
	if len(s.e.g.Protected) > 0 && s.e.streaming == nil && !s.again {
		s.e.settled()
		s.e.waitClient = waitNothing
	}
	if p.Rests(netloop.Client) {
		s.silenced = Quiet(s.gate.quiet.Load()) // the client has said nothing, whatever is asked of the server
	}
	err := s.flush(p)
	s.surveyed(p)
	return err
}

// OnData implements netloop.Handler.
func (s *session) OnData(p *netloop.Pair, side netloop.Side, b []byte) error {
	s.e.clock = p.Now().UnixNano()
	if side == netloop.Client {
		s.e.fromClient(b)
	} else {
		s.e.fromServer(b)
	}
	return s.flush(p)
}

// OnWake implements netloop.Handler.
func (s *session) OnWake(p *netloop.Pair) error {
	if s.cutShort(p) || s.closed {
		s.surveyed(nil)
		return nil
	}
	s.e.clock = p.Now().UnixNano()
	if s.canceled.Swap(false) {
		s.e.cancelDone()
	}
	s.e.woken()
	err := s.flush(p)
	s.surveyed(p)
	return err
}

// OnTick implements netloop.Handler.
func (s *session) OnTick(p *netloop.Pair, now time.Time) error {
	if s.closed {
		return nil
	}
	s.e.clock = now.UnixNano()
	s.e.tick()
	return s.flush(p)
}

// OnClosed implements netloop.Handler.
func (s *session) OnClosed(p *netloop.Pair, _ netloop.Side, err error) {
	if s.closed {
		return
	}
	s.closed = true
	s.e.clock = p.Now().UnixNano()
	s.e.close(reason(err, s.e.fatal))
	s.count()
	s.login.Release()
}

// OnGone implements netloop.Ender: what was put out before the end has left,
// or was dropped.
func (s *session) OnGone(*netloop.Pair, error) { s.gate.ended(s) }

// cutShort resets a pair whose cut would have to wait for peers to take what
// was put out for them before.
func (s *session) cutShort(p *netloop.Pair) bool {
	late := s.closed || p.Buffered(netloop.Client)+p.Buffered(netloop.Upstream) > 0
	if !s.isCut() || !late {
		return false
	}
	p.Reset(ErrCut)
	return true
}

// isCut reports whether a cut ends the session.
func (s *session) isCut() bool {
	o := s.order.Load()
	return o != nil && o.cut
}

// reason is a stable word for why a session ended.
func reason(err, fatal error) string {
	switch {
	case fatal != nil && errors.Is(fatal, ErrCut), errors.Is(err, ErrCut):
		return "cut"
	case fatal != nil && errors.Is(fatal, errRecorder):
		return "recorder failed"
	case fatal != nil && errors.Is(fatal, ErrProtocol):
		return "protocol"
	case err == nil:
		return "closed"
	case errors.Is(err, netloop.ErrStopped):
		return "gate stopped"
	}
	return "connection lost"
}

// flush hands on what the engine put out and tells the loop what it waits for.
func (s *session) flush(p *netloop.Pair) error {
	e := s.e
	s.obey()
	s.keepIfAtRest(p)
	e.toClient.drain(func(b []byte) {
		e.bytesOut += uint64(len(b))
		p.Write(netloop.Client, b)
	})
	e.toServer.drain(func(b []byte) { p.Write(netloop.Upstream, b) })
	hold(p, netloop.Client, e.clientHeld.has || s.silent(p))
	hold(p, netloop.Upstream, e.serverHeld.has)
	if next := e.nextTick(); next != e.armed {
		e.armed = next
		if next == 0 {
			p.ArmTick(time.Time{})
		} else {
			p.ArmTick(time.Unix(0, next))
		}
	}
	s.count()
	if e.fatal != nil && s.isCut() {
		p.ResetAfterFlush(e.fatal) // what the kernel cannot send at once is not sent
	}
	return e.fatal
}

// count shows the session's counts to others.
func (s *session) count() {
	if n := s.e.rows - s.rows.Load(); n > 0 {
		s.gate.metrics.Rows.Add(n)
		s.rows.Store(s.e.rows)
	}
	if n := s.e.statements; n > 0 {
		s.gate.metrics.Statements.Add(n)
		s.e.statements = 0
	}
}

func hold(p *netloop.Pair, side netloop.Side, wait bool) {
	if wait == p.Paused(side) {
		return
	}
	if wait {
		p.Pause(side)
	} else {
		p.Resume(side)
	}
}

// obey ends the session when somebody ordered it.
func (s *session) obey() {
	o := s.order.Load()
	e := s.e
	if o == nil || e.fatal != nil || o.keep && s.keepable() || o.idle && (e.tx != pgwire.TxIdle || !e.queue.empty() || e.carried != nil || e.open) {
		return
	}
	e.lastWord(o.code, o.message)
	e.end(ErrCut)
}

// cancelServer sends a CancelRequest for the session and wakes it when the
// server has taken it.
func (s *session) cancelServer(ctx context.Context) {
	s.gate.work.Go(func() {
		if err := s.login.Cancel(ctx); err != nil {
			s.gate.log("cancel", err)
		}
		s.canceled.Store(true)
		if p := s.pair.Load(); p != nil {
			p.Wake()
		}
	})
}

// openEvent describes the session.
func (s *session) openEvent() *event.SessionOpen {
	e := s.e
	return &event.SessionOpen{Session: e.session, Place: e.g.Place, Database: e.who.Database, User: e.who.User,
		Address: e.who.Address.String(), Port: e.who.Port, Label: e.who.Label, TLS: e.who.TLS, ServerPID: e.who.ServerPID}
}
