package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
)

// TestLoginsBegin: what an address is asked about begins with the earliest that
// is known of it, also when accounts were entered again, when more of them were
// entered than are shown, and when a gate's events came late.
func TestLoginsBegin(t *testing.T) {
	clock := time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)
	cfg := ledger.Config{Dir: filepath.Join(t.TempDir(), "ledger"), Tenant: "shop", Now: func() time.Time { return clock }}
	if err := ledger.Init(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	minute := func(n int) time.Time { return time.Date(2026, 11, 20, 2, n, 0, 0, time.UTC) }
	login := func(source event.Source, at time.Time, account string, ok, leaked bool) {
		t.Helper()
		clock = at
		if _, err := l.Recorder(source, 0).Record(t.Context(), event.Written, &event.SiteLogin{Place: "shop", Address: "198.51.100.7", Account: account, OK: ok, Leaked: leaked}); err != nil {
			t.Fatal(err)
		}
	}
	const entered = consoleoffice.MostEntered + 5
	login("gate/a", minute(4), "nobody", false, false)
	for i := range entered {
		login("gate/a", minute(5+i), fmt.Sprintf("account-%02d", i), true, i == 0)
	}
	login("gate/a", minute(50), "account-00", true, false) // again
	login("gate/b", minute(2), "account-09", true, false)  // shipped late
	login("gate/b", minute(3), "nobody", false, false)

	if _, err := l.Wait(t.Context(), entered+4-1); err != nil {
		t.Fatal(err)
	}
	var r recent
	sources := map[loginKey]*loginSource{}
	if err := l.Scan(t.Context(), 0, func(i event.Index, line []byte) error {
		if e, err := event.Parse(line); err == nil {
			if b, ok := e.Body.(*event.SiteLogin); ok {
				addLogin(sources, e.At, b)
			}
		}
		return r.add(i, line)
	}); err != nil {
		t.Fatal(err)
	}
	_, _, got := r.logins()
	if len(got) != 1 || got[0].Failed != 2 || got[0].Entered != entered || got[0].Known != 1 {
		t.Fatalf("%+v", got)
	}
	row := got[0]
	if !row.First.Equal(minute(2)) || !row.Last.Equal(minute(50)) {
		t.Errorf("from %s to %s, want %s to %s", row.First, row.Last, minute(2), minute(50))
	}
	var into []string
	for _, e := range row.Into {
		into = append(into, fmt.Sprintf("%s %02d", e.Account, e.At.Minute()))
	}
	want := []string{"account-09 02"}
	for i := 0; len(want) < consoleoffice.MostEntered; i++ {
		if i != 9 {
			want = append(want, fmt.Sprintf("account-%02d %02d", i, 5+i))
		}
	}
	if diff := cmp.Diff(want, into); diff != "" {
		t.Errorf("entered (-want +got):\n%s", diff)
	}
	// Of memory that holds the end of it alone the beginning is in the ledger.
	c := &console{process: &process{ledger: l, cfg: &config.Loaded{Config: &config.Config{}}, now: time.Now, log: slog.New(slog.DiscardHandler)}}
	c.recent.lines = r.lines[len(r.lines)-1:]
	if _, got := c.logins(); len(got) != 1 || !got[0].First.IsZero() && !got[0].First.Equal(minute(2)) {
		t.Errorf("before the ledger was read: %+v", got)
	}
	c.wait.Wait()
	if _, got := c.logins(); len(got) != 1 || !got[0].First.Equal(minute(2)) {
		t.Errorf("after the ledger was read: %+v", got)
	}
	c.wait.Wait()
	told := sources[loginKey{"shop", "198.51.100.7"}] // as `sekisho web logins` does, in the order of the ledger
	if !told.First.Equal(minute(2)) || !told.Last.Equal(minute(50)) || len(told.Entered) != entered || !told.Entered[0].At.Equal(minute(5)) || !told.Entered[9].At.Equal(minute(2)) {
		t.Errorf("%+v", told)
	}
}
