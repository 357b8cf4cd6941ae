package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/pgserver"
)

const configuration = `data: ./data
keys: ./keys
cases: ./cases.yaml
console: {listen: '127.0.0.1:CONSOLE'}
policy_file: ./policy.yaml
egress:
  policy_file: ./egress.yaml
  gates: [{name: out, listen: '127.0.0.1:PROXY'}]
web:
  - name: shop-web
    listen: 127.0.0.1:WEB
    rules: ./rules.yaml
    sites: [{hosts: [shop.example.jp], upstream: 'http://127.0.0.1:9', firewall: observe, cards: observe}]
databases:
  - name: shop
    upstream: UPSTREAM
    tls: {mode: disable}
    control: {user: sekisho}
    protect:
      - table: public.customers
        key: id
        columns: {name: name, email: email, phone: phone}
        plain: [id]
gates:
  - {name: shop-db, listen: '127.0.0.1:GATE', database: shop}
`

const people = `company: {name: 見本旅行, facts: [travel]}
people:
  - {id: ayame, name: A, rank: officer, reach: [x]}
  - {id: ren, name: R, rank: csirt, reach: [x]}
`

const rules = `generation: 1
rules:
  - {name: app, users: [app], elements: [name, email, phone], action: allow}
`

const exits = `generation: 1
roles:
  - name: desk
    addresses: [127.0.0.0/8]
    mode: enforce
    allow:
      - {name: business, names: [www.example.jp]}
`

// lab is the firm: its database, its ledger, and the process that is measured.
type lab struct {
	o       options
	dir     string
	origin  string
	server  *pgserver.Server
	up      *exec.Cmd
	log     *os.File
	cookies []string
	client  *http.Client
}

// kept is what is used again with the folder.
type kept struct {
	Sizes   sizes
	Day     string
	Origin  string
	Cookies []string
}

func newLab(ctx context.Context, s sizes, o options) (*lab, error) {
	l := &lab{o: o, dir: o.dir, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	var err error
	if l.dir == "" {
		if l.dir, err = os.MkdirTemp("", "bench-console-"); err != nil {
			return nil, err
		}
	}
	if l.dir, err = filepath.Abs(l.dir); err != nil {
		return l, err
	}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return l, err
	}
	if l.server, err = pgserver.Start(ctx, pgserver.Config{}); err != nil {
		return l, err
	}
	if err := l.database(ctx, s); err != nil {
		return l, err
	}
	if err := l.server.Exec(ctx, "shop", "VACUUM ANALYZE customers"); err != nil {
		return l, err
	}
	if err := l.fill(ctx, s); err != nil {
		return l, err
	}
	return l, l.start(ctx)
}

func (l *lab) database(ctx context.Context, s sizes) error {
	if err := l.server.CreateDatabase(ctx, "shop"); err != nil {
		return err
	}
	return l.server.Exec(ctx, "shop", fmt.Sprintf(`CREATE ROLE sekisho LOGIN; GRANT pg_read_all_data, pg_read_all_stats TO sekisho;
		CREATE TABLE customers (id int PRIMARY KEY, name text, email text, phone text);
		INSERT INTO customers SELECT i, 'name ' || i, 'm' || i || '@example.jp', '090' || i FROM generate_series(1, %d) i`, s.Subjects))
}

// fill makes ledger and accounts, or takes those of earlier today.
func (l *lab) fill(ctx context.Context, s sizes) error {
	var ports [4]string
	for i := range ports {
		listen, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		_, ports[i], _ = net.SplitHostPort(listen.Addr().String())
		if err := listen.Close(); err != nil {
			return err
		}
	}
	l.origin = "http://localhost:" + ports[3]
	old := kept{}
	if text, err := os.ReadFile(filepath.Join(l.dir, "kept.json")); err == nil {
		if err := json.Unmarshal(text, &old); err != nil {
			return err
		}
	}
	now := time.Now()
	again := old.Sizes == s && old.Day == now.Format(time.DateOnly)
	if !again && old.Day != "" {
		return fmt.Errorf("%s holds something of another day or another size: delete it", l.dir)
	}
	text := strings.NewReplacer("UPSTREAM", l.server.Addr(), "GATE", ports[0], "PROXY", ports[1], "WEB", ports[2], "CONSOLE", ports[3]).Replace(configuration)
	for name, text := range map[string]string{"sekisho.yaml": text, "cases.yaml": people, "policy.yaml": rules, "egress.yaml": exits} {
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if again {
		l.cookies = old.Cookies
		return nil
	}
	if out, err := l.command(ctx, "init").CombinedOutput(); err != nil {
		return fmt.Errorf("init: %w: %s", err, out)
	}
	c, err := config.Load(filepath.Join(l.dir, "sekisho.yaml"))
	if err != nil {
		return err
	}
	begin := time.Now()
	f, err := openLedger(ctx, c.Config)
	if err != nil {
		return err
	}
	err = f.number(c.Config, s.Subjects)
	if err == nil {
		err = f.season(s, now)
	}
	if err == nil {
		err = f.cases(s.Cases, now)
	}
	if err == nil {
		l.cookies, err = f.people(c.Config, l.o.users+1, l.origin)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Printf("# %d events written in %v\n", f.Head(), time.Since(begin).Round(time.Second))
	note, err := json.Marshal(kept{s, now.Format(time.DateOnly), l.origin, l.cookies})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(l.dir, "kept.json"), note, 0o600)
}

func (l *lab) command(ctx context.Context, args ...string) *exec.Cmd {
	program, err := filepath.Abs(l.o.program)
	if err != nil {
		program = l.o.program
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, args...)
	cmd.Dir = l.dir
	return cmd
}

// start starts the process and waits until nothing is left to fold and the
// ledger moves only by signs of life.
func (l *lab) start(ctx context.Context) error {
	var err error
	if l.log, err = os.Create(filepath.Join(l.dir, "up.log")); err != nil {
		return err
	}
	begin := time.Now()
	l.up = l.command(ctx, "up")
	l.up.Stdout, l.up.Stderr = l.log, l.log
	if err := l.up.Start(); err != nil {
		return err
	}
	c := control.NewClient(filepath.Join(l.dir, "data", "control.sock"), "sekisho.yaml")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last uint64
	for calm := 0; calm < 5; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := l.up.Process.Signal(syscall.Signal(0)); err != nil {
			text, _ := os.ReadFile(l.log.Name())
			return fmt.Errorf("sekisho up ended: %s", bytes.TrimSpace(text))
		}
		s, err := c.Status(ctx)
		if err != nil {
			continue
		}
		if calm++; uint64(s.Head) > last+50 || len(s.Gates) == 0 {
			calm = 0
		}
		last = uint64(s.Head)
	}
	fmt.Printf("# up in %v; the ledger has %d events, %s\n", time.Since(begin).Round(time.Second), last, size(filepath.Join(l.dir, "data")))
	return nil
}

func size(dir string) string {
	out, err := exec.Command("du", "-sh", dir).Output()
	if err != nil {
		return err.Error()
	}
	return strings.Fields(string(out))[0]
}

func (l *lab) close() error {
	var errs []error
	if l.up != nil && l.up.Process != nil {
		errs = append(errs, l.up.Process.Signal(syscall.SIGTERM), l.up.Wait())
	}
	if l.log != nil {
		errs = append(errs, l.log.Close())
	}
	if l.server != nil {
		errs = append(errs, l.server.Stop())
	}
	if l.o.dir == "" {
		errs = append(errs, os.RemoveAll(l.dir))
	}
	return errors.Join(errs...)
}
