package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
)

// remote is another ledger of the tenant with n events in three chains that take
// turns; only those of osaka are for the hub.
func remote(t *testing.T, n int) (l *Ledger, lines [][]byte) {
	t.Helper()
	cfg := internalConfig(t)
	mustInit(t, cfg)
	l = mustOpen(t, cfg)
	for i := range n {
		source := event.Source([]string{"gate/out@osaka", "process", "gate/dns@osaka"}[i%3])
		if _, err := l.Recorder(source, 0).Record(t.Context(), event.Durable, &event.Heartbeat{Sessions: i}); err != nil {
			t.Fatal(err)
		}
	}
	return l, shipped(t, l.Reader)
}

func ofOsaka(s event.Source) bool { return strings.HasSuffix(string(s), "@osaka") }

func shipped(t *testing.T, r *Reader) (lines [][]byte) {
	t.Helper()
	if err := r.Scan(t.Context(), 0, func(_ event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		if err == nil && ofOsaka(event.Source(h.Source)) {
			lines = append(lines, bytes.Clone(line))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestImport: what another ledger wrote is here byte for byte, once however often
// it is sent, beside events of this one, in a whole ledger, over a death at any
// place.
func TestImport(t *testing.T) {
	far, lines := remote(t, 60)
	cfg := internalConfig(t)
	cfg.SegmentBytes = 2000
	mustInit(t, cfg)
	for run := range 4 {
		l := mustOpen(t, cfg)
		if _, err := l.Recorder("process", 0).Record(t.Context(), event.Durable, &event.Heartbeat{Sessions: run}); err != nil {
			t.Fatal(err)
		}
		for _, part := range [][][]byte{lines[:(run+1)*10], lines[run*5 : (run+1)*10], nil, lines[:3]} {
			if err := l.Import(t.Context(), part); err != nil {
				t.Fatalf("run %d: %v", run, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l := mustOpen(t, cfg)
	if err := l.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := shipped(t, l.Reader); fmt.Sprintf("%s", got) != fmt.Sprintf("%s", lines) {
		t.Errorf("%d lines are here, %d were sent", len(got), len(lines))
	}
	if got, want := fmt.Sprint(l.Chains(ofOsaka)), fmt.Sprint(far.Chains(ofOsaka)); got != want {
		t.Errorf("heads %s, there %s", got, want)
	}
	if _, err := Verify(t.Context(), cfg.Dir, VerifyOptions{}); err != nil {
		t.Error(err)
	}
}

// TestImportFaults: what does not continue a chain is named and not taken.
func TestImportFaults(t *testing.T) {
	_, lines := remote(t, 30)
	other := func() [][]byte { // the same numbers, another content
		_, more := remote(t, 33)
		return more
	}()
	foreign := bytes.Replace(lines[0], []byte(`"t":"shop"`), []byte(`"t":"rival"`), 1)
	for name, c := range map[string]struct {
		have, send [][]byte
		want       segment.Reason
		line       uint64
		fresh      int
	}{
		"missing":        {lines[:4], lines[6:], segment.Missing, 1, 0},
		"missing inside": {lines[:4], append(append([][]byte{}, lines[4:6]...), lines[8:]...), segment.Missing, 3, 2},
		"another past":   {lines[:4], other[4:8], segment.Changed, 1, 0},
		"a changed end":  {lines[:4], other[:4], segment.Changed, 3, 0},
		"tenant":         {nil, [][]byte{foreign}, segment.WrongTenant, 1, 0},
		"malformed":      {nil, [][]byte{lines[0], []byte("{}")}, segment.Malformed, 2, 1},
		"too long":       {nil, [][]byte{append(bytes.Clone(lines[0]), bytes.Repeat([]byte(" "), event.MaxLine)...)}, segment.Malformed, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := internalConfig(t)
			mustInit(t, cfg)
			l := mustOpen(t, cfg)
			if err := l.Import(t.Context(), c.have); err != nil {
				t.Fatal(err)
			}
			before := l.Taken()
			err := l.Import(t.Context(), c.send)
			var fault *segment.Fault
			if !errors.As(err, &fault) || fault.Reason != c.want || fault.Line != c.line {
				t.Fatalf("got %v, want %s at line %d", err, c.want, c.line)
			}
			if got := l.Taken() - before; got != event.Index(c.fresh) {
				t.Errorf("%d events were taken, want %d", got, c.fresh)
			}
		})
	}
}

// TestImportFull: a ledger that has no room says so and takes nothing by halves.
func TestImportFull(t *testing.T) {
	_, lines := remote(t, 30)
	cfg := internalConfig(t)
	cfg.QueueBytes = 64
	mustInit(t, cfg)
	l := mustOpen(t, cfg)
	if err := l.Import(t.Context(), lines); !errors.Is(err, event.ErrFull) {
		t.Fatalf("got %v", err)
	}
	if len(l.Chains(ofOsaka)) != 0 {
		t.Error("something was taken")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Import(ended, nil); err != nil {
		t.Error(err)
	}
}

// TestRetainLeavesUnshipped: what was not shipped yet stays, however old.
func TestRetainLeavesUnshipped(t *testing.T) {
	cfg := internalConfig(t)
	start := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	var passed atomic.Int64 // ns; the ledger's own goroutines read it
	cfg.Now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
	mustInit(t, cfg)
	l := mustOpen(t, cfg)
	for i := range 3 {
		for range 10 {
			if _, err := l.Recorder("gate/out@osaka", 0).Record(t.Context(), event.Durable, &event.Heartbeat{Sessions: i}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	passed.Add(int64(48 * time.Hour))
	from := event.Index(0)
	policy := RetentionPolicy{Name: "1h", MaxAge: time.Hour, From: &from}
	if done, err := l.Retain(t.Context(), policy); done != nil || err != nil {
		t.Fatalf("%+v, %v: nothing was shipped", done, err)
	}
	from = 15
	done, err := l.Retain(t.Context(), policy)
	if err != nil || done == nil || done.Last != 9 {
		t.Fatalf("%+v, %v: want the first ten dropped", done, err)
	}
	if first, err := l.First(); err != nil || first != 10 {
		t.Errorf("the first is %d, %v", first, err)
	}
}

// TestImportAgainWaits: lines that come again while they are on their way to the
// disk are not said to be there: whoever sent them lets go of theirs.
func TestImportAgainWaits(t *testing.T) {
	_, lines := remote(t, 3)
	l, g := gatedLedger(t)
	first := make(chan error, 1)
	go func() { first <- l.Import(t.Context(), lines) }()
	<-g.began // taken, and not on disk
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Import(ended, lines); !errors.Is(err, context.Canceled) {
		t.Errorf("lines that are not on disk: %v, want %v", err, context.Canceled)
	}
	g.open()
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	if err := l.Import(t.Context(), lines); err != nil {
		t.Errorf("lines that are on disk: %v", err)
	}
}
