package pgproxy

import (
	"context"
	"errors"
	"sync"

	"sekisho/internal/event"
	"sekisho/internal/gate/cutting"
	"sekisho/internal/policy/cut"
)

var _ cutting.Cutter = (*Gate)(nil)

// errForbidden is why a session did not begin that a cut in force matches.
var errForbidden = errors.New("a cut in force matches this session (SK3005)")

// ending collects the sessions that a Cut ends.
type ending struct {
	mu   sync.Mutex
	list []*session
}

// enter registers a session with the cuts, or records that one refuses it.
func (g *Gate) enter(ctx context.Context, rec event.Recorder, s *session) error {
	who := &s.e.who
	live, e, refused := g.cuts.Enter(cut.Flow{Client: who.Address, User: who.User, Name: who.Database}, func(e cut.Entry) {
		s.give(&order{code: "57P01", message: "this access is cut", cut: true})
		g.ending.mu.Lock()
		defer g.ending.mu.Unlock()
		g.ending.list = append(g.ending.list, s)
	})
	if !refused {
		s.live = live
		return nil
	}
	s.leave()
	// What cannot be recorded is refused all the same.
	_, err := rec.Record(ctx, event.Written,
		&event.Decision{Session: s.e.session, Action: "refuse", Rule: e.ID, Reason: "cut", Code: "57P01", ID: newID()},
		&event.SessionClose{Session: s.e.session, Reason: "cut"})
	return errors.Join(errForbidden, err)
}

// leave takes the session out of the cuts; whoever waits for its end goes on.
func (s *session) leave() {
	s.live.Leave()
	s.once.Do(func() { close(s.gone) })
	s.surveyed(nil)
}

// Cut implements cutting.Cutter: sessions are matched by the client's address,
// the database user and the database's name. It returns when those that match
// have ended.
func (g *Gate) Cut(ctx context.Context, set *cut.Set) (closed int, err error) {
	if closed, err = g.cuts.Cut(ctx, set); err != nil {
		return closed, err
	}
	g.ending.mu.Lock()
	list := g.ending.list
	g.ending.list = nil
	g.ending.mu.Unlock()
	for _, s := range list {
		select {
		case <-s.gone:
		case <-ctx.Done():
			return closed, ctx.Err()
		}
	}
	return closed, nil
}

// Generation implements cutting.Cutter.
func (g *Gate) Generation() uint64 { return g.cuts.Generation() }
