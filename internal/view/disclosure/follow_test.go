package disclosure_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/disclosure"
	"sekisho/internal/view/viewtest"
)

// moved is a ledger whose files were taken away: it says that it has more
// events than can be read.
type moved struct{ viewtest.Ledger }

func (m moved) Wait(context.Context, event.Index) (event.Index, error) {
	return event.Index(len(m.Ledger) + 3), nil
}

func TestFollowerNoticesThatTheFilesAreGone(t *testing.T) {
	v, err := disclosure.Open(t.Context(), disclosure.Config{Path: filepath.Join(t.TempDir(), "view.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var l viewtest.Ledger
	l.Add("gate/shop", 1, 1, 0, &event.SourceStart{Start: 1})
	f, err := view.Follow(t.Context(), "disclosure", moved{l}, v)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "its files hold 1") {
		t.Fatalf("Run = %v, want that the files hold 1", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Run(ctx); err != nil {
		t.Errorf("Run after the end of its context = %v, want nil", err)
	}
}

// growing is a ledger that events are added to while it is followed.
type growing struct {
	mu   sync.Mutex
	all  viewtest.Ledger
	more chan struct{} // closed and replaced when all grows
}

func (g *growing) add(b event.Body) event.Index {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all.Add("gate/shop", event.Seq(len(g.all)+1), 1, 0, b)
	close(g.more)
	g.more = make(chan struct{})
	return event.Index(len(g.all) - 1)
}

func (g *growing) Scan(ctx context.Context, from event.Index, fn func(event.Index, []byte) error) error {
	g.mu.Lock()
	now := g.all
	g.mu.Unlock()
	return now.Scan(ctx, from, fn)
}

func (g *growing) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	for {
		g.mu.Lock()
		end, more := event.Index(len(g.all)), g.more
		g.mu.Unlock()
		if end > next {
			return end, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return end, ctx.Err()
		}
	}
}

// TestAwaitDoesNotWaitForThePace: who asks gets an answer at once, also when the
// next batch would come in an hour.
func TestAwaitDoesNotWaitForThePace(t *testing.T) {
	v, err := disclosure.Open(t.Context(), disclosure.Config{Path: filepath.Join(t.TempDir(), "view.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	l := &growing{more: make(chan struct{})}
	f, err := view.Follow(t.Context(), "disclosure", l, v)
	if err != nil {
		t.Fatal(err)
	}
	f.Pace = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	for range 5 {
		if err := f.Await(ctx, l.add(&event.SourceStart{Start: 1})); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}
