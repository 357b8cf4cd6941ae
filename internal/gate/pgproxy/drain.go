package pgproxy

import (
	"fmt"
	"time"
)

// drains is how a gate ends. Gate.mu guards it.
type drains struct {
	last   *order        // what sessions are told as the gate ends; nil: it does not
	logins int           // under way
	idle   chan struct{} // closed when the gate ends and nothing is left to wait for
	idled  bool          // it is closed
}

// drain asks every session to end, or to be kept, and waits. Logins under way are
// waited for when their sessions are kept; else they end by themselves.
func (g *Gate) drain() {
	last := &order{code: "57P01", message: "the gate is being stopped", idle: true, keep: g.keeps()}
	g.mu.Lock()
	g.last = last
	g.rests()
	g.mu.Unlock()
	g.orderAll(last, func(*session) bool { return true })
	t := time.NewTimer(g.cfg.DrainTimeout)
	defer t.Stop()
	select {
	case <-g.idle:
	case <-t.C:
		g.log("drain", fmt.Errorf("sessions still open after %v are ended", g.cfg.DrainTimeout))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.idled = true // nobody enters any more
}

// keeps says that another gate takes the sessions up.
func (g *Gate) keeps() bool { return g.cfg.Keep != nil && g.cfg.Loop.Native() && g.cfg.Keep() }

// rests says when a gate that ends has nothing left to wait for. g.mu is held.
func (g *Gate) rests() {
	if g.last != nil && !g.idled && len(g.sessions) == 0 && (!g.last.keep || g.logins == 0) {
		g.idled = true
		close(g.idle)
	}
}

// entering counts the logins under way.
func (g *Gate) entering(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.logins += n
	g.rests()
}

// closed says that nobody enters any more. g.mu is not held.
func (g *Gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut()
}

func (g *Gate) shut() bool { return g.last != nil && (g.idled || !g.last.keep) }

// register enters a session. One that comes while others are being kept is kept
// too.
func (g *Gate) register(s *session) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut() {
		return false
	}
	g.sessions[s.e.session] = s
	if g.last != nil {
		s.give(g.last)
	}
	return true
}
