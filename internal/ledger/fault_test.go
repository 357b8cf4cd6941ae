package ledger_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/internal/ledger/ledgertest"
)

var long = flag.Bool("long", false, "run every fault and 200 kills")

// journal is what the writers of a test know: which events they gave to the
// ledger and which of those it acknowledged. An event is known by Sessions.
type journal struct {
	mu    sync.Mutex
	given map[int]event.Level
	acked map[int]event.Level
	at    map[int]time.Time // of the acknowledgement
	// synced is when the last durable event was given of those acknowledged.
	synced time.Time
}

func newJournal() *journal {
	return &journal{given: make(map[int]event.Level), acked: make(map[int]event.Level), at: make(map[int]time.Time)}
}

func (j *journal) give(id int, level event.Level) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.given[id] = level
}

func (j *journal) ack(id int, level event.Level) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.acked[id], j.at[id] = level, time.Now()
}

// record gives one event and waits for its acknowledgement.
func (j *journal) record(ctx context.Context, l *ledger.Ledger, worker uint16, id int, level event.Level) error {
	j.give(id, level)
	began := time.Now()
	_, err := l.Recorder("gate/test", worker).Record(ctx, level, &event.Heartbeat{Sessions: id})
	if err == nil {
		j.ack(id, level)
	}
	if err == nil && level == event.Durable {
		j.mu.Lock()
		j.synced = began
		j.mu.Unlock()
	}
	return err
}

// check reopens the ledger and compares it with the journal. After a power cut
// events at level Written may be missing; they are returned.
func (j *journal) check(t *testing.T, cfg ledger.Config, powerCut bool) (lost []int) {
	t.Helper()
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("reopen: %v", err)
	}
	found := make(map[int]bool)
	next := event.Index(0)
	err = l.Scan(t.Context(), 0, func(i event.Index, line []byte) error {
		e, err := event.Parse(line)
		if err != nil || i != next {
			return fmt.Errorf("event %d, want %d: %w", i, next, err)
		}
		next++
		if b, ok := e.Body.(*event.Heartbeat); ok {
			if _, ok := j.given[b.Sessions]; !ok || found[b.Sessions] {
				return fmt.Errorf("event %d: %d was never given, or is there twice", i, b.Sessions)
			}
			found[b.Sessions] = true
		}
		return nil
	})
	if err != nil {
		t.Errorf("scan: %v", err)
	}
	for id, level := range j.acked {
		switch {
		case found[id]:
		case powerCut && level == event.Written:
			lost = append(lost, id)
		default:
			t.Errorf("event %d was acknowledged at level %d and is lost", id, level)
		}
	}
	if len(lost) > 0 && l.Recovered().Lost == nil {
		t.Errorf("%d events are lost and recovery does not say so", len(lost))
	}
	if _, err := l.Recorder("gate/test", 0).Record(t.Context(), event.Durable, &event.SourceStop{}); err != nil {
		t.Errorf("record after recovery: %v", err)
	}
	if err := l.Seal(t.Context()); err != nil {
		t.Errorf("seal after recovery: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("close after recovery: %v", err)
	}
	verifyGood(t, cfg.Dir)
	return lost
}

func verifyGood(t *testing.T, dir string) {
	t.Helper()
	r, err := ledger.Verify(t.Context(), dir, ledger.VerifyOptions{})
	if err != nil || !r.OK() {
		t.Errorf("verify: %v, %+v", err, r)
	}
}

func testConfig(t *testing.T) ledger.Config {
	t.Helper()
	dir := t.TempDir()
	cfg := ledger.Config{Dir: filepath.Join(dir, "l"), Tenant: "test", BootID: "boot 1"}
	if err := ledger.Init(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// faultWork opens a ledger on a failing file system and does a little of
// everything. It stops at the first error.
func faultWork(t *testing.T, cfg ledger.Config, j *journal) error {
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		return err
	}
	work := func() error {
		for id := range 12 {
			level := event.Written
			if id%3 == 0 {
				level = event.Durable
			}
			if err := j.record(t.Context(), l, uint16(id%2), id, level); err != nil {
				return err
			}
			if id == 5 || id == 9 {
				if err := l.Seal(t.Context()); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err = work()
	if err != nil && l.Err() == nil {
		t.Errorf("an operation failed with %v, but the ledger goes on", err)
	}
	if err != nil {
		if again := j.record(t.Context(), l, 0, 100, event.Durable); !errors.Is(again, event.ErrStopped) {
			t.Errorf("after a failure: got %v, want ErrStopped", again)
		}
	}
	return errors.Join(err, l.Close())
}

// TestEveryCallFails makes every call to the file system fail in turn, in the
// ways a call can fail, and looks whether everything that was acknowledged is
// there afterwards.
func TestEveryCallFails(t *testing.T) {
	cfg := testConfig(t)
	fsys := ledgertest.NewFS(cfg.Dir, t.TempDir())
	cfg.FS = fsys
	j := newJournal()
	if err := faultWork(t, cfg, j); err != nil {
		t.Fatalf("without a fault: %v", err)
	}
	calls, trace := fsys.Calls()
	t.Logf("%d calls", calls)
	stride := 7
	if *long {
		stride = 1
	}
	for n := 1 + rand.IntN(stride); n <= calls; n += stride {
		for _, mode := range []ledgertest.Mode{ledgertest.Before, ledgertest.After, ledgertest.Torn} {
			if mode == ledgertest.Torn && !strings.HasPrefix(trace[n-1], "write ") {
				continue
			}
			t.Run(fmt.Sprintf("%d %s mode %d", n, trace[n-1], mode), func(t *testing.T) {
				t.Parallel()
				cfg := testConfig(t)
				fsys := ledgertest.NewFS(cfg.Dir, t.TempDir())
				failing := cfg
				failing.FS = fsys
				fsys.FailAt(n, ledgertest.ErrFault, mode)
				j := newJournal()
				err := faultWork(t, failing, j)
				if err != nil && !errors.Is(err, ledgertest.ErrFault) {
					t.Errorf("the cause is not in the error: %v", err)
				}
				j.check(t, cfg, false)
			})
		}
	}
}

// TestInitInterrupted: an init that fails leaves no ledger, or a whole one, and
// never a key that a second init replaces.
func TestInitInterrupted(t *testing.T) {
	for n := 1; ; n++ {
		cfg := ledger.Config{Dir: filepath.Join(t.TempDir(), "l"), Tenant: "test"}
		failing := cfg
		if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		fsys := ledgertest.NewFS(cfg.Dir, t.TempDir())
		fsys.FailAt(n, ledgertest.ErrFault, ledgertest.After)
		failing.FS = fsys
		err := ledger.Init(t.Context(), failing)
		if err == nil {
			verifyGood(t, cfg.Dir)
			return
		}
		key, _ := os.ReadFile(filepath.Join(cfg.Dir, "keys/checkpoint.key"))
		again := ledger.Init(t.Context(), cfg)
		if after, _ := os.ReadFile(filepath.Join(cfg.Dir, "keys/checkpoint.key")); len(key) > 0 && string(after) != string(key) {
			t.Fatalf("call %d: the key was replaced", n)
		}
		if _, err := ledger.ReadIdentity(cfg.Dir); err == nil {
			verifyGood(t, cfg.Dir)
		} else if again == nil {
			t.Fatalf("call %d: the second init succeeded, and there is no ledger", n)
		}
	}
}

// TestDiskFull: a full disk stops the ledger for good, with the cause, and
// loses nothing that was acknowledged.
func TestDiskFull(t *testing.T) {
	cfg := testConfig(t)
	full := cfg
	fsys := ledgertest.NewFS(cfg.Dir, t.TempDir())
	full.FS = fsys
	l, err := ledger.Open(t.Context(), full)
	if err != nil {
		t.Fatal(err)
	}
	j := newJournal()
	for id := range 10 {
		if err := j.record(t.Context(), l, 0, id, event.Durable); err != nil {
			t.Fatal(err)
		}
	}
	fsys.FailAt(1, syscall.ENOSPC, ledgertest.Torn)
	err = j.record(t.Context(), l, 0, 10, event.Durable)
	if !errors.Is(err, event.ErrStopped) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ErrStopped with ENOSPC", err)
	}
	err = j.record(t.Context(), l, 0, 11, event.Written)
	if !errors.Is(err, event.ErrStopped) {
		t.Errorf("afterwards: got %v, want ErrStopped", err)
	}
	if err := l.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("close: got %v, want the cause", err)
	}
	j.check(t, cfg, false)
}

// TestPowerCut cuts the power at random moments under load: level Durable
// loses nothing, level Written at most what was acknowledged within the sync
// interval, and recovery says so.
func TestPowerCut(t *testing.T) {
	rounds := 6
	if *long {
		rounds = 60
	}
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(round), 4))
			cfg := testConfig(t)
			cfg.SegmentBytes = 30_000
			cfg.HeadInterval = 20 * time.Millisecond
			fsys := ledgertest.NewFS(cfg.Dir, t.TempDir())
			running := cfg
			running.FS = fsys
			l, err := ledger.Open(t.Context(), running)
			if err != nil {
				t.Fatal(err)
			}
			j := newJournal()
			ctx, cancel := context.WithCancel(t.Context())
			enough := make(chan struct{})
			var writers sync.WaitGroup
			stopAt := 200 + rng.IntN(1500)
			for w := range 4 {
				writers.Go(func() {
					for id := w; ctx.Err() == nil; id += 4 {
						level := event.Written
						if w == 0 {
							level = event.Durable
						}
						if err := j.record(ctx, l, uint16(w), id, level); err != nil && ctx.Err() == nil {
							t.Errorf("record: %v", err)
							return
						}
						if w == 1 && id/4 == stopAt {
							close(enough)
						}
					}
				})
			}
			<-enough
			j.mu.Lock() // nothing is acknowledged while the power goes
			synced := j.synced
			after := cfg
			after.Dir = filepath.Join(t.TempDir(), "cut")
			after.BootID = "boot 2"
			if round%3 == 0 {
				rng = nil // only what was synced survives
			}
			if err := fsys.PowerCut(after.Dir, rng); err != nil {
				t.Fatal(err)
			}
			known := newJournal()
			for id, level := range j.given {
				known.given[id] = level
			}
			for id, level := range j.acked {
				known.acked[id] = level
			}
			j.mu.Unlock()
			cancel()
			writers.Wait()
			if err := l.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			lost := known.check(t, after, true)
			for _, id := range lost {
				if at := j.at[id]; at.Before(synced) {
					t.Errorf("event %d was acknowledged %v before an event that is on disk was given, and is lost", id, synced.Sub(at))
				}
			}
			t.Logf("%d of %d acknowledged events lost, all younger than the last sync", len(lost), len(known.acked))
		})
	}
}

// TestSyncIntervalHolds: what is written is on disk within the sync interval,
// although nobody waits for it.
func TestSyncIntervalHolds(t *testing.T) {
	cfg := testConfig(t)
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // the machine may be slow; without the timer it is for ever
	defer cancel()
	if _, err := l.Recorder("gate/test", 0).Record(t.Context(), event.Written, &event.SourceStop{}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Wait(ctx, 0); err != nil {
		t.Fatalf("nothing came to disk by itself: %v", err)
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	if dir := os.Getenv(helperDir); dir != "" {
		os.Exit(helper(dir))
	}
	os.Exit(m.Run())
}
