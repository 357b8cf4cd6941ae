package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sekisho/internal/event"
	"sekisho/internal/ledger"
)

// TestHammer lets writers of all levels, followers, sealing, verification,
// evidence and backup run at once on tiny segments, and compares the ledger
// with what each writer remembers: a model in memory.
func TestHammer(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	cfg := testConfig(t)
	cfg.SegmentBytes = 8_000
	cfg.HeadInterval = 10 * time.Millisecond
	var heads [][]byte
	var headMu sync.Mutex
	cfg.OnHeads = func(text []byte) {
		headMu.Lock()
		defer headMu.Unlock()
		heads = append(heads, text)
	}
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	const writers, each = 6, 400
	ctx, cancel := context.WithCancel(t.Context())
	var followers, all sync.WaitGroup
	followed := make([][]string, 2)
	for f := range followed {
		followers.Go(func() {
			lines, err := follow(ctx, l, writers*each)
			if err != nil {
				t.Errorf("follower: %v", err)
			}
			followed[f] = lines
		})
	}
	errs := make(chan error, writers+3)
	for w := range writers {
		all.Go(func() {
			errs <- writeAll(ctx, l.Recorder(event.Source(fmt.Sprintf("gate/%d", w/2)), uint16(w%2)), w, each)
		})
	}
	all.Go(func() { errs <- repeat(5, func() error { return l.Seal(ctx) }) })
	all.Go(func() {
		errs <- repeat(5, func() error {
			head := l.Head()
			if head == 0 {
				return nil
			}
			e, err := l.Evidence(ctx, []event.Index{0, head / 2, head - 1})
			if err == nil && len(e.Segments) == 0 {
				err = errors.New("no evidence")
			}
			return err
		})
	})
	all.Go(func() {
		errs <- repeat(3, func() error {
			r, err := ledger.Verify(ctx, cfg.Dir, ledger.VerifyOptions{})
			if err == nil && !r.OK() {
				err = fmt.Errorf("verify of a running ledger: %v", r.Problems)
			}
			return err
		})
	})
	all.Wait()
	followers.Wait()
	cancel()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	checkModel(t, followed[0], writers, each)
	for i := range followed[0] {
		if i >= len(followed[1]) || followed[0][i] != followed[1][i] {
			t.Fatalf("two followers differ at event %d", i)
		}
	}
	headMu.Lock()
	defer headMu.Unlock()
	r, err := ledger.Verify(t.Context(), cfg.Dir, ledger.VerifyOptions{Heads: heads})
	if err != nil || !r.OK() {
		t.Errorf("%v, %+v", err, r)
	}
	t.Logf("%d segments, %d heads", r.Sealed, len(heads))
}

func repeat(n int, fn func() error) error {
	for range n {
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}

// writeAll records events 0 … n-1 of writer w in the ways there are.
func writeAll(ctx context.Context, rec event.Recorder, w, n int) error {
	acks := make(chan error, n)
	waiting := 0
	for i := range n {
		body := &event.Heartbeat{Sessions: w*1_000_000 + i}
		var err error
		var seq event.Seq
		switch i % 3 {
		case 0:
			seq, err = rec.Record(ctx, event.Durable, body)
		case 1:
			seq, err = rec.Record(ctx, event.Written, body)
		default:
			waiting++
			seq, err = rec.Submit(event.Durable, func(err error) { acks <- err }, body)
		}
		if err != nil || seq != event.Seq(i+1) {
			return fmt.Errorf("writer %d event %d: seq %d, %w", w, i, seq, err)
		}
	}
	for range waiting {
		if err := <-acks; err != nil {
			return err
		}
	}
	return nil
}

// follow reads n events as they come, as a view does.
func follow(ctx context.Context, l *ledger.Ledger, n int) ([]string, error) {
	var lines []string
	for len(lines) < n {
		if _, err := l.Wait(ctx, event.Index(len(lines))); err != nil {
			return lines, err
		}
		err := l.Scan(ctx, event.Index(len(lines)), func(i event.Index, line []byte) error {
			if int(i) != len(lines) {
				return fmt.Errorf("got event %d, want %d", i, len(lines))
			}
			lines = append(lines, string(line))
			return nil
		})
		if err != nil {
			return lines, err
		}
	}
	return lines, nil
}

// checkModel compares what was read with what each writer wrote, in order.
func checkModel(t *testing.T, lines []string, writers, each int) {
	t.Helper()
	next := make([]int, writers)
	for i, line := range lines {
		e, err := event.Parse([]byte(line))
		if err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
		id := e.Body.(*event.Heartbeat).Sessions
		w := id / 1_000_000
		if id%1_000_000 != next[w] || e.Source != event.Source(fmt.Sprintf("gate/%d", w/2)) || e.Worker != uint16(w%2) {
			t.Fatalf("event %d is %d of writer %d (%s/%d), want %d", i, id%1_000_000, w, e.Source, e.Worker, next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != each {
			t.Errorf("writer %d: %d events, want %d", w, n, each)
		}
	}
}

// TestQueueFull: what does not fit is refused by name and leaves no hole.
func TestQueueFull(t *testing.T) {
	cfg := testConfig(t)
	cfg.QueueBytes = 2_000
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	rec := l.Recorder("gate/test", 0)
	taken, refused := 0, 0
	var done sync.WaitGroup
	for refused == 0 {
		done.Add(1)
		_, err := rec.Submit(event.Durable, func(error) { done.Done() }, &event.SourceStop{}, &event.SourceStop{})
		switch {
		case err == nil:
			taken += 2
		case errors.Is(err, event.ErrFull):
			done.Done()
			refused++
		default:
			t.Fatal(err)
		}
	}
	done.Wait()
	if seq, err := rec.Record(t.Context(), event.Durable, &event.SourceStop{}); err != nil || seq != event.Seq(taken+1) {
		t.Errorf("afterwards: seq %d, %v; want %d", seq, err, taken+1)
	}
}

// TestBadEvents: what cannot be recorded is refused before it gets a number.
func TestBadEvents(t *testing.T) {
	cfg := testConfig(t)
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	rec := l.Recorder("gate/test", 0)
	big := &event.Statement{Text: string(make([]byte, event.MaxLine))}
	if _, err := rec.Record(t.Context(), event.Durable, &event.SourceStop{}, big); err == nil {
		t.Error("an event that is too long was taken")
	}
	if _, err := rec.Record(t.Context(), event.Durable); err == nil {
		t.Error("no event was taken")
	}
	for _, name := range []event.Source{"", "a\nb", event.Source(make([]byte, 200)), "a\xff"} {
		if _, err := l.Recorder(name, 0).Record(t.Context(), event.Durable, &event.SourceStop{}); err == nil {
			t.Errorf("source %q was taken", name)
		}
	}
	if seq, err := rec.Record(t.Context(), event.Durable, &event.SourceStop{}); err != nil || seq != 1 {
		t.Errorf("afterwards: seq %d, %v; want 1", seq, err)
	}
	if _, err := ledger.Open(t.Context(), cfg); !errors.Is(err, ledger.ErrLocked) {
		t.Errorf("second writer: got %v, want ErrLocked", err)
	}
	other := cfg
	other.Tenant = "else"
	var wrong *ledger.TenantError
	if _, err := ledger.Open(t.Context(), other); !errors.As(err, &wrong) {
		t.Errorf("another tenant: got %v", err)
	}
	if err := ledger.Init(t.Context(), cfg); err == nil {
		t.Error("a ledger was made anew")
	}
}
