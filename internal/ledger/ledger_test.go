package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
)

func internalConfig(t testing.TB) Config {
	t.Helper()
	return Config{Dir: t.TempDir(), Tenant: "shop"}
}

func mustOpen(t testing.TB, cfg Config) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil && !errors.Is(err, event.ErrStopped) {
			t.Error(err)
		}
	})
	return l
}

func mustInit(t testing.TB, cfg Config) {
	t.Helper()
	if err := Init(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

func TestSealAndReopen(t *testing.T) {
	cfg := internalConfig(t)
	cfg.SegmentBytes = 20_000
	mustInit(t, cfg)
	for run := range 3 {
		l := mustOpen(t, cfg)
		for i := range 1200 {
			level := event.Written
			if i%50 == 0 {
				level = event.Durable
			}
			if _, err := l.Recorder("gate/shop", uint16(i%3)).Record(t.Context(), level, &event.Heartbeat{Sessions: i}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReader(cfg.Dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, scan := range []func(context.Context, event.Index, func(event.Index, []byte) error) error{l.Scan, r.Scan} {
			for _, from := range []event.Index{0, 1, 1199, 250} {
				compareScans(t, l.Reader, from)
				compareScans(t, r, from)
				want := from
				err := scan(t.Context(), from, func(i event.Index, line []byte) error {
					e, err := event.Parse(line)
					if err != nil || i != want || e.Body.(*event.Heartbeat).Sessions != int(i%1200) {
						t.Fatalf("event %d (want %d): %v", i, want, err)
					}
					want++
					return nil
				})
				if wantEnd := event.Index(1200 * (run + 1)); err != nil || want != wantEnd {
					t.Fatalf("run %d: scan from %d ended at %d, %v; want %d", run, from, want, err, wantEnd)
				}
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// compareScans checks that ScanEvents gives what Scan gives.
func compareScans(t *testing.T, r *Reader, from event.Index) {
	t.Helper()
	var want, got []string
	err := r.Scan(t.Context(), from, func(i event.Index, line []byte) error {
		want = append(want, fmt.Sprintf("%d %s", i, line))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = r.ScanEvents(t.Context(), from, func(i event.Index, e *event.Event) error {
		line := event.Append(nil, e)
		got = append(got, fmt.Sprintf("%d %s", i, line[:len(line)-1]))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("from %d (-Scan +ScanEvents):\n%s", from, diff)
	}
	i := 0
	err = r.ScanEventsOf(t.Context(), from, func(k event.Kind) bool { return k%2 == 0 }, func(at event.Index, e *event.Event) error {
		var whole event.Header
		if i < len(want) {
			_, line, _ := strings.Cut(want[i], " ")
			h, err := event.ParseHeader([]byte(line))
			if err != nil {
				return err
			}
			whole = h
		}
		if i++; e.At.UnixNano() != whole.At || (e.Body != nil) != (whole.Kind%2 == 0) {
			t.Fatalf("event %d of kind %d at %d: body %v at %d", at, whole.Kind, whole.At, e.Body, e.At.UnixNano())
		}
		if e.Body != nil {
			line := event.Append(nil, e)
			if got := fmt.Sprintf("%d %s", at, line[:len(line)-1]); got != want[i-1] {
				t.Fatalf("got %s, want %s", got, want[i-1])
			}
		}
		return nil
	})
	if err != nil || i != len(want) {
		t.Fatalf("%d of %d events, %v", i, len(want), err)
	}
	stop := errors.New("enough")
	err = r.ScanEvents(t.Context(), from, func(event.Index, *event.Event) error { return stop })
	if err != stop {
		t.Fatalf("got %v, want the callback's error as it is", err)
	}
}

func TestRecordScanReopen(t *testing.T) {
	cfg := internalConfig(t)
	if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrNotLedger) {
		t.Fatalf("open without init: got %v, want ErrNotLedger", err)
	}
	mustInit(t, cfg)
	for run := range 3 {
		l, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		rec := l.Recorder("gate/shop", 1)
		for i, level := range []event.Level{event.Written, event.Durable} {
			seq, err := rec.Record(t.Context(), level, &event.Heartbeat{Sessions: i}, &event.SourceStop{})
			if want := event.Seq(1 + run*4 + i*2); err != nil || seq != want {
				t.Fatalf("run %d level %d: got seq %d, %v; want %d", run, level, seq, err, want)
			}
		}
		next := event.Index(run * 4)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if head, err := l.Wait(ctx, next+3); err != nil || head != next+4 {
			t.Fatalf("wait: head %d, %v; want %d", head, err, next+4)
		}
		cancel()
		want := next
		err = l.Scan(t.Context(), next, func(i event.Index, line []byte) error {
			e, err := event.Parse(line)
			if err != nil || i != want || e.Seq != event.Seq(i+1) {
				t.Errorf("index %d (want %d): seq %d, %v", i, want, e.Seq, err)
			}
			want++
			return nil
		})
		if err != nil || want != next+4 {
			t.Fatalf("scan ended at %d, %v; want %d", want, err, next+4)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := rec.Record(t.Context(), event.Written, &event.SourceStop{}); !errors.Is(err, event.ErrStopped) {
			t.Fatalf("record after close: got %v, want ErrStopped", err)
		}
	}
}
