package pglogin_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sekisho/internal/gate/pgproxy/pglogin"
)

// startPgbouncer runs pgbouncer before an address until the test ends and returns its port. It needs a user of its
// own (it refuses root), so it runs as the server does.
func (w *world) startPgbouncer(t *testing.T, target string) (port int) {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			t.Skip("no pgbouncer on this machine: sudo apt-get install -y pgbouncer")
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port = ln.Addr().(*net.TCPAddr).Port
	_ = ln.Close()
	host, targetPort, err := net.SplitHostPort(target)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pgbouncer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	files := map[string]string{
		"pgbouncer.ini": fmt.Sprintf("[databases]\npostgres = host=%s port=%s dbname=postgres\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=%d\nunix_socket_dir=\nauth_type=scram-sha-256\nauth_file=%s/users.txt\npool_mode=session\n", host, targetPort, port, dir),
		"users.txt":     fmt.Sprintf("\"u_scram\" %q\n", password),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := w.server.Command(context.Background(), "psql")
	cmd.Path, cmd.Args = program, []string{"pgbouncer", "-q", filepath.Join(dir, "pgbouncer.ini")}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log("pgbouncer: ", said.String())
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
			return port
		}
		if time.Now().After(deadline) {
			t.Fatalf("pgbouncer does not listen: %v", err)
		}
	}
}

func TestPgbouncerBeforeAndBehind(t *testing.T) {
	w := newWorld(t)
	plain := w.config(w.serverCert)
	plain.UpstreamTLS = pglogin.Prefer
	behind := plain
	behind.Address = fmt.Sprintf("127.0.0.1:%d", w.startPgbouncer(t, w.server.Addr()))
	gateBefore := startGate(t, behind) // client, gate, pgbouncer, server
	gateBehind := startGate(t, plain)  // client, pgbouncer, gate, server
	outer := &gate{port: w.startPgbouncer(t, gateBehind.addr)}
	for name, dsn := range map[string]string{
		"gate before": gateBefore.dsn("u_scram", "sslmode=prefer"),
		"gate behind": outer.dsn("u_scram", ""),
	} {
		t.Run(name, func(t *testing.T) {
			if got := ask(dsn, "SELECT current_user"); got != "u_scram" {
				t.Fatal(got)
			}
			if got := askPQ(strings.Replace(dsn, "prefer", "disable", 1), "SELECT current_user"); got != "u_scram" {
				t.Fatal(got)
			}
			wrong := strings.Replace(dsn, password, "wrong", 1)
			if got := ask(wrong, "SELECT 1"); !strings.Contains(got, "authentication failed") {
				t.Errorf("wrong password: %s", got)
			}
			conn, result := blocked(t, dsn)
			w.waitAnySleep(t)
			if err := conn.PgConn().CancelRequest(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got := <-result; got != "57014 canceling statement due to user request" {
				t.Error(got)
			}
		})
	}
}
