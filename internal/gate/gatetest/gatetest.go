// Package gatetest is the suite that every gate must pass: bytes pass unchanged when allowed; one decision, one
// event; recorded before released; a recorder that fails leads to the configured fail mode; the gate ends when it is
// asked to and leaves no goroutine.
//
// It knows no protocol: a gate's test gives it a Harness. It is imported by tests only.
package gatetest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// patience bounds what a test waits for.
const patience = 20 * time.Second

// Options are what the suite varies.
type Options struct {
	Recorder event.Recorder
	// Strict awaits durability for every single decision.
	Strict bool
	// FailOpen passes on when the recorder fails; else the gate refuses.
	FailOpen bool
}

// Gate is a running gate and the server behind it.
type Gate struct {
	Direct  string // address of the server
	Through string // address of the gate
	// Stop ends the gate as SIGTERM does and returns when it is gone. The suite calls it once.
	Stop func() error
}

// Session is a client's connection, logged in.
type Session interface {
	// Ask sends one request and returns every byte of the answer. After a refusal that ends the session, err is
	// set and the bytes are what came before the end.
	Ask(request string) (answer []byte, err error)
	Close()
}

// Harness is what a gate's test gives to Run.
type Harness struct {
	// Start puts a gate with these options before a server. Everything it starts, but the gate, may end with t.
	Start func(t testing.TB, o Options) Gate
	// Connect opens a session at one of the addresses of a Gate.
	Connect func(t testing.TB, address string) Session
	// Plain are requests that disclose nobody's data. Answers must be the same every time.
	Plain []string
	// Personal are requests whose answers hold personal data, each one decision, and the canary.
	Personal []string
	// Begun and Ended count the events before and after a decision; nil: those
	// of a database gate, Intent and Crossing.
	Begun, Ended func(*eventtest.Recorder) int
	// EveryRequest says that Plain requests are recorded like Personal ones.
	EveryRequest bool
	// Canary is a personal value that is in every answer to Personal and in nothing else that the server says.
	Canary []byte
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Run("bytes pass unchanged", h.unchanged)
	t.Run("one decision, one event", h.oneEvent)
	t.Run("recorded before released", h.recordedBefore)
	t.Run("fails closed", h.failsClosed)
	t.Run("fails open and says so", h.failsOpen)
	t.Run("ends", h.ends)
}

// start runs a gate that ends with the test, without a goroutine left.
func (h *Harness) start(t *testing.T, o Options) Gate {
	t.Helper()
	before := goleak.IgnoreCurrent()
	g := h.Start(t, o)
	stopped := false
	stop := g.Stop
	g.Stop = func() error { stopped = true; return stop() }
	t.Cleanup(func() {
		if !stopped {
			if err := stop(); err != nil {
				t.Errorf("stop: %v", err)
			}
		}
		if err := goleak.Find(before); err != nil {
			t.Error(err)
		}
	})
	return g
}

// ask fails the test when the request does.
func ask(t *testing.T, s Session, request string) []byte {
	t.Helper()
	answer, err := s.Ask(request)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	return answer
}

func (h *Harness) unchanged(t *testing.T) {
	g := h.start(t, Options{Recorder: &eventtest.Recorder{}})
	direct, through := h.Connect(t, g.Direct), h.Connect(t, g.Through)
	defer direct.Close()
	defer through.Close()
	for _, r := range append(append([]string(nil), h.Plain...), h.Personal...) {
		want, got := ask(t, direct, r), ask(t, through, r)
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", r, got, want)
		}
		if bytes.Contains(want, h.Canary) != contains(h.Personal, r) {
			t.Errorf("%s: the harness is wrong about the canary", r)
		}
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

func (h *Harness) oneEvent(t *testing.T) {
	rec := &eventtest.Recorder{}
	g := h.start(t, Options{Recorder: rec, Strict: true})
	s := h.Connect(t, g.Through)
	for _, r := range append(append([]string(nil), h.Plain...), h.Personal...) {
		ask(t, s, r)
	}
	s.Close()
	if err := g.Stop(); err != nil { // every decision is complete
		t.Fatal(err)
	}
	begun, ended, want := len(eventtest.Of[*event.Intent](rec)), len(eventtest.Of[*event.Crossing](rec)), len(h.Personal)
	if h.Begun != nil {
		begun, ended = h.Begun(rec), h.Ended(rec)
	}
	if h.EveryRequest {
		want += len(h.Plain)
	}
	if begun != want || ended != want {
		t.Errorf("%d requests to record: %d events before and %d after", want, begun, ended)
	}
	for _, line := range rec.Lines() {
		if bytes.Contains(line, h.Canary) {
			t.Errorf("an event holds personal data: %s", line)
		}
	}
}

func (h *Harness) recordedBefore(t *testing.T) {
	rec := &eventtest.Recorder{}
	g := h.start(t, Options{Recorder: rec, Strict: true})
	beside := g.Through // where requests pass that nothing holds
	if h.EveryRequest {
		beside = g.Direct
	}
	s, other := h.Connect(t, g.Through), h.Connect(t, beside)
	defer s.Close()
	defer other.Close()
	ask(t, s, h.Plain[0]) // what the gate asks for itself is over
	before := len(rec.Events())
	rec.Hold()
	type result struct {
		answer []byte
		err    error
	}
	done := make(chan result, 1)
	go func() {
		answer, err := s.Ask(h.Personal[0])
		done <- result{answer, err}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := rec.Await(ctx, before+1); err != nil {
		t.Fatalf("no intent was recorded: %v", err)
	}
	for range 3 { // the gate has the answer, and time to release it
		ask(t, other, h.Plain[0])
	}
	select {
	case r := <-done:
		rec.Release(nil)
		t.Fatalf("released before it was durable: %q, %v", r.answer, r.err)
	default:
	}
	rec.Release(nil)
	select {
	case r := <-done:
		if r.err != nil || !bytes.Contains(r.answer, h.Canary) {
			t.Errorf("after it was durable: %q, %v", r.answer, r.err)
		}
	case <-ctx.Done():
		t.Fatal("never released")
	}
}

func (h *Harness) failsClosed(t *testing.T) {
	for _, kept := range []bool{false, true} {
		for _, strict := range []bool{false, true} {
			rec := &eventtest.Recorder{}
			g := h.start(t, Options{Recorder: rec, Strict: strict})
			s := h.Connect(t, g.Through)
			ask(t, s, h.Plain[0])
			rec.FailAfter(0, event.ErrFull, kept)
			answer, _ := s.Ask(h.Personal[0]) // a refusal may end the session
			if bytes.Contains(answer, h.Canary) {
				t.Errorf("strict %t, kept %t: personal data passed without a record", strict, kept)
			}
			if len(answer) == 0 {
				t.Errorf("strict %t, kept %t: no refusal", strict, kept)
			}
			s.Close()
		}
	}
}

func (h *Harness) failsOpen(t *testing.T) {
	rec := &eventtest.Recorder{}
	g := h.start(t, Options{Recorder: rec, FailOpen: true})
	s := h.Connect(t, g.Through)
	ask(t, s, h.Plain[0])
	rec.FailAfter(0, event.ErrFull, false)
	if answer := ask(t, s, h.Personal[0]); !bytes.Contains(answer, h.Canary) {
		t.Errorf("did not pass: %q", answer)
	}
	rec.FailAfter(0, nil, false)
	ask(t, s, h.Personal[0])
	s.Close()
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	if len(eventtest.Of[*event.Gap](rec)) == 0 {
		t.Error("a recorder failed and came back, and no gap was recorded")
	}
}

func (h *Harness) ends(t *testing.T) {
	g := h.start(t, Options{Recorder: &eventtest.Recorder{}})
	idle := h.Connect(t, g.Through)
	defer idle.Close()
	ask(t, idle, h.Personal[0])
	stopped := make(chan error, 1)
	go func() { stopped <- g.Stop() }()
	select {
	case err := <-stopped:
		if err != nil {
			t.Errorf("stop: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the gate does not end")
	}
	if answer, err := idle.Ask(h.Plain[0]); err == nil {
		t.Errorf("a session outlived its gate: %q", answer)
	}
}
