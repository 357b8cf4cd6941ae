package hub

import (
	"bytes"
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

// issue records an order, keeps it and sends it. The error is what was not
// recorded or kept. c.ordering is held.
func (c *Cuts) issue(ctx context.Context, next order.Order, text []byte, by, reason string) ([]*link, error) {
	unrecorded := c.cfg.Record(ctx, ordered(c.order.Entries, &next, text, by, reason))
	unkept := c.write(text)
	if unkept != nil { // a way out stays shut for want of room, not open
		unrecorded = errors.Join(unrecorded, fmt.Errorf("not on disk yet, which is tried again: %w", unkept))
	}
	c.mu.Lock()
	c.order, c.text, c.unkept = next, text, unkept != nil
	c.knows(&next)
	clear(c.failed)
	links := c.links()
	c.mu.Unlock()
	for _, l := range links {
		l.send(text)
	}
	return links, unrecorded
}

// knows remembers cuts of one's own, and when they were first ordered. c.ordering and
// c.mu are held.
func (c *Cuts) knows(o *order.Order) {
	for _, e := range o.Entries {
		if _, known := c.ever[name(e)]; !known {
			c.ever[name(e)] = o.At.UnixNano()
		}
	}
}

// adopt puts back in force what a hub forgot that died before it could keep it: a
// remote gate holds the order, under the hub's own signature. The hub knows every
// cut that it ever recorded, lifted or not: one that it does not know was forgotten.
// A newer order is taken as it is, with what was ordered here after it was made; what
// an older one, or another of the same generation, has besides is added by a new one.
// It waits for no remote gate, and one that brings nothing new for no order under way:
// that waits for the gate to take it.
func (c *Cuts) adopt(ctx context.Context, text []byte) error {
	kept, err := order.OpenOrder(text, c.cfg.Verifier)
	if err != nil {
		return err
	}
	if kept.Tenant != c.cfg.Tenant {
		return fmt.Errorf("an order for tenant %q", kept.Tenant)
	}
	if _, _, nothing := c.forgot(kept, text); nothing {
		return nil
	}
	c.ordering.Lock()
	defer c.ordering.Unlock()
	now, forgotten, nothing := c.forgot(kept, text)
	if nothing {
		return nil
	}
	next := *kept
	if kept.Generation <= now.Generation {
		next = joined(now, forgotten, c.cfg.Now())
	} else if since := c.since(now.Entries, kept); len(since) > 0 {
		next = joined(next, since, c.cfg.Now())
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
	_, unrecorded := c.issue(ctx, next, text, "sekisho", "was in force at a remote gate and not here")
	_, err = c.apply(ctx, text, set)
	return errors.Join(unrecorded, err)
}

// forgot returns the order in force and what another one has that the hub does not
// know; nothing says that the hub knows all that the other one says.
func (c *Cuts) forgot(kept *order.Order, text []byte) (now order.Order, forgotten []cut.Entry, nothing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Equal(c.text, text) {
		return c.order, nil, true
	}
	forgotten = slices.DeleteFunc(slices.Clone(kept.Entries), func(e cut.Entry) bool {
		_, known := c.ever[name(e)]
		return known || !e.InForce(c.cfg.Now())
	})
	return c.order, forgotten, kept.Generation < c.order.Generation && len(forgotten) == 0
}

// since returns those of entries that were ordered after a forgotten order was made,
// which its number does not say: numbers of forgotten orders are given again.
// c.ordering is held.
func (c *Cuts) since(entries []cut.Entry, forgotten *order.Order) []cut.Entry {
	has := make(map[string]bool, len(forgotten.Entries))
	for _, e := range forgotten.Entries {
		has[name(e)] = true
	}
	return slices.DeleteFunc(slices.Clone(entries), func(e cut.Entry) bool {
		n := name(e)
		return has[n] || c.ever[n] <= forgotten.At.UnixNano() || !e.InForce(c.cfg.Now())
	})
}

// name is what makes a cut that cut and no other: its end is a time to the
// nanosecond. Its id is not, as joined gives another.
func name(e cut.Entry) string { return fmt.Sprintf("%s %s %d", e.Kind, e.Target, e.Until) }

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
