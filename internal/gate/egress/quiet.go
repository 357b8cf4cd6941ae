package egress

import (
	"net"
	"time"

	"sekisho/internal/gate/netloop"
)

// While a gate is quiet no connection is accepted, and those that ask for HTTP end with
// the answer, or at once when they wait for a request: who asks again does so on another,
// which waits in the kernel's queue. What is under way goes on, tunnels among it.

// SetQuiet has a gate be quiet, or speak again. It stays quiet when it ends.
func (g *Gate) SetQuiet(on bool) {
	if g.quiet.Swap(on) == on {
		return
	}
	until := time.Time{}
	if !on {
		g.requests.Mark()
	} else {
		until = time.Unix(1, 0)
	}
	for _, l := range []net.Listener{g.cfg.Listener, g.cfg.Transparent} {
		if l, ok := l.(interface{ SetDeadline(time.Time) error }); ok {
			_ = l.SetDeadline(until) // fails when it is closed
		}
	}
	g.server.SetKeepAlivesEnabled(!on)
	g.reader.SetKeepAlivesEnabled(!on)
}

// lookAgain is the time between two looks whether a gate is still quiet.
const lookAgain = 10 * time.Millisecond

// Held is how many flows would end if the gate did now for another one and nobody
// waited: requests are those under way, also within tunnels that are read, old those of
// them that were when the gate last was quiet, and tunnels those that cannot be carried on.
type Held struct{ Requests, Old, Tunnels int }

// Held returns them. kept: another gate takes up what can be.
func (g *Gate) Held(kept bool) Held {
	h := Held{Requests: g.requests.All(), Old: g.requests.Old()}
	if !kept || !g.keepable() {
		h.Tunnels = g.loop.Pairs()
		return h
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for f := range g.keeping.tunnels {
		if f.unkept.Load() {
			h.Tunnels++
		}
	}
	return h
}

// able notes whether the loop could let go of the tunnel.
func (f *flow) able(p *netloop.Pair) {
	if is := !p.Keepable(); is != f.unkept.Load() {
		f.unkept.Store(is)
	}
}
