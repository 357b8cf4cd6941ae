package ledger

import (
	"maps"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
)

// TestCarry: which of some dropped events bear on later times.
func TestCarry(t *testing.T) {
	const (
		table  = event.Place("shop/public.c")
		source = event.SubjectSource("shop.c")
		gate   = event.Source("gate/a")
	)
	at := func(s int64) int64 { return s * int64(time.Second) }
	scan := func(number uint64, part, parts uint32, from, to int64) event.Body {
		return &event.HoldingScan{Scan: number, Part: part, Parts: parts, Table: table, Source: source, From: at(from), To: at(to)}
	}
	change := &event.HoldingChange{Table: table, Source: source, Op: "insert", Rows: 1}
	intent := func(s event.Session) event.Body { return &event.Intent{Session: s} }
	attack := &event.Decision{Action: "refuse", Rule: "crs/942100"}
	shop := []event.Place{"shop"}
	type line struct {
		at   int64 // s
		body event.Body
	}
	for name, c := range map[string]struct {
		cut   int64
		lines []line
		want  []event.Index
	}{
		"sessions that are open": {1000, []line{
			{1, &event.SessionOpen{Session: 1}}, {2, &event.SessionOpen{Session: 2}}, {3, &event.SessionClose{Session: 1}},
		}, []event.Index{1}},
		"a restart ends sessions and intents": {1000, []line{
			{1, &event.SessionOpen{Session: 1}}, {2, intent(1)}, {3, &event.SourceStart{Start: 2}},
		}, []event.Index{2}},
		"the end of a session opened before": {1000, []line{{3, &event.SessionClose{Session: 9}}}, []event.Index{0}},
		"intents": {1000, []line{
			{1, intent(1)}, {2, intent(2)}, {3, intent(3)}, {4, &event.Crossing{Session: 1, Intent: 1}},
			{5, &event.Crossing{Session: 2, Intent: 2, More: true}}, {6, &event.SessionOpen{Session: 3}}, {7, &event.SessionClose{Session: 3}},
		}, []event.Index{1}},
		"signs of life": {1000, []line{
			{1, &event.SourceStart{Start: 1, Places: shop}}, {2, &event.Heartbeat{Places: shop}}, {3, &event.Heartbeat{Places: []event.Place{"hr"}}},
			{4, &event.Heartbeat{Places: shop}}, {5, &event.Heartbeat{Places: shop}},
		}, []event.Index{2, 4}},
		"no sign of life after a stop": {1000, []line{
			{1, &event.SourceStart{Start: 1, Places: shop}}, {2, &event.Heartbeat{Places: shop}}, {3, &event.SourceStop{}},
		}, nil},
		"the last whole scan, and since": {1000, []line{
			{10, scan(1, 1, 1, 8, 10)}, {20, change}, {30, scan(2, 1, 2, 28, 30)}, {31, change}, {32, scan(2, 2, 2, 28, 32)}, {33, change},
			{40, scan(3, 1, 2, 38, 40)}, {50, change},
		}, []event.Index{2, 3, 4, 5, 6, 7}},
		"a scan just before the cut does not count yet": {100, []line{
			{10, scan(1, 1, 1, 8, 10)}, {20, change}, {60, scan(2, 1, 1, 50, 60)},
		}, []event.Index{0, 1, 2}},
		"flows that have no end": {100_000, []line{
			{1, &event.Flow{ID: "long ago", Action: "allow"}}, {90_000, &event.Flow{ID: "a", Action: "allow"}}, {90_001, &event.Flow{ID: "b", Action: "report"}},
			{90_002, &event.Flow{ID: "c", Action: "refuse"}}, {90_003, &event.FlowEnd{ID: "b"}},
		}, []event.Index{1}},
		"the last of each file": {1000, []line{
			{1, &event.Object{Place: "www/a", Content: "01"}}, {2, &event.Object{Place: "www/a", Content: "02"}}, {3, &event.Object{Place: "www/a", Gone: true}},
			{4, &event.Object{Place: "www/b", Content: "02"}}, {5, &event.Object{Place: "www/b", Writes: 1}}, {6, &event.Object{Place: "www/c", Gone: true}},
			{7, &event.Object{Place: "www/c", Content: "03"}},
		}, []event.Index{1, 2, 3, 6}},
		"the last of each database": {1000, []line{{1, &event.Drift{Database: "a"}}, {2, &event.Drift{Database: "b", Count: 1}}, {3, &event.Drift{Database: "a"}}}, []event.Index{1, 2}},
		"how far a record is wanted": {1000, []line{
			{1, &event.RecordDue{Sites: []string{"osaka", "nara"}}}, {2, &event.RecordDue{Sites: []string{"osaka"}}}, {3, &event.RecordDue{Sites: []string{"osaka"}}},
		}, []event.Index{0, 2}},
		"attacks of the first and the last day": {400_000, []line{
			{1, attack}, {90_000, attack}, {180_000, &event.Decision{Rule: "crs/930100"}}, {180_001, attack},
		}, []event.Index{0, 3}},
		"never scanned whole": {1000, []line{{10, change}, {20, scan(1, 1, 2, 18, 20)}, {30, change}}, []event.Index{0, 1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newCarry(at(c.cut))
			for i, l := range c.lines {
				x.add(event.Index(i), &event.Event{Source: gate, Seq: event.Seq(i + 1), At: event.Time(at(l.at)), Body: l.body})
			}
			x.keepIntents(func(carriedIntent, announced) bool { return true })
			x.settle()
			if diff := cmp.Diff(c.want, slices.Sorted(maps.Keys(x.keep))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestCarryWaveOfALateGate: the record of a remote gate arrives days later. A day of
// its attacks that may go on stays, though other gates are days ahead.
func TestCarryWaveOfALateGate(t *testing.T) {
	day := func(d int64) int64 { return d * int64(24*time.Hour) }
	x := newCarry(day(9))
	for i, l := range []struct {
		source event.Source
		day    int64
	}{{"gate/shop", 1}, {"gate/shop", 2}, {"gate/shop", 3}, {"gate/shop@osaka", 1}, {"gate/shop@osaka", 2}, {"gate/shop", 4}} {
		x.add(event.Index(i), &event.Event{Source: l.source, Seq: event.Seq(i + 1), At: event.Time(day(l.day)), Body: &event.Decision{Action: "refuse", Rule: "crs/942100"}})
	}
	x.settle()
	if diff := cmp.Diff([]event.Index{0, 3, 4, 5}, slices.Sorted(maps.Keys(x.keep))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestCarryOldRows: rows may pass long after the server read them. Who was held then
// stays known, however early that was.
func TestCarryOldRows(t *testing.T) {
	cfg := sampleLedger(t)
	var clock atomic.Int64 // UTC ns; the ledger's own goroutines read it
	now := func() time.Time { return time.Unix(0, clock.Load()).UTC() }
	cfg.Now = now
	const table, source = event.Place("shop/public.c"), event.SubjectSource("shop.c")
	for name, c := range map[string]struct {
		intent, crossing bool // which of them is older than the cut
		want             int  // scans that are there afterwards
	}{"as old as they pass": {want: 1}, "of an earlier transaction": {crossing: true, want: 2}, "announced and not completed": {intent: true, want: 2}} {
		t.Run(name, func(t *testing.T) {
			cfg.Dir = filepath.Join(t.TempDir(), "ledger")
			clock.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
			if err := Init(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			l := mustOpen(t, cfg)
			record := func(bodies ...event.Body) {
				t.Helper()
				clock.Add(int64(time.Hour))
				if _, err := l.Recorder("gate/a", 0).Record(t.Context(), event.Durable, bodies...); err != nil {
					t.Fatal(err)
				}
			}
			scan := func(number uint64) event.Body {
				at := now().Add(time.Hour).UnixNano()
				return &event.HoldingScan{Scan: number, Part: 1, Parts: 1, Table: table, Source: source, From: at, To: at}
			}
			record(&event.SessionOpen{Session: 1})
			record(scan(1))
			read := now().Add(time.Minute).UnixNano()
			since := func(is bool) int64 {
				if is {
					return read
				}
				return 0
			}
			record(scan(2))
			record(&event.Intent{Session: 1, Since: since(c.intent)})
			if err := l.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			record(&event.Crossing{Session: 1, Intent: 99, From: clock.Load(), To: clock.Load(), Since: since(c.crossing)})
			clock.Add(int64(100 * time.Hour))
			if done, err := l.Retain(t.Context(), RetentionPolicy{Name: "24h", MaxAge: 24 * time.Hour}); err != nil || done == nil {
				t.Fatalf("%+v, %v", done, err)
			}
			var got int
			if err := l.Scan(t.Context(), 0, func(_ event.Index, line []byte) error {
				h, err := event.ParseHeader(line)
				if h.Kind == event.KindHoldingScan {
					got++
				}
				return err
			}); err != nil || got != c.want {
				t.Errorf("%d scans are there, %v; want %d", got, err, c.want)
			}
		})
	}
}
