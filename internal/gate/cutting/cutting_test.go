package cutting

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/policy/cut"
)

var _ Cutter = (*Flows)(nil)

func set(t testing.TB, generation uint64, kind cut.Kind, target string) *cut.Set {
	t.Helper()
	s, err := cut.New(generation, []cut.Entry{{ID: "x", Kind: kind, Target: target, Until: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCutEndsWhatMatches(t *testing.T) {
	idle := 0
	f := &Flows{Idle: func(*cut.Set) { idle++ }}
	ended := map[string]int{}
	var live []*Live
	for i := range 100 {
		role := []string{"office", "web"}[i%2]
		l, _, refused := f.Enter(cut.Flow{Role: role}, func(cut.Entry) { ended[role]++ })
		if refused {
			t.Fatal("cut before any cut")
		}
		live = append(live, l)
	}
	closed, err := f.Cut(t.Context(), set(t, 3, cut.Role, "office"))
	if err != nil || closed != 50 || ended["office"] != 50 || ended["web"] != 0 || idle != 1 || f.Count() != 50 || f.Generation() != 3 {
		t.Fatalf("closed %d, %v, ended %v, idle %d, live %d, generation %d", closed, err, ended, idle, f.Count(), f.Generation())
	}
	if _, e, refused := f.Enter(cut.Flow{Role: "office"}, nil); !refused || e.ID != "x" {
		t.Error("a flow began that is cut")
	}
	if _, err := f.Cut(t.Context(), set(t, 2, cut.All, "")); !errors.Is(err, ErrOlder) || f.Count() != 50 {
		t.Errorf("an older generation: %v", err)
	}
	if closed, err := f.Cut(t.Context(), set(t, 3, cut.Role, "office")); err != nil || closed != 0 {
		t.Errorf("the same again: %d, %v", closed, err)
	}
	for _, l := range live { // also those that were cut
		l.Leave()
		l.Leave()
	}
	if f.Count() != 0 {
		t.Errorf("%d flows stayed", f.Count())
	}
}

func TestLearn(t *testing.T) {
	f := &Flows{}
	ended := 0
	l, _, _ := f.Enter(cut.Flow{Name: "front.example"}, func(cut.Entry) { ended++ })
	if _, is := f.Learn(l, "inner.example"); is {
		t.Error("cut before any cut")
	}
	if closed, err := f.Cut(t.Context(), set(t, 1, cut.Name, "inner.example")); err != nil || closed != 1 || ended != 1 {
		t.Errorf("closed %d, ended %d, %v", closed, ended, err)
	}
	l, _, _ = f.Enter(cut.Flow{Name: "front.example"}, nil)
	if e, is := f.Learn(l, "inner.example"); !is || e.ID != "x" {
		t.Errorf("a name that is cut was learnt: %+v", e)
	}
	l.Leave()
}

// TestNoFlowSlipsThrough races flows that begin with a cut: each was refused
// or ended.
func TestNoFlowSlipsThrough(t *testing.T) {
	for round := range 50 {
		f := &Flows{}
		var ended, refused, entered atomic.Int64
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for i := range 100 {
					_, _, no := f.Enter(cut.Flow{Name: fmt.Sprintf("%d.example", i)}, func(cut.Entry) { ended.Add(1) })
					if no {
						refused.Add(1)
					} else {
						entered.Add(1)
					}
				}
			})
		}
		if _, err := f.Cut(context.Background(), set(t, 1, cut.All, "")); err != nil {
			t.Fatal(err)
		}
		wait.Wait()
		// A flow may be both ended and refused, when both noticed the same cut.
		if f.Count() != 0 || ended.Load() < entered.Load() {
			t.Fatalf("round %d: %d live, %d entered, %d ended, %d refused", round, f.Count(), entered.Load(), ended.Load(), refused.Load())
		}
	}
}

func BenchmarkEnterLeave(b *testing.B) {
	f := &Flows{}
	b.ReportAllocs()
	for b.Loop() {
		l, _, _ := f.Enter(cut.Flow{Role: "office", Name: "www.example.jp"}, nil)
		l.Leave()
	}
}
