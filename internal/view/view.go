// Package view follows the ledger and folds its events into a view: cursor,
// batches, rebuild and the drift check.
//
// It does not know what any view keeps. A view is a Fold with a database of its
// own; it sends nothing, reads no clock and is never written by anybody else.
package view

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"sekisho/internal/event"
)

// Ledger is what a view follows. Scan calls fn with every event from an index
// to the present end, in order; line is valid until fn returns. Wait returns
// when the event with index next can be read.
type Ledger interface {
	Scan(ctx context.Context, from event.Index, fn func(index event.Index, line []byte) error) error
	Wait(ctx context.Context, next event.Index) (event.Index, error)
}

// Fold is a view. What it keeps after Save must depend only on the events it
// was given, not on how they were cut into batches.
//
// A Follower calls Apply for the events of a batch and then Save, and no other
// method between. When one of them fails the fold's memory is in doubt: close
// it and open it again.
type Fold interface {
	// DB is where the fold keeps its state and the cursor.
	DB() *sql.DB
	// Apply takes one event. It reports false for kinds it has no use for.
	Apply(index event.Index, e *event.Event) (used bool, err error)
	// Save writes what the batch changed.
	Save(ctx context.Context, tx *sql.Tx) error
	// Begin and End enclose a batch: queries wait between them. End follows
	// also when the batch failed.
	Begin()
	End()
	// Dump writes the state in an order of its own making: equal states have
	// equal dumps. Derived data may be left out.
	Dump(ctx context.Context, w io.Writer) error
	Close() error
}

// saver is a fold that knows whether Save has anything to write. When it has not, a
// batch may be left out on disk, cursor and all: its events are folded again after the
// next start, to no effect. A disk that is full for the view then keeps nobody from
// what it shows.
type saver interface {
	Unsaved() bool
}

// Schema makes the cursor's table; it belongs into every view's schema.
const Schema = `
CREATE TABLE view_cursor (
	next    INTEGER NOT NULL, -- index of the next event
	unknown INTEGER NOT NULL, -- events of kinds this program does not know
	skipped INTEGER NOT NULL  -- known kinds that the view has no use for
);
INSERT INTO view_cursor VALUES (0, 0, 0);`

// Cursor says how far a view is.
type Cursor struct {
	Next    event.Index
	Unknown uint64
	Skipped uint64
}

// ReadCursor reads the cursor of a view database.
func ReadCursor(ctx context.Context, db *sql.DB) (c Cursor, err error) {
	err = db.QueryRowContext(ctx, "SELECT next, unknown, skipped FROM view_cursor").Scan(&c.Next, &c.Unknown, &c.Skipped)
	if err != nil {
		return c, fmt.Errorf("read view cursor: %w", err)
	}
	return c, nil
}

// Follower moves one fold along one ledger. Only one goroutine may call Run or
// CatchUp at a time; the other methods may be called from anywhere.
type Follower struct {
	name   string
	ledger Ledger
	fold   Fold
	batch  int

	// Pace is the least time between two batches of Run, each of which costs
	// something however few events it has. Await does not wait for it. Zero:
	// none. It must be set before Run.
	Pace time.Duration

	hurry chan struct{} // takes a token when somebody awaits

	saved event.Index // the cursor's on disk

	mu     sync.Mutex
	cursor Cursor
	moved  chan struct{} // closed and replaced when cursor moves or Run fails
	ended  error         // why Run failed; it moves no more
}

// maxBatch is how many events are folded in one transaction.
const maxBatch = 50_000

// Follow returns a follower at the fold's saved cursor. Name is for errors.
func Follow(ctx context.Context, name string, l Ledger, f Fold) (*Follower, error) {
	c, err := ReadCursor(ctx, f.DB())
	if err != nil {
		return nil, fmt.Errorf("view %s: %w", name, err)
	}
	return &Follower{name: name, ledger: l, fold: f, batch: maxBatch, saved: c.Next, cursor: c, hurry: make(chan struct{}, 1), moved: make(chan struct{})}, nil
}

// Run folds until ctx ends, which is no error.
//
// It fails when the ledger's files no longer hold the events that the ledger
// says it has, for instance because somebody moved its directory. From then on
// Await fails too for events that are not folded.
func (f *Follower) Run(ctx context.Context) error {
	err := f.run(ctx)
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ended = err
		f.signal()
	}
	return err
}

func (f *Follower) run(ctx context.Context) error {
	for promised := event.Index(0); ctx.Err() == nil; {
		if err := f.CatchUp(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		next := f.Cursor().Next
		if next < promised && ctx.Err() == nil {
			return fmt.Errorf("view %s: the ledger says it has %d events, its files hold %d", f.name, promised, next)
		}
		head, err := f.ledger.Wait(ctx, next)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("view %s: wait: %w", f.name, err)
		}
		promised = head
		f.rest(ctx)
	}
	return nil
}

// rest returns after the pace, or sooner when somebody awaits or ctx ends.
func (f *Follower) rest(ctx context.Context) {
	if f.Pace <= 0 {
		return
	}
	timer := time.NewTimer(f.Pace)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.hurry:
	case <-ctx.Done():
	}
}

// eventScanner is a ledger that decodes ahead on all processors.
type eventScanner interface {
	ScanEvents(ctx context.Context, from event.Index, fn func(index event.Index, e *event.Event) error) error
}

// chooser is a fold that has a use for some kinds only: of all others it may be
// given a time and no body, and the cursor then counts unknown kinds as skipped.
type chooser interface {
	Wants(event.Kind) bool
}

// kindScanner is a ledger that decodes some kinds only.
type kindScanner interface {
	ScanEventsOf(ctx context.Context, from event.Index, wants func(event.Kind) bool, fn func(index event.Index, e *event.Event) error) error
}

// scan calls fn with every event from an index to the present end, decoded.
func (f *Follower) scan(ctx context.Context, from event.Index, fn func(event.Index, *event.Event) error) error {
	if c, ok := f.fold.(chooser); ok {
		if s, ok := f.ledger.(kindScanner); ok {
			return s.ScanEventsOf(ctx, from, c.Wants, fn)
		}
	}
	if s, ok := f.ledger.(eventScanner); ok {
		return s.ScanEvents(ctx, from, fn)
	}
	return f.ledger.Scan(ctx, from, func(i event.Index, line []byte) error {
		e, err := event.Parse(line)
		if err != nil {
			return fmt.Errorf("view %s: event %d: %w", f.name, i, err)
		}
		return fn(i, e)
	})
}

// CatchUp folds up to the present end of the ledger.
func (f *Follower) CatchUp(ctx context.Context) error {
	batch := make([]indexed, 0, 256)
	next := f.Cursor().Next
	err := f.scan(ctx, next, func(i event.Index, e *event.Event) error {
		if i < next { // retention leaves holes
			return fmt.Errorf("view %s: ledger gave event %d, want %d or later", f.name, i, next)
		}
		next = i + 1
		if batch = append(batch, indexed{i, e}); len(batch) < f.batch {
			return nil
		}
		err := f.foldBatch(ctx, batch)
		batch = batch[:0]
		return err
	})
	if err == nil && len(batch) > 0 {
		err = f.foldBatch(ctx, batch)
	}
	return err
}

type indexed struct {
	index event.Index
	event *event.Event
}

func (f *Follower) foldBatch(ctx context.Context, batch []indexed) error {
	f.fold.Begin()
	defer f.fold.End()
	c := f.Cursor()
	for _, b := range batch {
		used, err := f.fold.Apply(b.index, b.event)
		if err != nil {
			return fmt.Errorf("view %s: fold event %d: %w", f.name, b.index, err)
		}
		if _, unknown := b.event.Body.(*event.Unknown); unknown {
			c.Unknown++
		} else if !used {
			c.Skipped++
		}
	}
	c.Next = batch[len(batch)-1].index + 1
	if s, ok := f.fold.(saver); ok && !s.Unsaved() && c.Next-f.saved < maxBatch {
		f.move(c)
		return nil
	}
	tx, err := f.fold.DB().BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("view %s: %w", f.name, err)
	}
	err = f.fold.Save(ctx, tx)
	if err == nil {
		_, err = tx.ExecContext(ctx, "UPDATE view_cursor SET next = ?, unknown = ?, skipped = ?", c.Next, c.Unknown, c.Skipped)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("view %s: save: %w", f.name, err), tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("view %s: save: %w", f.name, err)
	}
	f.saved = c.Next
	f.move(c)
	return nil
}

func (f *Follower) move(c Cursor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursor = c
	f.signal()
}

// signal wakes everybody in Await. f.mu is held.
func (f *Follower) signal() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// Cursor returns how far the view is.
func (f *Follower) Cursor() Cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cursor
}

// Ended returns why Run failed: what is folded stays, and no more comes. Nil until then.
func (f *Follower) Ended() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended
}

// Await returns when the event with the index is folded, or why it will not be.
func (f *Follower) Await(ctx context.Context, index event.Index) error {
	for {
		f.mu.Lock()
		done, ended, moved := f.cursor.Next > index, f.ended, f.moved
		f.mu.Unlock()
		if done {
			return nil
		}
		if ended != nil {
			return ended
		}
		select {
		case f.hurry <- struct{}{}:
		default: // there is a token already
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("view %s: wait for event %d: %w", f.name, index, ctx.Err())
		}
	}
}

// Digest returns the SHA-256 of the fold's dump.
func Digest(ctx context.Context, f Fold) (d [32]byte, err error) {
	h := sha256.New()
	if err := f.Dump(ctx, h); err != nil {
		return d, err
	}
	return [32]byte(h.Sum(nil)), nil
}

// ErrDrift is returned by Check when a view differs from its rebuild.
var ErrDrift = errors.New("view differs from a rebuild (SK5402)")

// Check folds the ledger into fresh, which must be empty, up to where the view
// is, and compares the two. The caller keeps the view from moving.
func Check(ctx context.Context, name string, l Ledger, f, fresh Fold) error {
	c, err := ReadCursor(ctx, f.DB())
	if err != nil {
		return err
	}
	again, err := Follow(ctx, name, until{l, c.Next}, fresh)
	if err != nil {
		return err
	}
	if err := again.CatchUp(ctx); err != nil {
		return err
	}
	a, err := Digest(ctx, f)
	if err != nil {
		return err
	}
	b, err := Digest(ctx, fresh)
	if err != nil {
		return err
	}
	if a != b {
		return fmt.Errorf("view %s at event %d: %w", name, c.Next, ErrDrift)
	}
	return nil
}

// until is a ledger cut off before an index.
type until struct {
	Ledger
	end event.Index
}

var errEnd = errors.New("end")

func (u until) Scan(ctx context.Context, from event.Index, fn func(event.Index, []byte) error) error {
	err := u.Ledger.Scan(ctx, from, func(i event.Index, line []byte) error {
		if i >= u.end {
			return errEnd
		}
		return fn(i, line)
	})
	if errors.Is(err, errEnd) {
		return nil
	}
	return err
}
