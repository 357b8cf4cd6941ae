package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
)

var tables = func() (all [20]event.Place) {
	for i := range all {
		all[i] = event.Place(fmt.Sprintf("shop/public.table%02d", i))
	}
	return all
}()

// began is the time of the first event, pace the time between two: a million
// crossings a day.
var began = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

const pace = 86_400 * time.Microsecond

// crossing returns an event whose line has about 400 bytes: a statement that
// delivered rows of some customers.
func crossing(n int) *event.Crossing {
	c := &event.Crossing{Parts: []event.Part{{Subjects: make(event.Set, 2)}}}
	fill(c, n)
	return c
}

// fill makes c, which crossing returned, the crossing of another number: a
// writer that has handed an event over needs no new one.
func fill(c *event.Crossing, n int) {
	at := began.Add(time.Duration(n) * pace).UnixNano()
	subject := uint32(n*2654435761) % 10_000_000
	c.Session, c.Statement, c.Intent = event.Session(1<<32|n%200), event.StatementID(0x9e3779b97f4a7c15*uint64(n%50+1)), event.Seq(n+1)
	c.Outcome, c.From, c.To, c.Count = event.OutcomeDone, at, at+90_000, 1
	p := &c.Parts[0]
	p.Table, p.Source = tables[n%len(tables)], "shop.customers"
	p.Elements, p.Class, p.Rows = element.MaskOf(element.Name, element.Email, element.Phone), event.Exact, 1
	p.Subjects[0], p.Subjects[1] = event.Range{First: subject, Last: subject}, event.Range{First: subject + 7, Last: subject + 9}
}

// fsyncP99 is the peer of the latency: a loop of write 4 KiB and fdatasync.
func (b *bench) fsyncP99(context.Context) (float64, error) {
	fsys := durable.Dir(b.o.dir)
	b.count++
	name := fmt.Sprintf("loop-%d", b.count)
	f, err := durable.CreateFile(fsys, name, 0o600)
	if err != nil {
		return 0, err
	}
	page := make([]byte, 4096)
	var took []time.Duration
	for start := time.Now(); time.Since(start) < b.o.length; {
		t := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(t))
	}
	return p99(took), errors.Join(f.Close(), os.Remove(filepath.Join(b.o.dir, name)))
}

func p99(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)*99/100].Microseconds())
}

// durableP99 is the time from giving an event to its being on disk, of 8
// writers that each wait for one event before giving the next.
func (b *bench) durableP99(ctx context.Context) (float64, error) {
	var mu sync.Mutex
	var all []time.Duration
	_, err := b.withLedger(ctx, "latency", func(ctx context.Context, l *ledger.Ledger) (int, error) {
		return b.writers(ctx, 8, func(ctx context.Context, rec event.Recorder, next func() int, w int) error {
			var took []time.Duration
			for ctx.Err() == nil {
				body := crossing(next())
				t := time.Now()
				if _, err := rec.Record(context.WithoutCancel(ctx), event.Durable, body); err != nil {
					return err
				}
				took = append(took, time.Since(t))
			}
			mu.Lock()
			all = append(all, took...)
			mu.Unlock()
			return nil
		}, l)
	})
	return p99(all), err
}

// closedLoop is events a second of 64 writers that each wait for one event
// before giving the next.
func (b *bench) closedLoop(ctx context.Context) (float64, error) {
	return b.withLedger(ctx, "closed loop", func(ctx context.Context, l *ledger.Ledger) (int, error) {
		return b.writers(ctx, 64, func(ctx context.Context, rec event.Recorder, next func() int, w int) error {
			for ctx.Err() == nil {
				if _, err := rec.Record(context.WithoutCancel(ctx), event.Durable, crossing(next())); err != nil {
					return err
				}
			}
			return nil
		}, l)
	})
}

// pipelined is events a second of 64 writers with 256 events on the way each.
func (b *bench) pipelined(ctx context.Context) (float64, error) {
	return b.withLedger(ctx, "pipelined", func(ctx context.Context, l *ledger.Ledger) (int, error) {
		return b.writers(ctx, 64, func(ctx context.Context, rec event.Recorder, next func() int, w int) error {
			const outstanding = 256
			var acked atomic.Int64
			var failed atomic.Pointer[error]
			more := make(chan struct{}, 1) // something was acknowledged
			done := func(err error) {
				if err != nil {
					failed.Store(&err)
				}
				acked.Add(1)
				select {
				case more <- struct{}{}:
				default:
				}
			}
			body := crossing(0)
			for sent := int64(0); ; {
				for ctx.Err() == nil && sent-acked.Load() < outstanding {
					fill(body, next())
					if _, err := rec.Submit(event.Durable, done, body); err != nil {
						return err
					}
					sent++
				}
				if err := failed.Load(); err != nil {
					return *err
				}
				if sent == acked.Load() {
					return nil
				}
				<-more
			}
		}, l)
	})
}

// writers runs n writers for the length of a measurement and returns how many
// events they recorded.
func (b *bench) writers(ctx context.Context, n int, write func(context.Context, event.Recorder, func() int, int) error, l *ledger.Ledger) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, b.o.length)
	defer cancel()
	var number atomic.Int64
	next := func() int { return int(number.Add(1)) }
	errs := make([]error, n)
	var all sync.WaitGroup
	for w := range n {
		all.Go(func() { errs[w] = write(ctx, l.Recorder("gate/bench", uint16(w)), next, w) })
	}
	all.Wait()
	return int(number.Load()), errors.Join(errs...)
}

// withLedger returns the events a second of work on a fresh ledger. The clock
// stops when everything is on disk and every full segment is compressed and in
// the log: what runs in the background is work too.
func (b *bench) withLedger(ctx context.Context, name string, work func(context.Context, *ledger.Ledger) (int, error)) (float64, error) {
	// One more for the thread that syncs, as sekisho up does (reserveProcessors).
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + 1)
	defer runtime.GOMAXPROCS(before)
	l, dir, err := b.newLedger(ctx, time.Now)
	if err != nil {
		return 0, err
	}
	start, cpu := time.Now(), cpuTime()
	events, err := work(ctx, l)
	writing := time.Since(start)
	if err == nil {
		err = l.SealFull(ctx)
	}
	took := time.Since(start)
	used := cpuTime() - cpu
	err = errors.Join(err, l.Close(), os.RemoveAll(dir))
	if events == 0 {
		return 0, errors.Join(err, errors.New("nothing was recorded"))
	}
	fmt.Printf("# %s: %d events in %.2f s (%.2f s with background work), %.2f us of CPU an event\n",
		name, events, writing.Seconds(), took.Seconds(), float64(used.Microseconds())/float64(events))
	return float64(events) / took.Seconds(), err
}
