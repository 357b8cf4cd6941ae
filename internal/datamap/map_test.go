package datamap

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/roll"
	"sekisho/internal/subject"
)

// scans counts the scans of a table that were recorded.
func scans(rec *eventtest.Recorder, table event.Place) (n int) {
	for _, b := range eventtest.Of[*event.HoldingScan](rec) {
		if b.Table == table && b.Part == 1 {
			n++
		}
	}
	return n
}

func TestRunScansOnRequest(t *testing.T) {
	r := newRig(t, shopSQL, customers())
	r.cfg.Debounce = time.Millisecond
	done := make(chan Progress, 100)
	r.cfg.Progress = func(p Progress) {
		if p.Done {
			done <- p
		}
	}
	m := r.newMap(t)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil after cancel", err)
		}
	})
	first := <-done
	if first.Rows != 3 || first.Subjects != 3 {
		t.Errorf("first scan: %+v, want 3 rows of 3 subjects", first)
	}
	if err := r.server.Exec(ctx, "shop", "INSERT INTO customers VALUES (4, 'd', 'd@example.com', NULL, NULL)"); err != nil {
		t.Fatal(err)
	}
	m.Rescan("shop/public.customers")
	if second := <-done; second.Subjects != 4 {
		t.Errorf("after Rescan: %+v, want 4 subjects", second)
	}
	m.Rescan("shop/public.tours") // not in the map: nothing happens
	m.Add(Table{Place: "shop/public.lists", Schema: "public", Name: "lists", Source: "shop.customers", Key: "id",
		Columns: map[string]element.Kind{"email": element.Email}})
	if third := <-done; third.Table != "shop/public.lists" {
		t.Errorf("after Add: scan of %s", third.Table)
	}
	cancel()
	running.Wait()
	if n := scans(r.rec, "shop/public.customers"); n != 2 {
		t.Errorf("%d scans of customers, want 2", n)
	}
}

// Requests in a row are one scan, and a steady stream cannot put it off
// for ever.
func TestDueDebounces(t *testing.T) {
	now := eventtest.Start
	m, err := New(Config{Database: "shop", Recorder: &eventtest.Recorder{}, Tables: []Table{customers()},
		Numbers: func(event.SubjectSource) Numbers { return nil }, Debounce: 10 * time.Second, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	var waited time.Duration
	for range 100 {
		m.Rescan("shop/public.customers")
		now, waited = now.Add(9*time.Second), waited+9*time.Second
		if due, _ := m.due(now); len(due) > 0 {
			break
		}
	}
	if waited < 60*time.Second || waited > 70*time.Second {
		t.Errorf("a request every 9 s was due after %v, want after six times 10 s", waited)
	}
	if _, ok := m.begin("shop/public.customers"); !ok {
		t.Fatal("begin does not know the table")
	}
	m.Rescan("shop/public.customers")
	if due, next := m.due(now); len(due) != 0 || !next.Equal(now.Add(10*time.Second)) {
		t.Errorf("after one request: due %v, next at %v; want nothing until %v", due, next, now.Add(10*time.Second))
	}
}

// Whatever may write to any table may write to one that is added meanwhile.
func TestAddWhileAnythingIsWritten(t *testing.T) {
	r := &rig{}
	r.books(t)
	m, ids := r.newMap(t), r.ids
	c := customers()
	space := c.spaces()[0]
	over := m.Writing("", nil)
	m.Add(c)
	if ids.Begin(space).Commit() {
		t.Error("a table that was added while anything was written has identifiers")
	}
	over(true)
	m.Remove(c.Place)
	m.Add(c)
	if !ids.Begin(space).Commit() {
		t.Error("a table that was read after the write has none")
	}
}

// A write to an identifier column while the table is read makes the index not
// count, and asks for another scan.
func TestScanDuringSuspension(t *testing.T) {
	r := newRig(t, shopSQL, customers())
	space := subject.Space{Table: "shop/public.customers", Element: element.Email}
	m := r.newMap(t)
	suspended := false
	m.cfg.Progress = func(Progress) {
		if !suspended {
			suspended = true
			r.ids.Suspend(space)
		}
	}
	if err := m.ScanAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, owner := r.ids.Lookup(space, []byte("a@example.com")); owner != subject.NotKnown {
		t.Errorf("identifier after a write during the scan: %v, want NotKnown", owner)
	}
	if _, next := m.due(time.Now()); next.IsZero() {
		t.Error("no further scan was asked for")
	}
	if err := m.ScanAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, owner := r.ids.Lookup(space, []byte("a@example.com")); owner != subject.One {
		t.Errorf("identifier after a quiet scan: %v, want One", owner)
	}
}

func TestDoubtSuspendsIdentifiers(t *testing.T) {
	r := newRig(t, shopSQL, customers())
	space := subject.Space{Table: "shop/public.customers", Element: element.Email}
	m := r.newMap(t)
	if err := m.ScanAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Doubt()
	if _, owner := r.ids.Lookup(space, []byte("a@example.com")); owner != subject.NotKnown {
		t.Errorf("identifier in doubt: %v, want NotKnown", owner)
	}
	if due, _ := m.due(time.Now().Add(time.Hour)); len(due) != 1 {
		t.Errorf("due %v, want a scan of the table", due)
	}
}

func TestControlCountsExactly(t *testing.T) {
	r := newRig(t, shopSQL)
	control := &Control{}
	conn, err := connect(t.Context(), r.cfg.DSN, "test", control)
	if err != nil {
		t.Fatal(err)
	}
	pid := conn.PgConn().PID()
	expect := func(when string, want roll.Presence) {
		t.Helper()
		if n, p := control.Sessions(), control.Presence(pid); n != (roll.Count{Established: 1}) || p != want {
			t.Errorf("%s: %+v, presence %v; want one established session, presence %v", when, n, p, want)
		}
	}
	expect("one open session", roll.Serving)
	closeNow(t, conn)
	expect("after it", roll.Left)
	if _, err := connect(t.Context(), r.server.DSN("nobody-there", "shop"), "test", control); err == nil {
		t.Fatal("an unknown role logged in")
	}
	expect("after a refused login", roll.Left)
}

const benchRows = 200_000

func BenchmarkScan(b *testing.B) {
	r := newRig(b, fmt.Sprintf(`CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, email text, shoe_size int, seen_at date);
		INSERT INTO customers SELECT i, 'n', i || '@example.com' FROM generate_series(1, %d) i`, benchRows), customers())
	m := r.newMap(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.ScanAll(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
