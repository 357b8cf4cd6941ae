package main

import (
	"context"
	"net/http"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/ledger/witness"
)

// headsPusher hands the ends of all chains to the witnesses, so that a tail
// that somebody cuts off is missed. Only the newest waits.
type headsPusher struct {
	newest  chan []byte
	clients []witness.Client
}

// newHeadsPusher returns nil without witnesses.
func newHeadsPusher(c *config.Config) *headsPusher {
	if len(c.Ledger.Witnesses) == 0 {
		return nil
	}
	h := &headsPusher{newest: make(chan []byte, 1)}
	for _, w := range c.Ledger.Witnesses {
		h.clients = append(h.clients, witness.Client{URL: w.URL, HTTP: &http.Client{Timeout: 10 * time.Second}})
	}
	return h
}

// offer takes a publication without blocking.
func (h *headsPusher) offer(note []byte) {
	for {
		select {
		case h.newest <- note:
			return
		default:
		}
		select {
		case <-h.newest:
		default:
		}
	}
}

// run hands on until ctx ends. A witness that cannot be reached gets the next.
func (h *headsPusher) run(ctx context.Context, failed func(url string, err error)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case note := <-h.newest:
			for i := range h.clients {
				if err := h.clients[i].PushHeads(ctx, note); err != nil && ctx.Err() == nil {
					failed(h.clients[i].URL, err)
				}
			}
		}
	}
}
