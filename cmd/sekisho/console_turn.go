package main

import (
	"context"
	"sync"
	"time"

	"sekisho/internal/fault"
)

// How long a question over the whole ledger waits for its turn and takes, and how many
// of one account do either at the same time.
const (
	turnWait  = 30 * time.Second
	turnTakes = 10 * time.Minute
	mostTurns = 4
)

// turn is what one has at a time. Its zero value is free.
type turn struct {
	once sync.Once
	had  chan struct{}

	mu    sync.Mutex
	asked map[string]int // that wait or have it, by account
}

// take waits for the turn; done gives it back. by is the account that asks, empty for
// somebody before a page.
func (t *turn) take(ctx context.Context, by string) (done func(), err error) {
	t.once.Do(func() { t.had, t.asked = make(chan struct{}, 1), map[string]int{} })
	if !t.ask(by) {
		return nil, fault.New(fault.APIReading)
	}
	waiting := time.NewTimer(turnWait)
	defer waiting.Stop()
	select {
	case t.had <- struct{}{}:
		return func() { <-t.had; t.over(by) }, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-waiting.C:
		err = fault.New(fault.APIReading)
	}
	t.over(by)
	return nil, err
}

func (t *turn) ask(by string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if by != "" && t.asked[by] >= mostTurns {
		return false
	}
	t.asked[by]++
	return true
}

func (t *turn) over(by string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked[by]--; t.asked[by] == 0 {
		delete(t.asked, by)
	}
}
