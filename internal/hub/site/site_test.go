package site

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/hub"
	"sekisho/internal/hub/answer"
	"sekisho/internal/hub/pki"
	"sekisho/internal/policy/cut"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate remembers what it was told, and says how many flows it ended.
type gate struct {
	mu     sync.Mutex
	set    *cut.Set
	flows  int
	err    error
	notify chan uint64
}

func (g *gate) Cut(_ context.Context, set *cut.Set) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	g.set = set
	n := g.flows
	g.flows = 0
	if g.notify != nil {
		g.notify <- set.Generation()
	}
	return n, nil
}

func (g *gate) generation() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.set.Generation()
}

func (g *gate) inForce() *cut.Set {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.set
}

// world is a hub with a ledger that is a list.
type world struct {
	t      *testing.T
	dir    string
	listen string

	mu     sync.Mutex
	bodies []event.Body
	deaf   error  // of the ledger
	done   func() // it has recorded something; nil: nobody is told

	cuts   *hub.Cuts
	server *hub.Server
	local  *gate
	stop   func()

	// Of the hub's next run; nil or 0: none, the listener itself, 20 s.
	intake hub.Intake
	wrap   func(net.Listener) net.Listener
	wait   time.Duration

	lines    Lines    // of the next site, with what it ships; nil: none
	policies Policies // of sites
	tell     func(*Site)
	files    durable.FS   // of the next site; nil: the real ones
	hubFiles durable.FS   // of the hub's next run; nil: the real ones
	ahead    atomic.Int64 // ns
}

func (w *world) record(_ context.Context, bodies ...event.Body) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deaf != nil {
		return w.deaf
	}
	w.bodies = append(w.bodies, bodies...)
	if w.done != nil {
		w.done()
	}
	return nil
}

func (w *world) past() (p hub.Past) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.bodies {
		p.Fold(b)
	}
	return p
}

// now is the clock of all: the machine's, and what a test put it forward.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// start begins a run of the hub on the same address, directory and ledger.
func (w *world) start() {
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
	gates := answer.New("hub", receiptSigner(w.t, w.dir, "hub"), w.now)
	w.local = &gate{flows: 7}
	if w.cuts, err = hub.Open(w.t.Context(), hub.Config{Tenant: "default", Dir: w.dir, Files: w.hubFiles, Signer: signer, Verifier: verifier, Record: w.record,
		Gates: gates, Now: w.now, Wait: cmp.Or(w.wait, 20*time.Second)}, w.past()); err != nil {
		w.t.Fatal(err)
	}
	if err := gates.Add(w.t.Context(), "shop-db", w.local); err != nil {
		w.t.Fatal(err)
	}
	authority, err := pki.Open(w.dir, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	l, err := net.Listen("tcp", w.listen)
	if err != nil {
		w.t.Fatal(err)
	}
	w.listen = l.Addr().String()
	if w.wrap != nil {
		l = w.wrap(l)
	}
	if w.server, err = hub.NewServer(hub.ServerConfig{Listener: l, Hosts: []string{"127.0.0.1"}, URL: "https://" + w.listen, Dir: w.dir,
		Authority: authority, Cuts: w.cuts, Orders: vkey, Intake: w.intake, Now: w.now, Log: slog.New(slog.DiscardHandler)}); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- w.server.Run(ctx) }()
	go func() { done <- w.cuts.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, <-done); err != nil {
			w.t.Errorf("hub: %v", err)
		}
	})
}

// fail has the hub's ledger refuse from now on; nil: take again.
func (w *world) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deaf = err
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), listen: "127.0.0.1:0"}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

func receiptSigner(t *testing.T, dir, name string) note.Signer {
	t.Helper()
	skey, _, err := hub.ReceiptsKey(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// joined makes a site's directory that has joined.
func (w *world) joined(name string) string {
	w.t.Helper()
	dir := w.t.TempDir()
	token, _, err := w.server.Token(w.t.Context(), name, "ayame")
	if err != nil {
		w.t.Fatal(err)
	}
	_, vkey, err := hub.ReceiptsKey(dir, name)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := Join(w.t.Context(), token, dir, vkey, false); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// run opens a site with gates and returns when it is ready; stop ends it.
func (w *world) run(name, dir string, gates map[string]*gate) (stop func()) {
	w.t.Helper()
	all := answer.New(name, receiptSigner(w.t, dir, name), w.now)
	s, err := Open(w.t.Context(), Config{Dir: dir, Files: w.files, Gates: all, Policies: w.policies, Lines: w.lines, Ships: func(source string) bool { return hub.Ships(source, name) }, Now: w.now, Log: slog.New(slog.DiscardHandler), Retry: 10 * time.Millisecond})
	if err != nil {
		w.t.Fatal(err)
	}
	if w.tell != nil {
		w.tell(s)
	}
	for n, g := range gates {
		if err := all.Add(w.t.Context(), n, g); err != nil {
			w.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-s.Ready()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("site: %v", err)
		}
	})
	w.t.Cleanup(stop)
	return stop
}

func (w *world) order(reason string, entries ...cut.Entry) hub.Result {
	w.t.Helper()
	r, err := w.cuts.Order(w.t.Context(), hub.Change{Add: entries, By: "ayame", Reason: reason})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func all() cut.Entry {
	return cut.Entry{Kind: cut.All, Until: time.Now().Add(time.Hour).UnixNano()}
}

func state(t *testing.T, r hub.Result, gate string) hub.State {
	t.Helper()
	for _, s := range r.Gates {
		if s.Gate == gate {
			return s
		}
	}
	t.Fatalf("no gate %s in %+v", gate, r.Gates)
	return hub.State{}
}

func count[B event.Body](w *world) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.bodies {
		if _, ok := b.(B); ok {
			n++
		}
	}
	return n
}

// One command reaches every gate, here and there, with a receipt from each.
func TestCutReachesEveryGate(t *testing.T) {
	w := newWorld(t)
	out1, out2 := &gate{flows: 1000}, &gate{flows: 3}
	w.run("osaka", w.joined("osaka"), map[string]*gate{"out-1": out1, "out-2": out2})
	r := w.order("alarm", all())
	for name, closed := range map[string]uint64{"hub/shop-db": 7, "osaka/out-1": 1000, "osaka/out-2": 3} {
		if s := state(t, r, name); s.Red || s.Closed != closed || s.Generation != 1 || s.Remote != (name != "hub/shop-db") {
			t.Errorf("%s: %+v, want %d closed", name, s, closed)
		}
	}
	if out1.generation() != 1 || w.local.generation() != 1 {
		t.Error("a gate did not get the order")
	}
	if n := count[*event.CutReceipt](w); n != 3 {
		t.Errorf("%d receipts are recorded, want 3", n)
	}
	if w.bodies[2].Kind() != event.KindGateLink || count[*event.CutOrdered](w) != 1 {
		t.Errorf("recorded: %v", w.bodies)
	}
}

// A site that is away is red, keeps what it has over a restart, and takes what
// it missed before it forwards anything.
func TestAwayAndBack(t *testing.T) {
	w := newWorld(t)
	dir := w.joined("osaka")
	g := &gate{}
	stop := w.run("osaka", dir, map[string]*gate{"out": g})
	w.order("first", cut.Entry{Kind: cut.Role, Target: "office", Until: time.Now().Add(time.Hour).UnixNano()})
	stop()
	for changed := w.cuts.Changed(); state(t, w.cuts.Show(), "osaka/out").Why != "silent"; changed = w.cuts.Changed() {
		<-changed
	}
	r := w.order("second", all())
	if s := state(t, r, "osaka/out"); !s.Red || s.Generation != 1 {
		t.Errorf("a silent gate: %+v", s)
	}
	// The hub is away, the site starts: the old order is in force.
	w.stop()
	alone := &gate{}
	stop = w.run("osaka", dir, map[string]*gate{"out": alone})
	if alone.generation() != 1 {
		t.Errorf("generation %d without a hub, want 1", alone.generation())
	}
	stop()
	// Both are back: the new one is in force before the gate may open.
	w.start()
	if w.local.generation() != 2 {
		t.Errorf("the hub's own gate has generation %d after a restart, want 2", w.local.generation())
	}
	back := &gate{}
	w.run("osaka", dir, map[string]*gate{"out": back})
	if back.generation() != 2 {
		t.Errorf("generation %d when gates open, want 2", back.generation())
	}
}

// A gate that cannot take the order is red and says why.
func TestFailedGateIsRed(t *testing.T) {
	w := newWorld(t)
	w.run("osaka", w.joined("osaka"), map[string]*gate{"out": {err: errors.New("no room")}, "in": {}})
	r := w.order("alarm", all())
	if s := state(t, r, "osaka/out"); !s.Red || s.Why != "failed: no room" {
		t.Errorf("%+v", s)
	}
	if s := state(t, r, "osaka/in"); s.Red {
		t.Errorf("%+v", s)
	}
}

func TestTokenIsGoodOnce(t *testing.T) {
	w := newWorld(t)
	token, _, err := w.server.Token(t.Context(), "osaka", "ayame")
	if err != nil {
		t.Fatal(err)
	}
	join := func(token string) error {
		dir := t.TempDir()
		_, vkey, err := hub.ReceiptsKey(dir, "osaka")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Join(t.Context(), token, dir, vkey, true)
		if _, serr := os.Stat(filepath.Join(dir, siteFile)); (serr == nil) != (err == nil) {
			t.Errorf("joined %v, files %v", err, serr)
		}
		return err
	}
	if err := join(token); err != nil {
		t.Fatal(err)
	}
	if err := join(token); err == nil {
		t.Error("a token was good twice")
	}
	if err := join("sekisho-join-1.e30"); err == nil {
		t.Error("an empty token was taken")
	}
	for _, name := range []string{"", "../etc", "Osaka", "a b"} {
		if _, _, err := w.server.Token(w.t.Context(), name, "ayame"); err == nil {
			t.Errorf("a token for %q", name)
		}
	}
}

// A gate that was revoked is cut off and does not come back.
func TestRevoke(t *testing.T) {
	w := newWorld(t)
	g := &gate{notify: make(chan uint64, 10)}
	w.run("osaka", w.joined("osaka"), map[string]*gate{"out": g})
	if err := w.cuts.Revoke(t.Context(), "osaka", "ayame"); err != nil {
		t.Fatal(err)
	}
	r := w.order("alarm", all())
	if len(r.Gates) != 1 || len(g.notify) != 0 {
		t.Errorf("gates %+v; told %d times", r.Gates, len(g.notify))
	}
}

// When the ledger cannot take an order it is in force all the same, and the
// next start records it.
func TestLedgerIsDeaf(t *testing.T) {
	w := newWorld(t)
	w.deaf = errors.New("disk full")
	r := w.order("alarm", all())
	if r.Unrecorded == "" || w.local.generation() != 1 {
		t.Fatalf("%+v, generation %d", r, w.local.generation())
	}
	w.deaf = nil
	w.stop()
	w.start()
	if w.local.generation() != 1 || count[*event.CutOrdered](w) != 1 {
		t.Errorf("generation %d, %d orders recorded", w.local.generation(), count[*event.CutOrdered](w))
	}
	if again := w.order("more", all()); again.Generation != 2 {
		t.Errorf("generation %d, want 2", again.Generation)
	}
}
