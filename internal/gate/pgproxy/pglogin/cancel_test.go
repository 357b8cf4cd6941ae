package pglogin_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sekisho/internal/gate/pgproxy/pglogin"
)

// blocked connects and runs a statement that ends only when it is cancelled.
func blocked(t *testing.T, dsn string) (conn *pgx.Conn, result chan string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	result = make(chan string, 1)
	go func() {
		_, err := conn.Exec(ctx, "SELECT pg_sleep(60)")
		result <- failureText(err)
	}()
	return conn, result
}

// waitRunning returns when the server process sleeps in a statement.
func (w *world) waitRunning(t *testing.T, pid uint32) {
	t.Helper()
	w.waitSleep(t, fmt.Sprintf("pid = %d", pid))
}

// waitAnySleep returns when some session of u_scram sleeps in a statement.
func (w *world) waitAnySleep(t *testing.T) {
	t.Helper()
	w.waitSleep(t, "usename = 'u_scram'")
}

func (w *world) waitSleep(t *testing.T, which string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, w.server.SocketDSN("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		var running bool
		err := conn.QueryRow(ctx, "SELECT coalesce(bool_or(wait_event = 'PgSleep'), false) FROM pg_stat_activity WHERE "+which).Scan(&running)
		if err != nil {
			t.Fatal(err)
		}
		if running {
			return
		}
	}
	t.Fatal("the statement never ran")
}

func TestCancelThroughTheGate(t *testing.T) {
	w := newWorld(t)
	const cancelled = "57014 canceling statement due to user request"
	for _, more := range []string{"sslmode=disable", "sslmode=require"} {
		g := startGate(t, w.config(w.serverCert))
		conn, result := blocked(t, g.dsn("u_scram", more))
		w.waitRunning(t, g.login(t).PID)
		if err := conn.PgConn().CancelRequest(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := <-result; got != cancelled {
			t.Errorf("%s: %s", more, got)
		}
		if err := g.failure(t); !errors.Is(err, pglogin.ErrCancel) {
			t.Errorf("%s: the gate saw %v", more, err)
		}
	}
	// The gate itself cancels.
	g := startGate(t, w.config(w.serverCert))
	_, result := blocked(t, g.dsn("u_scram", ""))
	l := g.login(t)
	w.waitRunning(t, l.PID)
	if err := l.Cancel(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := <-result; got != cancelled {
		t.Error(got)
	}
	// Through a gate that does not know the session.
	other := startGate(t, w.config(w.serverCert))
	conn, result := blocked(t, g.dsn("u_scram", ""))
	w.waitRunning(t, g.login(t).PID)
	if err := cancelAt(other.addr, conn.PgConn().PID(), conn.PgConn().SecretKey()); err != nil {
		t.Fatal(err)
	}
	if got := <-result; got != cancelled {
		t.Error(got)
	}
}
