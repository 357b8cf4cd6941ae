package pgproxy

import (
	"context"
	"sync"

	"sekisho/internal/event"
)

// survey asks sessions, each on its worker, whether they could be kept now.
type survey struct {
	mu   sync.Mutex
	left map[*session]bool // have not answered
	held map[event.Session]uint64
	done chan struct{} // closed when nobody is left
}

// Held returns the sessions that would end if the gate ended now for another one and
// nobody waited for them, with how far each has come: who is held twice at the same
// point has something under way for as long. A session that does not answer before ctx
// is done counts as held.
func (g *Gate) Held(ctx context.Context) map[event.Session]uint64 {
	q := &survey{left: map[*session]bool{}, held: map[event.Session]uint64{}, done: make(chan struct{})}
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
			q.answer(s, false, 0)
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
			q.held[s.e.session] = 0
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

// answer notes what a session says.
func (q *survey) answer(s *session, held bool, at uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.left[s] {
		return
	}
	delete(q.left, s)
	if held {
		q.held[s.e.session] = at + 1
	}
	if len(q.left) == 0 {
		close(q.done)
	}
}

// surveyed answers who asked; ended: the session has.
func (s *session) surveyed(ended bool) {
	q := s.survey.Swap(nil)
	if q == nil {
		return
	}
	if ended {
		q.answer(s, false, 0)
		return
	}
	able := s.gate.cfg.Keep != nil && s.gate.cfg.Loop.Native() && s.keepable() && (s.e.atRest() || s.e.inside())
	q.answer(s, !able, s.e.answered)
}
