package main

import (
	"context"
	"errors"
	"testing"

	"sekisho/internal/fault"
)

// TestAsked: giving up a start because of a signal is a clean end; nothing else
// is.
func TestAsked(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	given := fault.New(fault.LedgerOpen, "dir", "x").Because(context.Canceled)
	if err := asked(stopped, given); err != nil {
		t.Errorf("a start that a signal ended: %v", err)
	}
	if asked(t.Context(), given) == nil {
		t.Error("a cancellation that nobody asked for was dropped")
	}
	if bad := errors.New("disk"); asked(stopped, bad) != bad {
		t.Error("another error was dropped because of a signal")
	}
}
