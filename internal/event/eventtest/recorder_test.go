package eventtest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
)

var _ event.Recorder = (*Recorder)(nil)

func TestRecorderRemembersChains(t *testing.T) {
	var r Recorder
	reused := &event.Heartbeat{Sessions: 1}
	for i := range 3 {
		reused.Sessions = i
		if seq, err := r.Record(t.Context(), event.Durable, reused); err != nil || seq != event.Seq(i+1) {
			t.Fatalf("got seq %d, %v; want %d", seq, err, i+1)
		}
	}
	var prev event.Digest
	for i, e := range r.Events() {
		if e.Prev != prev || e.Seq != event.Seq(i+1) {
			t.Errorf("event %d: seq %d, chained to %x, want %x", i, e.Seq, e.Prev, prev)
		}
		prev = event.Sum(r.Lines()[i])
	}
	want := []*event.Heartbeat{{Sessions: 0}, {Sessions: 1}, {Sessions: 2}}
	if diff := cmp.Diff(want, Of[*event.Heartbeat](&r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRecorderFails(t *testing.T) {
	for _, kept := range []bool{false, true} {
		var r Recorder
		r.FailAfter(1, event.ErrStopped, kept)
		_, err1 := r.Record(t.Context(), event.Written, &event.SourceStop{})
		_, err2 := r.Record(t.Context(), event.Written, &event.SourceStop{})
		want := 1
		if kept {
			want = 2
		}
		if err1 != nil || !errors.Is(err2, event.ErrStopped) || len(r.Events()) != want {
			t.Errorf("kept %v: got %v, %v and %d events; want nil, ErrStopped and %d", kept, err1, err2, len(r.Events()), want)
		}
	}
}

func TestRecorderHolds(t *testing.T) {
	var r Recorder
	r.Hold()
	var got error
	calls := 0
	done := func(err error) { got, calls = err, calls+1 }
	if _, err := r.Submit(event.Durable, done, &event.SourceStop{}); err != nil || calls != 0 {
		t.Fatalf("held: %v, done was called %d times", err, calls)
	}
	if r.Release(event.ErrStopped); calls != 1 || !errors.Is(got, event.ErrStopped) {
		t.Errorf("released: done was called %d times with %v", calls, got)
	}
}
