package ledger

import (
	"io/fs"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
	"sekisho/proof"
)

// TestDigestOfGrowingEqualsSummary: the digest that is kept while a segment
// grows, also over a restart in its middle, is the one that reading its lines
// gives.
func TestDigestOfGrowingEqualsSummary(t *testing.T) {
	cfg := internalConfig(t)
	mustInit(t, cfg)
	var l *Ledger
	for run := range 3 {
		l = mustOpen(t, cfg)
		for i := range 30 {
			rec := l.Recorder("gate/shop", uint16(i%(2+run)))
			if _, err := rec.Record(t.Context(), event.Written, &event.Heartbeat{Sessions: i}, &event.SourceStop{}); err != nil {
				t.Fatal(err)
			}
		}
		if run < 2 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		if err := l.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Recorder("gate/shop", 1).Record(t.Context(), event.Durable, &event.SourceStop{}); err != nil {
			t.Fatal(err)
		}
	}
	heads := make(segment.Heads)
	for _, want := range l.sealedLeaves() {
		sum := segment.NewSummary(proof.LeafVersion, cfg.Tenant, heads)
		err := l.eachSealedLine(t.Context(), want, func(line []byte) error { return sum.Add(append(line, '\n')) })
		if err != nil {
			t.Fatal(err)
		}
		got := sum.Leaf(want.Segment, event.Index(want.First))
		got.File = want.File
		if diff := cmp.Diff(string(proof.EncodeLeaf(got)), string(proof.EncodeLeaf(want))); diff != "" {
			t.Errorf("segment %d (-summary +growing):\n%s", want.Segment, diff)
		}
		heads = sum.Heads()
	}
	if len(l.sealedLeaves()) != 2 {
		t.Errorf("%d segments, want 2", len(l.sealedLeaves()))
	}
}

// TestSealTogether lets segments gather, of which several are then compressed
// at a time: their digests are in the log in order, and the ledger is whole.
func TestSealTogether(t *testing.T) {
	cfg := internalConfig(t)
	cfg.SegmentBytes = 1 << 10
	mustInit(t, cfg)
	l := mustOpen(t, cfg)
	const segments = 5
	l.sealMu.Lock()
	held := true
	defer func() {
		if held {
			l.sealMu.Unlock()
		}
	}()
	rec := l.Recorder("gate/shop", 0)
	rotated := func() uint64 {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.rotated
	}
	for i := 0; rotated() < segments; i++ {
		if _, err := rec.Record(t.Context(), event.Durable, &event.Heartbeat{Sessions: i}); err != nil {
			t.Fatal(err)
		}
	}
	if first, n := l.sealDue(); first != 0 || n != sealTogether {
		t.Errorf("%d segments from %d on can be sealed, want %d from 0", n, first, sealTogether)
	}
	held = false
	l.sealMu.Unlock()
	if err := l.SealFull(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, leaf := range l.sealedLeaves() {
		if leaf.Segment != uint64(i) || leaf.Version != proof.LeafVersion {
			t.Errorf("digest %d is of segment %d, version %d", i, leaf.Segment, leaf.Version)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if report := mustVerify(t, cfg.Dir, VerifyOptions{Keys: keysOf(t, cfg.Dir)}); !report.OK() || report.Sealed < segments {
		t.Errorf("%+v", report)
	}
}

// gateFS lets a test stop the first sync after a file was created.
type gateFS struct {
	durable.FS
	armed   atomic.Bool
	reached chan struct{}
	open    chan struct{}
}

func (g *gateFS) Create(name string, mode fs.FileMode) (durable.File, error) {
	f, err := g.FS.Create(name, mode)
	return gateFile{f, g}, err
}

func (g *gateFS) Append(name string) (durable.File, error) {
	f, err := g.FS.Append(name)
	return gateFile{f, g}, err
}

// SyncDir is the end of durable.CreateFile: the next sync is that of the old
// segment.
func (g *gateFS) SyncDir(name string) error {
	if name == openDir {
		g.armed.Store(true)
	}
	return g.FS.SyncDir(name)
}

type gateFile struct {
	durable.File
	gate *gateFS
}

func (f gateFile) Sync() error {
	if f.gate.armed.CompareAndSwap(true, false) && f.gate.reached != nil {
		close(f.gate.reached)
		f.gate.reached = nil
		<-f.gate.open
	}
	return f.File.Sync()
}

// TestSealWhileSegmentEnds: a wish to end a segment that comes while the one
// before it is being ended is not forgotten.
func TestSealWhileSegmentEnds(t *testing.T) {
	cfg := internalConfig(t)
	mustInit(t, cfg)
	gate := &gateFS{FS: durable.Dir(cfg.Dir), open: make(chan struct{})}
	cfg.FS = gate
	l := mustOpen(t, cfg)
	gate.armed.Store(false)
	reached := make(chan struct{})
	gate.reached = reached
	record := func() {
		if _, err := l.Recorder("gate/shop", 0).Submit(event.Durable, nil, &event.SourceStop{}); err != nil {
			t.Error(err)
		}
	}
	record()
	errs := make(chan error, 2)
	go func() { errs <- l.Seal(t.Context()) }()
	<-reached // the first segment is being ended
	record()
	go func() { errs <- l.Seal(t.Context()) }()
	for wanted := false; !wanted; runtime.Gosched() {
		l.mu.Lock()
		wanted = l.wantRotate
		l.mu.Unlock()
	}
	close(gate.open)
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := l.sealedCount(); n != 2 {
		t.Errorf("%d segments are sealed, want 2", n)
	}
}
