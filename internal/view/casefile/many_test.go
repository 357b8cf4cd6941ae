//go:build unix

package casefile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/viewtest"
)

func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestManyCases reports the processor time of one question and one change with
// 10,000 cases. It judges nothing: figures are in docs/benchmarks.md.
func TestManyCases(t *testing.T) {
	if os.Getenv("SEKISHO_LONG") == "" {
		t.Skip("SKIPPED: SEKISHO_LONG is not set; it makes 10,000 cases")
	}
	var l viewtest.Ledger
	at := jst("2026-11-01 00:00").UnixNano()
	for i := range 10_000 {
		l.Add("case", event.Seq(i+1), at+int64(i), 0, &event.CaseSign{Case: "c" + time.Duration(i).String(), Class: "card-misuse", Channel: "psp", Title: "t", KnownAt: at, KnownBy: "x", By: "x", Facts: []string{"card", "personal-data"}})
	}
	v, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "c.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	w, err := view.Follow(t.Context(), "casefile", l, v)
	if err == nil {
		err = w.CatchUp(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 50
	measure := func(name string, f func() error) {
		begin := cpu(t)
		for range rounds {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("SAMPLE case_%s_ms %.3f -", name, float64((cpu(t)-begin).Microseconds())/rounds/1000)
	}
	firm := &Firm{Roster: people()}
	measure("list", func() error { _, err := v.Lines(t.Context(), true, 100); return err })
	measure("show", func() error {
		c, err := v.Case(t.Context(), "c"+time.Duration(7777).String())
		if err == nil {
			c.Clocks(v.Books().Rules, nil, time.Time{})
			c.Due(v.Books(), firm, jst("2026-11-22 00:00"))
		}
		return err
	})
	seq := event.Seq(10_000)
	measure("record", func() error {
		seq++
		l.Add("case", seq, at, 0, &event.CaseFact{Case: "c" + time.Duration(7777).String(), Fact: "attack", KnownAt: at, KnownBy: "x", By: "x"})
		w, err := view.Follow(t.Context(), "casefile", l, v)
		if err != nil {
			return err
		}
		return w.CatchUp(t.Context())
	})
}
