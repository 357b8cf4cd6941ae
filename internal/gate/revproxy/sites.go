package revproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"sekisho/internal/event"
)

// sites are the hosts of a gate as they are in force.
type sites struct {
	all    []*Host
	byName map[string]*Host
}

// compileSites checks hosts and makes them ready.
// What is known of visitors, logins and pages goes over from before where the
// settings for it are the same pointers.
func compileSites(hosts []Host, before *sites) (*sites, error) {
	if len(hosts) == 0 {
		return nil, errors.New("revproxy: no hosts")
	}
	s := &sites{byName: map[string]*Host{}}
	for i := range hosts {
		h := new(Host)
		*h = hosts[i]
		if err := h.check(s.byName); err != nil {
			return nil, err
		}
		h.upstreams = h.compileUpstreams()
		h.flow = h.target()
		var old Host
		if was := before.named(firstName(h)); was != nil {
			old = *was
		}
		if h.pages = old.pages; h.Pages != old.Pages {
			h.pages = h.Pages.compile()
		}
		if h.logins = old.logins; h.Logins != old.Logins {
			h.logins = h.Logins.compile()
		}
		if h.persons = old.persons; h.Persons != old.Persons {
			h.persons = h.Persons.compile()
		}
		switch h.visitors = old.visitors; {
		case h.persons != nil:
			h.visitors = h.persons
		case h.Logins == nil:
			h.visitors = nil
		case h.Logins != old.Logins || old.persons != nil:
			h.visitors = (&Persons{Hash: h.Logins.Hash}).compile()
		}
		s.all = append(s.all, h)
		for _, name := range h.Names {
			s.byName[name] = h
		}
	}
	return s, nil
}

func (s *sites) named(name string) *Host {
	if s == nil {
		return nil
	}
	return s.byName[name]
}

func (h *Host) check(taken map[string]*Host) error {
	for _, u := range append(slices.Clone(h.Others), h.Upstream) {
		if u == nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("revproxy: host %v: an upstream http://host:port or https://host:port is needed", h.Names)
		}
	}
	if h.Health != nil && !strings.HasPrefix(h.Health.Path, "/") {
		return fmt.Errorf("revproxy: host %v: the path of its health begins with /", h.Names)
	}
	if h.Persons != nil && h.Persons.Hash == nil || h.Logins != nil && h.Logins.Hash == nil {
		return fmt.Errorf("revproxy: host %v: persons are told by a keyed hash, which is missing", h.Names)
	}
	own := map[string]bool{}
	for _, name := range h.Names {
		if taken[name] != nil || own[name] || name == "" || name != strings.ToLower(name) {
			return fmt.Errorf("revproxy: host name %q is there twice, empty or not in lower case", name)
		}
		own[name] = true
	}
	return nil
}

// host returns the site that a request is for, nil for none.
func (g *Gate) host(name string) *Host {
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	return g.sites.Load().byName[strings.ToLower(strings.TrimSuffix(name, "."))]
}

func (g *Gate) places() []event.Place {
	var all []event.Place
	for _, h := range g.sites.Load().all {
		all = append(all, h.Place)
	}
	return all
}

// first is the site that stands for the gate, where a request names none.
func (g *Gate) first() *Host { return g.sites.Load().all[0] }

// SetHosts puts other settings of the sites in force, all or none: exchanges under
// way come to their end under those they began with, and no connection is closed.
// Sites may come and go. What is known of visitors and logins stays where
// Persons, Logins and Pages are the pointers they were, and begins anew elsewhere.
func (g *Gate) SetHosts(hosts []Host) error {
	g.reload.Lock()
	defer g.reload.Unlock()
	s, err := compileSites(hosts, g.sites.Load())
	if err != nil {
		return err
	}
	g.sites.Store(s)
	if g.health.ask != nil {
		g.health.ask(s.all)
	}
	return nil
}

// health are the questions to upstreams; they begin anew with other hosts.
type health struct {
	ask func([]*Host) // nil before Run and after it; guarded by Gate.reload
}

// runHealth asks upstreams how they are until ctx ends.
func (g *Gate) runHealth(ctx context.Context) (stop func()) {
	var wait sync.WaitGroup
	end := func() {}
	ask := func(hosts []*Host) {
		end()
		inner, cancel := context.WithCancel(ctx)
		end = cancel
		wait.Go(func() { g.watchHealth(inner, hosts) })
	}
	g.reload.Lock()
	defer g.reload.Unlock()
	ask(g.sites.Load().all)
	g.health.ask = ask
	return func() {
		g.reload.Lock()
		defer g.reload.Unlock()
		g.health.ask = nil
		end()
		wait.Wait()
	}
}
