package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/revproxy"
	"sekisho/internal/policy/site"
)

// siteStop is what an operator can stop.
type siteStop struct{ host, what string }

var stoppable = []string{"site", "payment"}

// stopsOf returns the stops of a gate's sites.
func stopsOf(sites []config.Site, all map[siteStop]bool) []revproxy.Stop {
	var stops []revproxy.Stop
	for _, s := range sites {
		for _, what := range stoppable {
			if all[siteStop{s.Hosts[0], what}] {
				stops = append(stops, revproxy.Stop{Host: s.Hosts[0], Payment: what == "payment"})
			}
		}
	}
	return stops
}

// unseen reports whether the direct way to a place was open when the last run
// ended: it stays so until somebody shuts it.
func (h *history) unseen(places []event.Place) bool {
	open := false
	for _, b := range h.bypasses {
		for _, place := range b.Places {
			if len(places) > 0 && place == places[0] {
				open = b.Open
			}
		}
	}
	return open
}

// siteRules are the rules of a gate's sites as a file had them when it was read.
type siteRules struct {
	rules  *site.Rules
	digest string // of the file, "" for none
}

// readSiteRules puts a file of rules of a gate in force, "" for none. A bad one keeps those
// before, and the refusal is recorded.
func (p *process) readSiteRules(ctx context.Context, g *webGate, file string) error {
	r, err := p.loadSiteRules(ctx, g, file)
	if err != nil {
		return err
	}
	return p.putSiteRules(ctx, g, r)
}

// loadSiteRules reads a file of rules for a gate, "" for none. That a bad one was
// refused is recorded.
func (p *process) loadSiteRules(ctx context.Context, g *webGate, file string) (siteRules, error) {
	if file == "" {
		return siteRules{}, nil
	}
	rules, text, err := config.SiteRules(file)
	sum := sha256.Sum256(text)
	r := siteRules{rules, hex.EncodeToString(sum[:])}
	if err != nil {
		return siteRules{}, errors.Join(err, p.recordAs(ctx, g, &event.SiteRules{Gate: g.name, Digest: r.digest, Refused: fault.Recorded(err)}))
	}
	return r, nil
}

// putSiteRules puts rules of a gate in force, once that is recorded.
func (p *process) putSiteRules(ctx context.Context, g *webGate, r siteRules) error {
	if r.digest == g.digest {
		return nil
	}
	body := &event.SiteRules{Gate: g.name, Digest: r.digest}
	if r.rules != nil {
		n := r.rules.Count(p.now())
		body.Exceptions, body.Patches, body.Parameters = n.Exceptions, n.Patches, n.Parameters
	}
	if err := p.recordAs(ctx, g, body); err != nil {
		return err
	}
	g.rules.Store(r.rules)
	g.digest = r.digest
	return nil
}

// Web implements control.Operator.
func (p *process) Web(ctx context.Context, r control.WebRequest) (control.WebStatus, error) {
	p.reload.Lock()
	defer p.reload.Unlock()
	var err error
	switch r.Do {
	case control.WebReload:
		err = p.reloadWeb(ctx)
	case control.WebStop, control.WebResume:
		err = p.stopSites(ctx, r)
	}
	return p.webStatus(r), err
}

// stopSites stops sites or lets them go on. It is recorded first, of all of them by
// one event: what was stopped stays so after a restart.
func (p *process) stopSites(ctx context.Context, r control.WebRequest) error {
	found := false
	var hosts []string
	for _, g := range p.webs {
		for _, s := range g.sites() {
			if r.Host != "" && r.Host != s.Hosts[0] || r.What == "payment" && len(s.Payment) == 0 {
				continue
			}
			found = true
			if host := s.Hosts[0]; p.past.stops[siteStop{host, r.What}] != (r.Do == control.WebStop) && !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	if !found {
		return fault.New(fault.ControlRefused, "problem", fmt.Sprintf("no site %q has anything to stop as %s", r.Host, r.What),
			"hint", "name a site by its first host, and its paths of payment under payment: sekisho web status")
	}
	if len(hosts) > 0 {
		body := &event.SiteStop{Host: hosts[0], Also: hosts[1:], What: r.What, Stopped: r.Do == control.WebStop, By: r.By, Reason: r.Reason}
		if _, err := p.outer.Record(ctx, event.Durable, body); err != nil {
			return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
		}
		p.past.stop(body)
	}
	for _, g := range p.webs {
		g.server.SetStops(stopsOf(g.sites(), p.past.stops))
	}
	for _, host := range hosts {
		p.log.Warn("site", "host", host, "what", r.What, "stopped", r.Do == control.WebStop, "by", r.By)
	}
	return nil
}

// stop notes what was stopped, or goes on.
func (h *history) stop(b *event.SiteStop) {
	h.stops[siteStop{b.Host, b.What}] = b.Stopped
	for _, host := range b.Also {
		h.stops[siteStop{host, b.What}] = b.Stopped
	}
}

func (p *process) webStatus(r control.WebRequest) control.WebStatus {
	status := control.WebStatus{Sites: []control.SiteStatus{}}
	for _, g := range p.webs {
		for _, s := range g.sites() {
			one := control.SiteStatus{Gate: g.label, Host: s.Hosts[0], Stopped: []string{}, Rules: g.rules.Load().Count(p.now())}
			for _, what := range stoppable {
				if p.past.stops[siteStop{s.Hosts[0], what}] {
					one.Stopped = append(one.Stopped, what)
				}
			}
			status.Sites = append(status.Sites, one)
		}
		if learner := g.now.Load().learner(); r.Fields && learner != nil {
			fields, full := learner.Learned()
			status.Fields, status.Full = append(status.Fields, fields...), status.Full || full
		}
	}
	return status
}
