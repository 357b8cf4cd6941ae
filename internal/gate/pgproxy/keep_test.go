package pgproxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/policy/cut"
	"sekisho/internal/roll"
)

// keeps makes a world whose sessions outlive its gate.
func keeps(t *testing.T, change func(*pgproxy.Config, *pgproxy.Settings)) *world {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: sessions are kept on Linux only")
	}
	return newWorld(t, func(c *pgproxy.Config, s *pgproxy.Settings) {
		c.Keep = func() bool { return true }
		if change != nil {
			change(c, s)
		}
	})
}

// follow ends the gate and begins the next one of the same source.
func (w *world) follow(start uint32, change func(*pgproxy.Config, *pgproxy.Settings)) *world {
	w.t.Helper()
	w.stop()
	return w.followKept(start, change, w.gate.Kept())
}

func (w *world) followKept(start uint32, change func(*pgproxy.Config, *pgproxy.Settings), kept []pgproxy.Kept) *world {
	w.t.Helper()
	next := newWorldIn(w.t, w.server, w.database, func(c *pgproxy.Config, s *pgproxy.Settings) {
		c.Keep, c.Start, c.Resume, c.Recorders = func() bool { return true }, start, kept, []event.Recorder{w.rec}
		if change != nil {
			change(c, s)
		}
	})
	next.rec = w.rec
	next.until("the kept sessions are taken up", func() bool { return len(next.gate.Sessions()) >= len(kept) })
	return next
}

// rowsOf runs a statement and returns its rows as text.
func rowsOf(t *testing.T, c *pgx.Conn, sql string) []string {
	t.Helper()
	rows, code := simple(t, c, sql)
	if code != "" {
		t.Fatalf("%s: SQLSTATE %s", sql, code)
	}
	return rows
}

// TestSessionsKept: a session at rest goes on at the next gate, twice, with all
// that it has at the server; what the next gate knows of it is exact, what it
// cannot know is bounded, and every row is in the records.
func TestSessionsKept(t *testing.T) {
	ctx := t.Context()
	w := keeps(t, nil)
	c := w.connect("default_query_exec_mode=exec")
	other := w.connect("default_query_exec_mode=exec")
	if _, err := c.Prepare(ctx, "byplan", "SELECT name FROM public.customers WHERE plan = $1 AND id < 4 ORDER BY id"); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"SET search_path = other, public", "PREPARE byid(int) AS SELECT email FROM public.customers WHERE id = $1",
		"CREATE TEMP TABLE goods AS SELECT id, email AS title FROM public.customers WHERE id = 50", "LISTEN news",
		"BEGIN; DECLARE later CURSOR WITH HOLD FOR SELECT email FROM public.customers WHERE id IN (60, 61); COMMIT"} {
		rowsOf(t, c, sql)
	}
	before := w.gate.Sessions()
	for start := uint32(2); start < 4; start++ {
		bodies, _ := w.rec.all()
		from := len(bodies)
		w = w.follow(start, nil)
		if now := w.gate.Sessions(); len(now) != 2 || now[0].ID != before[0].ID || now[0].ServerPID != before[0].ServerPID || !now[0].Since.Equal(before[0].Since) {
			t.Fatalf("sessions %+v, before %+v", now, before)
		}
		if p := w.gate.Presence(before[0].ServerPID); p != roll.Serving {
			t.Errorf("the watch is told %v of a kept session", p)
		}
		if n := w.gate.Carried(); n.Established != 0 || n.Pending != 0 {
			t.Errorf("kept sessions count as new: %+v", n)
		}
		rows, err := c.Query(ctx, "byplan", "basic")
		if err != nil {
			t.Fatal(err)
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || !slices.Equal(names, []string{"名前1", "名前2", "名前3"}) {
			t.Errorf("a prepared statement says %q, %v", names, err)
		}
		if got := rowsOf(t, c, "EXECUTE byid(9)"); !slices.Equal(got, []string{"u9@example.jp"}) {
			t.Errorf("EXECUTE says %q", got)
		}
		if got := rowsOf(t, c, "SELECT name FROM customers WHERE id = 5001"); !slices.Equal(got, []string{"other1"}) {
			t.Errorf("the search_path is another: %q", got)
		}
		w.until("the buckets are closed", func() bool { return strings.Count(folded(w, from), "\n") == 1 })
		if got := folded(w, from); got != "customers email exact {9}\ncustomers name exact {1-3}" {
			t.Errorf("run %d, recorded:\n%s", start, got)
		}
		rowsOf(t, other, "NOTIFY news, 'hello'")
		n, err := c.WaitForNotification(ctx)
		if err != nil || n.Payload != "hello" {
			t.Errorf("LISTEN is gone: %v, %v", n, err)
		}
		if got := rowsOf(t, c, "FETCH 1 FROM later"); len(got) != 1 {
			t.Errorf("a held cursor gives %q", got)
		}
		w.until("a held cursor is bounded", func() bool { return strings.Contains(folded(w, from), "bounded: cursor") })
		if got := rowsOf(t, c, "SELECT title FROM goods"); !slices.Equal(got, []string{"u50@example.jp"}) {
			t.Errorf("a temporary table gives %q", got)
		}
		w.until("a temporary table that hides a public one is bounded", func() bool { return strings.Contains(folded(w, from), "bounded: temporary") })
	}
	w.stop()
	bodies, _ := w.rec.all()
	opened := 0
	for _, b := range bodies {
		if o, ok := b.(*event.SessionOpen); ok && o.Session == before[0].ID {
			opened++
		}
		if b, ok := b.(*event.SessionClose); ok {
			t.Errorf("a session was closed: %+v", b)
		}
	}
	if opened != 3 {
		t.Errorf("opened %d times, want once a run", opened)
	}
	for _, k := range w.gate.Kept() {
		k.Close()
	}
}

// folded is what crossed since, as lines.
func folded(w *world, from int) string {
	bodies, _ := w.rec.all()
	lines := slices.DeleteFunc(fold(bodies[from:]), func(line string) bool { return strings.HasPrefix(line, "finding ") })
	return strings.Join(lines, "\n")
}

// TestKeptWhatIsUnderWay: while a session carries something out the others go on with
// their transactions, for the time of the drain; who waits in the middle of one then is
// kept, and what is not carried out by then ends.
func TestKeptWhatIsUnderWay(t *testing.T) {
	ctx := t.Context()
	w := keeps(t, func(c *pgproxy.Config, _ *pgproxy.Settings) { c.DrainTimeout = 3 * time.Second })
	ends, stays := w.connect("default_query_exec_mode=exec"), w.connect("default_query_exec_mode=exec")
	for _, c := range []*pgx.Conn{ends, stays} {
		for _, sql := range []string{"BEGIN", "DECLARE c CURSOR FOR SELECT id, email FROM customers WHERE id < 10", "FETCH 2 FROM c"} {
			rowsOf(t, c, sql)
		}
	}
	_, copied := w.copies()
	said := make(chan error, 1)
	w2 := make(chan *world, 1)
	go func() { w2 <- w.follow(2, nil) }()
	go func() {
		_, err := ends.PgConn().Exec(ctx, "FETCH 2 FROM c; COMMIT").ReadAll()
		said <- err
	}()
	if err := <-said; err != nil {
		t.Errorf("a transaction that ends within the drain: %v", err)
	}
	next := <-w2
	if err := <-copied; err == nil {
		t.Error("what was under way at the end of the drain went on")
	}
	if n := len(next.gate.Sessions()); n != 2 {
		t.Errorf("%d sessions were kept, want 2", n)
	}
	if got := rowsOf(t, ends, "SELECT email FROM customers WHERE id = 20"); !slices.Equal(got, []string{"u20@example.jp"}) {
		t.Errorf("the next gate gives %q", got)
	}
	if got := rowsOf(t, stays, "SELECT email FROM customers WHERE id = 30; COMMIT"); !slices.Equal(got, []string{"u30@example.jp"}) {
		t.Errorf("a transaction that waited gets %q", got)
	}
	next.stop()
	if got := folded(w, 0); !strings.HasSuffix(got, "customers email exact {1-4,20,30}") {
		t.Errorf("recorded:\n%s", got)
	}
}

// copies begins a COPY that waits for its client until the pipe is closed.
func (w *world) copies() (more *io.PipeWriter, ended <-chan error) {
	w.t.Helper()
	c := w.connect("default_query_exec_mode=exec")
	r, more := io.Pipe()
	w.t.Cleanup(func() { _ = more.Close() })
	done := make(chan error, 1)
	_, _, before := w.gate.Changes(w.database, "shop")
	go func() {
		_, err := c.PgConn().CopyFrom(context.WithoutCancel(w.t.Context()), r, "COPY goods FROM STDIN")
		_ = r.Close()
		done <- err
	}()
	w.until("the COPY is under way", func() bool { _, _, now := w.gate.Changes(w.database, "shop"); return now > before })
	return more, done
}

// TestKeptAndCut: a cut that came meanwhile ends a kept session before a byte of
// it passes; so does an operator who ends it while nobody carries it.
func TestKeptAndCut(t *testing.T) {
	w := keeps(t, nil)
	c := w.connect("default_query_exec_mode=exec")
	rowsOf(t, c, "SELECT 1")
	w.stop()
	kept := w.gate.Kept()
	if len(kept) != 1 {
		t.Fatalf("%d sessions kept", len(kept))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := pgproxy.Config{Listener: l, Recorders: []event.Recorder{w.rec}, Start: 2, Resume: kept}
	cfg.Login.Network, cfg.Login.Address = "tcp", w.server.Addr()
	g, err := pgproxy.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	set, err := cut.New(1, []cut.Entry{{ID: "c1", Kind: cut.User, Target: "app", Until: time.Now().Add(time.Hour).UnixNano()}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Cut(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	run, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(run) }()
	if _, err := c.PgConn().Exec(t.Context(), "SELECT email FROM customers").ReadAll(); err == nil {
		t.Error("a session that is cut went on")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	bodies, _ := w.rec.all()
	if !slices.ContainsFunc(bodies, func(b event.Body) bool { d, ok := b.(*event.Decision); return ok && d.Reason == "cut" }) {
		t.Error("the refusal is not recorded")
	}

	w = keeps(t, nil)
	c = w.connect("default_query_exec_mode=exec")
	w.stop()
	if n := w.gate.End(func(s pgproxy.Session) bool { return s.User == "app" }); n != 1 {
		t.Errorf("%d ended, want the kept one", n)
	}
	if n := len(w.gate.Kept()); n != 0 {
		t.Errorf("%d are still there", n)
	}
	var gone *pgconn.PgError
	if err := c.Ping(t.Context()); err == nil || errors.As(err, &gone) && !errors.Is(err, io.EOF) {
		t.Errorf("the client hears %v", err)
	}
}

// TestKeptElsewhere: a session is taken up at its own server only, and by a gate
// that can record it.
func TestKeptElsewhere(t *testing.T) {
	w := keeps(t, nil)
	c := w.connect("default_query_exec_mode=exec")
	rowsOf(t, c, "SELECT 1")
	w.stop()
	kept := w.gate.Kept()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := pgproxy.Config{Listener: l, Recorders: []event.Recorder{w.rec}, Start: 2, Resume: kept}
	cfg.Login.Network, cfg.Login.Address = "tcp", "127.0.0.1:1"
	g, err := pgproxy.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	run, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(run) }()
	if err := c.Ping(t.Context()); err == nil {
		t.Error("it went on before another server")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
