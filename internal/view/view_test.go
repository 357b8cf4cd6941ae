package view_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/viewtest"
	"sekisho/internal/viewdb"
)

// counter is a view that adds up the sessions of heartbeats, each times the
// number of events up to it: the order counts, batches do not.
type counter struct {
	db     *viewdb.DB
	add    int
	broken error // returned by the next Apply
}

func openCounter(ctx context.Context, dir string) (*counter, error) {
	db, _, err := viewdb.Open(ctx, filepath.Join(dir, "counter.db"), "counter 1", view.Schema+"CREATE TABLE sum (n INTEGER); INSERT INTO sum VALUES (0);")
	if err != nil {
		return nil, err
	}
	return &counter{db: db}, nil
}

func (c *counter) DB() *sql.DB  { return c.db.Write }
func (c *counter) Begin()       {}
func (c *counter) End()         {}
func (c *counter) Close() error { return c.db.Close() }

func (c *counter) Apply(index event.Index, e *event.Event) (bool, error) {
	if c.broken != nil {
		return false, c.broken
	}
	b, ok := e.Body.(*event.Heartbeat)
	if ok {
		c.add += b.Sessions * int(index+1)
	}
	return ok, nil
}

func (c *counter) Save(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE sum SET n = n + ?", c.add)
	c.add = 0
	return err
}

func (c *counter) sum(ctx context.Context) (n int, err error) {
	err = c.db.Read.QueryRowContext(ctx, "SELECT n FROM sum").Scan(&n)
	return n, err
}

func (c *counter) Dump(ctx context.Context, w io.Writer) error {
	n, err := c.sum(ctx)
	if err == nil {
		_, err = fmt.Fprintln(w, "sum", n)
	}
	return err
}

// heartbeats have 1, 2, 3, … sessions; a stop follows each.
func heartbeats(n int) (l viewtest.Ledger) {
	for i := range n {
		l.Add("gate/a", event.Seq(2*i+1), int64(i), 0, &event.Heartbeat{Sessions: i + 1})
		l.Add("gate/a", event.Seq(2*i+2), int64(i), 0, &event.SourceStop{})
	}
	return l
}

func TestSuite(t *testing.T) {
	viewtest.Run(t, func(ctx context.Context, dir string) (view.Fold, error) { return openCounter(ctx, dir) }, heartbeats(4))
}

// TestFailedBatch: a batch that fails is folded again from its beginning, once.
func TestFailedBatch(t *testing.T) {
	dir, l := t.TempDir(), heartbeats(5)
	c, err := openCounter(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := view.Follow(t.Context(), "counter", l, c)
	if err != nil {
		t.Fatal(err)
	}
	c.broken = errors.New("broken")
	if err := f.CatchUp(t.Context()); !errors.Is(err, c.broken) {
		t.Fatalf("CatchUp: %v, want the fold's error", err)
	}
	if at := f.Cursor(); at != (view.Cursor{}) {
		t.Errorf("cursor %+v after a failed batch", at)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err = openCounter(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if f, err = view.Follow(t.Context(), "counter", l, c); err != nil {
		t.Fatal(err)
	}
	if err := f.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := c.sum(t.Context()); err != nil || n != 95 {
		t.Errorf("sum %d, %v, want 95", n, err)
	}
	if at := f.Cursor(); at != (view.Cursor{Next: 10, Skipped: 5}) {
		t.Errorf("cursor %+v, want 10 events, 5 skipped", at)
	}
}

// growing is a ledger to which events are added while a follower waits.
type growing struct {
	viewtest.Ledger
	more chan viewtest.Ledger
}

func (g *growing) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	for next >= event.Index(len(g.Ledger)) {
		select {
		case l := <-g.more:
			g.Ledger = l
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return event.Index(len(g.Ledger)), nil
}

func TestRunAndAwait(t *testing.T) {
	c, err := openCounter(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	g := &growing{heartbeats(1), make(chan viewtest.Ledger)}
	f, err := view.Follow(t.Context(), "counter", g, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	g.more <- heartbeats(3)
	if err := f.Await(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	if n, err := c.sum(t.Context()); err != nil || n != 22 {
		t.Errorf("sum %d, %v, want 22", n, err)
	}
	short, cut := context.WithCancel(t.Context())
	cut()
	if err := f.Await(short, 99); !errors.Is(err, context.Canceled) {
		t.Errorf("Await: %v, want Canceled", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run: %v, want nil after a clean stop", err)
	}
}

// TestAwaitOfFailed: who waits for an event that a failed follower will not fold
// is told why; what it has folded is there.
func TestAwaitOfFailed(t *testing.T) {
	c, err := openCounter(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f, err := view.Follow(t.Context(), "counter", stopped{heartbeats(2)}, c)
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error)
	go func() { waits <- f.Await(t.Context(), 4) }()
	if err := f.Run(t.Context()); !errors.Is(err, event.ErrStopped) {
		t.Errorf("Run: %v", err)
	}
	if err := <-waits; !errors.Is(err, event.ErrStopped) {
		t.Errorf("Await: %v", err)
	}
	if err := f.Await(t.Context(), 3); err != nil {
		t.Errorf("what is folded: %v", err)
	}
}

// stopped is a ledger that takes no more events.
type stopped struct{ viewtest.Ledger }

func (s stopped) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	if next >= event.Index(len(s.Ledger)) {
		return 0, event.ErrStopped
	}
	return s.Ledger.Wait(ctx, next)
}

// TestHoles: retention leaves holes in a ledger, and a view goes on after them;
// a ledger that goes back is not followed.
func TestHoles(t *testing.T) {
	for name, c := range map[string]struct {
		order []int
		ok    bool
	}{
		"hole":  {[]int{0, 1, 3, 4, 5}, true},
		"back":  {[]int{0, 1, 2, 1}, false},
		"twice": {[]int{0, 1, 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := openCounter(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			f, err := view.Follow(t.Context(), "counter", reordered{heartbeats(3), c.order}, v)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.CatchUp(t.Context()); (err == nil) != c.ok {
				t.Fatalf("events %v: %v", c.order, err)
			}
			if next := f.Cursor().Next; c.ok && next != 6 {
				t.Errorf("cursor at %d, want 6", next)
			}
		})
	}
}

// reordered gives the events of a ledger in some order.
type reordered struct {
	viewtest.Ledger
	order []int
}

func (r reordered) Scan(ctx context.Context, _ event.Index, fn func(event.Index, []byte) error) error {
	for _, i := range r.order {
		if err := fn(event.Index(i), r.Ledger[i]); err != nil {
			return err
		}
	}
	return nil
}

// choosy is a counter on a disk that is full, and that knows when it has something to
// write.
type choosy struct {
	*counter
	full error
}

func (c *choosy) Unsaved() bool { return c.add != 0 }

func (c *choosy) Save(ctx context.Context, tx *sql.Tx) error {
	if c.full != nil {
		return c.full
	}
	return c.counter.Save(ctx, tx)
}

// TestNothingToSave: events that a fold has no use for are passed also while nothing can
// be written, and are counted once, also by the next start, which folds them again.
func TestNothingToSave(t *testing.T) {
	dir, l := t.TempDir(), heartbeats(2)
	full := errors.New("the disk is full")
	start := func() (*choosy, *view.Follower) {
		under, err := openCounter(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		c := &choosy{counter: under}
		f, err := view.Follow(t.Context(), "counter", &l, c)
		if err != nil {
			t.Fatal(err)
		}
		return c, f
	}
	c, f := start()
	if err := f.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.full = full
	l.Add("gate/a", 5, 5, 0, &event.SourceStop{})
	l.Add("gate/a", 6, 6, 0, &event.SourceStop{})
	if err := f.CatchUp(t.Context()); err != nil || f.Cursor() != (view.Cursor{Next: 6, Skipped: 4}) {
		t.Errorf("what it has no use for: %v, cursor %+v", err, f.Cursor())
	}
	l.Add("gate/a", 7, 7, 0, &event.Heartbeat{Sessions: 1})
	if err := f.CatchUp(t.Context()); !errors.Is(err, full) || f.Cursor().Next != 6 {
		t.Errorf("what it has to write: %v, cursor %+v", err, f.Cursor())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c, f = start()
	defer c.Close()
	if at := f.Cursor(); at != (view.Cursor{Next: 4, Skipped: 2}) {
		t.Errorf("after a start: cursor %+v", at)
	}
	if err := f.CatchUp(t.Context()); err != nil || f.Cursor() != (view.Cursor{Next: 7, Skipped: 4}) {
		t.Errorf("after a start with room: %v, cursor %+v", err, f.Cursor())
	}
	if n, err := c.sum(t.Context()); err != nil || n != 1+2*3+7 {
		t.Errorf("sum %d, %v", n, err)
	}
}
