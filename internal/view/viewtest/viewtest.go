// Package viewtest is the suite that every view must pass. It is imported by
// tests only.
//
// It proves of a view that its state depends on the events alone: rebuilding
// it gives the same dump as following, stopping after any event and starting
// again changes nothing, the same input twice gives the same dump, and events of
// unknown kinds are counted and skipped. It knows nothing of what views mean.
package viewtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/view"
)

// Open opens a view in a directory, making it when it is not there.
type Open func(ctx context.Context, dir string) (view.Fold, error)

// Ledger is a ledger in memory: lines without line feeds.
type Ledger [][]byte

// Add appends an event. Its source's numbers and digests are not looked at by
// views and are left out, but for seq.
func (l *Ledger) Add(src event.Source, seq event.Seq, at int64, clockErr time.Duration, b event.Body) {
	line := event.Append(nil, &event.Event{Tenant: "test", Source: src, Seq: seq, At: event.Time(at), ClockErr: clockErr, Body: b})
	*l = append(*l, line[:len(line)-1])
}

// Scan implements view.Ledger. The line is overwritten after fn returns, as a
// reader from a file does.
func (l Ledger) Scan(ctx context.Context, from event.Index, fn func(event.Index, []byte) error) error {
	var line []byte
	for i := from; i < event.Index(len(l)); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line = append(line[:0], l[i]...)
		if err := fn(i, line); err != nil {
			return err
		}
		clear(line)
	}
	return nil
}

// Wait implements view.Ledger.
func (l Ledger) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	if next < event.Index(len(l)) {
		return event.Index(len(l)), nil
	}
	<-ctx.Done()
	return 0, ctx.Err()
}

// tb is the part of testing.TB that the suite needs; rapid.T has it too.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Run runs the whole suite over one ledger, which should hold every kind of
// event that the view has a use for.
func Run(t *testing.T, open Open, l Ledger) {
	t.Helper()
	s := suite{t, t.Context(), open, l}
	whole := s.fold(t.TempDir(), len(l))
	t.Run("again", func(t *testing.T) {
		s := s.with(t)
		s.same(whole, s.fold(t.TempDir(), len(l)), "the same input twice")
	})
	t.Run("stop after any event", func(t *testing.T) {
		s := s.with(t)
		for stop := 1; stop < len(l); stop++ {
			s.same(whole, s.fold(t.TempDir(), stop, len(l)), fmt.Sprintf("stopped after event %d", stop-1))
		}
	})
	t.Run("event by event", func(t *testing.T) {
		s := s.with(t)
		stops := make([]int, len(l))
		for i := range stops {
			stops[i] = i + 1
		}
		s.same(whole, s.fold(t.TempDir(), stops...), "opened again after every event")
	})
	t.Run("a batch that failed", func(t *testing.T) { s.with(t).failing(whole) })
	t.Run("unknown kinds", func(t *testing.T) { s.with(t).unknown() })
	t.Run("check", func(t *testing.T) { s.with(t).check() })
}

// Resume folds l into a new view with a stop after each of the given numbers of
// events, and compares the dump with that of a view which never stopped. Dirs
// must be two empty directories.
func Resume(t tb, ctx context.Context, open Open, l Ledger, dirs [2]string, stops ...int) {
	t.Helper()
	s := suite{t, ctx, open, l}
	s.same(s.fold(dirs[0], len(l)), s.fold(dirs[1], append(stops, len(l))...), fmt.Sprintf("stopped at %v", stops))
}

type suite struct {
	tb
	ctx  context.Context
	open Open
	l    Ledger
}

func (s suite) with(t *testing.T) suite { return suite{t, t.Context(), s.open, s.l} }

func (s suite) must(err error, what string) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

// fold follows the ledger up to each stop, opening the view anew each time,
// and returns the dump.
func (s suite) fold(dir string, stops ...int) []byte {
	s.Helper()
	var dump bytes.Buffer
	for i, stop := range stops {
		f, err := s.open(s.ctx, dir)
		s.must(err, "open")
		s.follow(f, s.l[:stop])
		if i == len(stops)-1 {
			s.must(f.Dump(s.ctx, &dump), "dump")
		}
		s.must(f.Close(), "close")
	}
	if dump.Len() == 0 && len(s.l) > 0 {
		s.Fatalf("the dump is empty")
	}
	return dump.Bytes()
}

func (s suite) follow(f view.Fold, l Ledger) view.Cursor {
	s.Helper()
	w, err := view.Follow(s.ctx, "view", l, f)
	s.must(err, "follow")
	s.must(w.CatchUp(s.ctx), "catch up")
	c := w.Cursor()
	if c.Next != event.Index(len(l)) {
		s.Fatalf("cursor at %d after %d events", c.Next, len(l))
	}
	return c
}

func (s suite) same(want, got []byte, when string) {
	s.Helper()
	if bytes.Equal(want, got) {
		return
	}
	a, b := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	for i := range a {
		if i >= len(b) || !bytes.Equal(a[i], b[i]) {
			other := []byte("nothing")
			if i < len(b) {
				other = b[i]
			}
			s.Fatalf("%s: line %d of the dump\n got %.400s\nwant %.400s", when, i+1, other, a[i])
		}
	}
	s.Fatalf("%s: the dump has %d lines, want %d", when, len(b), len(a))
}

var errCut = errors.New("ledger was cut")

// cut is a ledger that fails after some events.
type cut struct {
	Ledger
	after int
}

func (c cut) Scan(ctx context.Context, from event.Index, fn func(event.Index, []byte) error) error {
	n := 0
	return c.Ledger.Scan(ctx, from, func(i event.Index, line []byte) error {
		if n++; n > c.after {
			return errCut
		}
		return fn(i, line)
	})
}

// failing breaks off in the middle of a batch; opened again, the view goes on
// from where it was saved.
func (s suite) failing(whole []byte) {
	s.Helper()
	dir := s.tb.(*testing.T).TempDir()
	f, err := s.open(s.ctx, dir)
	s.must(err, "open")
	w, err := view.Follow(s.ctx, "view", cut{s.l, len(s.l) / 2}, f)
	s.must(err, "follow")
	if err := w.CatchUp(s.ctx); !errors.Is(err, errCut) {
		s.Fatalf("catch up: %v, want the ledger's error", err)
	}
	s.must(f.Close(), "close")
	s.same(whole, s.fold(dir, len(s.l)), "broken off")
}

// unknown adds an event of a kind that nobody knows: it is counted and changes
// nothing else.
func (s suite) unknown() {
	s.Helper()
	t := s.tb.(*testing.T)
	l := append(Ledger(nil), s.l...)
	l.Add("gate/future", 1, lastTime(s, s.l), 0, &event.Unknown{Of: 9999, Raw: json.RawMessage(`{"new":true}`)})
	f, err := s.open(s.ctx, t.TempDir())
	s.must(err, "open")
	before := s.follow(f, s.l)
	after := s.follow(f, l)
	if after.Unknown != before.Unknown+1 || after.Skipped != before.Skipped {
		s.Fatalf("cursor %+v after an unknown kind, before %+v", after, before)
	}
	s.must(f.Close(), "close")
}

func lastTime(s suite, l Ledger) int64 {
	e, err := event.Parse(l[len(l)-1])
	s.must(err, "parse")
	return e.At.UnixNano()
}

// check runs the drift check: it must pass, and it must see a view that
// differs.
func (s suite) check() {
	s.Helper()
	t := s.tb.(*testing.T)
	open := func() view.Fold {
		f, err := s.open(s.ctx, t.TempDir())
		s.must(err, "open")
		t.Cleanup(func() { s.must(f.Close(), "close") })
		return f
	}
	f := open()
	s.follow(f, s.l)
	s.must(view.Check(s.ctx, "view", s.l, f, open()), "check")
	other := append(Ledger(nil), s.l...)
	other[0], other[len(other)-1] = other[len(other)-1], other[0]
	if err := view.Check(s.ctx, "view", other, f, open()); !errors.Is(err, view.ErrDrift) {
		s.Fatalf("check against another ledger: %v, want ErrDrift", err)
	}
}
