package site

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/hub"
	"sekisho/internal/hub/frame"
	"sekisho/internal/policy/cut"
	"sekisho/internal/seed"
)

// journal is a site's ledger, which is written while it is shipped.
type journal struct {
	mu   sync.Mutex
	rec  *recorded
	more chan struct{} // closed when there is more
}

func (j *journal) add(source string, worker uint16) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rec.add(source, worker)
	close(j.more)
	j.more = make(chan struct{})
}

// Scan implements Lines.
func (j *journal) Scan(ctx context.Context, from event.Index, fn func(event.Index, []byte) error) error {
	j.mu.Lock()
	all := &recorded{lines: slices.Clone(j.rec.lines)}
	j.mu.Unlock()
	return all.Scan(ctx, from, fn)
}

// Wait implements Lines.
func (j *journal) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	for {
		j.mu.Lock()
		more := j.more
		j.mu.Unlock()
		if head := j.Head(); head > next {
			return head, nil
		}
		select {
		case <-ctx.Done():
			return j.Head(), ctx.Err()
		case <-more:
		}
	}
}

// Head implements Lines.
func (j *journal) Head() event.Index {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.rec.Head()
}

// shelf is the hub's ledger, as far as sites fill it.
type shelf struct {
	mu    sync.Mutex
	lines map[chainName][][]byte
	full  bool
	done  func()
	bad   error // what a site sent and should not have
}

// Heads implements hub.Intake.
func (s *shelf) Heads(string) (heads []frame.Head, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		return nil, event.ErrStopped
	}
	for c, lines := range s.lines {
		heads = append(heads, frame.Head{Source: c.source, Worker: c.worker, Seq: uint64(len(lines))})
	}
	return heads, nil
}

// Take implements hub.Intake. A disk that becomes full has taken half.
func (s *shelf) Take(_ context.Context, lines [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		lines = lines[:len(lines)/2]
	}
	for _, line := range lines {
		e, err := event.Parse(line)
		if err != nil {
			return err
		}
		c := chainName{string(e.Source), e.Worker}
		have := s.lines[c]
		switch {
		case int(e.Seq) <= len(have):
			continue
		case int(e.Seq) != len(have)+1, len(have) > 0 && e.Prev != event.Sum(have[len(have)-1]):
			s.bad = fmt.Errorf("%v %d after %d lines", c, e.Seq, len(have))
			return hub.ErrBroken
		}
		s.lines[c] = append(have, bytes.Clone(line))
	}
	if s.full {
		return event.ErrStopped
	}
	s.done()
	return nil
}

// wires are the connections to a hub, which can all break.
type wires struct {
	net.Listener
	mu   sync.Mutex
	open []net.Conn
	next bool // break when the hub has done the next thing, before it says so
}

// Accept implements net.Listener.
func (w *wires) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.open = append(w.open, conn)
	}
	return conn, err
}

func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range w.open {
		_ = conn.Close()
	}
	w.open, w.next = nil, false
}

func (w *wires) arm() { w.mu.Lock(); w.next = true; w.mu.Unlock() }

func (w *wires) done() {
	w.mu.Lock()
	armed := w.next
	w.mu.Unlock()
	if armed {
		w.cut()
	}
}

// trial is a hub and a site to which things happen.
type trial struct {
	*world
	rnd               *rand.Rand
	wires             *wires
	shelf             *shelf
	journal           *journal
	hubDisk, siteDisk *fullDisk
	dir               string
	gate              *gate
	stopSite          func()
	cut               map[string]bool // destinations that are cut, as was answered
	lifted            map[string]bool
	forgets, unkept   bool            // the hub has forgotten an order; has one that no disk of its own has
	seen              map[string]bool // what the present gate of the site had in force
	orders            int
	did               []string
}

func newTrial(t *testing.T, rnd *rand.Rand) *trial {
	w := &world{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", wait: 2 * time.Second}
	x := &trial{world: w, rnd: rnd, wires: &wires{}, shelf: &shelf{lines: map[chainName][][]byte{}}, journal: &journal{rec: emptyRecord(), more: make(chan struct{})},
		hubDisk: &fullDisk{FS: durable.Dir(w.dir)}, cut: map[string]bool{}, lifted: map[string]bool{}}
	x.shelf.done, w.done = x.wires.done, x.wires.done
	w.intake, w.lines, w.hubFiles = x.shelf, x.journal, x.hubDisk
	w.wrap = func(l net.Listener) net.Listener { x.wires.Listener = l; return x.wires }
	w.start()
	t.Cleanup(func() { w.stop() })
	x.dir = w.joined("osaka")
	x.siteDisk = &fullDisk{FS: durable.Dir(x.dir)}
	w.files = x.siteDisk
	x.startSite()
	return x
}

func (x *trial) startSite() {
	x.gate, x.seen = &gate{}, map[string]bool{}
	x.stopSite = x.run("osaka", x.dir, map[string]*gate{"out": x.gate})
}

// fill makes the hub's disk full, or not.
func (x *trial) fill(full bool) {
	x.hubDisk.full.Store(full)
	x.shelf.mu.Lock()
	x.shelf.full = full
	x.shelf.mu.Unlock()
	x.fail(map[bool]error{true: event.ErrStopped}[full])
}

// full reports whether the hub's disk is.
func (x *trial) full() bool { return x.hubDisk.full.Load() }

// here reports whether the site has the order in force.
func (x *trial) here() bool {
	r := x.cuts.Show()
	return slices.ContainsFunc(r.Gates, func(s hub.State) bool { return s.Gate == "osaka/out" && !s.Red })
}

func (x *trial) order(change hub.Change) {
	change.By, change.Reason = "ayame", "test"
	if _, err := x.cuts.Order(x.t.Context(), change); err != nil {
		x.t.Fatalf("%v: %v", x.did, err)
	}
	x.unkept = x.full()
}

// step has something happen.
func (x *trial) step() string {
	switch n := x.rnd.IntN(20); {
	case n < 5:
		for range 1 + x.rnd.IntN(4) {
			x.journal.add([]string{"gate/out@osaka", "scan/www@osaka", "process"}[x.rnd.IntN(3)], uint16(x.rnd.IntN(2)))
		}
		return "the site records"
	case n < 9:
		x.orders++
		name := fmt.Sprintf("evil%d.example", x.orders)
		x.order(hub.Change{Add: []cut.Entry{{Kind: cut.Name, Target: name, Until: x.now().Add(time.Hour).UnixNano()}}})
		x.cut[name] = true
		return "cut " + name
	case n < 10:
		entries := x.cuts.Show().Entries
		if len(entries) == 0 {
			return ""
		}
		e := entries[x.rnd.IntN(len(entries))]
		x.order(hub.Change{Remove: []string{e.ID}})
		delete(x.cut, e.Target)
		delete(x.seen, e.Target)
		if !x.full() { // a hub that never wrote down the cut takes it back from a site that has it
			x.lifted[e.Target] = true
		}
		return "lift " + e.Target
	case n < 12:
		if x.full() {
			x.fill(false)
			x.stop() // a run ends when there is room again
			x.start()
			x.unkept = false
			return "room at the hub"
		}
		x.fill(true)
		return "the hub is full"
	case n < 13:
		x.siteDisk.full.Store(!x.siteDisk.full.Load())
		return fmt.Sprintf("the site is full: %t", x.siteDisk.full.Load())
	case n < 15:
		x.wires.cut()
		return "the connections break"
	case n < 17:
		x.wires.arm()
		return "the next answer is lost"
	case n < 18:
		if x.full() && x.unkept && (!x.here() || x.siteDisk.full.Load()) {
			return "" // nobody would know the order any more
		}
		x.stop()
		if x.full() {
			x.forgets = x.forgets || x.unkept
			x.fill(false) // after what the run's end would have kept
		}
		x.start()
		x.unkept = false
		return "the hub starts again"
	default:
		if x.siteDisk.full.Load() && x.unkept || x.forgets {
			return ""
		}
		x.stopSite()
		x.startSite()
		return "the site starts again"
	}
}

// check compares what is in force with what was answered.
func (x *trial) check() {
	x.t.Helper()
	local := x.local.inForce()
	for name := range x.cut {
		if _, is := local.Match(&cut.Flow{Name: name}, x.now()); !is && !x.forgets {
			x.t.Fatalf("%s is not cut at the hub, after\n%s", name, strings.Join(x.did, "\n"))
		}
		_, is := x.gate.inForce().Match(&cut.Flow{Name: name}, x.now())
		if x.seen[name] && !is {
			x.t.Fatalf("%s is no longer cut at the site, after\n%s", name, strings.Join(x.did, "\n"))
		}
		x.seen[name] = is
	}
}

// settle waits until both say the same and everything is at the hub, and compares.
func (x *trial) settle() {
	x.t.Helper()
	x.siteDisk.full.Store(false)
	if x.full() {
		x.fill(false)
		x.stop()
		x.start()
	}
	await(x.t, "one order everywhere, after\n"+strings.Join(x.did, "\n"), func() bool {
		n := x.cuts.Show().Generation
		return (n == 0 || x.here()) && x.gate.generation() == n && x.local.generation() == n
	})
	for _, set := range []*cut.Set{x.local.inForce(), x.gate.inForce()} {
		for name := range x.cut {
			if _, is := set.Match(&cut.Flow{Name: name}, x.now()); !is {
				x.t.Errorf("%s is not cut, after\n%s", name, strings.Join(x.did, "\n"))
			}
		}
		for name := range x.lifted {
			if _, is := set.Match(&cut.Flow{Name: name}, x.now()); is && !x.forgets {
				x.t.Errorf("%s is cut again, after\n%s", name, strings.Join(x.did, "\n"))
			}
		}
	}
	want := map[chainName][][]byte{}
	for _, line := range x.journal.rec.lines {
		h, err := event.ParseHeader(line)
		if err != nil {
			x.t.Fatal(err)
		}
		if c := (chainName{string(h.Source), h.Worker}); hub.Ships(c.source, "osaka") {
			want[c] = append(want[c], line)
		}
	}
	await(x.t, "the whole record at the hub, after\n"+strings.Join(x.did, "\n"), func() bool {
		x.shelf.mu.Lock()
		defer x.shelf.mu.Unlock()
		for c, lines := range want {
			if !slices.EqualFunc(lines, x.shelf.lines[c], bytes.Equal) {
				return false
			}
		}
		return len(x.shelf.lines) == len(want)
	})
	if x.shelf.bad != nil {
		x.t.Errorf("the site sent %v, after\n%s", x.shelf.bad, strings.Join(x.did, "\n"))
	}
}

// TestFaults: whatever becomes full, breaks or starts again, in any order, no order
// that was answered is lost while somebody alive or some disk holds it, a cut in
// force stays in force until it is lifted, and what the site recorded is at the hub,
// all of it, once.
func TestFaults(t *testing.T) {
	first := seed.For(t)
	for round := range uint64(20) {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			x := newTrial(t, rand.New(rand.NewPCG(first, round)))
			for range 25 {
				if did := x.step(); did != "" {
					x.did = append(x.did, did)
				}
				x.check()
			}
			x.settle()
			x.stopSite()
		})
	}
}
