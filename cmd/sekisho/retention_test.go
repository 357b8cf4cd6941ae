package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/internal/view"
	"sekisho/internal/view/disclosure"
	"sekisho/proof/scope"
)

// shopHistory writes what a gate and a scan write, at random.
type shopHistory struct {
	t        *testing.T
	rng      *rand.Rand
	l        *ledger.Ledger
	now      time.Time
	clock    atomic.Int64 // now, for the ledger
	start    uint32
	up       bool
	next     event.Session
	sessions []event.Session
	scan     uint64
}

const (
	historyTable  = event.Place("shop/public.customers")
	historySource = event.SubjectSource("shop.customers")
)

func (h *shopHistory) record(source event.Source, b event.Body) event.Seq {
	h.t.Helper()
	seq, err := h.l.Recorder(source, 0).Record(h.t.Context(), event.Written, b)
	if err != nil {
		h.t.Fatal(err)
	}
	return seq
}

// pass lets time pass; a gate that runs gives signs of life.
func (h *shopHistory) pass(d time.Duration) {
	for end := h.now.Add(d); h.now.Before(end); {
		h.now = h.now.Add(min(end.Sub(h.now), 7*time.Second))
		h.clock.Store(h.now.UnixNano())
		if h.up {
			h.record("gate/a", &event.Heartbeat{Places: []event.Place{"shop"}})
		}
	}
}

func (h *shopHistory) some() event.Set {
	return event.SetOf([]uint32{h.rng.Uint32N(50), h.rng.Uint32N(50)})
}

func (h *shopHistory) step() {
	h.pass(time.Duration(h.rng.IntN(40)) * time.Second)
	part := event.Part{Table: historyTable, Source: historySource, Elements: element.MaskOf(element.Name, element.Email),
		Class: []event.Class{event.Exact, event.Exact, event.Bounded, event.Aggregate}[h.rng.IntN(4)]}
	from := h.now.UnixNano()
	switch k := h.rng.IntN(20); {
	case !h.up:
		h.start++
		h.record("gate/a", &event.SourceStart{Start: h.start, Places: []event.Place{"shop"}})
		h.up, h.sessions = true, nil
	case k == 0:
		if h.rng.IntN(2) == 0 { // else it is killed
			h.record("gate/a", &event.SourceStop{})
		}
		h.up = false
	case k < 4 || len(h.sessions) == 0:
		h.next++
		h.record("gate/a", &event.SessionOpen{Session: h.next, Place: "shop", User: "app", Address: fmt.Sprintf("10.0.0.%d", h.rng.IntN(3))})
		h.sessions = append(h.sessions, h.next)
	case k == 4:
		i := h.rng.IntN(len(h.sessions))
		h.record("gate/a", &event.SessionClose{Session: h.sessions[i]})
		h.sessions = append(h.sessions[:i], h.sessions[i+1:]...)
	case k < 7:
		parts := 1 + h.rng.Uint32N(2)
		h.scan++
		for p := range parts {
			h.record("scan/shop", &event.HoldingScan{Scan: h.scan, Part: p + 1, Parts: parts, Table: historyTable, Source: historySource,
				Elements: part.Elements, From: from - 3e9, To: from, Rows: uint64(h.rng.IntN(90)), Subjects: h.some()})
		}
	case k < 10:
		h.record("gate/a", &event.HoldingChange{Session: h.sessions[0], Table: historyTable, Source: historySource, Op: "insert", Rows: 2, Subjects: h.some()})
	default:
		session := h.sessions[h.rng.IntN(len(h.sessions))]
		seq := h.record("gate/a", &event.Intent{Session: session, Statement: 1, From: from, Parts: []event.Part{part}})
		if h.rng.IntN(8) == 0 {
			return // what passed is never told
		}
		h.pass(time.Duration(h.rng.IntN(2)) * time.Second)
		if part.Rows = 2; part.Class == event.Exact {
			part.Subjects = h.some()
		}
		h.record("gate/a", &event.Crossing{Session: session, Statement: 1, Intent: seq, Outcome: event.OutcomeDone, From: from, To: h.now.UnixNano(), Count: 1, Parts: []event.Part{part}})
	}
}

// TestRebuildAfterRetention: a view that is made anew after segments were
// dropped answers questions about later times as the view that saw them all.
func TestRebuildAfterRetention(t *testing.T) {
	narrow := 0
	seeds := uint64(3)
	if os.Getenv("SEKISHO_LONG") != "" {
		seeds = 60
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			dir := t.TempDir()
			h := &shopHistory{t: t, rng: rand.New(rand.NewPCG(seed, 7)), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
			h.clock.Store(h.now.UnixNano())
			cfg := ledger.Config{Dir: filepath.Join(dir, "ledger"), Tenant: "shop", Now: func() time.Time { return event.Time(h.clock.Load()) }}
			if err := ledger.Init(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			var err error
			if h.l, err = ledger.Open(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			defer h.l.Close()
			always := openDisclosure(t, filepath.Join(dir, "always.db"))
			for round := range 3 {
				for range 25 + h.rng.IntN(25) {
					h.step()
				}
				if err := h.l.Seal(t.Context()); err != nil {
					t.Fatal(err)
				}
				cut := h.now
				for range 20 {
					h.step()
				}
				h.pass(3 * time.Minute)
				if err := h.l.Seal(t.Context()); err != nil {
					t.Fatal(err)
				}
				followAll(t, always, h.l.Reader)
				record, err := h.l.Retain(t.Context(), ledger.RetentionPolicy{Name: "test", MaxAge: h.now.Sub(cut) - 1})
				if err != nil || record == nil {
					t.Fatalf("%+v, %v", record, err)
				}
				reader, err := ledger.OpenReader(cfg.Dir)
				if err != nil {
					t.Fatal(err)
				}
				anew := openDisclosure(t, filepath.Join(dir, fmt.Sprintf("anew-%d.db", round)))
				followAll(t, anew, reader)
				for range 25 {
					narrow += sameScope(t, always, anew, h.query(cut.Add(2*time.Minute)))
				}
			}
		})
	}
	if narrow == 0 {
		t.Error("no answer was about some people only: the test proves nothing")
	}
}

func openDisclosure(t *testing.T, path string) *disclosure.View {
	t.Helper()
	v, err := disclosure.Open(t.Context(), disclosure.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func followAll(t *testing.T, v *disclosure.View, l view.Ledger) {
	t.Helper()
	f, err := view.Follow(t.Context(), "disclosure", l, v)
	if err == nil {
		err = f.CatchUp(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// query draws a question about some time since from.
func (h *shopHistory) query(from time.Time) scope.Query {
	span := max(h.now.Sub(from), 2)
	a, b := from.Add(time.Duration(h.rng.Int64N(int64(span)))), from.Add(time.Duration(h.rng.Int64N(int64(span))))
	if b.Before(a) {
		a, b = b, a
	}
	q := scope.Query{From: a, To: b}
	switch h.rng.IntN(4) {
	case 0:
		q.Addresses = []string{"10.0.0.1"}
	case 1:
		q.Sessions = []scope.Session{{ID: uint64(1 + h.rng.IntN(int(h.next)))}}
	case 2:
		q.Users = []string{"app"}
	}
	return q
}

// sameScope compares two answers; it returns 1 when it is about some people,
// not about everybody or nobody.
func sameScope(t *testing.T, always, anew *disclosure.View, q scope.Query) int {
	t.Helper()
	want, sets := answerText(t, always, q)
	got, _ := answerText(t, anew, q)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%+v (-never stopped +made anew)\n%s", q, diff)
	}
	if r := sets[scope.Reachable]; r != "" && r != sets[scope.EverHeld] {
		return 1
	}
	return 0
}

func answerText(t *testing.T, v *disclosure.View, q scope.Query) (text string, sets [3]string) {
	t.Helper()
	a, err := v.Scope(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	for c := scope.Confirmed; c <= scope.EverHeld; c++ {
		set := a.Subjects(c)[historySource]
		sets[c] = string(set.Append(nil))
	}
	out, err := json.MarshalIndent(struct {
		Result scope.Result
		Sets   [3]string
	}{a.Result, sets}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out), sets
}
