package site

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/hub"
	"sekisho/internal/policy/order"
)

// policies put texts in force; one that begins with "bad" does not compile, and
// one that begins with "crash" is kept and then not put in force.
type policies struct{ put chan uint64 }

func (p *policies) Compile(_ context.Context, generation uint64, file string) (func(context.Context) error, error) {
	if strings.HasPrefix(file, "bad") {
		p.put <- 0
		return nil, errors.New("it does not compile")
	}
	return func(context.Context) error {
		p.put <- generation
		if strings.HasPrefix(file, "crash") {
			return errors.New("the process dies here")
		}
		return nil
	}, nil
}

func (p *policies) next(t *testing.T) uint64 {
	t.Helper()
	select {
	case g := <-p.put:
		return g
	case <-time.After(30 * time.Second):
		t.Fatal("no policy came")
	}
	return 0
}

// keys are those that sign the hub's orders.
func (w *world) keys() (note.Signer, note.Verifier) {
	w.t.Helper()
	skey, vkey, err := hub.OrdersKey(w.dir, "default")
	if err != nil {
		w.t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		w.t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		w.t.Fatal(err)
	}
	return signer, verifier
}

// TestPolicyReachesEveryGate: those that are connected, those that come later,
// once, over a hub that dies; what does not compile leaves the one before; a
// crash between keeping and putting in force leaves the new one.
func TestPolicyReachesEveryGate(t *testing.T) {
	w := newWorld(t)
	p := &policies{put: make(chan uint64, 8)}
	var site *Site
	w.policies, w.tell = p, func(s *Site) { site = s }
	dir := w.joined("osaka")
	stop := w.run("osaka", dir, map[string]*gate{"out": {}})
	signer, verifier := w.keys()
	push := func(generation uint64, file string) error {
		return w.server.Push("default", generation, file, signer, verifier)
	}
	want := func(generation uint64) {
		t.Helper()
		if got := p.next(t); got != generation {
			t.Fatalf("generation %d came into force, want %d", got, generation)
		}
	}
	if err := push(1, "one"); err != nil {
		t.Fatal(err)
	}
	want(1)
	if err := errors.Join(push(1, "one")); err != nil {
		t.Errorf("the same again: %v", err)
	}
	for _, text := range []string{"another one", "one"} {
		if err := push(map[bool]uint64{true: 1, false: 0}[text == "another one"], text); !errors.Is(err, hub.ErrNotNewer) {
			t.Errorf("not newer: %v", err)
		}
	}
	if err := push(2, "bad"); err != nil {
		t.Fatal(err)
	}
	want(0)
	if g := site.Policy().Generation; g != 1 {
		t.Errorf("generation %d is kept after one that does not compile", g)
	}

	// The hub dies and comes back; the gate was away when there was another.
	stop()
	w.stop()
	w.start()
	if err := push(3, "three"); err != nil {
		t.Fatal(err)
	}
	stop = w.run("osaka", dir, map[string]*gate{"out": {}})
	want(3)

	// It dies after it was kept: the next start has it.
	if err := push(4, "crash"); err != nil {
		t.Fatal(err)
	}
	want(4)
	stop()
	w.run("osaka", dir, map[string]*gate{"out": {}})
	if got := site.Policy(); got.Generation != 4 || got.Text != "crash" {
		t.Errorf("kept: %+v", got)
	}
}

// TestPolicyOfSomebodyElse: what another key signed, an order, and another
// tenant's policy are not taken.
func TestPolicyOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	p := &policies{put: make(chan uint64, 8)}
	var site *Site
	w.policies, w.tell = p, func(s *Site) { site = s }
	w.run("osaka", w.joined("osaka"), map[string]*gate{"out": {}})
	signer, _ := w.keys()
	foreign := (&order.Policy{Tenant: "other", Generation: 9, At: time.Now().Round(time.Second), Text: "x"})
	text, err := foreign.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	cuts, err := (&order.Order{Tenant: "default", Generation: 9, At: time.Now().Round(time.Second)}).Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	stranger := receiptSigner(t, t.TempDir(), "stranger")
	forged, err := (&order.Policy{Tenant: "default", Generation: 9, At: time.Now().Round(time.Second), Text: "x"}).Sign(stranger)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{"another tenant's": text, "an order": cuts, "a stranger's": forged, "nothing": nil} {
		if err := site.takePolicy(t.Context(), bad); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if site.Policy() != nil || len(p.put) > 0 {
		t.Error("something came into force")
	}
}

// TestBrokenPolicyFile: a site that cannot read what it kept does not start with
// something else.
func TestBrokenPolicyFile(t *testing.T) {
	w := newWorld(t)
	dir := w.joined("osaka")
	if err := os.WriteFile(filepath.Join(dir, policyFile), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), Config{Dir: dir, Now: time.Now}); !errors.Is(err, order.ErrSigned) {
		t.Errorf("opened: %v, %v", s, err)
	}
}
