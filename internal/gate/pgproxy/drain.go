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

	midway int           // sessions that are to be kept and rest in the middle of a transaction
	wait   chan struct{} // of capacity 1: all that are left do
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
	for over := false; !over; {
		select {
		case <-g.idle:
			over = true
		case <-g.wait:
			g.keepMidway(true)
		case <-t.C:
			if over = !g.keepMidway(false); !over {
				t.Reset(letGoPatience)
				continue
			}
			g.log("drain", fmt.Errorf("sessions still open after %v are ended", g.cfg.DrainTimeout))
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.idled = true // nobody enters any more
}

// letGoPatience bounds how long the loop may take, after the time of the drain, to
// let go of those in the middle of a transaction or of a statement.
const letGoPatience = time.Second

// keepMidway has sessions kept in the middle of a transaction. Before that they go
// on: what another session waits for may be what they have locked. all: only if no
// other session is left; else, when the time is over, those in the middle of a statement
// that reads are kept too. It returns false when they were told before, or there is none.
func (g *Gate) keepMidway(all bool) bool {
	g.mu.Lock()
	if !g.last.keep || g.last.inside || len(g.sessions) == 0 || all && (g.last.midway || g.midway != len(g.sessions)) {
		g.mu.Unlock()
		return false
	}
	last := *g.last
	last.midway, last.inside = true, !all
	g.last = &last
	g.mu.Unlock()
	g.orderAll(&last, func(*session) bool { return true })
	return true
}

// stays notes whether a session waits in the middle of a transaction until it may be
// kept, and returns it.
func (g *Gate) stays(s *session, midway bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.stays != midway {
		s.stays = midway
		if g.midway--; midway {
			g.midway += 2
		}
		g.rests()
	}
	return midway
}

// keeps says that another gate takes the sessions up.
func (g *Gate) keeps() bool { return g.cfg.Keep != nil && g.cfg.Loop.Native() && g.cfg.Keep() }

// rests says when a gate that ends has nothing left to wait for. g.mu is held.
func (g *Gate) rests() {
	if g.last != nil && !g.idled && len(g.sessions) == 0 && (!g.last.keep || g.logins == 0) {
		g.idled = true
		close(g.idle)
	}
	if g.last != nil && g.last.keep && g.midway > 0 && g.midway == len(g.sessions) && g.logins == 0 {
		select {
		case g.wait <- struct{}{}:
		default:
		}
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
