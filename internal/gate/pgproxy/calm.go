package pgproxy

import (
	"sync"
	"time"
)

// changePatience bounds how long code waits until another session's change of
// the schema is over. That session may itself wait for a lock of this one.
const changePatience = 2 * time.Second

// calm is closed when no session has uncommitted schema changes, and what
// their statements tainted is protected.
type calm struct {
	mu sync.Mutex
	ch chan struct{}
}

// comes is called when the last change is over.
func (c *calm) comes() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ch != nil {
		close(c.ch)
		c.ch = nil
	}
}

// whenCalm calls wake once nobody changes the schema, or after changePatience.
func (g *shared) whenCalm(wake func()) {
	g.reg.calm.mu.Lock()
	if g.reg.calm.ch == nil {
		g.reg.calm.ch = make(chan struct{})
	}
	ch := g.reg.calm.ch
	g.reg.calm.mu.Unlock()
	if g.reg.changing.Load() <= 0 { // the last one ended before the channel was there
		g.reg.calm.comes()
	}
	g.spawn(func() {
		patience := time.NewTimer(changePatience)
		defer patience.Stop()
		select {
		case <-ch:
		case <-patience.C:
		case <-g.ctx.Done():
		}
		wake()
	})
}

// calmly makes sure that no other session is changing the schema when this one
// runs code. While one is, what a DO block or CALL would write cannot be known,
// and code that is not known leaves the database suspected until an operator
// clears it: waiting a moment is cheaper. It returns false when the client's
// message must wait, which it does once.
func (e *engine) calmly() bool {
	if e.ddl.mark != 0 || e.g.reg.changing.Load() <= 0 || e.calmedAt == e.sent+1 {
		return true
	}
	e.calmedAt = e.sent + 1
	e.waitClient = waitAnalysis
	e.g.whenCalm(e.wake)
	return false
}
