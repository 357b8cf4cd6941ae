package main

import (
	"context"
	"errors"
	"fmt"
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

// hostsOf returns the sites of a gate for the gate. Parts that are as before are
// the same, so that what is known of visitors stays.
func (p *process) hostsOf(gate string, sites []config.Site, before *webInForce) (hosts []revproxy.Host, err error) {
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
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// places are where the sites are in events.
func (w *webInForce) places() (all []event.Place) {
	for i := range w.settings.Hosts {
		all = append(all, w.settings.Hosts[i].Place)
	}
	return all
}

type oneSite struct {
	site config.Site
	host revproxy.Host
}

func (w *webInForce) named(host string) (oneSite, bool) {
	if w != nil {
		for i := range w.cfg.Sites {
			if w.cfg.Sites[i].Hosts[0] == host {
				return oneSite{w.cfg.Sites[i], w.settings.Hosts[i]}, true
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
	h := revproxy.Host{Names: s.Hosts, Upstream: upstream, Payment: s.Payment, Pages: pagesOf(s), Place: webPlace(gate, s), Firewall: webModes[s.Firewall], Cards: webModes[s.Cards], Methods: s.Methods}
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

// reloadWeb puts the web gates in force as the configuration has them now, each
// wholly or not at all, and by itself: one that cannot be as configured, which the
// error tells, keeps what it has, and the others do not wait for it. A
// configuration with a mistake changes nothing but the files of rules that are
// named already. Gates that came or went wait for a restart: each is a source of its
// own. The caller holds p.reload.
func (p *process) reloadWeb(ctx context.Context) error {
	l, err := config.Load(p.file)
	if err != nil {
		for _, g := range p.webs { // the files of the rules are another matter
			if bad := p.readSiteRules(ctx, g, g.config().Rules); bad != nil {
				err = errors.Join(err, bad)
			}
		}
		return err
	}
	var all, restarts fault.List
	for _, g := range p.webs {
		i := slices.IndexFunc(l.Web, func(w config.Web) bool { return w.Name == g.label })
		if i < 0 {
			restarts = append(restarts, needsRestart(g.label, "it was taken out"))
			continue
		}
		all = append(all, fault.Faults(p.reloadGate(ctx, g, l, i))...)
	}
	for i := range l.Web {
		if name := l.Web[i].Name; !slices.ContainsFunc(p.webs, func(g *webGate) bool { return g.label == name }) {
			restarts = append(restarts, needsRestart(name, "it is new"))
		}
	}
	if all = append(all, restarts...); len(all) == 0 {
		return nil
	}
	for _, f := range all[1:] { // the error has a line for the first
		p.log.Warn("web gate not as configured", "error", f)
	}
	return all
}

func (p *process) reloadGate(ctx context.Context, g *webGate, l *config.Loaded, i int) (err error) {
	c, before := &l.Web[i], g.now.Load()
	rules, err := p.loadSiteRules(ctx, g, c.Rules)
	if err != nil {
		return err
	}
	if reflect.DeepEqual(c, before.cfg) {
		return p.putSiteRules(ctx, g, rules)
	}
	next, err := p.webSettings(g, l, c, fmt.Sprintf("web[%d].listen", i))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.discard(next))
		}
	}()
	if next.certs != nil && next.certs != before.certs {
		if err := g.keep(ctx, next); err != nil {
			return fault.New(fault.GateTLS, "gate", `"`+c.Name+`"`).Because(err)
		}
	}
	rulesBefore := siteRules{g.rules.Load(), g.digest}
	if err := p.putSiteRules(ctx, g, rules); err != nil {
		return err
	}
	if err := p.replaceSites(ctx, g, next); err != nil {
		return errors.Join(err, p.putSiteRules(ctx, g, rulesBefore))
	}
	p.readWeb(g.label, l)
	for _, changed := range []chan struct{}{g.changed, g.renamed} {
		select {
		case changed <- struct{}{}: // its canaries and certificates begin anew
		default: // they are about to
		}
	}
	p.log.Info("web gate read", "gate", c.Name, "sites", len(c.Sites), "address", g.addr())
	return nil
}

// discard undoes what was opened for settings that did not come in force.
func (g *webGate) discard(next *webInForce) error {
	now := g.now.Load()
	if next == now {
		return nil
	}
	if next.certs != now.certs && next.certs != nil {
		next.certs.Stop()
	}
	if next.settings.Listener != now.settings.Listener {
		return next.settings.Listener.Close()
	}
	return nil
}

// replaceSites puts settings in force. What is guarded and which sites there are is
// recorded before.
func (p *process) replaceSites(ctx context.Context, g *webGate, next *webInForce) error {
	c := next.cfg
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
	if err := g.server.Set(next.settings); err != nil {
		back := placesMoved{begun: moved.ended, ended: moved.begun}
		return errors.Join(fault.New(fault.GateFailed, "gate", `"`+c.Name+`"`).Because(err), p.recordAs(ctx, g, back.bodies(g.server.Unseen())...))
	}
	g.now.Store(next)
	g.server.SetStops(stopsOf(c.Sites, p.past.stops))
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

func needsRestart(gate, why string) *fault.Error {
	return fault.New(fault.ControlRefused, "problem", "web gate "+gate+" needs a restart: "+why, "hint", "sekisho up again; no other web gate waits for it")
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
func firewallOf(c *config.Web, hosts []revproxy.Host, before *webInForce) (*waf.Engine, error) {
	if !judged(hosts) {
		return nil, nil
	}
	if before != nil && before.settings.Firewall != nil && before.cfg.Paranoia == c.Paranoia && slices.Equal(before.cfg.Except, c.Except) {
		return before.settings.Firewall, nil
	}
	return waf.New(waf.Config{Paranoia: c.Paranoia, Except: c.Except})
}
