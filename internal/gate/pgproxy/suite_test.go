package pgproxy_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/gatetest"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
	"sekisho/internal/wire/pgwire"
)

// TestGateSuite runs the suite that every gate must pass.
func TestGateSuite(t *testing.T) {
	server := pgservertest.Start(t, pgserver.Config{})
	if err := errors.Join(server.CreateDatabase(t.Context(), "shop"), server.Exec(t.Context(), "shop", schema)); err != nil {
		t.Fatal(err)
	}
	gatetest.Run(t, gatetest.Harness{
		Start: func(t testing.TB, o gatetest.Options) gatetest.Gate {
			w := newWorldOn(t, server, func(c *pgproxy.Config, s *pgproxy.Settings) {
				c.Recorders = []event.Recorder{o.Recorder}
				s.Strict = o.Strict
				if o.FailOpen {
					s.Fail = pgproxy.FailOpen
				}
			})
			return gatetest.Gate{Direct: server.Addr(), Through: w.addr.String(), Stop: func() error { w.stop(); return nil }}
		},
		Connect: connectRaw,
		Plain:   []string{"SELECT title FROM goods WHERE id < 4 ORDER BY id", "SELECT 1 AS one, 'x' AS x", "SELECT 1/0", "BEGIN; SELECT title FROM goods WHERE id = 1; ROLLBACK"},
		Personal: []string{
			"SELECT id, email FROM customers WHERE id = 77",
			"SELECT email FROM customers WHERE id BETWEEN 70 AND 79 ORDER BY id",
			"SELECT c.email, b.passport FROM customers c JOIN bookings b ON b.customer_id = c.id WHERE c.id = 77 ORDER BY b.id",
			"COPY (SELECT id, email FROM customers WHERE id = 77) TO STDOUT",
		},
		Canary: []byte("u77@example.jp"),
	})
}

// rawSession is a session of a trusted user whose answers are seen to the byte.
type rawSession struct{ conn net.Conn }

func connectRaw(t testing.TB, address string) gatetest.Session {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	s := rawSession{conn}
	if _, err := conn.Write(pgwire.AppendStartup(nil, pgwire.Version30, "user", "app", "database", "shop")); err != nil {
		t.Fatal(err)
	}
	if answer, err := s.untilReady(); err != nil {
		t.Fatalf("login: %q, %v", answer, err)
	}
	return s
}

// Ask implements gatetest.Session with a simple query.
func (s rawSession) Ask(request string) ([]byte, error) {
	if _, err := s.conn.Write(pgwire.AppendQuery(nil, request)); err != nil {
		return nil, err
	}
	return s.untilReady()
}

func (s rawSession) untilReady() (all []byte, err error) {
	for {
		head := make([]byte, pgwire.HeaderLen)
		if _, err := io.ReadFull(s.conn, head); err != nil {
			return all, err
		}
		h, _, err := pgwire.ParseHeader(head, 0)
		if err != nil {
			return all, err
		}
		body := make([]byte, h.Body)
		if _, err := io.ReadFull(s.conn, body); err != nil {
			return all, err
		}
		all = append(append(all, head...), body...)
		if h.Type == pgwire.TypeReadyForQuery {
			return all, nil
		}
	}
}

// Close implements gatetest.Session.
func (s rawSession) Close() {
	_, _ = s.conn.Write(pgwire.AppendTerminate(nil))
	_ = s.conn.Close()
}
