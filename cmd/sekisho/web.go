package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"reflect"
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
	label   string // as configured: "shop-web"
	name    string // in events: the same, of a remote process "shop-web@osaka"
	now     atomic.Pointer[webInForce]
	changed chan struct{}   // the sites did: for their canaries
	renamed chan struct{}   // the same, for their certificates
	certify chan certifying // another keeper of certificates
	ended   chan struct{}   // closed: nobody keeps certificates any more
	server  *revproxy.Gate
	rec     event.Recorder
	start   uint32
	entry   string // webEntryOf it, as it began
	rests   func() // of process.resting
	rules   atomic.Pointer[site.Rules]
	digest  string // of the file of the rules; guarded by process.reload
}

// webInForce is a web gate as it is in force: as configured, and as the gate knows
// it.
type webInForce struct {
	cfg      *config.Web
	settings revproxy.Settings
	certs    *certificate.Keeper // nil: they are files, or there are none
	shown    []showing           // as configured, and before
}

// config is the gate as configured.
func (g *webGate) config() *config.Web { return g.now.Load().cfg }

// sites returns the sites in force.
func (g *webGate) sites() []config.Site { return g.config().Sites }

func (g *webGate) places() []event.Place { return g.now.Load().places() }

// addr is where the gate listens, as bound.
func (g *webGate) addr() string { return g.now.Load().addr() }

func (w *webInForce) addr() string { return w.settings.Listener.Addr().String() }

// startWeb opens the web gates.
func (p *process) startWeb(ctx context.Context, s *stage) error {
	for i := range p.cfg.Web {
		g, err := p.newWeb(&p.cfg.Web[i], fmt.Sprintf("web[%d].listen", i))
		if err != nil {
			return err
		}
		p.webs = append(p.webs, g)
		if err := p.beginWeb(ctx, g); err != nil {
			g.now.Load().certs.Stop()
			return err
		}
		g.rests = p.resting.one()
		s.run("web gate "+g.label, func(ctx context.Context) error {
			defer g.rests()
			return p.runWeb(ctx, g)
		})
		s.run("certificates of "+g.label, g.runCertificates)
		s.run("canaries of "+g.label, func(ctx context.Context) error { return p.runCanaries(ctx, g) })
	}
	return nil
}

// beginWeb records that a gate begins and what it guards, and prepares what it
// decides by.
func (p *process) beginWeb(ctx context.Context, g *webGate) error {
	bodies := []event.Body{&event.SourceStart{Start: g.start, Version: version, Places: g.places(), Mode: "web"}}
	if p.left != nil {
		bodies = append(bodies, &event.Gap{From: p.left.From, To: p.left.To, Places: g.places(), Reason: p.left.Reason})
	}
	if err := p.recordAs(ctx, g, bodies...); err != nil {
		return err
	}
	if err := p.recordGuards(ctx, g); err != nil {
		return err
	}
	if err := p.recordShown(ctx, g, g.sites()); err != nil {
		return err
	}
	if err := p.readSiteRules(ctx, g, g.config().Rules); err != nil {
		return err
	}
	return p.addCutter(ctx, g.label, g.server)
}

func (p *process) newWeb(c *config.Web, path string) (*webGate, error) {
	source := event.Source("gate/" + frame.Of(c.Name, p.site()))
	g := &webGate{
		label: c.Name, name: frame.Of(c.Name, p.site()), changed: make(chan struct{}, 1), renamed: make(chan struct{}, 1), certify: make(chan certifying), ended: make(chan struct{}),
		rec: p.meter.Gate(p.ledger.Recorder(source, 0), c.Name), start: p.past.starts[source] + 1,
	}
	now, err := p.webSettings(g, p.cfg, c, path)
	if err != nil {
		return nil, err
	}
	g.now.Store(now)
	cfg := revproxy.Config{Settings: now.settings, Recorder: g.rec, Start: g.start, Rules: g.rules.Load, Log: p.log.With("gate", c.Name)}
	if g.entry, err = webEntryOf(c); err == nil {
		cfg.Keep, cfg.Resume = p.keepSessions, p.webSockets(c, g.entry)
		cfg.Rest = func() { g.rests(); p.resting.wait() }
		g.server, err = revproxy.New(cfg)
	}
	if err != nil {
		for i := range cfg.Resume {
			cfg.Resume[i].Close()
		}
		now.certs.Stop()
		return nil, p.webFault(p.cfg, c, path, fault.GateFailed, errors.Join(err, now.settings.Listener.Close()))
	}
	g.server.SetStops(stopsOf(c.Sites, p.past.stops))
	g.server.SetUnseen(p.past.unseen(g.places()))
	return g, nil
}

// webFault says what is wrong with a web gate of a configuration.
func (p *process) webFault(l *config.Loaded, c *config.Web, path string, code fault.Code, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return fault.New(code, "gate", `"`+c.Name+`"`, "address", c.Listen).At(p.file, l.Line(path), path).Because(err)
}

// webSettings prepares what a gate is configured to be, and opens what it listens
// on. Parts that are as they are in force stay the same. What it has opened is
// closed when it fails.
func (p *process) webSettings(g *webGate, l *config.Loaded, c *config.Web, path string) (*webInForce, error) {
	before := g.now.Load()
	fail := func(code fault.Code, err error) (*webInForce, error) { return nil, p.webFault(l, c, path, code, err) }
	next := &webInForce{cfg: c, settings: revproxy.Settings{
		Strict: c.Strict, FailOpen: c.OnFailure == "open", HoldBytes: int64(c.Hold), Limits: webLimits(&c.Limits),
	}}
	var err error
	if next.settings.Hosts, err = p.hostsOf(g.name, c.Sites, before); err != nil {
		return fail(fault.GateFailed, err)
	}
	if next.settings.Firewall, err = firewallOf(c, next.settings.Hosts, before); err != nil {
		return fail(fault.GateFailed, err)
	}
	if c.Learn {
		if next.settings.Learner = before.learner(); next.settings.Learner == nil {
			next.settings.Learner = site.NewLearner()
		}
	}
	if err := p.webTLS(g, next, before); err != nil {
		return fail(fault.GateTLS, err)
	}
	if before != nil && before.cfg.Listen == c.Listen {
		next.settings.Listener = before.settings.Listener
		return next, nil
	}
	var lc net.ListenConfig
	if next.settings.Listener, err = p.sockets.listen(&lc, c.Listen); err != nil {
		if before == nil || next.certs != before.certs {
			next.certs.Stop()
		}
		return fail(fault.GateListen, err)
	}
	return next, nil
}

// learner is what learns, nil for nobody.
func (w *webInForce) learner() *site.Learner {
	if w == nil {
		return nil
	}
	return w.settings.Learner
}

// webTLS prepares what is spoken with browsers.
func (p *process) webTLS(g *webGate, next, before *webInForce) error {
	c := next.cfg
	same := before != nil && reflect.DeepEqual(before.cfg.TLS, c.TLS) && (c.TLS.ACME == nil || before.cfg.Listen == c.Listen)
	switch {
	case same:
		next.settings.TLS, next.certs, next.shown = before.settings.TLS, before.certs, before.shown
	case c.TLS.ACME != nil:
		return p.newCertificates(g, next, before)
	case c.TLS.Cert != "":
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			return err
		}
		next.shown = []showing{renewed(c.TLS.Cert, c.TLS.Key, p.now)}
		next.settings.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: next.shown[0]}
	}
	return nil
}

func webLimits(l *config.WebLimits) revproxy.Limits {
	return revproxy.Limits{
		Header: time.Duration(l.Header), Idle: time.Duration(l.Idle), Body: time.Duration(l.Body), BodyRate: int64(l.BodyRate), Send: time.Duration(l.Send), Drain: time.Duration(l.Drain),
		HeaderBytes: int(l.HeaderBytes), Connections: l.Connections, PerAddress: l.PerAddress, Streams: l.Streams,
	}
}

var webModes = map[string]revproxy.Mode{"off": revproxy.Off, "observe": revproxy.Observe, "report": revproxy.Report, "enforce": revproxy.Enforce}

// webPlace is a site in events: "web/shop-web/shop.example.jp".
func webPlace(gate string, s *config.Site) event.Place {
	return event.Place("web/" + gate + "/" + s.Hosts[0])
}

// runWeb carries a web gate until ctx ends, with its signs of life.
func (p *process) runWeb(ctx context.Context, g *webGate) error {
	return p.alive(ctx, g.label, g.rec, g.places, g.server.Run)
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
