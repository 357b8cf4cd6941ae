package webui

import (
	"context"
	"sync"
	"time"

	"sekisho/internal/control"
)

// shared is what the first screen shows to everybody. It is gathered once for
// all who ask at about the same time, behind their pages: nothing in it depends
// on who looks. The zero value is ready.
type shared struct {
	mu    sync.Mutex
	kept  *gathering // the last that ended and found out everything
	under *gathering // nil: none is under way
	acts  uint64     // of people, on pages of this process
}

// gathering is one look at everything that the first screen shows.
type gathering struct {
	head  uint64    // of the ledger when it began
	acts  uint64    // that came before it
	at    time.Time // when it began
	done  chan struct{}
	today *today // once done is closed
}

const (
	// sharedLife is how long it is shown while the ledger does not move: gates fall
	// silent without an event.
	sharedLife = 2 * time.Second
	// sharedWait is how long a page waits for newer figures while it has some that
	// are younger than sharedOld, which it shows then, with their time.
	sharedWait = 20 * time.Millisecond
	sharedOld  = 10 * time.Second
	// sharedMost bounds one gathering.
	sharedMost = time.Minute
)

// acted notes that somebody did something: what was gathered before is shown no
// more.
func (c *shared) acted() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acts++
}

// everybody returns what is the same for all. late says that it is of a moment
// ago and that newer figures are on their way.
func (s *Server) everybody(ctx context.Context) (t *today, late bool) {
	status, err := s.Office.Status(ctx)
	for asked := time.Now(); ; {
		kept, g := s.gatherings(ctx, asked, status, err)
		if g == nil {
			return kept.today, false
		}
		var enough <-chan time.Time
		if kept != nil {
			timer := time.NewTimer(sharedWait)
			defer timer.Stop()
			enough = timer.C
		}
		select {
		case <-g.done:
		case <-enough:
			return kept.today, true
		case <-ctx.Done():
			return &today{failed: true, Status: status}, false
		}
		if !g.at.Before(asked) || g.head == status.Head && status.Head != 0 && s.shared.sees(g) {
			return g.today, false
		}
	}
}

// sees reports that nobody acted since it began.
func (c *shared) sees(g *gathering) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return g.acts == c.acts
}

// gatherings returns what may be shown, and the gathering that is under way for
// something newer; nil when what is kept is as new as can be.
func (s *Server) gatherings(ctx context.Context, asked time.Time, status control.Status, err error) (kept, under *gathering) {
	c := &s.shared
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.kept; k != nil && k.acts == c.acts && status.Head != 0 && err == nil {
		switch age := asked.Sub(k.at); {
		case k.head == status.Head && age < sharedLife:
			return k, nil
		case age < sharedOld:
			kept = k
		}
	}
	if c.under == nil {
		c.under = &gathering{head: status.Head, acts: c.acts, at: time.Now(), done: make(chan struct{})}
		run, cancel := s.beyond(ctx, sharedMost)
		go func() { // ends with the server, or after sharedMost
			defer cancel()
			s.gathered(s.gather(run, status, err))
		}()
	}
	return kept, c.under
}

// gathered ends the gathering that is under way.
func (s *Server) gathered(t *today) {
	c := &s.shared
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.under
	g.today, c.under = t, nil
	if !t.failed { // else it is not shown to the next one
		c.kept = g
	}
	close(g.done)
}
