package site

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"errors"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/hub"
	"sekisho/internal/policy/cut"
)

// TestOrderOnFullHub: a hub whose disk is full cuts all the same, here and at remote
// gates, and keeps the order when there is room.
func TestOrderOnFullHub(t *testing.T) {
	w := newWorld(t)
	w.stop()
	disk := &fullDisk{FS: durable.Dir(w.dir)}
	w.hubFiles = disk
	w.start()
	g := &gate{flows: 3}
	w.run("osaka", w.joined("osaka"), map[string]*gate{"out": g})
	disk.full.Store(true)
	w.fail(fmt.Errorf("%w: no space left on device", event.ErrStopped))
	r, err := w.cuts.Order(t.Context(), hub.Change{By: "ayame", Reason: "data leaves", Add: []cut.Entry{all()}})
	if err != nil {
		t.Fatal(err)
	}
	if s := state(t, r, "osaka/out"); s.Red || s.Closed != 3 || r.Unrecorded == "" || w.local.generation() != 1 {
		t.Errorf("%+v, %q, here %d", s, r.Unrecorded, w.local.generation())
	}
	file := filepath.Join(w.dir, orderFile)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the disk is not full: %v", err)
	}
	disk.full.Store(false)
	w.stop() // a run ends when there is room again
	w.fail(nil)
	w.start()
	if w.local.generation() != 1 {
		t.Errorf("generation %d after a restart, want 1", w.local.generation())
	}
}

// await asks until it is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(30 * time.Second); !is(); <-tick.C {
		if time.Now().After(until) {
			t.Fatal("not in time: " + what)
		}
	}
}

// TestHubForgets: a hub that died before it could keep an order gets it back from a
// remote gate; where it has made another meanwhile, both hold.
func TestHubForgets(t *testing.T) {
	for name, another := range map[string]bool{"one": false, "and has made another": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			g := &gate{}
			dir := w.joined("osaka")
			stop := w.run("osaka", dir, map[string]*gate{"out": g})
			later := time.Now().Add(time.Hour).UnixNano()
			next := func() int64 { later++; return later }
			w.order("kept", cut.Entry{Kind: cut.Name, Target: "kept.example", Until: next()})
			text, err := os.ReadFile(filepath.Join(w.dir, orderFile))
			if err != nil {
				t.Fatal(err)
			}
			w.mu.Lock()
			had := len(w.bodies)
			w.mu.Unlock()
			w.order("forgotten", cut.Entry{Kind: cut.Name, Target: "forgotten.example", Until: next()})
			stop()
			w.stop()
			w.mu.Lock() // as it was before
			w.bodies = w.bodies[:had:had]
			w.mu.Unlock()
			if err := os.WriteFile(filepath.Join(w.dir, orderFile), text, 0o600); err != nil {
				t.Fatal(err)
			}
			w.start()
			want, targets := uint64(2), []string{"kept.example", "forgotten.example"}
			if another {
				w.order("meanwhile", cut.Entry{Kind: cut.Name, Target: "meanwhile.example", Until: next()})
				want, targets = 3, append(targets, "meanwhile.example")
			}
			g = &gate{}
			w.run("osaka", dir, map[string]*gate{"out": g})
			await(t, "one generation of both", func() bool { return g.generation() == want && w.local.generation() == want })
			for _, set := range []*cut.Set{g.inForce(), w.local.inForce()} {
				for _, target := range targets {
					if _, is := set.Match(&cut.Flow{Name: target}, time.Now()); !is {
						t.Errorf("%s is not cut", target)
					}
				}
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if o, is := w.bodies[len(w.bodies)-1].(*event.CutOrdered); is && o.Generation > want {
				t.Errorf("%+v", o)
			}
		})
	}
}

// TestHubForgetsMore: the order that a remote gate brings back is newer by its number
// than what the hub has made since, and does not lift that.
func TestHubForgetsMore(t *testing.T) {
	w := newWorld(t)
	g := &gate{}
	dir := w.joined("osaka")
	stop := w.run("osaka", dir, map[string]*gate{"out": g})
	later := time.Now().Add(time.Hour).UnixNano()
	next := func() int64 { later++; return later }
	w.order("kept", cut.Entry{Kind: cut.Name, Target: "kept.example", Until: next()})
	taken := w.order("taken", cut.Entry{Kind: cut.Name, Target: "taken-out.example", Until: next()}).Added
	text, err := os.ReadFile(filepath.Join(w.dir, orderFile))
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	had := len(w.bodies)
	w.mu.Unlock()
	for _, target := range []string{"one.example", "two.example", "three.example"} {
		w.order(target, cut.Entry{Kind: cut.Name, Target: target, Until: next()})
	}
	if _, err := w.cuts.Order(t.Context(), hub.Change{Remove: taken, By: "ayame", Reason: "taken out"}); err != nil {
		t.Fatal(err)
	}
	stop()
	w.stop()
	w.mu.Lock() // as it was before
	w.bodies = w.bodies[:had:had]
	w.mu.Unlock()
	if err := os.WriteFile(filepath.Join(w.dir, orderFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.order("meanwhile", cut.Entry{Kind: cut.Name, Target: "meanwhile.example", Until: next()})
	w.stop() // also when it starts again
	w.start()
	g = &gate{}
	w.run("osaka", dir, map[string]*gate{"out": g})
	await(t, "one generation of both", func() bool { n := g.generation(); return n >= 6 && w.local.generation() == n })
	for _, set := range []*cut.Set{g.inForce(), w.local.inForce()} {
		for _, target := range []string{"kept", "one", "two", "three", "meanwhile"} {
			if _, is := set.Match(&cut.Flow{Name: target + ".example"}, time.Now()); !is {
				t.Errorf("%s is not cut", target)
			}
		}
		if _, is := set.Match(&cut.Flow{Name: "taken-out.example"}, time.Now()); is {
			t.Error("what was taken out before is cut again")
		}
	}
}
