package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sekisho/internal/durable"
	"sekisho/internal/event"
)

// gatedFS holds every sync of a segment that begins while it is armed until
// the test says how it ends.
type gatedFS struct {
	durable.FS
	armed atomic.Bool
	began chan struct{} // a sync waits
	end   chan error    // nil: it is done for real
}

func (g *gatedFS) Append(name string) (durable.File, error) {
	f, err := g.FS.Append(name)
	return &gatedFile{f, g}, err
}

type gatedFile struct {
	durable.File
	g *gatedFS
}

func (f *gatedFile) Sync() error {
	if f.g.armed.Load() {
		f.g.began <- struct{}{}
		if err := <-f.g.end; err != nil {
			return err
		}
	}
	return f.File.Sync()
}

// gatedLedger opens a ledger whose syncs the test holds.
func gatedLedger(t *testing.T) (*Ledger, *gatedFS) {
	cfg := internalConfig(t)
	mustInit(t, cfg)
	g := &gatedFS{FS: durable.Dir(cfg.Dir), began: make(chan struct{}, 1), end: make(chan error)}
	cfg.FS = g
	l := mustOpen(t, cfg)
	g.armed.Store(true)
	return l, g
}

// open lets all syncs pass from now on.
func (g *gatedFS) open() {
	g.armed.Store(false)
	g.end <- nil
}

func openSize(t *testing.T, l *Ledger) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(l.cfg.Dir, openName(0)))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// awaitSize returns when the open segment's file has so many bytes; the test's
// own limit bounds it.
func awaitSize(t *testing.T, l *Ledger, size int64) {
	t.Helper()
	for openSize(t, l) < size {
		runtime.Gosched()
	}
}

// bulk is an event of some 10 kB.
func bulk() event.Body { return &event.Gap{Reason: strings.Repeat("r", 10_000)} }

func TestWritesGoOnDuringSync(t *testing.T) {
	l, g := gatedLedger(t)
	rec := l.Recorder("gate/shop", 0)
	submit := func(body event.Body) {
		t.Helper()
		if _, err := rec.Submit(event.Durable, nil, body); err != nil {
			t.Fatal(err)
		}
	}
	submit(&event.SourceStop{})
	<-g.began
	before := openSize(t, l)
	for range 2*spillBytes/10_000 + 1 {
		submit(bulk())
	}
	awaitSize(t, l, before+spillBytes)
	if head := l.Head(); head != 0 {
		t.Errorf("%d events count as durable while the first sync runs", head)
	}
	last := l.Taken() - 1
	g.open()
	if _, err := l.Wait(t.Context(), last); err != nil {
		t.Error(err)
	}
}

// An acknowledgement may use the ledger, and does not hold up what others wait
// for.
func TestAcknowledgementMayRecord(t *testing.T) {
	cfg := internalConfig(t)
	cfg.SegmentBytes = 2000 // acknowledged at the end of segments too
	mustInit(t, cfg)
	l := mustOpen(t, cfg)
	var all sync.WaitGroup
	for i := range 100 {
		all.Add(1)
		_, err := l.Recorder("gate/shop", 1).Submit(event.Durable, func(err error) {
			defer all.Done()
			if err != nil {
				t.Error(err)
			}
			level := []event.Level{event.Written, event.Durable}[i%2]
			if _, err := l.Recorder("gate/shop", 2).Submit(level, nil, &event.SourceStop{}); err != nil {
				t.Error(err)
			}
		}, &event.SourceStop{})
		if err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	if n := l.Taken(); n != 200 {
		t.Errorf("took %d events, want 200", n)
	}
}

// Whoever waits when a sync fails is told so, once: for what was being synced,
// what was written meanwhile, and what was still in the queue.
func TestFailedSyncTellsEverybodyOnce(t *testing.T) {
	l, g := gatedLedger(t)
	rec := l.Recorder("gate/shop", 0)
	var told sync.WaitGroup
	var mu sync.Mutex
	count := map[int]int{}
	n := 0
	submit := func(body event.Body) {
		t.Helper()
		id := n
		n++
		told.Add(1)
		_, err := rec.Submit(event.Durable, func(err error) {
			if !errors.Is(err, event.ErrStopped) || !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("event %d: got %v, want ErrStopped with the cause", id, err)
			}
			mu.Lock()
			count[id]++
			mu.Unlock()
			told.Done() // panics when it is too often
		}, body)
		if err != nil {
			t.Fatal(err)
		}
	}
	submit(&event.SourceStop{})
	<-g.began
	before := openSize(t, l)
	for range 2*spillBytes/10_000 + 1 {
		submit(bulk())
	}
	awaitSize(t, l, before+spillBytes)
	submit(&event.SourceStop{})
	g.end <- fs.ErrInvalid
	told.Wait()
	mu.Lock()
	defer mu.Unlock()
	if len(count) != n {
		t.Errorf("%d of %d were told", len(count), n)
	}
	if _, err := rec.Submit(event.Durable, nil, &event.SourceStop{}); !errors.Is(err, event.ErrStopped) {
		t.Errorf("after a failed sync: got %v, want ErrStopped", err)
	}
}
