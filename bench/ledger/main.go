// Command ledger measures the ledger against a bare write and fdatasync loop,
// against PostgreSQL, and a rebuild from it against DuckDB, as fixed in
// bench/peers/README.md.
//
// It is not a test: it asserts nothing about time.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"sekisho/internal/ledger"
)

type options struct {
	rounds  int
	length  time.Duration
	dir     string
	only    string
	duckdb  string // directory with node_modules
	rebuild int
	cpu     string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "interleaved rounds")
	flag.DurationVar(&o.length, "length", 3*time.Second, "length of one measurement")
	flag.StringVar(&o.dir, "dir", "", "directory to work in, on the disk to measure (default: a temporary one)")
	flag.StringVar(&o.only, "only", "", "only measurements whose name contains this")
	flag.StringVar(&o.duckdb, "duckdb", ".cache/duckdb", "directory where @duckdb/node-api is installed")
	flag.IntVar(&o.rebuild, "rebuild", 1_000_000, "events to rebuild from")
	flag.StringVar(&o.cpu, "cpuprofile", "", "write a CPU profile to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-ledger:", err)
		os.Exit(1)
	}
}

// measurement is one ratio: ours over peer, or peer over ours, raw figures in
// the same unit.
type measurement struct {
	name string
	unit string
	ours func(context.Context) (float64, error)
	peer func(context.Context) (float64, error)
}

func run(ctx context.Context, o options) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "bench-ledger-"); err != nil {
			return err
		}
		defer func() { err = joinRemove(err, o.dir) }()
	}
	if o.cpu != "" {
		f, err := os.Create(o.cpu)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	b := bench{o: o}
	defer b.close()
	var chosen []measurement
	for _, m := range b.measurements() {
		if strings.Contains(m.name, o.only) {
			chosen = append(chosen, m)
		}
	}
	return b.rounds(ctx, os.Stdout, chosen)
}

func joinRemove(err error, dir string) error {
	if e := os.RemoveAll(dir); err == nil {
		return e
	}
	return err
}

// bench holds what several measurements share.
type bench struct {
	o        options
	count    int
	postgres *postgres
	rebuilt  *rebuilt
	perRound map[string]float64 // the peer's figure of this round, where two ratios share it
}

func (b *bench) close() {
	if b.postgres != nil {
		if err := b.postgres.stop(); err != nil {
			slog.Error("stop PostgreSQL", "error", err)
		}
	}
}

func (b *bench) measurements() []measurement {
	return []measurement{
		{"ledger_p99_vs_fsync", "us", b.durableP99, b.fsyncP99},
		{"ledger_events_vs_postgres", "per_s", b.closedLoop, b.pgbench},
		{"ledger_pipelined_vs_postgres", "per_s", b.pipelined, b.pgbench},
		{"ledger_rebuild_vs_duckdb", "per_s", b.rebuild, b.duckdb},
	}
}

func (b *bench) rounds(ctx context.Context, w io.Writer, chosen []measurement) error {
	ratios := make(map[string][]float64)
	for round := range b.o.rounds {
		b.perRound = make(map[string]float64)
		for _, m := range chosen {
			first, second := m.ours, m.peer
			if round%2 == 1 {
				first, second = second, first
			}
			x, err := first(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			y, err := second(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			if round%2 == 1 {
				x, y = y, x
			}
			fmt.Fprintf(w, "SAMPLE %s %.1f %.1f\n", m.name, x, y)
			ratios[m.name] = append(ratios[m.name], x/y)
		}
	}
	for _, m := range chosen {
		fmt.Fprintf(w, "RATIO %s %.3f\n", m.name, median(ratios[m.name]))
	}
	return nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// newLedger makes a fresh ledger with the product's own settings.
func (b *bench) newLedger(ctx context.Context, now func() time.Time) (*ledger.Ledger, string, error) {
	b.count++
	cfg := ledger.Config{Dir: filepath.Join(b.o.dir, fmt.Sprintf("ledger-%d", b.count)), Tenant: "bench", Now: now}
	if err := ledger.Init(ctx, cfg); err != nil {
		return nil, "", err
	}
	l, err := ledger.Open(ctx, cfg)
	return l, cfg.Dir, err
}

// cpuTime is the CPU time of this process, all threads.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
