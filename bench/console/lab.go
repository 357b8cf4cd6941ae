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
	"sekisho/internal/durable"
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
	o      options
	dir    string
	kept   kept
	origin string
	server *pgserver.Server
	up     *exec.Cmd
	log    *os.File
	client *http.Client
}

// kept says what of the folder is finished. What is not is made again from its
// beginning.
type kept struct {
	Sizes    sizes
	Until    time.Time // the end of what happened
	Database bool
	Ledger   bool
	People   []*person
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
	// The database server may run as somebody else, who passes through.
	if err := errors.Join(os.MkdirAll(l.dir, 0o711), os.Chmod(l.dir, 0o711)); err != nil {
		return l, err
	}
	if err := l.remember(s); err != nil {
		return l, err
	}
	if err := l.database(ctx, s); err != nil {
		return l, err
	}
	if err := l.fill(ctx, s); err != nil {
		return l, err
	}
	return l, l.start(ctx)
}

// remember reads what an earlier run left in the folder.
func (l *lab) remember(s sizes) error {
	text, err := os.ReadFile(filepath.Join(l.dir, "kept.json"))
	if errors.Is(err, os.ErrNotExist) {
		l.kept = kept{Sizes: s}
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, &l.kept)
	}
	if err == nil && l.kept.Sizes != s {
		err = fmt.Errorf("%s holds a firm of another size: delete it", l.dir)
	}
	return err
}

// note writes down what is finished.
func (l *lab) note() error {
	text, err := json.Marshal(l.kept)
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.Dir(l.dir), "kept.json", text, 0o600)
}

func (l *lab) database(ctx context.Context, s sizes) error {
	dir := filepath.Join(l.dir, "pg")
	if !l.kept.Database {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	var err error
	if l.server, err = pgserver.Start(ctx, pgserver.Config{Dir: dir}); err != nil || l.kept.Database {
		return err
	}
	begin := time.Now()
	if err := l.server.CreateDatabase(ctx, "shop"); err != nil {
		return err
	}
	if err := l.server.Exec(ctx, "shop", fmt.Sprintf(`CREATE ROLE sekisho LOGIN; GRANT pg_read_all_data, pg_read_all_stats TO sekisho;
		CREATE TABLE customers (id int, name text, email text, phone text);
		INSERT INTO customers SELECT i, 'name ' || i, 'm' || i || '@example.jp', '090' || i FROM generate_series(1, %d) i;
		ALTER TABLE customers ADD PRIMARY KEY (id)`, s.Subjects)); err != nil {
		return err
	}
	if err := l.server.Exec(ctx, "shop", "VACUUM ANALYZE customers"); err != nil {
		return err
	}
	fmt.Printf("# a database of %d customers in %v\n", s.Subjects, time.Since(begin).Round(time.Second))
	l.kept.Database = true
	return l.note()
}

// ports returns free ports of this machine.
func ports() (out [4]string, err error) {
	for i := range out {
		listen, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return out, err
		}
		_, out[i], _ = net.SplitHostPort(listen.Addr().String())
		if err := listen.Close(); err != nil {
			return out, err
		}
	}
	return out, nil
}

// fill makes ledger and accounts, or takes those of an earlier run.
func (l *lab) fill(ctx context.Context, s sizes) error {
	free, err := ports()
	if err != nil {
		return err
	}
	l.origin = "http://localhost:" + free[3]
	text := strings.NewReplacer("UPSTREAM", l.server.Addr(), "GATE", free[0], "PROXY", free[1], "WEB", free[2], "CONSOLE", free[3]).Replace(configuration)
	for name, text := range map[string]string{"sekisho.yaml": text, "cases.yaml": people, "policy.yaml": rules, "egress.yaml": exits} {
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	c, err := config.Load(filepath.Join(l.dir, "sekisho.yaml"))
	if err != nil {
		return err
	}
	if !l.kept.Ledger {
		if err := l.past(ctx, c.Config, s); err != nil {
			return err
		}
	}
	return l.enter(ctx, c.Config)
}

// past writes the ledger of the season.
func (l *lab) past(ctx context.Context, c *config.Config, s sizes) error {
	if err := errors.Join(os.RemoveAll(filepath.Join(l.dir, "data")), os.RemoveAll(filepath.Join(l.dir, "keys"))); err != nil {
		return err
	}
	if out, err := l.command(ctx, "init").CombinedOutput(); err != nil {
		return fmt.Errorf("init: %w: %s", err, out)
	}
	begin := time.Now()
	f, err := openLedger(ctx, c)
	if err != nil {
		return err
	}
	if err = f.number(c, s.Subjects); err == nil {
		err = f.season(s, begin)
	}
	if err == nil {
		err = f.cases(s.Cases, begin)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Printf("# %d events written in %v\n", f.Head(), time.Since(begin).Round(time.Second))
	l.kept.Ledger, l.kept.Until, l.kept.People = true, begin, nil
	return l.note()
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
	return l.idle(ctx)
}

// idle waits until the process does what it does for months and nothing of what
// follows a start: detection reads the ledger then, and the first who looks at the
// map has it read. It has done so when it used little of a processor for some
// seconds, whoever else uses the machine.
func (l *lab) idle(ctx context.Context) error {
	const calm, little = 4, 300 * time.Millisecond // seconds, processor time in each
	begin, before := time.Now(), time.Duration(0)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for quiet := -1; quiet < calm; quiet++ { // the first look has nothing before it
		now, err := processorTime(l.up.Process.Pid)
		if err != nil {
			return err
		}
		if now-before > little {
			quiet = -1
		}
		before = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	fmt.Printf("# idle after %v\n", time.Since(begin).Round(time.Second))
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
