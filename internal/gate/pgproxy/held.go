package pgproxy

import (
	"context"
	"sync"

	"sekisho/internal/event"
	"sekisho/internal/gate/netloop"
)

// survey asks sessions, each on its worker, whether they could be kept now.
type survey struct {
	mu   sync.Mutex
	left map[*session]bool // have not answered
	held map[event.Session]Held
	done chan struct{} // closed when nobody is left
}

// Held is why a session would end if its gate did now for another one and nobody waited.
// Who is held twice in the same way has something under way for as long.
type Held struct {
	At  uint64 // how far it has come; 0: it did not answer
	TLS bool   // no other gate can go on with its TLS, whatever it does
}

// Held returns those sessions. When the gate is Closed, they are also those that could
// still begin something. A session that does not answer before ctx is done counts as
// held.
func (g *Gate) Held(ctx context.Context) map[event.Session]Held {
	q := &survey{left: map[*session]bool{}, held: map[event.Session]Held{}, done: make(chan struct{})}
	g.mu.Lock()
	for _, s := range g.sessions {
		q.left[s] = true
	}
	g.mu.Unlock()
	if len(q.left) == 0 {
		return nil
	}
	list := make([]*session, 0, len(q.left))
	for s := range q.left {
		list = append(list, s)
	}
	for _, s := range list {
		s.survey.Store(q)
		if p := s.pair.Load(); p != nil {
			p.Wake()
		}
		if s.isGone() { // it answered who asked before; one that goes from now on finds q
			q.answer(s, nil)
		}
	}
	select {
	case <-q.done:
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for s := range q.left {
		if !s.isGone() {
			q.held[s.e.session] = Held{}
		}
	}
	q.left = nil
	return q.held
}

func (s *session) isGone() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// answer notes what a session says; nil: it can be kept, or has ended.
func (q *survey) answer(s *session, held *Held) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.left[s] {
		return
	}
	delete(q.left, s)
	if held != nil {
		q.held[s.e.session] = *held
	}
	if len(q.left) == 0 {
		close(q.done)
	}
}

// surveyed answers who asked; nil: the session has ended.
func (s *session) surveyed(p *netloop.Pair) {
	q := s.survey.Swap(nil)
	if q == nil {
		return
	}
	if p == nil {
		q.answer(s, nil)
		return
	}
	at := s.e.answered
	if s.e.streaming != nil { // which answers nothing
		at = s.e.bytesOut
	}
	able := s.gate.cfg.Keep != nil && s.gate.cfg.Loop.Native() && s.keepable()
	rests := (s.e.atRest() || s.e.inside()) && (s.silent(p) || Quiet(s.gate.quiet.Load()) != Closed)
	if able && rests {
		q.answer(s, nil)
		return
	}
	q.answer(s, &Held{At: at + 1, TLS: !s.login.Client.Keepable() || !s.login.Upstream.Keepable()})
}
