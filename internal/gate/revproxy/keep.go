package revproxy

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/wire/tlsrecord"
)

// Kept is a WebSocket, or what else a connection changed to, between two runs of a
// gate, in one process or in two programs that follow each other in it: nothing of it
// passes, and what the peers send waits in their sockets. Whoever has one closes its
// sockets or gives it to the next gate.
type Kept struct {
	Client, Upstream *netloop.Socket
	State            []byte // keptSocket, with words of messages in it
}

// Close ends the connection. The ledger says no more of it than of one that a crash
// took.
func (k *Kept) Close() {
	_ = k.Client.Close() // nobody is told: the peers see the end
	_ = k.Upstream.Close()
}

// keptSocket is what the next gate has to know.
type keptSocket struct {
	Host      string // the first name of its site
	Place     event.Place
	Server    string // of the site, that has it
	Encrypted bool   // the client's leg speaks TLS, and never goes on in clear
	ID, Trace string
	Begin     time.Time
	Cards     Mode // as it began
	Client    string
	User      string // for cuts
	Account   string // as sessions are recorded
	End       event.ExchangeEnd
	Sent      uint64
	Received  uint64
	From, To  keptDirection
}

// keptDirection is a direction, in the middle of a frame as well.
type keptDirection struct {
	Head                 [14]byte
	Have, At             int
	Left                 uint64
	Between, Ends, Bits  bool   // frames.control, ends, coded
	Messages, Control    []byte // what was passed on and is still in view
	Blind, Coded, Guards bool
}

func (d *direction) keep() keptDirection {
	f := &d.frames
	k := keptDirection{Head: f.head, Have: f.have, At: f.at, Left: f.left, Between: f.control, Ends: f.ends, Bits: f.coded, Blind: d.blind, Coded: d.coded.Load(), Guards: d.guard != nil}
	if k.Guards {
		k.Messages, k.Control = d.guard.data, d.control.data
	}
	return k
}

func (d *direction) restore(k *keptDirection) {
	d.frames = frames{head: k.Head, have: k.Have, left: k.Left, at: k.At, control: k.Between, ends: k.Ends, coded: k.Bits}
	d.blind = k.Blind || !k.Guards
	d.coded.Store(k.Coded)
	if k.Guards {
		d.guard, d.control = newGuard(), newGuard()
		d.guard.data, d.control.data = k.Messages, k.Control
	}
}

// sockets are the connections that changed their protocol.
type sockets struct {
	mu      sync.Mutex // guards what follows
	open    map[*socket]struct{}
	held    []Kept // let go of
	leaving bool   // they are kept as the gate ends
}

func (k *sockets) begin(s *socket) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.open == nil {
		k.open = map[*socket]struct{}{}
	}
	k.open[s] = struct{}{}
}

func (k *sockets) end(s *socket) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.open, s)
}

// keeps says that another gate takes them up.
func (g *Gate) keeps() bool { return g.keepable() && g.cfg.Keep() }

// keepable says that one may.
func (g *Gate) keepable() bool { return g.cfg.Keep != nil && (netloop.Config{}).Native() }

// keepSockets has all kept that can be, within a time.
func (g *Gate) keepSockets(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGoPatience)
	defer cancel()
	k := &g.sockets
	k.mu.Lock()
	k.leaving = true
	var all []*socket
	for s := range k.open {
		all = append(all, s)
	}
	k.mu.Unlock()
	var wait sync.WaitGroup
	for _, s := range all {
		wait.Go(func() {
			if s.relay != nil {
				s.relay.letGo(ctx)
			} else {
				s.letGo(ctx)
			}
		})
	}
	wait.Wait()
}

// letGoPatience bounds how long both directions of a connection may take to stand
// still: a peer that does not read may keep one from it.
const letGoPatience = 2 * time.Second

// standing is an attempt to have both directions of a connection stand still.
type standing struct {
	stopped chan struct{} // takes one of each direction
	done    chan struct{} // closed when they may go on, or return
	over    bool          // they return; read after done
}

// both waits until both directions stand still.
func (l *standing) both(ctx context.Context, gone <-chan struct{}) bool {
	for range 2 {
		select {
		case <-l.stopped:
		case <-gone:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// errKept ends who carried a connection that another gate goes on with.
var errKept = errors.New("the connection was kept")

// stands reports, to whoever reads one direction and got err, that it is over for them.
// again: they read once more.
func (l *standing) stands(err error) (over, again bool) {
	if l == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false, false
	}
	select {
	case l.stopped <- struct{}{}:
	case <-l.done: // it has ended meanwhile
	}
	<-l.done
	return l.over, !l.over
}

// letGo has both directions stand still where nothing was read that was not passed on,
// and takes the sockets. Within a record of TLS they go on until it is whole.
func (s *socket) letGo(ctx context.Context) {
	to, trace, ok := s.x.sentBy.Load().layers()
	w, below := s.client.layers()
	if !ok || below == nil {
		return
	}
	for {
		l := &standing{stopped: make(chan struct{}, 2), done: make(chan struct{})}
		s.standing.Store(l)
		w.standing.Store(l)
		err := errors.Join(w.SetReadDeadline(past), to.SetReadDeadline(past))
		stands := err == nil && l.both(ctx, s.gone)
		if stands && (below.trace == nil || below.trace.Rests()) && (trace == nil || trace.Rests()) {
			l.over = s.take(w, below, to, trace) == nil
		}
		if !l.over { // they go on; what has ended says so when it is read
			err = errors.Join(err, w.SetReadDeadline(time.Time{}), to.SetReadDeadline(time.Time{}))
		}
		close(l.done)
		if l.over || !stands || err != nil || below.trace != nil && !below.trace.Keepable() || trace != nil && !trace.Keepable() {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// take takes the sockets of a connection that stands still.
func (s *socket) take(w *watching, below *counted, to *net.TCPConn, trace *tlsrecord.Trace) error {
	from, ok := below.Conn.(*net.TCPConn)
	if _, secret := w.Conn.(*tls.Conn); !ok || secret && below.trace == nil {
		return errors.New("nobody knows enough of the client's leg")
	}
	upstream, err := netloop.Take(to)
	if err != nil {
		return err
	}
	client, err := netloop.Take(from)
	if err != nil {
		_ = upstream.Close() // both end
		return err
	}
	if below.trace != nil {
		client.TLS = below.trace.State()
		below.trace.Forget()
	}
	if trace != nil {
		upstream.TLS = trace.State()
		trace.Forget()
	}
	s.hold(client, upstream)
	return nil
}

// hold keeps what was let go of.
func (s *socket) hold(client, upstream *netloop.Socket) {
	x := s.x
	state := keptSocket{Host: firstName(x.host), Place: x.host.Place, Server: x.sentTo.url.String(), Encrypted: client.TLS != nil, ID: x.id, Trace: x.trace, Begin: x.begin, Cards: x.cards,
		Client: x.flow.Client.String(), User: x.flow.User, End: x.end, Sent: s.sent.Load(), Received: x.received.Load(), From: s.from.keep(), To: s.to.keep()}
	if x.shown != nil {
		state.Account = x.shown.key.account
	}
	k := Kept{Client: client, Upstream: upstream}
	var err error
	if k.State, err = json.Marshal(state); err != nil { // nothing in it can fail
		x.gate.cfg.Log.Error("a connection cannot be kept", "err", err)
		k.Close()
		return
	}
	s.mu.Lock()
	s.kept = true
	s.mu.Unlock()
	x.gate.sockets.mu.Lock()
	defer x.gate.sockets.mu.Unlock()
	x.gate.sockets.held = append(x.gate.sockets.held, k)
}

// Kept returns the connections that wait for another gate, once: those that this one
// kept when it ended, and those that it was given and did not take up. Run has
// returned, or was never called.
func (g *Gate) Kept() []Kept {
	g.sockets.mu.Lock()
	defer g.sockets.mu.Unlock()
	list := append(g.sockets.held, g.cfg.Resume...)
	g.sockets.held, g.cfg.Resume = nil, nil
	return list
}

// sender is the connection to an upstream that has a request.
type sender struct{ conn net.Conn }

// layers returns what a client's connection of HTTP/1 consists of, nil for another.
func (c *client) layers() (*watching, *counted) {
	if c == nil {
		return nil, nil
	}
	w, ok := c.conn.(*watching)
	if !ok {
		return nil, nil
	}
	under := w.Conn
	if secure, ok := under.(*tls.Conn); ok {
		under = secure.NetConn()
	}
	one, _ := under.(*counted)
	return w, one
}
