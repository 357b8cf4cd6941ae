package ledger

import (
	"errors"
	"syscall"
	"testing"

	"sekisho/internal/event"
)

// TestStop: whoever stops a ledger finds since when and why; closing is no
// reason.
func TestStop(t *testing.T) {
	cfg := internalConfig(t)
	mustInit(t, cfg)
	l := mustOpen(t, cfg)
	if at, cause := l.Stopped(); !at.IsZero() || cause != nil {
		t.Errorf("a ledger that works stopped at %v: %v", at, cause)
	}
	l.Stop(syscall.ENOSPC)
	<-l.Failed()
	at, cause := l.Stopped()
	if at.IsZero() || !errors.Is(cause, syscall.ENOSPC) || errors.Is(cause, event.ErrStopped) {
		t.Errorf("stopped at %v: %v", at, cause)
	}
	if _, err := l.Recorder("gate/test", 0).Record(t.Context(), event.Durable, &event.SourceStop{}); !errors.Is(err, event.ErrStopped) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("record: %v", err)
	}
	if err := l.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("close: %v", err)
	}
	if again, why := l.Stopped(); !again.Equal(at) || !errors.Is(why, syscall.ENOSPC) {
		t.Errorf("after the end: %v, %v", again, why)
	}
	l = mustOpen(t, cfg)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	<-l.Failed()
	if at, cause := l.Stopped(); !at.IsZero() || cause != nil {
		t.Errorf("a ledger that was closed stopped at %v: %v", at, cause)
	}
}
