package main

import (
	"context"
	"net"
	"time"

	"sekisho/internal/canary"
	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/revproxy"
)

// pagesOf is how the pages of a site that lead to payment are guarded.
func pagesOf(s *config.Site) *revproxy.Pages {
	if len(s.Providers) == 0 {
		return nil
	}
	return &revproxy.Pages{Mode: webModes[s.Pages], Providers: providerHosts(s)}
}

func providerHosts(s *config.Site) (hosts []string) {
	for _, p := range s.Providers {
		hosts = append(hosts, p.Host)
	}
	return hosts
}

// guardOf says what is guarded at a site.
func guardOf(gate string, s *config.Site) *event.SiteGuard {
	g := &event.SiteGuard{Place: webPlace(gate, s), Host: s.Hosts[0], Firewall: s.Firewall, Cards: s.Cards, Payment: s.Payment}
	if len(s.Providers) > 0 {
		g.Pages = s.Pages
	}
	for _, p := range s.Providers {
		g.Providers = append(g.Providers, event.Provider{Host: p.Host, AOC: p.AOC, Expires: p.Expires})
	}
	for _, p := range s.Paths {
		if webModes[p.Cards] != revproxy.Enforce && s.Cards == "enforce" {
			g.Lower = append(g.Lower, p.Prefix)
		}
	}
	if s.Canary != nil {
		g.Canary = int64(s.Canary.Every)
	}
	return g
}

// recordGuards writes down what is guarded at a gate's sites from now on.
func (p *process) recordGuards(ctx context.Context, g *webGate) error {
	var bodies []event.Body
	sites := g.sites()
	for i := range sites {
		bodies = append(bodies, guardOf(g.name, &sites[i]))
	}
	if _, err := g.rec.Record(ctx, event.Durable, bodies...); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	return nil
}

// runCanary walks through the checkout of a site, at once and then on schedule.
func (p *process) runCanary(ctx context.Context, g *webGate, s *config.Site) {
	tick := time.NewTicker(time.Duration(s.Canary.Every))
	defer tick.Stop()
	for {
		p.walk(ctx, g, s)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *process) walk(ctx context.Context, g *webGate, s *config.Site) {
	began, now := time.Now(), g.now.Load() // address and TLS of one configuration
	r := canary.Walk(ctx, canary.Config{Address: reachable(now.addr()), TLS: now.settings.TLS != nil, Host: s.Hosts[0], Steps: s.Canary.Steps, Calls: s.Canary.Calls, Card: s.Canary.Card,
		Providers: providerHosts(s), Refused: "SK3402"})
	if ctx.Err() != nil {
		return // it was stopped in the middle
	}
	body := &event.Canary{Place: webPlace(g.name, s), Reached: r.Reached, Refused: r.Refused, OK: r.OK(), Problem: r.Problem, Nanos: time.Since(began).Nanoseconds()}
	bodies := []event.Body{body}
	if !body.OK {
		bodies = append(bodies, &event.Finding{Code: "SK3419", Title: "a walk through the checkout failed", Place: body.Place, Detail: r.Problem})
		p.log.Warn("a walk through the checkout failed (SK3419)", "host", s.Hosts[0], "problem", r.Problem)
	}
	if _, err := g.rec.Record(ctx, event.Written, bodies...); err != nil && ctx.Err() == nil {
		p.log.Error("a walk through the checkout is not recorded", "host", s.Hosts[0], "err", err)
	}
}

// reachable is an address that a gate listens on as this machine reaches it.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
