package pglogin

import (
	"context"
	"fmt"
	"time"

	"sekisho/internal/wire/pgwire"
)

// Begun says that a login failed when the server had begun the session: it counts one more in
// pg_stat_database.sessions, and its process is in pg_stat_activity for a while.
type Begun struct {
	PID   uint32 // of the server's process; 0: it did not say
	Cause error  // why the login failed
}

// Error returns the cause.
func (b *Begun) Error() string { return fmt.Sprintf("%v (the server had begun the session)", b.Cause) }

// Unwrap returns Cause.
func (b *Begun) Unwrap() error { return b.Cause }

// begun finds out whether the server counts a session that the client will not have, and closes. A server that
// waits for an answer takes the end of the stream for it and begins none; one that goes on says so: PostgreSQL
// counts the session immediately before it sends BackendKeyData (PostgresMain in src/backend/tcop/postgres.c,
// PostgreSQL 14 to 18). It waits at most Config.Timeout; a server that stays silent counts as one that began
// none, which a bypass watch may take for a session around the gate: nobody knows better.
func (s *session) begun(ctx context.Context) (pid uint32, yes bool) {
	if s.upstream == nil {
		return 0, false
	}
	defer s.upstream.close()
	if !s.started || s.login.PID != 0 || s.refused {
		return s.login.PID, s.login.PID != 0
	}
	ctx, cancel := context.WithTimeout(ctx, s.a.cfg.Timeout)
	defer cancel()
	_ = s.upstream.stream.SetDeadline(time.Time{}) // the login's own is over
	defer interrupt(ctx, s.upstream.stream)()
	s.upstream.closeWrite()
	for {
		typ, raw, err := s.upstream.message(maxServerMessage)
		switch {
		case err != nil || typ == pgwire.TypeError:
			return 0, false
		case typ == pgwire.TypeBackendKeyData:
			k, err := pgwire.DecodeBackendKey(raw[pgwire.HeaderLen:])
			return k.PID, err == nil
		case typ == pgwire.TypeReadyForQuery:
			return 0, true
		}
	}
}
