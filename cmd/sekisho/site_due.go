package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"sekisho/internal/event"
)

// callTime bounds how long a question waits for remote processes that are
// connected: their gates give a sign of life every second.
const callTime = 4 * time.Second

// callAgain is how long pages that many people look at rest on what one of them
// called in.
const callAgain = 5 * time.Second

// callInNow is callIn, unless that was done a moment ago.
func (c *console) callInNow(ctx context.Context) error {
	c.calling.Lock()
	defer c.calling.Unlock()
	now := c.now()
	if since := now.Sub(c.called); since >= 0 && since < callAgain {
		return nil
	}
	err := c.callIn(ctx)
	if err == nil {
		c.called = now
	}
	return err
}

// callIn records that what remote processes recorded until now is wanted, and
// waits for those that are connected. What does not come in time is uncovered in
// the answer, and covered as soon as it is here.
func (p *process) callIn(ctx context.Context) error {
	known := map[string]bool{} // and connected
	if p.cut != nil && p.cut.cuts != nil {
		known = p.cut.cuts.Sites()
	} else {
		for name := range p.past.cuts.Sites {
			known[name] = false
		}
	}
	if err := p.view.await(ctx, p.ledger.Head()); err != nil {
		return err
	}
	for _, name := range p.view.view.Sites() { // also of those that are revoked
		if _, enrolled := known[name]; !enrolled {
			known[name] = false
		}
	}
	delete(known, p.member)
	if len(known) == 0 {
		return nil
	}
	if _, err := p.self.Record(ctx, event.Durable, &event.RecordDue{Sites: slices.Sorted(maps.Keys(known))}); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	for {
		head := p.ledger.Head()
		if err := p.view.await(ctx, head); err != nil {
			return err
		}
		if !slices.ContainsFunc(p.view.view.Owed(), func(name string) bool { return known[name] }) {
			return nil
		}
		if _, err := p.ledger.Wait(wait, head); err != nil {
			if wait.Err() != nil && ctx.Err() == nil {
				return nil
			}
			return errors.Join(err, ctx.Err())
		}
	}
}
