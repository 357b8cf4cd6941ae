package ledger

import (
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/event"
)

// TestBefore: stretches follow each other without a hole, say what is in them,
// and are read to their end and not further.
func TestBefore(t *testing.T) {
	cfg := internalConfig(t)
	var clock atomic.Int64
	clock.Store(1000)
	cfg.Now = func() time.Time { return event.Time(clock.Load()) }
	mustInit(t, cfg)
	l := mustOpen(t, cfg)
	write := func(source event.Source, n int) {
		t.Helper()
		for range n {
			clock.Add(10)
			if _, err := l.Recorder(source, 0).Record(t.Context(), event.Durable, &event.Heartbeat{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("gate/a", 5)
	if err := l.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	write("gate/b", 7)
	if err := l.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	write("gate/c", 4)
	want := []Stretch{ // from the newest back
		{First: 12, End: 15},
		{First: 5, End: 12, Sealed: true, From: 1060, To: 1120},
		{First: 0, End: 5, Sealed: true, From: 1010, To: 1050},
	}
	sources := []string{"", "gate/b", "gate/a"}
	for i, index := range []event.Index{15, 12, 5} {
		for ; index > want[i].First; index-- {
			got, err := l.Before(index)
			w := want[i]
			if !w.Sealed {
				w.End = index
			}
			if err != nil || got.First != w.First || got.End != w.End || got.Sealed != w.Sealed || got.From != w.From || got.To != w.To ||
				(len(got.Sources) == 1 && got.Sources[0].Source == sources[i]) != w.Sealed {
				t.Errorf("before %d: %+v, %v, want %+v", index, got, err, w)
			}
		}
		var read []event.Index
		err := l.ScanTo(t.Context(), want[i].First, want[i].End, func(at event.Index, _ []byte) error {
			read = append(read, at)
			return nil
		})
		if err != nil || len(read) != int(want[i].End-want[i].First) || read[0] != want[i].First || read[len(read)-1] != want[i].End-1 {
			t.Errorf("%+v was read as %v, %v", want[i], read, err)
		}
	}
	if err := l.ScanTo(t.Context(), 14, 99, func(at event.Index, _ []byte) error {
		if at >= 16 {
			t.Errorf("event %d is beyond the end", at)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
