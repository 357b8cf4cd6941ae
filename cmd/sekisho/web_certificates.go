package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sekisho/internal/certificate"
	"sekisho/internal/event"
)

// codeCertificate is raised when a certificate cannot be obtained or renewed.
const codeCertificate = "SK3426"

// newCertificates prepares obtaining the certificates of a gate's sites. They are
// kept in the data folder, whatever gate they are of: the account is one.
// Until the authority has issued that of a site, the site has the one of before.
func (p *process) newCertificates(g *webGate, next, before *webInForce) error {
	c := next.cfg.TLS.ACME
	own := certificate.Config{
		Dir: filepath.Join(p.cfg.Data, "acme"), Directory: c.Directory, Email: c.Email, Listen: next.cfg.Listen,
		Told: func(a certificate.Attempt) { p.attempted(g, a) },
	}
	if c.Roots != "" {
		text, err := os.ReadFile(c.Roots)
		if err != nil {
			return err
		}
		own.Roots = x509.NewCertPool()
		if !own.Roots.AppendCertsFromPEM(text) {
			return errors.New("tls.acme.roots holds no certificate")
		}
	}
	var err error
	if next.certs, err = certificate.New(own); err != nil {
		return err
	}
	next.shown = []showing{next.certs.Certificate}
	if before != nil {
		next.shown = append(next.shown, before.shown[:min(len(before.shown), maxBefore)]...)
	}
	next.settings.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: g.show(next.shown), NextProtos: []string{certificate.ChallengeProtocol}}
	return nil
}

// showing answers a handshake.
type showing = func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// maxBefore is of how many configurations before certificates are shown while one
// is asked for: somebody may correct a mistake twice.
const maxBefore = 3

// show answers with the first of the ways that has a certificate for a site of the
// gate. Names of no site, and what an authority asks to see, are a matter of the
// first alone.
func (g *webGate) show(ways []showing) showing {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, err := ways[0](hello)
		if err == nil || slices.Contains(hello.SupportedProtos, certificate.ChallengeProtocol) || !g.now.Load().serves(hello.ServerName) {
			return cert, err
		}
		for _, way := range ways[1:] {
			if cert, bad := way(hello); bad == nil {
				return cert, nil
			}
		}
		return nil, err
	}
}

func (w *webInForce) serves(name string) bool {
	return w != nil && slices.ContainsFunc(w.names(), func(host string) bool { return strings.EqualFold(host, name) })
}

// attempted tells what came of asking the authority. A failure is raised: it is
// tried again, and until then the sites have the certificate that they had.
func (p *process) attempted(g *webGate, a certificate.Attempt) {
	if a.Err == nil {
		p.log.Info("certificate obtained", "gate", g.label, "site", a.Name, "renewal", a.Renewal)
		return
	}
	p.log.Warn("certificate not obtained", "gate", g.label, "site", a.Name, "renewal", a.Renewal, "code", codeCertificate, "error", a.Err)
	body := &event.Finding{Code: codeCertificate, Title: "a certificate could not be obtained", Detail: "site " + a.Name}
	sites := g.sites()
	for i := range sites {
		for _, name := range sites[i].Hosts {
			if name == a.Name {
				body.Place = webPlace(g.name, &sites[i])
			}
		}
	}
	if _, err := g.rec.Submit(event.Written, nil, body); err != nil {
		p.log.Error("finding not recorded", "gate", g.label, "err", err)
	}
}

// certifying is settings whose certificates are to be kept, before they come in
// force.
type certifying struct {
	next *webInForce
	done chan error
}

// keep has the certificates of settings kept that are about to come in force.
func (g *webGate) keep(ctx context.Context, next *webInForce) error {
	c := certifying{next, make(chan error, 1)}
	select {
	case g.certify <- c:
		return <-c.done
	case <-g.ended:
		return errors.New("the gate ends")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runCertificates keeps the certificates of all names of a gate until ctx ends,
// also of those that a reload brings.
func (g *webGate) runCertificates(ctx context.Context) error {
	var certs, coming *certificate.Keeper // that keeps them, and may do so next
	defer func() {
		close(g.ended)
		certs.Stop()
		coming.Stop() // what a reload is about to put in force ends with the gate
	}()
	again := time.NewTicker(certificateCheck)
	defer again.Stop()
	for {
		now := g.now.Load()
		if certs != now.certs {
			certs.Stop()
			certs = now.certs
		}
		if err := certs.Keep(ctx, now.names()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case c := <-g.certify:
			coming = c.next.certs
			c.done <- c.next.certs.Keep(ctx, c.next.names())
		case <-g.renamed:
		case <-again.C:
		}
	}
}

// certificateCheck is how often it is seen to that every name is being asked for.
const certificateCheck = time.Minute

// names are all names of the sites in force.
func (w *webInForce) names() (names []string) {
	for i := range w.cfg.Sites {
		names = append(names, w.cfg.Sites[i].Hosts...)
	}
	return names
}
