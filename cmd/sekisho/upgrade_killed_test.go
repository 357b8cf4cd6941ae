package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sekisho/internal/control"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
	"sekisho/internal/seed"
)

const killedUpgradeConfig = `data: ./data
keys: ./keys
databases:
  - name: shop
    upstream: %s
    database: shop
    tls: {mode: disable}
    control: {user: sekisho}
    protect:
      - {table: public.customers, key: id, columns: {name: name, email: email, phone: phone}, plain: [id, registered]}
gates:
  - {name: shop-gate, listen: '127.0.0.1:%s', database: shop, limits: {drain: 5s}}
`

// TestUpgradeKilledAtSteps kills the process (SIGKILL) before each system call that
// changes a file while an upgrade is under way, in the old program and in the new one,
// with a session at rest and one in the middle of a transaction. The sessions end with
// the process or go on; the next start finds the ledger whole, and everything that they
// got is in scope. With SEKISHO_LONG at every step (SEKISHO_STRIDE=3: every third);
// without, at a few that a seed chooses.
func TestUpgradeKilledAtSteps(t *testing.T) {
	if !canReplace {
		t.Skip("SKIPPED: no program can take a process over here")
	}
	rng := rand.New(rand.NewPCG(seed.For(t), 1))
	f := newKilledUpgrade(t)
	if os.Getenv("SEKISHO_LONG") == "" {
		for _, n := range []int{1 + rng.IntN(12), 13 + rng.IntN(40), 1 << 20} {
			t.Logf("killed at step %d: %t", n, f.step(n))
		}
		return
	}
	stride := 1
	if n, err := strconv.Atoi(os.Getenv("SEKISHO_STRIDE")); err == nil {
		stride = n
	}
	n := 1 + rng.IntN(stride)
	for f.step(n) {
		n += stride
	}
	t.Logf("an upgrade ends before step %d", n)
}

type killedUpgrade struct {
	t       *testing.T
	dir     string
	dsn     string
	program func(args ...string) *exec.Cmd
	client  *control.Client
	read    []int // whose data passed
}

func newKilledUpgrade(t *testing.T) *killedUpgrade {
	t.Helper()
	server := pgservertest.Start(t, pgserver.Config{})
	roles := server.Command(t.Context(), "psql", "-q", "-c", "CREATE ROLE sekisho LOGIN; CREATE ROLE app LOGIN; GRANT pg_read_all_stats TO sekisho", "postgres")
	if out, err := roles.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := shopDatabase(t, server, "shop"); err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	f := &killedUpgrade{t: t, dir: t.TempDir(), dsn: "host=127.0.0.1 port=" + port + " user=app dbname=shop sslmode=disable default_query_exec_mode=exec"}
	text := fmt.Sprintf(killedUpgradeConfig, server.Addr(), port)
	if err := os.WriteFile(filepath.Join(f.dir, "sekisho.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f.program = programIn(t, f.dir)
	f.client = control.NewClient(filepath.Join(f.dir, "data", "control.sock"), "sekisho.yaml")
	f.says("init")
	return f
}

func (f *killedUpgrade) says(args ...string) string {
	f.t.Helper()
	out, err := f.program(args...).CombinedOutput()
	if err != nil {
		f.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// got has a session read somebody nobody read before.
func (f *killedUpgrade) got(c *pgx.Conn, sql string) error {
	id := len(f.read) + 1
	if _, err := c.PgConn().Exec(f.t.Context(), fmt.Sprintf("%sSELECT email FROM customers WHERE id = %d", sql, id)).ReadAll(); err != nil {
		return err
	}
	f.read = append(f.read, id)
	return nil
}

// step orders an upgrade in a process that is killed at its n-th change of a file.
func (f *killedUpgrade) step(n int) (hit bool) {
	t := f.t
	t.Helper()
	name := filepath.Join(f.dir, "up.log")
	log, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	up := f.program("up")
	up.Stdout, up.Stderr = log, log
	ownGroup(up)
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_, _, _ = up.Process.Kill(), up.Wait(), log.Close() // that it was killed is no news
		if text, err := os.ReadFile(name); err == nil && t.Failed() {
			t.Fatalf("step %d, killed there: %t\n%s", n, hit, text)
		}
	}()
	var before control.Status
	f.await("the process answers", func() (err error) { before, err = f.client.Status(t.Context()); return err })
	var conns []*pgx.Conn
	for _, sql := range []string{"", "BEGIN; UPDATE customers SET phone = phone WHERE id = 150; "} {
		c, err := pgx.Connect(t.Context(), f.dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(t.Context()) }()
		if err := f.got(c, sql); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	s := killAt(t, up.Process.Pid, f.dir, n)
	_, ordered := f.client.Upgrade(t.Context(), control.UpgradeRequest{By: "test"})
	over := false
	f.await("the upgrade is over", func() error {
		select {
		case <-s.ended:
			over = true
			return nil
		default:
		}
		now, err := f.client.Status(t.Context())
		if err == nil && now.Since.Equal(before.Since) {
			return fmt.Errorf("ordered: %v", ordered)
		}
		return err
	})
	for i, c := range conns {
		err := f.got(c, "")
		if err == nil && i == 1 {
			_, err = c.PgConn().Exec(t.Context(), "COMMIT").ReadAll()
		}
		if err == nil && over {
			t.Errorf("session %d goes on without the process", i)
		}
		if _, now := f.client.Status(t.Context()); err != nil && now == nil {
			t.Errorf("session %d: %v", i, err)
		}
	}
	_, hit = s.end()
	if !hit && (over || ordered != nil) {
		t.Errorf("it ended by itself: %v", ordered)
	}
	if t.Failed() {
		return hit
	}
	f.whole()
	return hit
}

// whole looks whether the ledger is whole and says whose data passed.
func (f *killedUpgrade) whole() {
	f.t.Helper()
	if out := f.says("verify"); !strings.Contains(out, "whole") {
		f.t.Errorf("verify: %s", out)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(f.says("scope", "--user", "app", "--list")) {
		if w := strings.Split(strings.TrimSpace(line), "\t"); len(w) == 3 {
			listed[w[2]] = true
		}
	}
	for _, id := range f.read {
		if !listed[strconv.Itoa(id)] {
			f.t.Errorf("person %d is in no scope", id)
		}
	}
}

func (f *killedUpgrade) await(what string, is func() error) {
	f.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for tries := 0; ; tries++ {
		err := is()
		if err == nil {
			return
		}
		if tries == 6000 {
			f.t.Fatalf("not seen: %s: %v", what, err)
		}
		<-tick.C
	}
}
