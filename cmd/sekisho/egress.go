package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/egress"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/resolver"
	"sekisho/internal/hub/frame"
	"sekisho/internal/policy/exit"
)

// exitGate is a running gate for what leaves.
type exitGate struct {
	cfg      *config.EgressGate
	place    event.Place
	server   *egress.Gate
	listener net.Listener // of the forward proxy, nil without one
	rec      event.Recorder
	start    uint32
	entry    string // exitEntryOf it
	rests    func() // of process.resting
}

// exitPast is the last policy of what leaves that the ledger has seen.
type exitPast struct {
	generation uint64
	digest     string
}

// startEgress opens the gates for what leaves.
func (p *process) startEgress(ctx context.Context, s *stage) error {
	c := p.cfg.Egress
	if c == nil {
		return nil
	}
	if err := p.firstExitPolicy(ctx); err != nil {
		return err
	}
	names, err := p.startResolvers(ctx, s)
	if err != nil {
		return err
	}
	for i := range c.Gates {
		g, err := p.newExitGate(&c.Gates[i], names, fmt.Sprintf("egress.gates[%d]", i))
		if err != nil {
			return err
		}
		p.exits = append(p.exits, g)
		if _, err := g.rec.Record(ctx, event.Durable, &event.SourceStart{Start: g.start, Version: version, Places: g.places(), Mode: "egress"}); err != nil {
			return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
		}
		if g.cfg.Read != nil {
			if err := p.recordShownAt(ctx, g.rec, g.place, "egress", p.basesOf(g.cfg.Read.Databases)); err != nil {
				return err
			}
		}
		if err := p.addCutter(ctx, g.cfg.Name, g.server); err != nil {
			return err
		}
		g.rests = p.resting.one()
		s.run("egress gate "+g.cfg.Name, func(ctx context.Context) error {
			defer g.rests()
			return p.alive(ctx, g.cfg.Name, g.rec, g.places, g.server.Run)
		})
	}
	return nil
}

// firstExitPolicy puts the configuration's policy of what leaves in force,
// unless the ledger has seen a newer generation, or another text of the same.
func (p *process) firstExitPolicy(ctx context.Context) error {
	p.exitTurn.Lock()
	defer p.exitTurn.Unlock()
	next, err := p.exitPolicyOfStart()
	if err != nil {
		return err
	}
	if next.Generation() < p.past.exit.generation || next.Generation() == p.past.exit.generation && string(next.Digest()) != p.past.exit.digest {
		return fault.New(fault.PolicyNotNewer,
			"problem", fmt.Sprintf("the ledger has already seen generation %d (%s)", p.past.exit.generation, short(p.past.exit.digest)),
			"hint", fmt.Sprintf("raise generation to %d", p.past.exit.generation+1)).At(p.cfg.Egress.PolicyFile, 0, "")
	}
	return p.putExitPolicy(ctx, next)
}

// putExitPolicy records a policy and puts it in force.
func (p *process) putExitPolicy(ctx context.Context, next *exit.Policy) error {
	if _, err := p.outer.Record(ctx, event.Durable, &event.ExitPolicy{Generation: next.Generation(), Policy: string(next.Digest())}); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	p.exit.Store(next)
	return nil
}

// reloadExitPolicy reads the policy of what leaves again; a bad file keeps the
// old one.
func (p *process) reloadExitPolicy(ctx context.Context) (*control.ExitChange, error) {
	if err := p.pushExitPolicy(); err != nil {
		return nil, err
	}
	p.exitTurn.Lock()
	defer p.exitTurn.Unlock()
	if p.cfg.Egress == nil || p.ofHub() {
		return nil, nil
	}
	old := p.exit.Load()
	next, err := config.ExitPolicyFile(p.cfg.Egress.PolicyFile)
	if err == nil {
		if bad := next.Supersedes(old); bad != nil {
			err = fault.New(fault.PolicyNotNewer, "problem", bad.What, "hint", bad.Try).At(p.cfg.Egress.PolicyFile, 0, bad.Path)
		}
	}
	if err != nil {
		_, recErr := p.outer.Record(ctx, event.Durable, &event.PolicyRejected{Reason: fault.Recorded(err)})
		return nil, errors.Join(err, recErr)
	}
	if next.Digest() == old.Digest() {
		return nil, nil
	}
	if err := p.putExitPolicy(ctx, next); err != nil {
		return nil, err
	}
	return p.exitChange(ctx, next), nil
}

// previewed is how far back a new policy of what leaves is compared with what
// was decided.
const previewed = 30 * 24 * time.Hour

// mostSorts bounds control.ExitChange.Sorts.
const mostSorts = 100

// exitChange is what a policy that came into force would have done before. It
// is looked up afterwards: nobody who shuts a way waits for it.
func (p *process) exitChange(ctx context.Context, next *exit.Policy) *control.ExitChange {
	seen := &preview{changes: map[change]*change{}}
	from := p.now().Add(-previewed).UnixNano()
	first, err := p.ledger.Since(from)
	if err == nil {
		err = p.ledger.Scan(ctx, first, seen.line(next, from))
	}
	if err != nil { // it is in force all the same
		p.log.Error("what a policy changes is not known", "generation", next.Generation(), "err", err)
	}
	out := &control.ExitChange{Generation: next.Generation(), Digest: string(next.Digest()), Judged: seen.Judged, Unknown: seen.Unknown, Sorts: []control.ExitSort{}}
	for _, x := range seen.sorted() {
		if refuse := exit.Refuse.String(); x.Now == refuse {
			out.Refused += x.Flows
		} else if x.Was == refuse {
			out.Allowed += x.Flows
		}
		if len(out.Sorts) < mostSorts {
			out.Sorts = append(out.Sorts, control.ExitSort{Role: x.Role, Host: x.Host, Port: x.Port, Was: x.Was, Now: x.Now, Rule: x.Rule, Flows: x.Flows, Last: x.Last})
		}
	}
	return out
}

func (p *process) newExitGate(c *config.EgressGate, names *resolver.Resolver, path string) (*exitGate, error) {
	fail := func(code fault.Code, key, address string, err error) error {
		return fault.New(code, "gate", `"`+c.Name+`"`, "address", address).At(p.file, p.cfg.Line(path+key), path+key).Because(err)
	}
	source := p.gateSource(c.Name)
	g := &exitGate{cfg: c, place: event.Place("egress/" + frame.Of(c.Name, p.member)), rec: p.meter.Gate(p.ledger.Recorder(source, 0), c.Name), start: p.past.starts[source] + 1}
	cfg := egress.Config{Place: g.places()[0], Policy: p.exit.Load, Recorder: g.rec, Listed: p.listed(), ListedURL: p.listedURL(), Strict: c.Strict, FailOpen: c.OnFailure == "open",
		Portable: c.Portable, Log: p.log.With("gate", c.Name), Limits: egress.Limits{
			Connections: c.Limits.Connections, PerClient: c.Limits.PerClient, Handshake: time.Duration(c.Limits.Handshake), Dial: time.Duration(c.Limits.Dial),
			Idle: time.Duration(c.Limits.Idle), Lifetime: time.Duration(c.Limits.Lifetime), BytesPerSecond: uint64(c.Limits.Bandwidth), Drain: time.Duration(c.Limits.Drain),
		}}
	if !c.Portable {
		cfg.Workers = netloop.DefaultWorkers()
		addProcessors(cfg.Workers)
	}
	if names != nil {
		cfg.Resolve = names.Addresses
	}
	if c.Upstream.Address != "" {
		cfg.Upstream = &egress.Upstream{Address: c.Upstream.Address, ByName: c.Upstream.ByName}
	}
	var err error
	if cfg.Reading, err = p.readingOf(g, path); err != nil {
		return nil, err
	}
	if c.Users != "" {
		if cfg.Login, err = passwords(c.Users, p.now); err != nil {
			return nil, fail(fault.GateFailed, ".users", c.Listen, err)
		}
	}
	if cfg.TLS, err = p.exitTLS(&c.TLS); err != nil {
		return nil, fail(fault.GateTLS, ".tls", c.Listen, err)
	}
	var opened []net.Listener
	for _, l := range []struct {
		key, address string
		into         *net.Listener
	}{{".listen", c.Listen, &cfg.Listener}, {".transparent", c.Transparent, &cfg.Transparent}} {
		if l.address == "" {
			continue
		}
		// No probes of the kernel's, which cost three calls a connection. They would
		// find a peer that is gone without a word within minutes; so it is found
		// when something is written to it, or by the gate's own limit of idleness
		// (an hour), and holds its seat until then.
		lc := net.ListenConfig{KeepAlive: -1}
		listener, err := p.sockets.listen(&lc, l.address)
		if err != nil {
			return nil, fail(fault.GateListen, l.key, l.address, errors.Join(err, closeAll(opened)))
		}
		opened, *l.into = append(opened, listener), listener
	}
	g.listener = cfg.Listener
	if g.entry, err = exitEntryOf(c); err != nil {
		return nil, fail(fault.GateFailed, "", c.Listen, errors.Join(err, closeAll(opened)))
	}
	cfg.Keep, cfg.Resume = p.keepSessions, p.tunnels(c, g.entry)
	cfg.Rest = func() { g.rests(); p.resting.wait() }
	if g.server, err = egress.New(cfg); err != nil {
		for i := range cfg.Resume {
			cfg.Resume[i].Close()
		}
		return nil, fail(fault.GateFailed, "", c.Listen, errors.Join(err, closeAll(opened)))
	}
	return g, nil
}

func closeAll(listeners []net.Listener) (err error) {
	for _, l := range listeners {
		err = errors.Join(err, l.Close())
	}
	return err
}

// exitTLS is TLS between clients and a proxy; nil for none.
func (p *process) exitTLS(c *config.EgressTLS) (*tls.Config, error) {
	if c.Cert == "" {
		return nil, nil
	}
	if _, err := tls.LoadX509KeyPair(c.Cert, c.Key); err != nil {
		return nil, err
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: renewed(c.Cert, c.Key, p.now)}
	if c.ClientCA != "" {
		text, err := os.ReadFile(c.ClientCA)
		if err != nil {
			return nil, err
		}
		out.ClientCAs, out.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
		if !out.ClientCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", c.ClientCA)
		}
	}
	return out, nil
}

// places are the gate in events: "egress/out", of a remote gate "egress/out@osaka".
func (g *exitGate) places() []event.Place { return []event.Place{g.place} }

// alive runs a gate until ctx ends, with its signs of life, which name the places
// that it has then, and its end.
func (p *process) alive(ctx context.Context, name string, rec event.Recorder, places func() []event.Place, run func(context.Context) error) error {
	beat, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-beat.Done():
				return
			case <-tick.C:
				if _, err := rec.Submit(event.Written, nil, &event.Heartbeat{Places: places()}); err != nil && p.outage() == nil {
					p.log.Error("sign of life not recorded", "gate", name, "err", err)
				}
			}
		}
	}()
	err := run(ctx)
	stop()
	<-done
	_, recErr := rec.Record(context.WithoutCancel(ctx), event.Written, &event.SourceStop{Reason: "stop"})
	if err != nil {
		err = fault.New(fault.GateFailed, "gate", `"`+name+`"`).Because(err)
	}
	return errors.Join(err, recErr)
}
