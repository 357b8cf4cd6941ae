// Package eventtest has a Recorder for tests that remembers what it was given
// and fails on demand.
//
// It keeps nothing on disk and is imported by tests only.
package eventtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sekisho/internal/event"
)

// Start is the time of a Recorder's first event; each event is one millisecond
// later than the one before.
var Start = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// Recorder is an event.Recorder in memory. The zero value works, with tenant
// "test", source "gate/test" and worker 0. It is safe for concurrent use.
type Recorder struct {
	Tenant event.Tenant
	Source event.Source
	Worker uint16

	mu     sync.Mutex
	lines  [][]byte
	head   event.Digest
	fault  *fault
	hold   bool
	held   []func(error)
	change chan struct{}
}

type fault struct {
	after int
	err   error
	kept  bool
}

// FailAfter makes the recorder fail with err (usually event.ErrFull or
// event.ErrStopped) after n more events were taken. With kept true the events
// are recorded although the caller is told that they were not: a caller must be
// right in both cases. A nil err ends the failing.
func (r *Recorder) FailAfter(n int, err error, kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = nil
	if err != nil {
		r.fault = &fault{n, err, kept}
	}
}

// Hold keeps back everything that is not yet acknowledged at level Durable
// until Release.
func (r *Recorder) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hold = true
}

// Release acknowledges what Hold kept back, with the given error.
func (r *Recorder) Release(err error) {
	r.mu.Lock()
	ready := r.held
	r.hold, r.held = false, nil
	r.mu.Unlock()
	for _, done := range ready {
		done(err)
	}
}

// Record implements event.Recorder.
func (r *Recorder) Record(ctx context.Context, level event.Level, bodies ...event.Body) (event.Seq, error) {
	done := make(chan error, 1)
	seq, err := r.Submit(level, func(err error) { done <- err }, bodies...)
	if err != nil {
		return 0, err
	}
	select {
	case err := <-done:
		return seq, err
	case <-ctx.Done():
		return seq, ctx.Err()
	}
}

// Submit implements event.Recorder.
func (r *Recorder) Submit(level event.Level, done func(error), bodies ...event.Body) (event.Seq, error) {
	r.mu.Lock()
	seq, err := r.take(bodies)
	if err == nil && done != nil && r.hold && level == event.Durable {
		r.held = append(r.held, done)
		done = nil
	}
	r.mu.Unlock()
	if err == nil && done != nil {
		done(nil)
	}
	return seq, err
}

func (r *Recorder) take(bodies []event.Body) (event.Seq, error) {
	if len(bodies) == 0 {
		return 0, fmt.Errorf("no event to record")
	}
	if f := r.fault; f != nil {
		if f.after -= len(bodies); f.after < 0 {
			if f.kept {
				r.keep(bodies)
			}
			return 0, f.err
		}
	}
	return r.keep(bodies), nil
}

// keep encodes the bodies at once, as the ledger does: a caller may reuse them.
func (r *Recorder) keep(bodies []event.Body) event.Seq {
	first := event.Seq(len(r.lines) + 1)
	for _, body := range bodies {
		n := len(r.lines)
		e := event.Event{
			Tenant: orDefault(r.Tenant, "test"), Source: orDefault(r.Source, "gate/test"), Worker: r.Worker,
			Seq: event.Seq(n + 1), At: Start.Add(time.Duration(n) * time.Millisecond),
			ClockErr: time.Millisecond, Prev: r.head, Body: body,
		}
		line := event.Append(nil, &e)
		if len(line) > event.MaxLine {
			panic(fmt.Sprintf("eventtest: event of kind %d has %d bytes, at most %d are allowed", body.Kind(), len(line), event.MaxLine))
		}
		r.head = event.Sum(line)
		r.lines = append(r.lines, line)
	}
	if r.change != nil {
		close(r.change)
		r.change = nil
	}
	return first
}

func orDefault[T ~string](v, def T) T {
	if v == "" {
		return def
	}
	return v
}

// Lines returns the encoded lines recorded so far, line feeds included.
func (r *Recorder) Lines() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines[:len(r.lines):len(r.lines)]
}

// Events returns the events recorded so far, decoded from their lines.
func (r *Recorder) Events() []*event.Event {
	lines := r.Lines()
	out := make([]*event.Event, len(lines))
	for i, line := range lines {
		e, err := event.Parse(line)
		if err != nil {
			panic("eventtest: " + err.Error())
		}
		out[i] = e
	}
	return out
}

// Bodies returns the bodies recorded so far.
func (r *Recorder) Bodies() []event.Body {
	events := r.Events()
	out := make([]event.Body, len(events))
	for i, e := range events {
		out[i] = e.Body
	}
	return out
}

// Of returns the bodies of type B recorded so far, in order:
// Of[*event.Crossing](r).
func Of[B event.Body](r *Recorder) []B {
	var out []B
	for _, body := range r.Bodies() {
		if b, ok := body.(B); ok {
			out = append(out, b)
		}
	}
	return out
}

// Await waits until at least n events were recorded, and returns them.
func (r *Recorder) Await(ctx context.Context, n int) ([]*event.Event, error) {
	for {
		r.mu.Lock()
		if len(r.lines) >= n {
			r.mu.Unlock()
			return r.Events(), nil
		}
		if r.change == nil {
			r.change = make(chan struct{})
		}
		change := r.change
		r.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return r.Events(), fmt.Errorf("%d events after waiting for %d: %w", len(r.Lines()), n, ctx.Err())
		}
	}
}

// Reset forgets everything but the settings.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines, r.head, r.fault, r.hold, r.held = nil, event.Digest{}, nil, false, nil
}
