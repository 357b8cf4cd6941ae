package main

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sekisho/internal/certificate"
	"sekisho/internal/config"
)

// acmeGate is a gate whose certificates are to come from an authority that is not
// there.
func acmeGate(directory string) *config.Web {
	return &config.Web{Listen: "127.0.0.1:8443", Sites: []config.Site{{Hosts: []string{"shop.example.jp"}}},
		TLS: config.WebTLS{ACME: &config.WebACME{Directory: directory, Agree: true}}}
}

// TestCertificateOfBefore: until an authority has issued a certificate, a site shows
// the one of before, also when the authority is changed while it is waited for. Other
// names, and an authority that looks, are shown nothing of before.
func TestCertificateOfBefore(t *testing.T) {
	cert, key := certificateFiles(t, t.TempDir(), "shop.example.jp", time.Now().Add(time.Hour))
	p := &process{cfg: &config.Loaded{Config: &config.Config{Data: t.TempDir()}}, now: time.Now}
	g := &webGate{}
	files := acmeGate("")
	files.TLS = config.WebTLS{Cert: cert, Key: key}
	for _, c := range []*config.Web{files, acmeGate("https://127.0.0.1:1/a"), acmeGate("https://127.0.0.1:1/b")} {
		next := &webInForce{cfg: c}
		if err := p.webTLS(g, next, g.now.Load()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(next.certs.Stop)
		g.now.Store(next)
		if shown, err := shownBy(t, next.settings.TLS, "shop.example.jp"); err != nil || shown != "shop.example.jp" {
			t.Errorf("with %+v the site is shown %q, %v", c.TLS, shown, err)
		}
		if c.TLS.ACME == nil {
			continue
		}
		if shown, err := shownBy(t, next.settings.TLS, "club.example.jp"); err == nil {
			t.Errorf("a name of no site is shown %q", shown)
		}
		if shown, err := shownBy(t, next.settings.TLS, "shop.example.jp", certificate.ChallengeProtocol); err == nil {
			t.Errorf("an authority that looks is shown %q", shown)
		}
	}
}

// shownBy shakes hands and returns whose certificate is shown.
func shownBy(t *testing.T, of *tls.Config, name string, protocols ...string) (string, error) {
	t.Helper()
	there, here := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = tls.Server(there, of).HandshakeContext(t.Context()) // the client sees what was wrong
		there.Close()
	}()
	client := tls.Client(here, &tls.Config{ServerName: name, NextProtos: protocols, InsecureSkipVerify: true}) // who issued it is not what is asked
	err := client.HandshakeContext(t.Context())
	here.Close()
	<-served
	if err != nil {
		return "", err
	}
	return client.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

// TestKeeperEndsWithGate: a keeper that is about to come in force when the gate ends
// ends too, and nobody waits for a gate that has ended.
func TestKeeperEndsWithGate(t *testing.T) {
	before := goleak.IgnoreCurrent()
	p := &process{cfg: &config.Loaded{Config: &config.Config{Data: t.TempDir()}}, now: time.Now}
	g := &webGate{certify: make(chan certifying), ended: make(chan struct{})}
	g.now.Store(&webInForce{cfg: &config.Web{}})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.runCertificates(ctx) }()
	next := &webInForce{cfg: acmeGate("https://127.0.0.1:1/a")}
	next.cfg.Sites = nil
	if err := p.webTLS(g, next, g.now.Load()); err != nil {
		t.Fatal(err)
	}
	if err := g.keep(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := g.keep(t.Context(), next); err == nil {
		t.Error("a gate that has ended keeps certificates")
	}
	noneLeft(t, "the keeper of a gate that ended", before)
	next.certs.Stop() // as a reload does that did not come in force
}
