package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/certificate"
	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/revproxy"
	"sekisho/internal/hub/frame"
	"sekisho/internal/policy/site"
)

// webGate is a running web gate.
type webGate struct {
	cfg     *config.Web // but for the sites, which now has
	name    string      // in events: "shop-web", of a remote process "shop-web@osaka"
	now     atomic.Pointer[webSites]
	changed chan struct{} // the sites did: for their canaries
	renamed chan struct{} // the same, for their certificates
	judged  bool          // there is a firewall
	server  *revproxy.Gate
	rec     event.Recorder
	start   uint32
	addr    string // as bound
	rules   atomic.Pointer[site.Rules]
	digest  string // of the file of the rules; guarded by process.reload
	learn   *site.Learner
	certs   *certificate.Keeper // nil: they are files, or there are none
}

// startWeb opens the web gates.
func (p *process) startWeb(ctx context.Context, s *stage) error {
	for i := range p.cfg.Web {
		g, err := p.newWeb(&p.cfg.Web[i], fmt.Sprintf("web[%d].listen", i))
		if err != nil {
			return err
		}
		bodies := []event.Body{&event.SourceStart{Start: g.start, Version: version, Places: g.places(), Mode: "web"}}
		if p.left != nil {
			bodies = append(bodies, &event.Gap{From: p.left.From, To: p.left.To, Places: g.places(), Reason: p.left.Reason})
		}
		if _, err := g.rec.Record(ctx, event.Durable, bodies...); err != nil {
			return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
		}
		if err := p.recordGuards(ctx, g); err != nil {
			return err
		}
		if err := p.recordShown(ctx, g, g.sites()); err != nil {
			return err
		}
		if err := p.readSiteRules(ctx, g); err != nil {
			return err
		}
		if err := p.addCutter(ctx, g.cfg.Name, g.server); err != nil {
			return err
		}
		p.webs = append(p.webs, g)
		s.run("web gate "+g.cfg.Name, func(ctx context.Context) error { return p.runWeb(ctx, g) })
		if g.certs != nil {
			s.run("certificates of "+g.cfg.Name, g.runCertificates)
		}
		s.run("canaries of "+g.cfg.Name, func(ctx context.Context) error { return p.runCanaries(ctx, g) })
	}
	return nil
}

func (p *process) newWeb(c *config.Web, path string) (*webGate, error) {
	fail := func(code fault.Code, err error) error {
		return fault.New(code, "gate", `"`+c.Name+`"`, "address", c.Listen).At(p.file, p.cfg.Line(path), path).Because(err)
	}
	source := event.Source("gate/" + frame.Of(c.Name, p.site()))
	g := &webGate{cfg: c, name: frame.Of(c.Name, p.site()), changed: make(chan struct{}, 1), renamed: make(chan struct{}, 1), rec: p.meter.Gate(p.ledger.Recorder(source, 0), c.Name), start: p.past.starts[source] + 1}
	cfg := revproxy.Config{Recorder: g.rec, Start: g.start, Strict: c.Strict, FailOpen: c.OnFailure == "open", HoldBytes: int64(c.Hold), Log: p.log.With("gate", c.Name)}
	cfg.Limits = webLimits(&c.Limits)
	cfg.Rules = g.rules.Load
	if c.Learn {
		g.learn = site.NewLearner()
		cfg.Learner = g.learn
	}
	now, err := p.hostsOf(g.name, c.Sites, nil)
	if err != nil {
		var f *fault.Error
		if errors.As(err, &f) {
			return nil, err
		}
		return nil, fail(fault.GateFailed, err)
	}
	g.now.Store(now)
	cfg.Hosts, g.judged = now.hosts, judged(now.hosts)
	if cfg.Firewall, err = firewallOf(c, now.hosts); err != nil {
		return nil, fail(fault.GateFailed, err)
	}
	if c.TLS.ACME != nil {
		if err := p.newCertificates(g, &cfg); err != nil {
			return nil, fail(fault.GateTLS, err)
		}
	}
	if c.TLS.Cert != "" {
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			return nil, fail(fault.GateTLS, err)
		}
		cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: renewed(c.TLS.Cert, c.TLS.Key, p.now)}
	}
	var lc net.ListenConfig
	if cfg.Listener, err = lc.Listen(context.Background(), "tcp", c.Listen); err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, fail(fault.GateListen, err)
	}
	g.addr = cfg.Listener.Addr().String()
	if g.server, err = revproxy.New(cfg); err != nil {
		return nil, fail(fault.GateFailed, errors.Join(err, cfg.Listener.Close()))
	}
	g.server.SetStops(stopsOf(c.Sites, p.past.stops))
	g.server.SetUnseen(p.past.unseen(g.places()))
	return g, nil
}

func webLimits(l *config.WebLimits) revproxy.Limits {
	return revproxy.Limits{
		Header: time.Duration(l.Header), Idle: time.Duration(l.Idle), Body: time.Duration(l.Body), BodyRate: int64(l.BodyRate), Send: time.Duration(l.Send),
		HeaderBytes: int(l.HeaderBytes), Connections: l.Connections, PerAddress: l.PerAddress, Streams: l.Streams,
	}
}

var webModes = map[string]revproxy.Mode{"off": revproxy.Off, "observe": revproxy.Observe, "report": revproxy.Report, "enforce": revproxy.Enforce}

// webPlace is a site in events: "web/shop-web/shop.example.jp".
func webPlace(gate string, s *config.Site) event.Place {
	return event.Place("web/" + gate + "/" + s.Hosts[0])
}

func (g *webGate) places() []event.Place { return g.now.Load().places() }

// runWeb carries a web gate until ctx ends, with its signs of life.
func (p *process) runWeb(ctx context.Context, g *webGate) error {
	return p.alive(ctx, g.cfg.Name, g.rec, g.places, g.server.Run)
}

// renewal is how old a certificate in memory may be: a new one is put in force
// by replacing its files.
const renewal = time.Minute

// renewed returns a certificate that is read anew from time to time.
func renewed(cert, key string, now func() time.Time) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var mu sync.Mutex // guards what follows
	var pair *tls.Certificate
	var read time.Time
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		if pair != nil && now().Sub(read) < renewal {
			return pair, nil
		}
		fresh, err := tls.LoadX509KeyPair(cert, key)
		switch {
		case err == nil:
			pair, read = &fresh, now()
		case pair == nil:
			return nil, err
		}
		return pair, nil // half replaced: the old one serves until both are there
	}
}
