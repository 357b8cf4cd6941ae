package main

import (
	"context"
	"errors"
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

// places are where the sites are in events.
func (w *webSites) places() (all []event.Place) {
	for i := range w.hosts {
		all = append(all, w.hosts[i].Place)
	}
	return all
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
	next, err := p.hostsOf(g.name, c.Sites, g.now.Load())
	if err != nil {
		return fault.New(fault.GateFailed, "gate", `"`+c.Name+`"`).Because(err)
	}
	if judged(next.hosts) && !g.judged {
		return needsRestart(c.Name, "no site had a firewall before")
	}
	var bodies []event.Body
	for i := range c.Sites {
		bodies = append(bodies, guardOf(g.name, &c.Sites[i]))
	}
	if err := p.recordAs(ctx, g, bodies...); err != nil {
		return err
	}
	if err := p.recordShown(ctx, g, c.Sites); err != nil {
		return err
	}
	p.bypassing.Lock() // the direct way is open at a place or is not
	defer p.bypassing.Unlock()
	moved := movedPlaces(g.places(), next.places())
	if err := p.recordAs(ctx, g, moved.bodies(g.server.Unseen())...); err != nil {
		return err
	}
	g.server.SetStops(stopsOf(slices.Concat(g.sites(), c.Sites), p.past.stops))
	if err := g.server.SetHosts(next.hosts); err != nil {
		back := placesMoved{begun: moved.ended, ended: moved.begun}
		return errors.Join(fault.New(fault.GateFailed, "gate", `"`+c.Name+`"`).Because(err), p.recordAs(ctx, g, back.bodies(g.server.Unseen())...))
	}
	g.now.Store(next)
	g.server.SetStops(stopsOf(c.Sites, p.past.stops))
	for _, changed := range []chan struct{}{g.changed, g.renamed} {
		select {
		case changed <- struct{}{}: // its canaries and certificates begin anew
		default: // they are about to
		}
	}
	p.log.Info("sites read", "gate", c.Name, "sites", len(c.Sites))
	return nil
}

// recordAs writes down what a gate says, if it says anything.
func (p *process) recordAs(ctx context.Context, g *webGate, bodies ...event.Body) error {
	if len(bodies) == 0 {
		return nil
	}
	if _, err := g.rec.Record(ctx, event.Durable, bodies...); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	return nil
}

// placesMoved are the places that a gate covers from now on, and no longer.
type placesMoved struct{ begun, ended []event.Place }

func movedPlaces(before, after []event.Place) placesMoved {
	without := func(list, other []event.Place) (rest []event.Place) {
		for _, p := range list {
			if !slices.Contains(other, p) {
				rest = append(rest, p)
			}
		}
		return rest
	}
	return placesMoved{begun: without(after, before), ended: without(before, after)}
}

// bodies says so, before the gate acts on it: a site is covered before its first
// request, and no longer once its last may come. The direct way of the gate, when
// it is open, is open at what begins and at nothing that ended.
func (m placesMoved) bodies(direct bool) (bodies []event.Body) {
	const reason = "the sites of the gate changed"
	if len(m.begun)+len(m.ended) == 0 {
		return nil
	}
	bodies = append(bodies, &event.PlacesChanged{Begun: m.begun, Ended: m.ended})
	if direct && len(m.begun) > 0 {
		bodies = append(bodies, &event.Bypass{Places: m.begun, Open: true, By: "process", Reason: reason})
	}
	if direct && len(m.ended) > 0 {
		bodies = append(bodies, &event.Bypass{Places: m.ended, By: "process", Reason: reason})
	}
	return bodies
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
