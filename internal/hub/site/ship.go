package site

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"sekisho/internal/hub/frame"
)

// Chain is the events of one source and worker.
type Chain struct {
	Source string
	Worker uint16
}

// Shipper is the process's own ledger as shipping sees it.
type Shipper interface {
	// Chains lists the chains that there are.
	Chains(ctx context.Context) ([]Chain, error)
	// Lines returns whole lines of a chain from a sequence number on, at most
	// max bytes, and nothing when there are no more.
	Lines(ctx context.Context, c Chain, from uint64, max int) ([]byte, error)
	// Wait returns when there is more than at the last call, or when ctx ends.
	Wait(ctx context.Context) error
}

// shipBytes is how much goes in one request.
const shipBytes = 1 << 20

// ship sends what the hub does not have, chain by chain, and then what comes.
// The hub says for each chain where to go on, so that nothing is remembered
// here and nothing is stored twice.
func (s *Site) ship(ctx context.Context) {
	retry := s.cfg.Retry
	for ctx.Err() == nil {
		err := s.shipAll(ctx)
		if err == nil {
			retry = s.cfg.Retry
			err = s.cfg.Ship.Wait(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("events wait for the hub", "hub", s.member.Hub, "again_in", retry, "err", err)
			pause(ctx, retry)
			retry = min(2*retry, 16*s.cfg.Retry)
		}
	}
}

func (s *Site) shipAll(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	chains, err := s.cfg.Ship.Chains(ctx)
	if err != nil {
		return err
	}
	for _, c := range chains {
		if err := s.shipChain(ctx, client, c); err != nil {
			return fmt.Errorf("%s/%d: %w", c.Source, c.Worker, err)
		}
	}
	return nil
}

func (s *Site) shipChain(ctx context.Context, client *http.Client, c Chain) error {
	address := fmt.Sprintf("%s/v1/events/%s/%d", s.member.Hub, url.PathEscape("site/"+s.member.Site+"/"+c.Source), c.Worker)
	var at frame.Stored
	if err := call(ctx, client, http.MethodGet, address, nil, &at); err != nil {
		return err
	}
	for {
		lines, err := s.cfg.Ship.Lines(ctx, c, at.Next, shipBytes)
		if err != nil || len(lines) == 0 {
			return err
		}
		before := at.Next
		if err := send(ctx, client, http.MethodPut, address, lines, &at); err != nil {
			return err
		}
		if at.Next <= before {
			return fmt.Errorf("the hub has taken nothing beyond %d", before)
		}
	}
}
