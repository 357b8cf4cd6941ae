package hub

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/event"
	"sekisho/internal/hub/answer"
	"sekisho/internal/hub/frame"
	"sekisho/internal/policy/order"
)

// link is the stream to a site that is connected. Only the latest order
// counts: an older one that was not sent yet is left out.
type link struct {
	name  string
	first uint64      // generation in force when it connected
	next  chan []byte // of one: the order to send next
	gone  context.CancelFunc
}

// send never waits.
func (l *link) send(text []byte) {
	for {
		select {
		case l.next <- text:
			return
		default:
		}
		select {
		case <-l.next: // replaced
		default:
		}
	}
}

// connect registers a stream; the order in force is the first thing it sends.
// An older stream of the same site ends.
func (c *Cuts) connect(ctx context.Context, name string, gone context.CancelFunc) (*link, error) {
	l := &link{name: name, next: make(chan []byte, 1), gone: gone}
	c.mu.Lock()
	s := c.sites[name]
	if s == nil {
		c.mu.Unlock()
		return nil, fmt.Errorf("gate %s is not enrolled", name)
	}
	if s.link != nil {
		s.link.gone()
	}
	s.link, s.since, l.first = l, c.cfg.Now(), c.order.Generation
	if c.text != nil {
		l.send(c.text)
	}
	generation := s.acked
	c.signal()
	c.mu.Unlock()
	return l, c.cfg.Record(ctx, &event.GateLink{Gate: name, Up: true, Generation: generation})
}

// disconnect makes the site red, unless it has a newer stream.
func (c *Cuts) disconnect(ctx context.Context, l *link, reason string) error {
	c.mu.Lock()
	s := c.sites[l.name]
	if s == nil || s.link != l {
		c.mu.Unlock()
		return nil
	}
	s.link, s.since = nil, c.cfg.Now()
	generation := s.acked
	c.signal()
	c.mu.Unlock()
	return c.cfg.Record(context.WithoutCancel(ctx), &event.GateLink{Gate: l.name, Generation: generation, Reason: reason})
}

// receive takes a site's answers to an order.
func (c *Cuts) receive(ctx context.Context, name string, r *frame.Receipts) error {
	c.mu.Lock()
	s := c.sites[name]
	c.mu.Unlock()
	if s == nil {
		return fmt.Errorf("gate %s is not enrolled", name)
	}
	var answers []answer.Answer
	for _, text := range r.Receipts {
		got, err := order.OpenReceipt([]byte(text), s.verifier)
		if err != nil {
			return err
		}
		if got.Generation != r.Generation || !under(got.Gate, name) {
			return fmt.Errorf("a receipt of %q for generation %d from %q for %d", got.Gate, got.Generation, name, r.Generation)
		}
		answers = append(answers, answer.Answer{Receipt: *got, Text: []byte(text)})
	}
	for _, f := range r.Failed {
		if !under(f.Gate, name) {
			return fmt.Errorf("%q speaks for %q", name, f.Gate)
		}
		answers = append(answers, answer.Answer{Receipt: order.Receipt{Gate: f.Gate}, Err: fmt.Errorf("%.200s", f.Problem)})
	}
	c.mu.Lock()
	if digest := order.Digest(c.text); r.Generation == c.order.Generation {
		for _, a := range answers {
			if a.Err == nil && a.Receipt.Digest != digest {
				c.mu.Unlock()
				return fmt.Errorf("a receipt of %q for another text of generation %d", a.Receipt.Gate, r.Generation)
			}
		}
	}
	s.acked = max(s.acked, r.Generation)
	c.mu.Unlock()
	return c.take(ctx, answers)
}

// enrol lets a site connect with a certificate, whose receipts key verifies.
// c.joining is held.
func (c *Cuts) enrol(ctx context.Context, name, key, cert, by string) error {
	v, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	if err := c.cfg.Record(ctx, &event.GateEnrolled{Gate: name, Step: "enrolled", Key: key, Cert: cert, By: by}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.sites[name]; s != nil && s.link != nil {
		s.link.gone() // whoever had the name before
	}
	c.sites[name] = &site{verifier: v, certs: []string{cert}, since: c.cfg.Now()}
	c.signal()
	return nil
}

// Revoke ends a site's connection and lets it connect no more; a token of it that
// nobody used is void.
func (c *Cuts) Revoke(ctx context.Context, name, by string) error {
	c.joining.Lock()
	defer c.joining.Unlock()
	if !c.enrolled(name) && !c.expects(name) {
		return fmt.Errorf("%s: %w", name, ErrUnknown)
	}
	if err := c.cfg.Record(ctx, &event.GateEnrolled{Gate: name, Step: "revoked", By: by}); err != nil {
		return err
	}
	c.mu.Lock()
	if s := c.sites[name]; s != nil && s.link != nil {
		s.link.gone()
	}
	delete(c.sites, name)
	delete(c.invited, name)
	c.signal()
	c.mu.Unlock()
	return forget(c.cfg.Dir, name)
}

// Sites returns the remote processes that may connect, and whether each is
// connected.
func (c *Cuts) Sites() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string]bool, len(c.sites))
	for name, s := range c.sites {
		out[name] = s.link != nil
	}
	return out
}

func (c *Cuts) enrolled(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sites[name] != nil
}

// lets reports whether a site may connect with a certificate: one that it got since
// it joined last, not one of whoever had its name before it was revoked.
func (c *Cuts) lets(name, cert string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sites[name]
	return s != nil && slices.Contains(s.certs, cert)
}

// renewed records that a site has another certificate.
func (c *Cuts) renewed(ctx context.Context, name, cert string) error {
	c.joining.Lock()
	defer c.joining.Unlock()
	if !c.enrolled(name) {
		return fmt.Errorf("gate %s is not enrolled", name)
	}
	if err := c.cfg.Record(ctx, &event.GateEnrolled{Gate: name, Step: "renewed", Cert: cert, By: name}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sites[name].certs = append(c.sites[name].certs, cert)
	return nil
}
