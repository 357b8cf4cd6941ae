package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/resolver"
	"sekisho/internal/hub/frame"
)

// startResolvers opens the gates for names. The first is returned, for the
// gates that resolve through it; nil without one.
func (p *process) startResolvers(ctx context.Context, s *stage) (first *resolver.Resolver, err error) {
	for i := range p.cfg.Egress.Resolvers {
		c := &p.cfg.Egress.Resolvers[i]
		source := p.gateSource(c.Name)
		rec := p.meter.Gate(p.ledger.Recorder(source, 0), c.Name)
		places := []event.Place{event.Place("resolver/" + frame.Of(c.Name, p.member))}
		r, err := p.newResolver(c, rec, places[0], fmt.Sprintf("egress.resolvers[%d]", i))
		if err != nil {
			return nil, err
		}
		if _, err := rec.Record(ctx, event.Durable, &event.SourceStart{Start: p.past.starts[source] + 1, Version: version, Places: places, Mode: "resolver"}); err != nil {
			return nil, fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
		}
		if err := p.addCutter(ctx, c.Name, r); err != nil {
			return nil, err
		}
		s.run("resolver "+c.Name, func(ctx context.Context) error {
			return p.alive(ctx, c.Name, rec, func() []event.Place { return places }, r.Run)
		})
		if first == nil {
			first = r
		}
	}
	return first, nil
}

func (p *process) newResolver(c *config.Resolver, rec event.Recorder, place event.Place, path string) (*resolver.Resolver, error) {
	fail := func(code fault.Code, key, address string, err error) error {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return fault.New(code, "gate", `"`+c.Name+`"`, "address", address).At(p.file, p.cfg.Line(path+key), path+key).Because(err)
	}
	cfg := resolver.Config{Place: place, Policy: p.exit.Load, Recorder: rec, Strict: c.Strict, FailOpen: c.OnFailure == "open", Entries: c.Entries, Log: p.log.With("gate", c.Name)}
	if listed := p.listed(); listed != nil {
		cfg.Listed = func(name string, at time.Time) (string, bool) { return listed(name, netip.Addr{}, at) }
	}
	for _, u := range c.Upstreams {
		cfg.Upstreams = append(cfg.Upstreams, resolver.Upstream{Address: u.Address, ServerName: u.ServerName})
	}
	for _, text := range c.Sinkhole {
		cfg.Sinkhole = append(cfg.Sinkhole, netip.MustParseAddr(text)) // the configuration was checked
	}
	udp, err := p.sockets.listenUDP(net.UDPAddrFromAddrPort(netip.MustParseAddrPort(c.Listen)))
	if err != nil {
		return nil, fail(fault.GateListen, ".listen", c.Listen, err)
	}
	cfg.UDP = udp
	var lc net.ListenConfig
	if cfg.TCP, err = p.sockets.listen(&lc, c.Listen); err != nil {
		return nil, fail(fault.GateListen, ".listen", c.Listen, errors.Join(err, udp.Close()))
	}
	if c.TLS.Listen != "" {
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			return nil, fail(fault.GateTLS, ".tls", c.TLS.Listen, errors.Join(err, udp.Close(), cfg.TCP.Close()))
		}
		l, err := p.sockets.listen(&lc, c.TLS.Listen)
		if err != nil {
			return nil, fail(fault.GateListen, ".tls.listen", c.TLS.Listen, errors.Join(err, udp.Close(), cfg.TCP.Close()))
		}
		cfg.TLS = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"dot"}, GetCertificate: renewed(c.TLS.Cert, c.TLS.Key, p.now)})
	}
	return resolver.New(cfg)
}
