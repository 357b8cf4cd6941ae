package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/control"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

const upgradeTLSConfig = `data: ./data
keys: ./keys
databases:
  - name: shop
    upstream: %s
    database: shop
    tls: {mode: require}
    control: {user: sekisho}
    protect:
      - {table: public.customers, key: id, columns: {name: name, email: email, phone: phone}, plain: [id, registered]}
gates:
  - {name: shop-gate, listen: '127.0.0.1:%s', database: shop, tls: {cert: cert.pem, key: key.pem}, limits: {drain: 1s}}
`

// TestUpgradeTLS has sessions of psql and pg_recvlogical go on over upgrades with the
// real command, also in the middle of a COPY, both legs over TLS of one version.
func TestUpgradeTLS(t *testing.T) {
	for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
		t.Run(version, func(t *testing.T) { testUpgradeTLS(t, version) })
	}
}

func testUpgradeTLS(t *testing.T, version string) {
	if !canReplace {
		t.Skip("SKIPPED: no program can take a process over here")
	}
	cert, key, err := pgservertest.Localhost()
	if err != nil {
		t.Fatal(err)
	}
	server := pgservertest.Start(t, pgserver.Config{CertPEM: cert, KeyPEM: key, HBA: []string{"hostnossl all app,sekisho all reject"},
		Settings: map[string]string{"ssl_min_protocol_version": version, "ssl_max_protocol_version": version, "wal_level": "logical"}})
	roles := server.Command(t.Context(), "psql", "-q", "-c", "CREATE ROLE sekisho LOGIN; CREATE ROLE app LOGIN REPLICATION; GRANT pg_read_all_stats TO sekisho", "postgres")
	if out, err := roles.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := shopDatabase(t, server, "shop"); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), "shop", "CREATE PUBLICATION p FOR TABLE customers"); err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"cert.pem": string(cert), "key.pem": string(key), "sekisho.yaml": fmt.Sprintf(upgradeTLSConfig, server.Addr(), port)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := &killedUpgrade{t: t, dir: dir, program: programIn(t, dir), client: control.NewClient(filepath.Join(dir, "data", "control.sock"), "sekisho.yaml")}
	f.says("init")
	up := f.program("up")
	up.Stdout, up.Stderr = t.Output(), t.Output()
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		if err := up.Process.Signal(os.Interrupt); err == nil {
			_ = up.Wait() // it may have been stopped before
		}
	}
	t.Cleanup(stop)
	f.await("the process answers", func() error { _, err := f.client.Status(t.Context()); return err })

	login := fmt.Sprintf("host=localhost hostaddr=127.0.0.1 port=%s user=app dbname=shop sslmode=require ssl_min_protocol_version=%s ssl_max_protocol_version=%s", port, version, version)
	talks := newTalker(t, "psql", "-X", "-A", "-t", "-q", login)
	talks.say(`\conninfo`)
	talks.hears("protocol: " + version)
	talks.say("PREPARE one(int) AS SELECT email FROM customers WHERE id = $1; SELECT version || ' of ' || pid FROM pg_stat_ssl WHERE pid = pg_backend_pid();")
	process := talks.hears(version + " of ")
	// An export that runs for longer than the drain.
	talks.say("COPY (SELECT email FROM customers WHERE id > 100 AND (SELECT count(*) FROM generate_series(1, 400000 + id % 2)) > 0) TO STDOUT;")
	f.says("upgrade")
	talks.hears("m200@example.jp")
	talks.say("EXECUTE one(30); SELECT 'exported';")
	talks.hears("m30@example.jp")
	talks.hears("exported")
	stream := newTalker(t, "pg_recvlogical", "--dbname", login, "--slot=s", "--plugin=pgoutput", "--option=proto_version=1", "--option=publication_names=p", "--create-slot", "--start", "--no-loop", "--file=-", "--status-interval=1")
	f.await("it streams", func() error {
		out, err := server.Command(t.Context(), "psql", "-At", "-c", "SELECT count(*) FROM pg_replication_slots WHERE active AND confirmed_flush_lsn IS NOT NULL", "postgres").CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "1" {
			return fmt.Errorf("%s, %w", out, err)
		}
		return nil
	})
	changes := func(phone string) {
		t.Helper()
		talks.say("UPDATE customers SET phone = '" + phone + "' WHERE id = 150;")
		stream.hears(phone)
	}
	talks.say("BEGIN; EXECUTE one(3);")
	talks.hears("m3@example.jp")
	for i := range 2 {
		talks.say("COMMIT;")
		changes(fmt.Sprintf("before %d", i))
		talks.say(fmt.Sprintf("BEGIN; EXECUTE one(%d);", 10+i))
		talks.hears(fmt.Sprintf("m%d@example.jp", 10+i))
		f.says("upgrade")
		talks.say(fmt.Sprintf("EXECUTE one(%d); COMMIT;", 20+i))
		talks.hears(fmt.Sprintf("m%d@example.jp", 20+i))
		changes(fmt.Sprintf("after %d", i))
		talks.say("BEGIN; SELECT version || ' of ' || pid FROM pg_stat_ssl WHERE pid = pg_backend_pid();")
		if now := talks.hears(" of "); now != process {
			t.Errorf("the session is at %s, before %s", now, process)
		}
	}
	talks.say("COMMIT; SELECT 'over';")
	talks.hears("over")
	stop()
	f.read = []int{3, 10, 11, 20, 21, 30, 101, 200}
	f.whole()
}

// talker is a program that stays.
type talker struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

func newTalker(t *testing.T, name string, args ...string) *talker {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("SKIPPED: no %s", name)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env, cmd.Stderr = append(os.Environ(), "HOME=/", "LC_ALL=C"), t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // it has gone with the gate, or goes now
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &talker{t, in, bufio.NewReader(out)}
}

func (k *talker) say(line string) {
	k.t.Helper()
	if _, err := fmt.Fprintln(k.in, line); err != nil {
		k.t.Fatal(err)
	}
}

// hears returns the first line that holds a text.
func (k *talker) hears(text string) string {
	k.t.Helper()
	for {
		line, err := k.out.ReadString('\n')
		if err != nil {
			k.t.Fatalf("not heard: %q: %v", text, err)
		}
		if strings.Contains(line, text) {
			return line
		}
	}
}
