package main

import (
	"crypto/x509"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/exitca"
	"sekisho/internal/fault"
	"sekisho/internal/gate/egress"
	"sekisho/internal/keyring"
)

// readingOf is how a gate says whose data leaves, nil for not at all.
func (p *process) readingOf(g *exitGate, path string) (*egress.Reading, error) {
	c := g.cfg.Read
	if c == nil {
		return nil, nil
	}
	conflict := func(problem, hint string) *fault.Error {
		return fault.New(fault.ConfigConflict, "problem", problem, "hint", hint).At(p.file, p.cfg.Line(path+".read"), path+".read")
	}
	if p.member != "" && !p.whole { // persons have other numbers at the hub
		return nil, conflict("a gate of a hub reads what leaves only where the hub knows its persons", "leave read out, or begin with a new data directory and join before the first start")
	}
	ca, err := exitca.Open(p.cfg.Keys, p.now)
	if err != nil {
		return nil, conflict("there is no authority whose certificates clients can be shown", "sekisho egress ca --make NAME").Because(err)
	}
	key, err := p.ring.Current(event.Tenant(p.cfg.Tenant), keyring.Identifier)
	if err != nil {
		return nil, keysFault(p.cfg.Keys, p.file, err)
	}
	roots, err := rootsOf(c)
	if err != nil {
		return nil, fault.New(fault.GateFailed, "gate", `"`+g.cfg.Name+`"`).At(p.file, p.cfg.Line(path+".read.roots"), path+".read.roots").Because(err)
	}
	bases := p.basesOf(c.Databases)
	return &egress.Reading{Leaf: ca.Leaf, Roots: roots, Start: g.start, Identifiers: identifiersOf(bases), Hash: hashedAs(key, "egress"),
		Owners: func(dst []egress.Owner, k element.Kind, value []byte) []egress.Owner {
			return ownersAt(p, dst, bases, k, value)
		}}, nil
}

func rootsOf(c *config.EgressRead) (*x509.CertPool, error) {
	if c.Roots == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.Roots)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New(c.Roots + " holds no certificate")
	}
	return pool, nil
}

// listedURL tells which list names an address that a gate can read.
func (p *process) listedURL() func(host string, request *url.URL, at time.Time) (string, bool) {
	if p.refused.Len() == 0 {
		return nil
	}
	return func(host string, request *url.URL, at time.Time) (string, bool) {
		for _, usual := range []string{":80", ":443"} { // lists leave them out
			if name, cut := strings.CutSuffix(host, usual); cut {
				if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil || !strings.Contains(name, ":") {
					host = name
				}
			}
		}
		i, is := p.refused.URL("http://"+host+request.EscapedPath(), at)
		return i.List, is
	}
}

type egressCACmd struct {
	Make []string `placeholder:"NAME" help:"help_egress_ca_make"`
}

// Run prints the certificate of the authority whose certificates a gate shows
// where it reads, or makes one.
func (c egressCACmd) Run(a *app) error {
	if a.hub.address != "" && len(c.Make) == 0 {
		v, err := elsewhere[struct{}, consoleoffice.ExitAuthority](a, "egress/ca", struct{}{})
		if err != nil {
			return err
		}
		return a.exitAuthority(&v, false)
	}
	l, err := a.load()
	if err != nil {
		return err
	}
	var ca *exitca.Authority
	if len(c.Make) > 0 {
		if ca, err = exitca.Make(l.Keys, c.Make, time.Now); err != nil {
			return fault.New(fault.Usage, "problem", err.Error(), "hint", "sekisho egress ca --make upload.example.jp")
		}
	} else if ca, err = exitca.Open(l.Keys, time.Now); err != nil {
		return noAuthority(l.Keys, l.File, err)
	}
	return a.exitAuthority(authorityOf(ca, l.Exit), len(c.Make) > 0)
}

// exitAuthority shows an authority.
func (a *app) exitAuthority(v *consoleoffice.ExitAuthority, made bool) error {
	return a.out(v, func() {
		a.print("egress_ca", "names", strings.Join(v.Names, ", "), "until", at(v.Until), "fingerprint", v.Fingerprint)
		for _, name := range v.Uncovered {
			a.print("egress_ca_uncovered", "name", name)
		}
		if made {
			a.print("egress_ca_made")
		}
		a.print("egress_ca_pem", "pem", strings.TrimSuffix(v.PEM, "\n"))
	})
}
