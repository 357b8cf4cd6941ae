package hub

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/event"
	"sekisho/internal/hub/answer"
	"sekisho/internal/policy/cut"
	"sekisho/internal/policy/order"
)

// TestKnownOrderWaitsForNone: a gate that comes back while an order is under way says
// first which one it has. The order waits for the gate to take it: neither waits for
// the other.
func TestKnownOrderWaitsForNone(t *testing.T) {
	sign := func(name string) (note.Signer, note.Verifier) {
		t.Helper()
		skey, vkey, err := order.NewKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := note.NewSigner(skey)
		if err != nil {
			t.Fatal(err)
		}
		v, err := note.NewVerifier(vkey)
		if err != nil {
			t.Fatal(err)
		}
		return s, v
	}
	cfg := Config{Tenant: "default", Dir: t.TempDir(), Now: time.Now, Record: func(context.Context, ...event.Body) error { return nil }}
	cfg.Signer, cfg.Verifier = sign(order.KeyName("default"))
	receipts, _ := sign("hub")
	cfg.Gates = answer.New("hub", receipts, time.Now)
	c, err := Open(t.Context(), cfg, Past{})
	if err != nil {
		t.Fatal(err)
	}
	var texts [][]byte
	for _, target := range []string{"one.example", "two.example"} {
		if _, err := c.Order(t.Context(), Change{By: "ayame", Reason: "r", Add: []cut.Entry{{Kind: cut.Name, Target: target, Until: time.Now().Add(time.Hour).UnixNano()}}}); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, c.text)
	}
	c.ordering.Lock() // an order is under way
	defer c.ordering.Unlock()
	for i, text := range texts {
		done := make(chan error, 1)
		go func() { done <- c.adopt(t.Context(), text) }()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("order %d: %v", i+1, err)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("order %d waits for another", i+1)
		}
	}
}
