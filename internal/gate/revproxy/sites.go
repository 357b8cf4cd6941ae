package revproxy

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"sekisho/internal/event"
)

// inForce are settings of a gate, ready for use.
type inForce struct {
	Settings // but for the hosts
	all      []*Host
	byName   map[string]*Host
}

// compile checks settings and makes them ready. What is known of visitors, logins
// and pages goes over from before where the settings for it are the same pointers.
func compile(settings Settings, before *inForce) (*inForce, error) {
	if err := settings.check(); err != nil {
		return nil, err
	}
	if len(settings.Hosts) == 0 {
		return nil, errors.New("revproxy: no hosts")
	}
	s := &inForce{Settings: settings, byName: map[string]*Host{}}
	s.Hosts = nil // all has them
	for i := range settings.Hosts {
		h := new(Host)
		*h = settings.Hosts[i]
		if err := h.check(s.byName); err != nil {
			return nil, err
		}
		h.upstreams = h.compileUpstreams(before.named(firstName(h)))
		h.flow = h.target()
		if err := h.compileFirewall(s, before); err != nil {
			return nil, err
		}
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

// compileFirewall makes the site's own firewall, or takes that of another with the
// same methods.
func (h *Host) compileFirewall(s, before *inForce) (err error) {
	if h.judge = s.Firewall; h.judge == nil || h.Methods == nil {
		return nil
	}
	known := s.all
	if before != nil && before.Firewall == s.Firewall {
		known = slices.Concat(known, before.all)
	}
	for _, other := range known {
		if slices.Equal(other.Methods, h.Methods) {
			h.judge = other.judge
			return nil
		}
	}
	h.judge, err = s.Firewall.Allowing(h.Methods)
	return err
}

func (s *inForce) named(name string) *Host {
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
func (s *inForce) host(name string) *Host {
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	return s.byName[strings.ToLower(strings.TrimSuffix(name, "."))]
}

// places are those of the sites.
func (s *inForce) places() []event.Place {
	var all []event.Place
	for _, h := range s.all {
		all = append(all, h.Place)
	}
	return all
}

// first is the site that stands for the gate, where a request names none.
func (g *Gate) first() *Host { return g.now.Load().all[0] }
