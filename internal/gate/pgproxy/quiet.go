package pgproxy

import (
	"sekisho/internal/gate/netloop"
	"sekisho/internal/wire/pgwire"
)

// Quiet says what sessions may begin. What their clients send meanwhile waits in the
// sockets, as it does when the gate has ended and another follows: so when nothing is
// left that would end (Held), nothing comes up before it does.
type Quiet uint32

const (
	// Open lets everything begin.
	Open Quiet = iota
	// Closing lets nothing begin but in a transaction that is under way: others may wait
	// for what that has locked, so it comes to its end.
	Closing
	// Closed lets nothing begin.
	Closed
)

// SetQuiet says so to all sessions. Those that have something under way hear it when that
// has ended.
func (g *Gate) SetQuiet(q Quiet) {
	if Quiet(g.quiet.Swap(uint32(q))) == q { // who comes from now on sees it
		return
	}
	g.mu.Lock()
	pairs := make([]*netloop.Pair, 0, len(g.sessions))
	for _, s := range g.sessions {
		if p := s.pair.Load(); p != nil {
			pairs = append(pairs, p)
		}
	}
	g.mu.Unlock()
	netloop.WakeAll(pairs)
}

// silent says that the client is not read, so that it begins nothing. Whose message
// came in part is read: what is in the gate's memory cannot wait in a socket.
func (s *session) silent(p *netloop.Pair) bool {
	q := Quiet(s.gate.quiet.Load())
	if q == Open || q < s.silenced {
		s.silenced = Open
	}
	if s.silenced != Open || q == Open || !p.Rests(netloop.Client) {
		return s.silenced != Open
	}
	if outside := s.e.tx == pgwire.TxIdle && s.e.streaming == nil; (outside || q == Closed) && (s.e.atRest() || s.e.inside()) {
		s.silenced = q
	}
	return s.silenced != Open
}
