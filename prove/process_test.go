package prove

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sekisho/internal/pgserver"
)

// binary builds the program once for all tests of this package.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "prove-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sekisho")
	cmd := exec.Command("go", "build", "-o", path, "../cmd/sekisho")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// house is an installed Sekisho with one gate in front of one database, run as
// its users run it: by the program and a configuration file.
type house struct {
	t      testing.TB
	dir    string
	config string
	port   int
	cmd    *exec.Cmd
	out    *bytes.Buffer
	ended  chan error
}

// install writes the configuration and creates keys and ledger. protect is the
// YAML of the database's protect list, indented by four; gate holds further
// keys of the gate.
func install(t testing.TB, server *pgserver.Server, database, protect, gate string) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), port: freePort(t)}
	h.config = filepath.Join(h.dir, "sekisho.yaml")
	text := fmt.Sprintf(`tenant: prove
data: ./data
keys: ./keys
databases:
  - name: shop
    upstream: %s
    database: %s
    tls: {mode: disable}
    control: {user: watch}
%s
gates:
  - name: shop-db
    listen: 127.0.0.1:%d
    database: shop
%s`, server.Addr(), database, protect, h.port, gate)
	must(t, os.WriteFile(h.config, []byte(text), 0o600))
	if out, err := h.sekisho("init", "-c", h.config).CombinedOutput(); err != nil {
		t.Fatalf("sekisho init: %v\n%s\n%s", err, out, text)
	}
	return h
}

// sekisho returns a command of the program.
func (h *house) sekisho(args ...string) *exec.Cmd {
	path, err := program()
	if err != nil {
		h.t.Fatal(err)
	}
	return exec.Command(path, args...)
}

// run returns what a command prints, and fails the test when it fails.
func (h *house) run(args ...string) []byte {
	h.t.Helper()
	var stderr bytes.Buffer
	cmd := h.sekisho(append(args, "-c", h.config)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatalf("sekisho %s: %v\n%s%s", strings.Join(args, " "), err, out, &stderr)
	}
	return out
}

// up starts the program and waits until gate and control socket answer.
func (h *house) up() {
	h.t.Helper()
	h.cmd, h.out, h.ended = h.sekisho("up", "-c", h.config), new(bytes.Buffer), make(chan error, 1)
	h.cmd.Stdout, h.cmd.Stderr = h.out, h.out
	must(h.t, h.cmd.Start())
	cmd, ended := h.cmd, h.ended
	go func() { ended <- cmd.Wait() }()
	h.t.Cleanup(h.kill)
	deadline := time.Now().Add(60 * time.Second)
	h.answers("tcp", h.addr(), deadline)
	h.answers("unix", filepath.Join(h.dir, "data", "control.sock"), deadline) // it comes after the gate
}

// answers waits until the program listens at an address.
func (h *house) answers(network, address string, deadline time.Time) {
	h.t.Helper()
	for {
		conn, err := net.Dial(network, address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case err := <-h.ended:
			h.ended <- err
			h.t.Fatalf("sekisho up ended: %v\n%s", err, h.out)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("sekisho up does not listen at %s\n%s", address, h.out)
		}
	}
}

func (h *house) addr() string { return fmt.Sprintf("127.0.0.1:%d", h.port) }

// kill ends the program as a crash would.
func (h *house) kill() {
	if h.cmd == nil {
		return
	}
	_ = h.cmd.Process.Kill() // it may have ended
	<-h.ended
	h.cmd = nil
}

// stop ends the program as an operator would and checks that it ends well.
func (h *house) stop() {
	h.t.Helper()
	if h.cmd == nil {
		return
	}
	must(h.t, h.cmd.Process.Signal(syscall.SIGTERM))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	select {
	case err := <-h.ended:
		h.cmd = nil
		if err != nil {
			h.t.Fatalf("sekisho up: %v\n%s", err, h.out)
		}
	case <-ctx.Done():
		h.kill()
		h.t.Fatalf("sekisho up does not stop\n%s", h.out)
	}
}

func freePort(t testing.TB) int {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}
