package egress

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// TestReadTransparent: a tunnel that the network led here is read too, and SOCKS.
func TestReadTransparent(t *testing.T) {
	l := listen(t)
	var to atomic.Pointer[netip.AddrPort]
	s := newShop(t, readRules, func(c *Config) {
		c.Transparent, c.original = l, func(net.Conn) (netip.AddrPort, error) { return *to.Load(), nil }
	})
	at := s.server.Listener.Addr().(*net.TCPAddr).AddrPort()
	to.Store(&at)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.ca, ServerName: "forms.here.example"}, DialTLSContext: nil}
	tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
	}
	defer tr.CloseIdleConnections()
	if status, said := s.post(t, &http.Client{Transport: tr, Timeout: patience}, s.address("forms.here.example", "/"), "text/plain", []byte(mail(3))); status != 200 || said != "thank you, HTTP/1.1" {
		t.Fatal(status, said)
	}
	if flow, end := s.one(t); flow.Protocol != "sni" || end.Outcome != "done" {
		t.Errorf("%+v %+v", flow, end)
	}
}

// TestReadLimits: volume and lifetime hold for a tunnel that is read.
func TestReadLimits(t *testing.T) {
	t.Run("volume", func(t *testing.T) {
		s := newShop(t, strings.Replace(readRules, "inner: read", "inner: read, sent_per_hour: 100KiB", 1))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.address("forms.here.example", "/"), strings.NewReader(strings.Repeat(mail(7)+"\n", 10_000)))
		if err != nil {
			t.Fatal(err)
		}
		if a, err := s.client(t).Do(r); err == nil {
			a.Body.Close()
			t.Errorf("more was sent than allowed: %d", a.StatusCode)
		}
		if _, end := s.one(t); end.Outcome != "limit" || end.Detail != "sent_per_hour" || len(s.got) != 0 {
			t.Errorf("%+v", end)
		}
	})
	t.Run("lifetime", func(t *testing.T) {
		s := newShop(t, readRules, func(c *Config) { c.Limits.Lifetime = 300 * time.Millisecond })
		conn, _, _ := s.connect(t, "forms.here.example:"+s.port())
		c := tls.Client(conn, &tls.Config{RootCAs: s.ca, ServerName: "forms.here.example"})
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err == nil {
			t.Error("the tunnel was closed and not reset")
		}
		if _, end := s.one(t); end.Outcome != "limit" || end.Detail != "lifetime" {
			t.Errorf("%+v", end)
		}
	})
}

// TestHoldingIsBounded: when too many bodies are held already, one more passes
// as a long one does: everybody may be in it until its end. Trailers are seen.
func TestHoldingIsBounded(t *testing.T) {
	for _, full := range []bool{false, true} {
		s := newShop(t, readRules)
		s.places(t)
		if full {
			s.gate.cfg.Reading.holding.Store(maxHolding)
		}
		c := s.client(t)
		if status, said := s.post(t, c, s.address("forms.here.example", "/"), "text/plain", []byte(mail(7))); status != 200 {
			t.Fatal(status, said)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.address("forms.here.example", "/"), io.NopCloser(strings.NewReader(mail(9))))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "text/plain")
		r.Trailer = http.Header{"X-More": {mail(11)}}
		a, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		confirmed, reachable := s.scope(t)
		intents := len(eventtest.Of[*event.Intent](s.rec))
		if full && (confirmed != "7,9" || reachable != "0-999" || intents != 2) { // what a trailer says is not known in time
			t.Errorf("confirmed %s, reachable %s, %d intents", confirmed, reachable, intents)
		}
		if !full && (confirmed != "7,9,11" || reachable != confirmed || intents != 0 || s.gate.cfg.Reading.holding.Load() != 0) {
			t.Errorf("confirmed %s, reachable %s, %d intents", confirmed, reachable, intents)
		}
	}
}
