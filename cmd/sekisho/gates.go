package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/hub/frame"
	"sekisho/internal/policy"
)

// gate is a running gate and the way around it.
type gate struct {
	cfg      *config.Gate
	base     *base
	listener net.Listener
	split    *splitter
	server   *pgproxy.Gate
	bypass   *bypass
	loop     netloop.Config
	rec      event.Recorder // of worker 0: life signs
	start    uint32
	entry    string // who enters
}

// heartbeat is the time between two signs of life of a gate.
const heartbeat = time.Second

// startGates opens the gates: from here on clients are served.
func (p *process) startGates(ctx context.Context, s *stage) error {
	for i := range p.cfg.Gates {
		g, err := p.newGate(&p.cfg.Gates[i], fmt.Sprintf("gates[%d].listen", i))
		if err != nil {
			return err
		}
		p.gates = append(p.gates, g)
	}
	watches, err := p.firstLooks(ctx) // before their first sign of life: from there on they cover
	if err != nil {
		return err
	}
	for _, g := range p.gates {
		if _, err := g.rec.Record(ctx, event.Durable, g.startBodies(p)...); err != nil {
			return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
		}
	}
	p.reserveProcessors()
	for _, g := range p.gates {
		if err := p.addCutter(ctx, g.cfg.Name, g); err != nil {
			return err
		}
		rests := p.resting.one()
		s.run("gate "+g.cfg.Name, func(ctx context.Context) error {
			defer rests()
			return p.runGate(ctx, g)
		})
		s.run("lineage of "+g.cfg.Name, func(ctx context.Context) error { return p.followCatalogue(ctx, g) })
	}
	for _, w := range watches {
		s.run("watch of "+w.database, w.Run)
	}
	for _, b := range p.bases {
		s.run("what was at work before at "+b.cfg.Name, func(ctx context.Context) error { return p.followLeftovers(ctx, b.leftover) })
	}
	return nil
}

// reserveProcessors gives Go's scheduler one processor more for each thread of
// a gate, because such a thread keeps one while it waits (netloop.Config.Linger),
// and one for the thread that syncs the ledger, which keeps one until the disk
// answers (docs/decisions/transport.md).
func (p *process) reserveProcessors() {
	threads := 0
	for _, g := range p.gates {
		if !g.cfg.Portable {
			threads += g.loop.Workers
		}
	}
	addProcessors(threads + 1)
}

func addProcessors(n int) { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + n) }

// startBodies are the first events of a run.
func (g *gate) startBodies(p *process) []event.Body {
	places := []event.Place{place(g.base.cfg)}
	bodies := []event.Body{
		&event.SourceStart{Start: g.start, Version: version, Places: places, Mode: g.cfg.Mode},
		&event.PolicyLoaded{Generation: p.policy.Load().Generation(), Policy: string(p.policy.Load().Digest()), Mode: g.cfg.Mode},
	}
	if p.past.bypassed(places[0]) {
		bodies = append(bodies, &event.Bypass{Places: places, By: "process", Reason: "restart"})
	}
	return bodies
}

func (p *process) newGate(c *config.Gate, path string) (*gate, error) {
	g := &gate{cfg: c, base: p.base(c.Database)}
	fail := func(code fault.Code, err error) error {
		return fault.New(code, "gate", `"`+c.Name+`"`, "address", c.Listen).At(p.file, p.cfg.Line(path), path).Because(err)
	}
	login, err := loginConfig(c, g.base.cfg)
	if err != nil {
		return nil, fail(fault.GateTLS, err)
	}
	var lc net.ListenConfig
	if g.listener, err = p.sockets.listen(&lc, c.Listen); err != nil {
		return nil, fail(fault.GateListen, err)
	}
	source := event.Source("gate/" + frame.Of(c.Name, p.site()))
	g.start = p.past.starts[source] + 1
	g.rec = p.meter.Gate(p.ledger.Recorder(source, 0), c.Name)
	if g.bypass, err = newBypass(login, netloop.Config{Portable: c.Portable, MaxPairs: c.Limits.Sessions}, p.log); err != nil {
		return nil, fail(fault.GateFailed, err)
	}
	g.split = newSplitter(g.listener, g.bypass)
	g.loop = netloop.Config{Workers: c.Workers, Linger: true, Portable: c.Portable, MaxPairs: c.Limits.Sessions}
	if g.loop.Workers == 0 {
		g.loop.Workers = netloop.DefaultWorkers()
	}
	if g.entry, err = entryOf(c, g.base.cfg); err != nil {
		return nil, fail(fault.GateFailed, err)
	}
	kept, closed := p.waiting.of(c.Name, g.entry)
	if closed > 0 {
		p.log.Warn("sessions were ended: who enters the gate has changed", "gate", c.Name, "sessions", closed)
	}
	g.server, err = pgproxy.New(pgproxy.Config{
		Say: p.words, Elsewhere: p.elsewhere, Began: cmp.Or(p.past.first, time.Now().UnixNano()),
		Listener: g.split, Login: login, Loop: g.loop, Start: g.start, Recorders: p.recorders(source, c),
		Databases: map[string]pgproxy.Settings{g.base.cfg.Database: p.settings(g)},
		Rules:     p.rules(g), DrainTimeout: time.Duration(c.Limits.Drain), Log: p.log.With("gate", c.Name),
		Keep: p.keepSessions, Resume: kept,
	})
	if err != nil {
		for i := range kept {
			kept[i].Close()
		}
		return nil, fail(fault.GateFailed, err)
	}
	return g, nil
}

func (p *process) base(name string) *base {
	for _, b := range p.bases {
		if b.cfg.Name == name {
			return b
		}
	}
	return nil // the configuration was checked
}

// recorders gives every worker of a gate a chain of its own; chain 0 also takes
// the signs of life.
func (p *process) recorders(source event.Source, c *config.Gate) []event.Recorder {
	out := make([]event.Recorder, max(c.Workers, 1))
	for i := range out {
		out[i] = p.meter.Gate(p.ledger.Recorder(source, uint16(i)), c.Name)
	}
	return out
}

func (p *process) settings(g *gate) pgproxy.Settings {
	s := pgproxy.Settings{
		Place: place(g.base.cfg), Database: g.base.cfg.Name, Protected: protected(g.base.cfg), Strict: g.cfg.Strict,
		Injection: g.cfg.Rewrite == "on", Analyser: g.base.lineage, Identifier: g.identify,
		Classifier: element.Classify,
		Numbers:    func(src event.SubjectSource) pgproxy.Numbers { return p.dict.Source(src) },
		Tainted:    g.base.tainted,
		Writing:    g.base.holdings.Writing,
		Working:    g.base.working,
		Pooled:     len(poolers(g.base.cfg)) > 0,
		Turns:      g.base.identifiers.Turns,
		Common:     &g.base.common,
		Laundered:  len(p.past.suspected[place(g.base.cfg)]) > 0,
		Now:        p.now,
	}
	if g.cfg.OnFailure == "open" {
		s.Fail = pgproxy.FailOpen
	}
	return s
}

// rules is the policy in force, as a gate decides by it.
func (p *process) rules(g *gate) *pgproxy.Rules {
	mode, _ := policy.ParseMode(g.cfg.Mode)
	current := p.policy.Load()
	return &pgproxy.Rules{Policy: current, Mode: mode, Grants: p.grants.inForce(current)}
}

// runGate carries a gate until ctx ends, with its signs of life.
func (p *process) runGate(ctx context.Context, g *gate) error {
	beat, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.beat(beat, g)
	}()
	err := g.split.run(ctx, g.server.Run)
	stop()
	<-done
	_, recErr := g.rec.Record(context.WithoutCancel(ctx), event.Written, &event.SourceStop{Reason: "stop"})
	if err != nil {
		err = fault.New(fault.GateFailed, "gate", `"`+g.cfg.Name+`"`).Because(err)
	}
	return errors.Join(err, recErr)
}

// beat writes signs of life. A beat that cannot be written is missing in the
// ledger, which is what it is for.
func (p *process) beat(ctx context.Context, g *gate) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := g.rec.Submit(event.Written, nil, g.sign()); err != nil && p.outage() == nil {
				p.log.Error("sign of life not recorded", "gate", g.cfg.Name, "err", err)
			}
		}
	}
}

// sign is a sign of life. A question without an end reaches to the last one.
func (g *gate) sign() *event.Heartbeat {
	return &event.Heartbeat{Places: []event.Place{place(g.base.cfg)}, Sessions: len(g.server.Sessions())}
}

// loginConfig is a gate's login.
func loginConfig(c *config.Gate, d *config.Database) (pglogin.Config, error) {
	cfg := pglogin.Config{Network: "tcp", Address: d.Upstream, Timeout: time.Duration(c.Limits.Login), UpstreamConfig: &tls.Config{ServerName: d.TLS.ServerName}}
	cfg.UpstreamTLS = map[string]pglogin.UpstreamTLS{"disable": pglogin.Disable, "prefer": pglogin.Prefer, "require": pglogin.Require, "verify-ca": pglogin.VerifyCA, "verify-full": pglogin.VerifyFull}[d.TLS.Mode]
	var err error
	if cfg.UpstreamConfig.RootCAs, err = authorities("tls.ca of the database", d.TLS.CA); err != nil {
		return cfg, err
	}
	if cfg.ClientCAs, err = authorities("tls.client_ca", c.TLS.ClientCA); err != nil {
		return cfg, err
	}
	if c.TLS.Cert != "" {
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			return cfg, err
		}
		cfg.ClientTLS = pglogin.TLSOptional
		if c.TLS.Require {
			cfg.ClientTLS = pglogin.TLSRequired
		}
		cfg.Certificate = func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
			return &pair, err
		}
	}
	if c.Login.Mode != "terminate" {
		return cfg, nil
	}
	cfg.Mode, cfg.CertUsers = pglogin.Terminate, c.Login.Certificates
	if c.Login.Verifiers != "" {
		if cfg.Users, err = pglogin.ReadVerifiers(c.Login.Verifiers); err != nil {
			return cfg, err
		}
	}
	cfg.Logins, err = pglogin.ReadPasswords(c.Login.Passwords)
	return cfg, err
}

// authorities reads a PEM file of certificates; nil without a file.
func authorities(key, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New(key + " holds no certificate")
	}
	return pool, nil
}

// bypassed reports whether the last word about a place was that it is bypassed.
func (h *history) bypassed(place event.Place) bool {
	open := false
	for _, b := range h.bypasses {
		for _, p := range b.Places {
			if p == place {
				open = b.Open
			}
		}
	}
	return open
}
