//go:build unix

package durable_test

import (
	"context"
	"errors"
	"testing"

	"sekisho/internal/durable"
)

// TestLock: one at a time has the lock of a directory; who waits gets it when it is
// given back, or is told that the time is over.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	unlock, err := durable.Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := durable.Lock(over, dir); !errors.Is(err, context.Canceled) {
		t.Fatalf("got a lock that another holds: %v", err)
	}
	got := make(chan error, 1)
	go func() {
		second, err := durable.Lock(t.Context(), dir)
		if err == nil {
			second()
		}
		got <- err
	}()
	unlock()
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if _, err := durable.Lock(t.Context(), dir+"/none"); err == nil {
		t.Error("a directory that is not there was locked")
	}
}
