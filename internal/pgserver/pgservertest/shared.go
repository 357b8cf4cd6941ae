package pgservertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"sekisho/internal/pgserver"
)

// Shared is one server for all tests of a package: starting one takes seconds.
// Tests that use it leave nothing behind that others see. Main ends it. It is
// safe for concurrent use.
type Shared struct {
	once   sync.Once
	server *pgserver.Server
	err    error
}

// Start returns the server, which the first call starts with what prepare
// does. Without PostgreSQL on the machine the test is skipped.
func (s *Shared) Start(t testing.TB, cfg pgserver.Config, prepare func(context.Context, *pgserver.Server) error) *pgserver.Server {
	t.Helper()
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // not the first test's
		defer cancel()
		if s.server, s.err = pgserver.Start(ctx, cfg); s.err == nil {
			s.err = prepare(ctx, s.server)
		}
	})
	if errors.Is(s.err, pgserver.ErrMissing) {
		t.Skipf("SKIPPED: %v", s.err)
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

// Main runs the tests of a package and ends the server that they shared.
type Main struct {
	M      *testing.M
	Server *Shared
}

// Run returns the exit code.
func (m Main) Run() int {
	code := m.M.Run()
	if m.Server.server == nil {
		return code
	}
	if err := m.Server.server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
		return max(code, 1)
	}
	return code
}
