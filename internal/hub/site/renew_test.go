package site

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/hub/frame"
)

const day = 24 * time.Hour

// TestRotation: a certificate is renewed with a new key while its stream stands,
// and again and again, over more than its life; the one that is over opens
// nothing.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	dir := w.joined("osaka")
	file := filepath.Join(dir, identityFile)
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	old, err := tls.X509KeyPair(first, first)
	if err != nil {
		t.Fatal(err)
	}
	var site *Site
	w.tell = func(s *Site) { site = s }
	g := &gate{flows: 1}
	w.run("osaka", dir, map[string]*gate{"out": g})
	last := site.current()
	for i := range 3 {
		w.ahead.Add(int64(21 * day))
		// The next sign of life makes it look at its certificate.
		for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
			if now := site.current(); now != last {
				if now.Leaf.SerialNumber.Cmp(last.Leaf.SerialNumber) == 0 || string(now.Leaf.RawSubjectPublicKeyInfo) == string(last.Leaf.RawSubjectPublicKeyInfo) {
					t.Fatal("the same certificate, or the same key")
				}
				last = now
				tick.Stop()
				break
			}
		}
		// It is coming back with the new certificate, and takes the order at the latest then.
		w.order("alarm", all())
		await(t, "an order after a rotation", func() bool { return g.generation() == uint64(i+1) })
	}
	if n := count[*event.GateEnrolled](w); n != 5 { // invited, joined, and three renewals
		t.Errorf("%d certificates are recorded, want 5", n)
	}
	for changed := w.cuts.Changed(); state(t, w.cuts.Show(), "osaka/out").Red; changed = w.cuts.Changed() {
		<-changed // it comes back with the new certificate and takes the last order
	}
	if g.generation() != 3 {
		t.Errorf("generation %d after three rotations, want 3", g.generation())
	}

	// The first one is over.
	site.mu.Lock()
	site.identity = &old
	site.mu.Unlock()
	client, err := site.client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	if err := send(t.Context(), client, "GET", site.member.Hub+"/v1/heads", nil, &frame.Heads{}); err == nil || strings.Contains(err.Error(), "says 404") {
		t.Errorf("a certificate that is over was let in: %v", err)
	}
}

// TestConnectionOutlivesCertificate: what a certificate opened ends with it.
func TestConnectionOutlivesCertificate(t *testing.T) {
	w := newWorld(t)
	dir := w.joined("osaka")
	s, err := Open(t.Context(), Config{Dir: dir, Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	client, err := s.client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	ask := func() error { return send(t.Context(), client, "GET", s.member.Hub+"/v1/heads", nil, &frame.Heads{}) }
	if err := ask(); err == nil || !strings.Contains(err.Error(), "says 404") { // this hub keeps no records
		t.Fatalf("before: %v", err)
	}
	w.ahead.Store(int64(31 * day))
	if err := ask(); err == nil || !strings.Contains(err.Error(), "says 401") {
		t.Errorf("over the same connection after its end: %v", err)
	}
}
