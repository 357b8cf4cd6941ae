package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/hub/frame"
	"sekisho/internal/policy/cut"
	"sekisho/internal/policy/order"
)

// issue records an order, keeps it, puts it in force and sends it. The error is
// what was not recorded or kept. c.ordering is held.
func (c *Cuts) issue(ctx context.Context, next order.Order, set *cut.Set, text []byte, by, reason string) error {
	unrecorded := c.cfg.Record(ctx, ordered(c.order.Entries, &next, text, by, reason))
	unkept := c.write(text)
	if unkept != nil { // a way out stays shut for want of room, not open
		unrecorded = errors.Join(unrecorded, fmt.Errorf("not on disk yet, which is tried again: %w", unkept))
	}
	c.mu.Lock()
	c.order, c.text, c.unkept = next, text, unkept != nil
	clear(c.failed)
	links := c.links()
	c.mu.Unlock()
	for _, l := range links {
		l.send(text)
	}
	return errors.Join(unrecorded, c.reach(ctx, text, set, links))
}

// adopt puts back in force what a hub forgot that died before it could keep it: a
// remote gate holds the order, under the hub's own signature. Where the hub has
// made another of the same generation since, what either says is in force, by a
// new one. Older orders change nothing.
func (c *Cuts) adopt(ctx context.Context, text []byte) error {
	kept, err := order.OpenOrder(text, c.cfg.Verifier)
	if err != nil {
		return err
	}
	if kept.Tenant != c.cfg.Tenant {
		return fmt.Errorf("an order for tenant %q", kept.Tenant)
	}
	c.ordering.Lock()
	defer c.ordering.Unlock()
	c.mu.Lock()
	now, known := c.order, c.text != nil && order.Digest(c.text) == order.Digest(text)
	c.mu.Unlock()
	if known || kept.Generation < now.Generation {
		return nil
	}
	next := *kept
	if kept.Generation == now.Generation {
		next = joined(now, kept.Entries, c.cfg.Now())
	}
	set, err := next.Set()
	if err != nil {
		return err
	}
	if next.Entries = set.Entries(); next.Generation > kept.Generation {
		if text, err = next.Sign(c.cfg.Signer); err != nil {
			return err
		}
	}
	return c.issue(ctx, next, set, text, "sekisho", "was in force at a remote gate and not here")
}

// Run keeps an order that there was no room for as soon as there is, until ctx
// ends. A run of the process also ends when there is room again: what is left is
// tried once more then.
func (c *Cuts) Run(ctx context.Context) error {
	tick := time.NewTicker(frame.Beat)
	defer tick.Stop()
	defer c.keep()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			c.keep()
		}
	}
}

// keep tries again what could not be written.
func (c *Cuts) keep() {
	c.ordering.Lock() // so that no older order comes over a newer one
	defer c.ordering.Unlock()
	c.mu.Lock()
	text, unkept := c.text, c.unkept
	c.mu.Unlock()
	if !unkept || c.write(text) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unkept = false
}

func (c *Cuts) write(text []byte) error {
	return durable.WriteFile(c.cfg.Files, orderFile, text, 0o600)
}

// joined is the order after now that holds entries too. Two hubs' orders of one
// generation name their entries alike: what is another cut gets another name.
func joined(now order.Order, entries []cut.Entry, at time.Time) order.Order {
	next := order.Order{Tenant: now.Tenant, Generation: now.Generation + 1, At: at.UTC(), Entries: slices.Clone(now.Entries)}
	for _, e := range entries {
		i := slices.IndexFunc(next.Entries, func(o cut.Entry) bool { return o.ID == e.ID })
		if i >= 0 && next.Entries[i] == e {
			continue
		}
		if i >= 0 {
			e.ID = fmt.Sprintf("cut-%d-%d", next.Generation, len(next.Entries)+1)
		}
		next.Entries = append(next.Entries, e)
	}
	return next
}
