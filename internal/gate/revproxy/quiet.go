package revproxy

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// While a gate is quiet no connection is accepted, and those that are open end with
// their response, or at once when they wait for a request: who asks again does so on
// another, which waits in the kernel's queue. HTTP/2 has no such end while nothing is
// asked, so such a connection is not read. What is under way goes on.

// hush is that. over is closed when the gate speaks again.
type hush struct{ over chan struct{} }

// SetQuiet has a gate be quiet, or speak again. It stays quiet when it ends.
func (g *Gate) SetQuiet(on bool) {
	g.reload.Lock()
	defer g.reload.Unlock()
	q := g.quiet.Load()
	if on == (q != nil) {
		return
	}
	for _, f := range g.entry.running() {
		if !on {
			f.server.SetKeepAlivesEnabled(true)
		}
	}
	if !on {
		g.under.Mark()
		g.quiet.Store(nil)
		close(q.over)
		g.entry.listens(time.Time{})
		return
	}
	g.quiet.Store(&hush{over: make(chan struct{})})
	g.entry.listens(past)
	for _, f := range g.entry.running() {
		f.server.SetKeepAlivesEnabled(false)
	}
	g.cuts.clients.hush()
}

// listens bounds how long the doors wait for who comes; a listener that knows no
// deadlines waits on.
func (e *entry) listens(until time.Time) {
	if e.doors == nil {
		return
	}
	if l, ok := e.doors.listener.(interface{ SetDeadline(time.Time) error }); ok {
		_ = l.SetDeadline(until) // fails when it is closed
	}
}

// hushed has who accepts wait a little, where that was bounded because the gate is quiet.
func (d *doors) hushed(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	select {
	case <-time.After(lookAgain):
	case <-d.quit:
	}
	return true
}

// lookAgain is the time between two looks whether a gate is still quiet.
const lookAgain = 10 * time.Millisecond

// hush has connections of HTTP/2 not read that carry nothing.
func (c *clients) hush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.open {
		if one.below != nil && one.below.frames && one.asking.Load() == 0 {
			_ = one.below.Conn.SetReadDeadline(past) // fails when it is closed
		}
	}
}

// readAgain has who reads HTTP/2 wait until the gate speaks again, or the connection is
// closed.
func (c *counted) readAgain(p []byte, n int, err error) (int, error) {
	for n == 0 && c.frames && errors.Is(err, os.ErrDeadlineExceeded) {
		q := c.front.gate.quiet.Load()
		if q != nil {
			select {
			case <-q.over:
			case <-time.After(10 * lookAgain):
				if n, err = c.Conn.Read(p); errors.Is(err, net.ErrClosed) {
					return n, err
				}
				continue
			}
		}
		if err = c.Conn.SetReadDeadline(time.Time{}); err == nil {
			n, err = c.Conn.Read(p)
		}
	}
	return n, err
}

// notUnder says that the exchange is not waited for as a request is.
func (x *exchange) notUnder() {
	if !x.over {
		x.over = true
		x.under.End()
	}
}

// Held is how many exchanges would end if the gate did now for another one and nobody
// waited: requests are those under way, old those of them that were when the gate last
// was quiet, and sockets what changed its protocol and cannot be carried on.
type Held struct{ Requests, Old, Sockets int }

// Held returns them. kept: another gate takes up what can be.
func (g *Gate) Held(kept bool) (h Held) {
	k := &g.sockets
	k.mu.Lock()
	defer k.mu.Unlock()
	for s := range k.open {
		if !kept || !g.keepable() || !s.able() {
			h.Sockets++
		}
	}
	h.Requests, h.Old = g.under.All(), g.under.Old()
	return h
}

// ends are what may keep a connection that changed its protocol from being carried on.
type ends struct {
	known bool        // enough of its TLS, if it has some
	half  atomic.Bool // one side has ended, and the loop does not have it in clear
}

// able reports whether another gate can go on with it.
func (s *socket) able() bool { return s.ends.known && !s.ends.half.Load() }

// carriable reports whether enough is known of both legs.
func (s *socket) carriable() bool {
	_, trace, ok := s.x.sentBy.Load().layers()
	w, below := s.client.layers()
	if !ok || below == nil {
		return false
	}
	_, secret := w.Conn.(*tls.Conn)
	return (trace == nil || trace.Keepable()) && (!secret || below.trace.Keepable())
}
