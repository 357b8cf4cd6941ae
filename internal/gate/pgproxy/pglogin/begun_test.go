package pglogin_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/wire/pgwire"
)

// A server that begins a session after the client has gone, or after the time
// for the login is over, counts it; the gate must know.
func TestBegunSessions(t *testing.T) {
	type server func(conn net.Conn, over <-chan struct{})
	ask := func(conn net.Conn) { _, _ = conn.Write(pgwire.AppendAuthentication(nil, pgwire.AuthCleartext, nil)) }
	tests := []struct {
		name   string
		server server
		leave  bool // the client leaves when it is asked; else it waits
		pid    uint32
		begun  bool
	}{
		{"asked and left", func(conn net.Conn, _ <-chan struct{}) {
			ask(conn)
			_, _ = io.Copy(io.Discard, conn) // the end of the stream is the answer
		}, true, 0, false},
		{"a server too slow that begins", func(conn net.Conn, over <-chan struct{}) {
			<-over
			_, _ = conn.Write(greeting([]byte("1234")))
			_, _ = io.Copy(io.Discard, conn)
		}, false, 77, true},
		{"without a number", func(conn net.Conn, over <-chan struct{}) {
			<-over
			_, _ = conn.Write(pgwire.AppendReadyForQuery(pgwire.AppendAuthentication(nil, pgwire.AuthOK, nil), pgwire.TxIdle))
			_, _ = io.Copy(io.Discard, conn)
		}, false, 0, true},
		{"a server too slow that refuses", func(conn net.Conn, over <-chan struct{}) {
			<-over
			_, _ = conn.Write(pgwire.AppendError(nil, pgwire.ErrorInfo{Severity: "FATAL", Code: "53300", Message: "full"}))
		}, false, 0, false},
		{"a login trigger that raises an error", func(conn net.Conn, _ <-chan struct{}) {
			b := pgwire.AppendAuthentication(nil, pgwire.AuthOK, nil)
			b = pgwire.AppendBackendKey(b, 77, []byte("1234"))
			_, _ = conn.Write(pgwire.AppendError(b, pgwire.ErrorInfo{Severity: "FATAL", Code: "P0001", Message: "no"}))
		}, false, 77, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			over := make(chan struct{}) // the client has got its refusal
			s := startScript(t, func(conn net.Conn) {
				if _, err := readStartup(conn); err == nil {
					tt.server(conn, over)
				}
			})
			cfg := s.config()
			if !tt.leave {
				cfg.Timeout = 4 * time.Second
			}
			g := startGate(t, cfg)
			conn, err := net.Dial("tcp", g.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write(start30); err != nil {
				t.Fatal(err)
			}
			if tt.leave {
				if _, err := io.ReadFull(conn, make([]byte, 9)); err != nil { // AuthenticationCleartextPassword
					t.Fatal(err)
				}
				conn.Close()
			} else if _, err := io.ReadAll(conn); err != nil {
				t.Fatal(err)
			}
			close(over)
			err = <-g.errs
			var begun *pglogin.Begun
			if got := errors.As(err, &begun); got != tt.begun {
				t.Fatalf("error %v: begun %v, want %v", err, got, tt.begun)
			}
			if tt.begun && begun.PID != tt.pid {
				t.Errorf("process %d, want %d", begun.PID, tt.pid)
			}
		})
	}
}
