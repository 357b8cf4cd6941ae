package main

import (
	"context"
	"net/url"
	"reflect"
	"slices"
	"sync"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/revproxy"
	"sekisho/internal/waf"
)

// webSites are the sites of a web gate as they are in force: as configured, and
// as the gate knows them.
type webSites struct {
	configured []config.Site
	hosts      []revproxy.Host
}

// sites returns the sites in force.
func (g *webGate) sites() []config.Site { return g.now.Load().configured }

// hostsOf returns the sites of a gate for the gate. Parts that are as before are
// the same, so that what is known of visitors stays.
func (p *process) hostsOf(gate string, sites []config.Site, before *webSites) (*webSites, error) {
	out := &webSites{configured: sites}
	for i := range sites {
		s := &sites[i]
		h, err := webHost(gate, s)
		if err != nil {
			return nil, err
		}
		old, known := before.named(s.Hosts[0])
		if h.Persons = old.host.Persons; !known || !reflect.DeepEqual(old.site.Persons, s.Persons) {
			if h.Persons, err = p.personsOf(s.Persons); err != nil {
				return nil, err
			}
		}
		if h.Logins = old.host.Logins; !known || !reflect.DeepEqual(old.site.Logins, s.Logins) {
			if h.Logins, err = p.loginsOf(s.Logins, h.Persons); err != nil {
				return nil, err
			}
		}
		if known && reflect.DeepEqual(old.site.Providers, s.Providers) && old.site.Pages == s.Pages {
			h.Pages = old.host.Pages
		}
		out.hosts = append(out.hosts, h)
	}
	return out, nil
}

type oneSite struct {
	site config.Site
	host revproxy.Host
}

func (w *webSites) named(host string) (oneSite, bool) {
	if w != nil {
		for i := range w.configured {
			if w.configured[i].Hosts[0] == host {
				return oneSite{w.configured[i], w.hosts[i]}, true
			}
		}
	}
	return oneSite{}, false
}

// judged reports whether any site needs the firewall.
func judged(hosts []revproxy.Host) bool {
	return slices.ContainsFunc(hosts, func(h revproxy.Host) bool { return h.Firewall != revproxy.Off || len(h.Paths) > 0 })
}

func webHost(gate string, s *config.Site) (revproxy.Host, error) {
	upstream, err := url.Parse(s.Upstream)
	if err != nil {
		return revproxy.Host{}, err
	}
	h := revproxy.Host{Names: s.Hosts, Upstream: upstream, Payment: s.Payment, Pages: pagesOf(s), Place: webPlace(gate, s), Firewall: webModes[s.Firewall], Cards: webModes[s.Cards]}
	for _, text := range s.Others {
		other, err := url.Parse(text)
		if err != nil {
			return revproxy.Host{}, err
		}
		h.Others = append(h.Others, other)
	}
	if c := s.Health; c != nil {
		h.Health = &revproxy.Health{Path: c.Path, Every: time.Duration(c.Every), Timeout: time.Duration(c.Timeout), Fails: c.Fails}
	}
	for _, path := range s.Paths {
		h.Paths = append(h.Paths, revproxy.Path{Prefix: path.Prefix, Firewall: webModes[path.Firewall], Cards: webModes[path.Cards]})
	}
	return h, nil
}

// reloadSites puts the sites of the configuration in force, as it is now. The
// caller holds p.reload.
func (p *process) reloadSites(ctx context.Context) error {
	l, err := config.Load(p.file)
	if err != nil {
		return err
	}
	for _, g := range p.webs {
		i := slices.IndexFunc(l.Web, func(w config.Web) bool { return w.Name == g.cfg.Name })
		if i < 0 {
			return needsRestart(g.cfg.Name, "a gate was taken out")
		}
		if err := p.reloadGate(ctx, g, &l.Web[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *process) reloadGate(ctx context.Context, g *webGate, c *config.Web) error {
	if reflect.DeepEqual(c.Sites, g.sites()) {
		return nil
	}
	before := g.places()
	next, err := p.hostsOf(c.Name, c.Sites, g.now.Load())
	if err != nil {
		return fault.New(fault.GateFailed, "gate", `"`+c.Name+`"`).Because(err)
	}
	var after []event.Place
	for i := range next.hosts {
		after = append(after, next.hosts[i].Place)
	}
	if !slices.Equal(before, after) { // coverage is counted by them
		return needsRestart(c.Name, "sites came, went, or changed their first name")
	}
	if judged(next.hosts) && !g.judged {
		return needsRestart(c.Name, "no site had a firewall before")
	}
	var bodies []event.Body
	for i := range c.Sites {
		bodies = append(bodies, guardOf(c.Name, &c.Sites[i]))
	}
	if _, err := g.rec.Record(ctx, event.Durable, bodies...); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	if err := p.recordShown(ctx, g, c.Sites); err != nil {
		return err
	}
	if err := g.server.SetHosts(next.hosts); err != nil {
		return fault.New(fault.GateFailed, "gate", `"`+c.Name+`"`).Because(err)
	}
	g.now.Store(next)
	g.server.SetStops(stopsOf(c.Sites, p.past.stops))
	select {
	case g.changed <- struct{}{}: // its canaries begin anew
	default: // they are about to
	}
	p.log.Info("sites read", "gate", c.Name, "sites", len(c.Sites))
	return nil
}

func needsRestart(gate, why string) error {
	return fault.New(fault.ControlRefused, "problem", "the sites of gate "+gate+" need a restart: "+why, "hint", "sekisho up again; until then the sites stay as they were")
}

// runCanaries walks through the checkouts of a gate's sites, anew when these
// change.
func (p *process) runCanaries(ctx context.Context, g *webGate) error {
	for {
		inner, stop := context.WithCancel(ctx)
		var wait sync.WaitGroup
		sites := g.sites()
		for i := range sites {
			if s := &sites[i]; s.Canary != nil {
				wait.Go(func() { p.runCanary(inner, g, s) })
			}
		}
		select {
		case <-ctx.Done():
		case <-g.changed:
		}
		stop()
		wait.Wait()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// firewallOf is the firewall of a gate, nil when no site needs one.
func firewallOf(c *config.Web, hosts []revproxy.Host) (*waf.Engine, error) {
	if !judged(hosts) {
		return nil, nil
	}
	return waf.New(waf.Config{Paranoia: c.Paranoia, Except: c.Except})
}
