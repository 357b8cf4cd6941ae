package packaging

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

// installation is a scratch root in which the package is installed, and used by
// the package's own user.
type installation struct {
	t    *testing.T
	root string
	uid  int
}

// dpkg installs or removes in the scratch root, scripts included.
func (i *installation) dpkg(args ...string) string {
	i.t.Helper()
	return i.must(exec.CommandContext(i.t.Context(), "dpkg", append([]string{"--root=" + i.root, "--force-script-chrootless", "--force-depends", "--force-not-root"}, args...)...))
}

func (i *installation) must(cmd *exec.Cmd) string {
	i.t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		i.t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// sekisho is the installed program, run by its user.
func (i *installation) sekisho(args ...string) *exec.Cmd {
	return i.with(filepath.Join(i.root, "etc/sekisho/sekisho.yaml"), args...)
}

func (i *installation) with(config string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(i.t.Context()), filepath.Join(i.root, "usr/bin/sekisho"), append([]string{"-c", config}, args...)...)
	cmd.Dir = filepath.Join(i.root, "var/lib/sekisho")
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "USER=ayame", "HOME=/nonexistent"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(i.uid), Gid: uint32(i.uid)}}
	return cmd
}

// up starts the process as the unit does and waits until it says READY=1. The
// function it returns stops it.
func (i *installation) up(config string) (stop func()) {
	i.t.Helper()
	socket := filepath.Join(i.t.TempDir(), "notify")
	for dir := filepath.Dir(socket); dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o777); err != nil {
			i.t.Fatal(err)
		}
	}
	return i.begin(i.with(config, "up"), socket, socket)
}

// begin starts the process and waits until it says READY=1 at the socket, whose name
// it knows as inside.
func (i *installation) begin(cmd *exec.Cmd, socket, inside string) (stop func()) {
	i.t.Helper()
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		i.t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chmod(socket, 0o777); err != nil {
		i.t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+inside)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		i.t.Fatal(err)
	}
	if err := l.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil { // a busy machine
		i.t.Fatal(err)
	}
	said := make([]byte, 64)
	n, err := l.Read(said)
	if err != nil || string(said[:n]) != "READY=1" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		i.t.Fatalf("said %q, %v\n%s", said[:n], err, log.String())
	}
	return func() {
		i.t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			i.t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			i.t.Fatalf("up: %v\n%s", err, log.String())
		}
	}
}

// built is the package of that pattern in a directory that `make dist` filled.
func built(t *testing.T, variable, pattern string) string {
	t.Helper()
	dir := os.Getenv(variable)
	if dir == "" {
		t.Skipf("SKIPPED: %s is not set: make dist-check", variable)
	}
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages in %s: %v, %v; want one", dir, found, err)
	}
	return found[0]
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// scratch makes a root with an empty package database and two users.
func scratch(t *testing.T) *installation {
	t.Helper()
	root, err := os.MkdirTemp("/tmp", "sekisho-dist-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "etc"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"var/lib/dpkg/status": "", "var/lib/dpkg/available": "", "etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n", "etc/shadow": "root:*::0:::::\n", "etc/gshadow": "root:*::\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &installation{t: t, root: root}
}

const shopSQL = `
CREATE TABLE customers (id int PRIMARY KEY, name text, email text UNIQUE, phone text);
INSERT INTO customers SELECT i, 'name ' || i, 'm' || i || '@example.jp', '090-0000-' || (1000 + i) FROM generate_series(1, 200) i;
CREATE ROLE app LOGIN; CREATE ROLE boss LOGIN SUPERUSER; GRANT ALL ON customers TO app;
`

// TestDist installs the old package, uses it, upgrades to the new one, removes
// it, and restores a backup with its keys elsewhere.
func TestDist(t *testing.T) {
	oldDeb, newDeb := built(t, "SEKISHO_DIST_OLD", "*.deb"), built(t, "SEKISHO_DIST_NEW", "*.deb")
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: installing takes root")
	}
	server := pgservertest.Start(t, pgserver.Config{})
	if err := server.CreateDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if out, err := server.Command(t.Context(), "psql", "-v", "ON_ERROR_STOP=1", "-q", "-c", shopSQL, "shop").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	i := scratch(t)
	if out := i.dpkg("-i", oldDeb); !strings.Contains(out, "to begin") {
		t.Errorf("the package does not say how to begin:\n%s", out)
	}
	passwd, err := os.ReadFile(filepath.Join(i.root, "etc/passwd"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(passwd)) {
		if f := strings.Split(line, ":"); f[0] == "sekisho" {
			if i.uid, err = strconv.Atoi(f[2]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if i.uid == 0 {
		t.Fatalf("no user was made:\n%s", passwd)
	}
	unit := filepath.Join(i.root, "usr/lib/systemd/system/sekisho.service")
	if _, err := exec.LookPath("systemd-analyze"); err == nil {
		if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold=30", unit).CombinedOutput(); err != nil {
			t.Errorf("the unit is not hardened: %v\n%s", err, out)
		}
	} else {
		t.Log("SKIPPED: no systemd-analyze, the unit was not looked at")
	}

	port := freePort(t)
	state := filepath.Join(i.root, "var/lib/sekisho")
	said := i.must(i.sekisho("init", "--database", "postgres://boss@"+server.Addr()+"/shop?sslmode=disable", "--create-account", "--name", "shop",
		"--listen", "127.0.0.1:"+port, "--console", "127.0.0.1:"+freePort(t), "--data", state+"/data", "--keys", state+"/keys",
		"--company", "見本旅行", "--duty", "Sora", "--mail", "sora@example.jp", "--mail-server", "mail.example.jp:587"))
	if !strings.Contains(said, "is made") {
		t.Fatalf("init: %s", said)
	}
	read := func(id int) {
		t.Helper()
		out := i.must(exec.CommandContext(t.Context(), "psql", "-h", "127.0.0.1", "-p", port, "-U", "app", "-Atc", fmt.Sprintf("SELECT email FROM customers WHERE id = %d", id), "shop"))
		if want := fmt.Sprintf("m%d@example.jp\n", id); out != want {
			t.Fatalf("through the gate: %q, want %q", out, want)
		}
	}
	config := filepath.Join(i.root, "etc/sekisho/sekisho.yaml")
	stop := i.up(config)
	read(3)
	if out := i.must(i.sekisho("status")); !strings.Contains(out, "0.0.1") {
		t.Errorf("status: %s", out)
	}
	i.dpkg("-i", newDeb) // the old process goes on until it is restarted
	read(5)
	if out := i.must(i.sekisho("doctor", "--quick")); !strings.Contains(out, "version 0.0.1 runs, 0.0.2 is installed") {
		t.Errorf("the doctor does not see that the old version runs:\n%s", out)
	}
	if out := i.must(i.sekisho("upgrade")); !strings.Contains(out, "from version 0.0.1 to 0.0.2") {
		t.Errorf("upgrade: %s", out)
	}
	read(7)
	backup := filepath.Join(state, "backup.tar.zst")
	i.must(i.sekisho("backup", backup))
	if out := i.must(i.sekisho("status")); !strings.Contains(out, "0.0.2") {
		t.Errorf("status after the upgrade: %s", out)
	}
	stop()
	i.scoped(config, 3, 5, 7)

	// Elsewhere, from the backup alone: ledger, keys and accounts.
	elsewhere := filepath.Join(state, "elsewhere.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"data", "keys"} {
		text = bytes.ReplaceAll(text, []byte(state+"/"+name), []byte(state+"/restored-"+name))
	}
	text = bytes.ReplaceAll(text, []byte(`"./`), []byte(`"`+filepath.Dir(config)+`/`))
	if err := os.WriteFile(elsewhere, text, 0o644); err != nil {
		t.Fatal(err)
	}
	i.must(i.with(elsewhere, "restore", backup))
	i.scoped(elsewhere, 3, 5, 7)
	if _, err := os.Stat(filepath.Join(state, "restored-data", "accounts.db")); err != nil {
		t.Errorf("the accounts were not restored: %v", err)
	}
	i.up(elsewhere)()

	if out := i.dpkg("--purge", "sekisho"); !strings.Contains(out, "ledger and keys stay") {
		t.Errorf("purge: %s", out)
	}
	if _, err := os.Stat(filepath.Join(state, "data", "ledger")); err != nil {
		t.Errorf("purge took the evidence: %v", err)
	}
}

// scoped holds the confirmed subjects against the customers that were read.
func (i *installation) scoped(config string, want ...int) {
	i.t.Helper()
	if out := i.must(i.with(config, "verify")); !strings.Contains(out, "whole") {
		i.t.Errorf("verify: %s", out)
	}
	out := i.must(i.with(config, "scope", "--user", "app", "--list"))
	for _, id := range want {
		if !strings.Contains(out, fmt.Sprintf("confirmed\tshop.customers\t%d\n", id)) {
			i.t.Errorf("customer %d is not confirmed:\n%s", id, out)
		}
	}
	if n := strings.Count(out, "confirmed\t"); n != len(want) {
		i.t.Errorf("%d confirmed, want %d:\n%s", n, len(want), out)
	}
}
