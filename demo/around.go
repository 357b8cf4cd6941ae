package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"

	"sekisho/demo/shop"
	"sekisho/proof/scope"
)

// aroundPatience is how long the watch may take to notice. It looks every
// second; the server may be busy.
const aroundPatience = 30 * time.Second

// goAround shows what happens when somebody does not pass the checkpoint: a
// session straight to the server, over before anybody can look, must open an
// uncovered interval.
func (p *play) goAround(ctx context.Context) error {
	p.stage.scene("scene_around")
	p.stage.line("around_done", "addr", p.server.Addr())
	from := time.Now()
	if err := p.sneak(ctx); err != nil {
		return fmt.Errorf("session around the gate: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, aroundPatience)
	defer cancel()
	for {
		r, err := p.scopeSince(ctx, from)
		if err != nil {
			return err
		}
		if len(r.Coverage.Uncovered) > 0 {
			p.facts.noticed = true
			p.facts.unseen = int(r.Reachable.Subjects)
			p.stage.line("around_seen", "took", seconds(time.Since(from)), "confirmed", count(r.Confirmed.Subjects), "reachable", count(r.Reachable.Subjects))
			return p.pause(ctx)
		}
		if sleep(ctx, 250*time.Millisecond) != nil {
			p.stage.line("around_unseen", "took", seconds(time.Since(from)))
			return nil // the comparison says so
		}
	}
}

// sneak reads one customer straight from the server and leaves at once.
func (p *play) sneak(ctx context.Context) error {
	cfg, err := pgx.ParseConfig(fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", shop.AppRole, shop.AppPassword, p.server.Addr(), shop.Database))
	if err != nil {
		return err
	}
	cfg.DialFunc = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: stranger.AsSlice()}}).DialContext
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	var name string
	if err := conn.QueryRow(ctx, "SELECT name FROM customers WHERE id = $1", p.data.Customers[0].ID).Scan(&name); err != nil {
		return err
	}
	return conn.Close(ctx)
}

// scopeSince asks who may have been read since a time, by anybody.
func (p *play) scopeSince(ctx context.Context, from time.Time) (*scope.Result, error) {
	out, err := p.guard.run(ctx, "scope", "--from", from.Format(time.RFC3339Nano), "--address", stranger.String(), "--json")
	if err != nil {
		return nil, err
	}
	var r scope.Result
	return &r, json.Unmarshal(out, &r)
}
