package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/ledger"
)

// rebuilt is the ledger that both sides read, sealed and closed.
type rebuilt struct {
	dir    string
	events int
}

func (b *bench) ready(ctx context.Context) (*rebuilt, error) {
	if b.rebuilt != nil {
		return b.rebuilt, nil
	}
	var clock atomic.Int64 // events are recorded when they happen
	l, dir, err := b.newLedger(ctx, func() time.Time { return began.Add(time.Duration(clock.Load()) * pace) })
	if err != nil {
		return nil, err
	}
	rec := l.Recorder("gate/bench", 0)
	for n := 0; n < b.o.rebuild && err == nil; n++ {
		clock.Store(int64(n))
		_, err = rec.Submit(event.Durable, nil, crossing(n))
		if errors.Is(err, event.ErrFull) {
			_, err = l.Wait(ctx, l.Head())
			n--
		}
	}
	if err == nil {
		err = l.Seal(ctx)
	}
	b.rebuilt = &rebuilt{dir, b.o.rebuild}
	return b.rebuilt, errors.Join(err, l.Close())
}

// rebuild is events a second of a view that is made anew.
func (b *bench) rebuild(ctx context.Context) (float64, error) {
	r, err := b.ready(ctx)
	if err != nil {
		return 0, err
	}
	reader, err := ledger.OpenReader(r.dir)
	if err != nil {
		return 0, err
	}
	start, cpu := time.Now(), cpuTime()
	size, err := foldAll(ctx, reader, b.o.dir)
	took := time.Since(start)
	fmt.Printf("# rebuild: %d events into %d bytes in %.2f s, %.2f us of CPU an event\n",
		r.events, size, took.Seconds(), float64((cpuTime()-cpu).Microseconds())/float64(r.events))
	return float64(r.events) / took.Seconds(), err
}

// duckdb is events a second of DuckDB reading and grouping the same files.
func (b *bench) duckdb(ctx context.Context) (float64, error) {
	r, err := b.ready(ctx)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, "node", "bench/ledger/duckdb.js", filepath.Join(r.dir, "sealed", "*.zst"))
	modules, err := filepath.Abs(filepath.Join(b.o.duckdb, "node_modules"))
	if err != nil {
		return 0, err
	}
	cmd.Env = append(cmd.Environ(), "NODE_PATH="+modules)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("duckdb: %w\n%s", err, stderr.Bytes())
	}
	for in := bufio.NewScanner(bytes.NewReader(out)); in.Scan(); {
		if f := strings.Fields(in.Text()); len(f) == 4 {
			seconds, err1 := strconv.ParseFloat(f[0], 64)
			events, err2 := strconv.Atoi(f[1])
			if err1 != nil || err2 != nil || events != r.events {
				return 0, fmt.Errorf("duckdb: %q, want %d events", in.Text(), r.events)
			}
			fmt.Printf("# duckdb: %d events, %s groups in %.2f s, %s s of CPU\n", events, f[2], seconds, f[3])
			return float64(events) / seconds, nil
		}
	}
	return 0, fmt.Errorf("duckdb: no figure in %q", out)
}
