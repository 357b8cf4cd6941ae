package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"sekisho/internal/durable"
	"sekisho/internal/hub/answer"
	"sekisho/internal/hub/frame"
	"sekisho/internal/policy/order"
)

// take verifies an order, keeps it and puts it in force. It is kept before any
// gate hears of it, so that a crash leaves the old one or the new one. One that
// cannot be kept, on a full disk, is in force all the same: a way out stays shut
// for want of room, not open. It is tried again, and a restart asks the hub first.
func (s *Site) take(ctx context.Context, text []byte, keep bool) (*frame.Receipts, error) {
	o, err := order.OpenOrder(text, s.orders)
	if err != nil {
		return nil, err
	}
	if o.Tenant != s.member.Tenant {
		return nil, fmt.Errorf("an order for tenant %q", o.Tenant)
	}
	set, err := o.Set()
	if err != nil {
		return nil, err
	}
	in := s.cfg.Gates.Generation()
	if o.Generation < in {
		return nil, fmt.Errorf("order %d: %w (%d)", o.Generation, answer.ErrOlder, in)
	}
	another := !bytes.Equal(text, s.order)
	if o.Generation == in && s.order != nil && another { // of a hub that forgot the one in force
		return nil, fmt.Errorf("another order %d: %w", o.Generation, errTwo)
	}
	s.order = text
	if keep && another {
		s.unkept.order = nil
		if err := s.write(orderFile, text); err != nil {
			s.unkept.order = text
			s.cfg.Log.Error("an order is in force and not on disk yet: it is tried again; until then a restart has it from the hub only", "generation", o.Generation, "err", err)
		}
	}
	answers, err := s.cfg.Gates.Put(ctx, text, set)
	if err != nil {
		return nil, err
	}
	r := &frame.Receipts{Generation: o.Generation}
	for _, a := range answers {
		if a.Err != nil {
			r.Failed = append(r.Failed, frame.Failed{Gate: a.Receipt.Gate, Problem: a.Err.Error()})
			continue
		}
		r.Receipts = append(r.Receipts, string(a.Text))
	}
	return r, nil
}

// errTwo is an order of the generation in force that is another.
var errTwo = errors.New("there are two orders of one generation")

// remind gives the hub the order in force before anything newer is taken: a hub that
// died before it could keep it has forgotten it, and would take its place. A hub of
// before 2026-11-23 does not ask.
func (s *Site) remind(ctx context.Context, client *http.Client) error {
	ctx, cancel := context.WithTimeout(ctx, frame.Beat)
	defer cancel()
	err := call(ctx, client, http.MethodPost, s.member.Hub+"/v1/order", frame.Order{Text: string(s.order)}, &struct{}{})
	if status := (*statusError)(nil); errors.As(err, &status) && (status.code == http.StatusNotFound || status.code == http.StatusBadRequest) {
		s.cfg.Log.Warn("the hub does not take the order in force here", "err", err)
		return nil
	}
	return err
}

func (s *Site) write(name string, text []byte) error {
	return durable.WriteFile(s.cfg.Files, name, text, 0o600)
}

// keep tries again what there was no room for.
func (s *Site) keep(ctx context.Context) {
	if text := s.unkept.order; text != nil && s.write(orderFile, text) == nil {
		s.unkept.order = nil
		s.cfg.Log.Info("the order in force is on disk now")
	}
	if text := s.unkept.policy; text != nil {
		if err := s.takePolicy(ctx, text); err != nil {
			s.cfg.Log.Error("a policy of the hub is not taken; what is in force stays", "code", "SK3706", "err", err)
			s.unkept.policy = nil
		}
	}
}
