package webui

import (
	"context"
	"sync"
	"time"
)

// shared is what the first screen shows to everybody. It is gathered once for
// all who ask at about the same time: nothing in it depends on who looks.
type shared struct {
	mu    sync.Mutex // also while it is gathered
	head  uint64     // of the ledger then
	at    time.Time
	today *today
}

// sharedLife is how long it is shown while the ledger does not move: gates fall
// silent without an event.
const sharedLife = 2 * time.Second

// everybody returns what is the same for all.
func (s *Server) everybody(ctx context.Context) *today {
	c := &s.shared
	c.mu.Lock()
	defer c.mu.Unlock()
	status, err := s.Office.Status(ctx)
	if err == nil && c.today != nil && status.Head == c.head && status.Head != 0 && time.Since(c.at) < sharedLife {
		return c.today
	}
	t := s.gather(ctx, status, err)
	c.today, c.head, c.at = t, status.Head, time.Now()
	if t.failed { // not shown to the next one
		c.today = nil
	}
	return t
}
