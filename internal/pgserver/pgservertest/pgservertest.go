// Package pgservertest gives tests a private PostgreSQL. It is not for
// anything but tests: package pgserver starts servers.
package pgservertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"sekisho/internal/pgserver"
)

// Start starts a server that ends with the test. Without PostgreSQL on the
// machine the test is skipped, and says what to install.
func Start(t testing.TB, cfg pgserver.Config) *pgserver.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := pgserver.Start(ctx, cfg)
	if errors.Is(err, pgserver.ErrMissing) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop PostgreSQL: %v", err)
		}
	})
	return s
}
