package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// gate is the proxy under test with its configuration.
type gate struct {
	*proxy
	config string
	dir    string
}

// startGate starts sekisho with ledger and views on. Both tables are protected
// in all their columns.
func (l *lab) startGate(ctx context.Context, tls bool) (*gate, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(l.dir, "sekisho-")
	if err != nil {
		return nil, err
	}
	g := &gate{config: filepath.Join(dir, "sekisho.yaml"), dir: dir}
	upstream, listen := "disable", ""
	if tls {
		upstream, listen = "require", fmt.Sprintf("    tls: {cert: %s, key: %s}\n", l.cert, l.key)
	}
	text := fmt.Sprintf(`tenant: bench
data: ./data
keys: ./keys
databases:
  - name: shop
    upstream: 127.0.0.1:%d
    tls: {mode: %s}
    control: {user: watch}
    # The peer's sessions go around the gate. The watch would see that, and the
    # holdings would be read again in the middle of a measurement.
    scan: {watch: 1h}
    protect:
      - table: public.pgbench_accounts
        key: aid
        columns: {bid: customer_number, abalance: payment, filler: note}
      - table: public.wide
        key: id
        columns: {name: name, kana: kana, email: email, phone: phone, address: address, birth: birthdate, note: note}
    plain: [public.pgbench_branches, public.pgbench_tellers, public.pgbench_history]
gates:
  - name: shop-db
    listen: 127.0.0.1:%d
    database: shop
    mode: observe
    on_failure: closed
%s`, l.server.Port(), upstream, port, listen)
	if err := os.WriteFile(g.config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	if out, err := l.sekisho(ctx, "init", "-c", g.config).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("sekisho init: %w\n%s", err, out)
	}
	g.proxy, err = l.start(ctx, port, l.sekisho(ctx, "up", "-c", g.config))
	if err != nil {
		return nil, err
	}
	g.tls = tls
	g.settle = g.folded
	return g, g.folded(ctx)
}

func (l *lab) sekisho(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, l.o.sekisho, args...)
}

// folded waits until all that the gate took is durable and in the view.
func (g *gate) folded(ctx context.Context) error {
	// What was taken before now is on disk after one sync interval.
	taken := time.NewTimer(200 * time.Millisecond)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-taken.C:
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		out, err := g.l.sekisho(ctx, "status", "-c", g.config, "--json").Output()
		if err != nil {
			return fmt.Errorf("sekisho status: %w\n%s", err, g.stderr)
		}
		var status struct{ Head, Folded uint64 }
		if err := json.Unmarshal(out, &status); err != nil {
			return fmt.Errorf("sekisho status: %w: %s", err, out)
		}
		if status.Head > 0 && status.Folded >= status.Head {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not folded after 30 s: %s", out)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// scopeResult is what the check needs of "sekisho scope --json".
type scopeResult struct {
	Confirmed struct{ Subjects uint64 }
	Reachable struct{ Subjects uint64 }
	Coverage  struct {
		Bounded []struct{ Table, Class, Reason string }
	}
}

// checkExact fails unless every row that passed was attributed exactly, and
// prints what the evidence costs.
func (l *lab) checkExact(ctx context.Context, g *gate, suffix string) error {
	out, err := l.sekisho(ctx, "scope", "-c", g.config, "--user", benchUser, "--json").Output()
	if err != nil {
		return fmt.Errorf("sekisho scope: %w", err)
	}
	var s scopeResult
	if err := json.Unmarshal(out, &s); err != nil {
		return err
	}
	if s.Confirmed.Subjects == 0 || s.Confirmed != s.Reachable || len(s.Coverage.Bounded) > 0 {
		return fmt.Errorf("not every row is exact: confirmed %d, reachable %d, bounded %v", s.Confirmed.Subjects, s.Reachable.Subjects, s.Coverage.Bounded)
	}
	var bytes int64
	err = filepath.WalkDir(filepath.Join(g.dir, "data"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		bytes += info.Size()
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("# pgproxy%s: every row exact: %d subjects confirmed = reachable\n", suffix, s.Confirmed.Subjects)
	fmt.Printf("# pgproxy%s: ledger and view %.0f bytes for a million statements\n", suffix, float64(bytes)/max(g.statements, 1)*1e6)
	return nil
}
