package datamap

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/pgserver"
	"sekisho/internal/roll"
)

// watched is a server, a dummy gate in front and a watch over both.
type watched struct {
	*rig
	gate    *dummyGate
	watch   *Watch
	rec     *eventtest.Recorder
	uncover int
	forget  int
}

func newWatched(t *testing.T, sql string, tables ...Table) *watched {
	t.Helper()
	w := &watched{rig: newRig(t, sql+"; GRANT pg_read_all_stats TO "+scanRole, tables...), rec: &eventtest.Recorder{}}
	w.gate = newDummyGate(t, w.server.Addr())
	var err error
	w.watch, err = NewWatch(WatchConfig{
		Place: "shop", DSN: w.server.DSN(scanRole, "shop"), Control: &Control{}, Gate: w.gate, Recorder: w.rec,
		Tables:      func() []Table { return tables },
		OnUncovered: func() { w.uncover++ }, OnCatalogue: func() { w.forget++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.watch.Close(context.Background()) })
	w.settle(t)
	return w
}

// settle waits until nobody is at the database but the watch and sessions of the
// gate, and looks: everything that happened around the gate before is counted
// by the server then, and found now.
func (w *watched) settle(t *testing.T) {
	t.Helper()
	w.quiet(t, func(pid uint32) bool {
		return max(w.gate.Presence(pid), w.watch.cfg.Control.Presence(pid)) == roll.Serving
	})
	w.look(t)
}

// quiet waits until all processes of the database are gone, except those to
// keep: closing a session does not wait for its process, whose counts come with
// its end.
func (r *rig) quiet(t *testing.T, keep func(pid uint32) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, r.server.SocketDSN(pgserver.Superuser, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for {
		rows, err := conn.Query(ctx, "SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND backend_type = 'client backend'")
		if err != nil {
			t.Fatal(err)
		}
		pids, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
		if err != nil {
			t.Fatal(err)
		}
		if pids = slices.DeleteFunc(pids, keep); len(pids) == 0 {
			return
		}
		if wait(ctx, 20*time.Millisecond) != nil {
			t.Fatalf("%d processes do not end", len(pids))
		}
	}
}

func nobody(uint32) bool { return false }

// direct runs statements around the gate and looks when that is over.
func (w *watched) direct(t *testing.T, sql string) {
	t.Helper()
	if err := w.server.Exec(t.Context(), "shop", sql); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
}

// expect compares the reasons recorded so far.
func (w *watched) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := w.reasons(); !gocmp.Equal(got, want) {
		t.Fatalf("uncovered because of %q, want %q: %+v", got, want, w.details())
	}
}

func (w *watched) details() (out []event.Finding) {
	for _, f := range eventtest.Of[*event.Finding](w.rec) {
		out = append(out, *f)
	}
	return out
}

func (w *watched) look(t *testing.T) {
	t.Helper()
	w.watch.digest.next = time.Time{} // read the catalogue every time
	if err := w.watch.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// lookUntil looks again until the reasons recorded so far are want; servers
// report late.
func (w *watched) lookUntil(t *testing.T, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	for {
		w.look(t)
		got := w.reasons()
		if gocmp.Equal(got, want) {
			return
		}
		if wait(ctx, 20*time.Millisecond) != nil {
			t.Fatalf("uncovered because of %q, want %q", got, want)
		}
	}
}

// lookUntilAgreed looks again until the sessions agreed exactly after a time.
func (w *watched) lookUntilAgreed(t *testing.T, after time.Time) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	for w.watch.base.agreed.sessions.Before(after) {
		w.look(t)
		if wait(ctx, 20*time.Millisecond) != nil {
			t.Fatal("the sessions do not agree")
		}
	}
}

// reasons lists the reasons of recorded intervals, repetitions left out.
func (w *watched) reasons() (reasons []string) {
	for _, c := range eventtest.Of[*event.Coverage](w.rec) {
		if len(reasons) == 0 || reasons[len(reasons)-1] != c.Reason {
			reasons = append(reasons, c.Reason)
		}
	}
	return reasons
}

func (w *watched) connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func closeNow(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWatchSeesDirectSessions(t *testing.T) {
	t.Parallel()
	w := newWatched(t, shopSQL, customers())
	through := w.connect(t, w.gate.dsn("app", "shop"))
	defer closeNow(t, through)
	w.look(t)
	agreed := time.Now()
	w.lookUntilAgreed(t, agreed)
	w.expect(t)
	// One that was over before anybody looked is in the server's count.
	closeNow(t, w.connect(t, w.server.DSN("app", "shop")))
	w.settle(t)
	w.expect(t, ReasonSessions)
	first := eventtest.Of[*event.Coverage](w.rec)
	w.look(t)
	w.look(t)
	if again := eventtest.Of[*event.Coverage](w.rec); len(again) != len(first) {
		t.Errorf("%d intervals after the session was over, want %d", len(again), len(first))
	}
	if c := first[0]; c.From < agreed.UnixNano() || c.To <= c.From || c.Places[0] != "shop" {
		t.Errorf("uncovered %+v, want an interval of shop that begins after %v, when everything agreed", c, agreed)
	}
	// One that stays is uncovered as long as it stays.
	w.rec.Reset()
	direct := w.connect(t, w.server.DSN("app", "shop"))
	w.lookUntil(t, ReasonSessions)
	before := len(eventtest.Of[*event.Coverage](w.rec))
	w.look(t)
	w.look(t)
	if n := len(eventtest.Of[*event.Coverage](w.rec)); n != before+2 {
		t.Errorf("%d intervals while the session stays, want %d", n, before+2)
	}
	if n := len(eventtest.Of[*event.Finding](w.rec)); n != 1 {
		t.Errorf("%d findings for one disagreement, want 1", n)
	}
	closeNow(t, direct)
	if w.uncover == 0 || w.forget != 0 {
		t.Errorf("OnUncovered ran %d times, OnCatalogue %d; want some and none", w.uncover, w.forget)
	}
}

func TestWatchSeesSessionThatWasThereBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t, shopSQL+"; GRANT pg_read_all_stats TO "+scanRole)
	direct, err := pgx.Connect(t.Context(), r.server.DSN("app", "shop"))
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, direct)
	watch, err := NewWatch(WatchConfig{Place: "shop", DSN: r.cfg.DSN, Control: &Control{}, Gate: newDummyGate(t, r.server.Addr()), Recorder: r.rec})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close(t.Context())
	for range 2 {
		if err := watch.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := eventtest.Of[*event.Coverage](r.rec); len(got) != 1 || got[0].Reason != ReasonSessions {
		t.Errorf("uncovered %+v, want one interval because of %q", got, ReasonSessions)
	}
}

// Between two looks the gate carried a change of the catalogue. Alone it is no
// trouble; with one around the gate beside it, that was taken back before the
// look too, the time is uncovered.
func TestWatchTellsCarriedFromOthers(t *testing.T) {
	t.Parallel()
	w := newWatched(t, shopSQL+"; GRANT CREATE ON SCHEMA public TO app; CREATE VIEW own AS SELECT 1 AS n")
	through := w.connect(t, w.gate.dsn("app", "shop"))
	defer closeNow(t, through)
	carry := func(sql string) {
		t.Helper()
		if _, err := through.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	carry("CREATE VIEW one AS SELECT 1 AS n")
	w.settle(t)
	w.expect(t)
	carry("CREATE VIEW two AS SELECT 1 AS n")
	w.direct(t, "CREATE OR REPLACE VIEW own AS SELECT 2 AS n; CREATE OR REPLACE VIEW own AS SELECT 1 AS n")
	w.expect(t, ReasonSessions, ReasonCatalogue)
	w.rec.Reset()
	w.direct(t, "CREATE OR REPLACE VIEW own AS SELECT 2 AS n; CREATE OR REPLACE VIEW own AS SELECT 1 AS n")
	w.expect(t, ReasonSessions, ReasonCatalogue) // changed and changed back
}

func TestWatchSeesDirectChanges(t *testing.T) {
	t.Parallel()
	w := newWatched(t, shopSQL, customers())
	through := w.connect(t, w.gate.dsn("app", "shop"))
	defer closeNow(t, through)
	w.direct(t, "GRANT ALL ON customers TO app; ALTER TABLE customers ADD COLUMN note text")
	w.expect(t, ReasonSessions, ReasonCatalogue) // the grant and the column were made around the gate
	w.rec.Reset()
	for _, sql := range []string{
		"INSERT INTO customers (id, name) SELECT i, 'x' FROM generate_series(1000, 1099) i",
		"UPDATE customers SET name = 'y' WHERE id > 1050", "DELETE FROM customers WHERE id = 2",
	} {
		if _, err := through.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		w.look(t)
	}
	w.expect(t)
	w.direct(t, "UPDATE customers SET name = 'z' WHERE id = 1")
	w.lookUntil(t, ReasonSessions, ReasonChanges)
}

func TestWatchSeesCatalogue(t *testing.T) {
	t.Parallel()
	w := newWatched(t, shopSQL+"; GRANT ALL ON SCHEMA public TO app", customers())
	through := w.connect(t, w.gate.dsn("app", "shop"))
	defer closeNow(t, through)
	if _, err := through.Exec(t.Context(), "CREATE VIEW v AS SELECT 1 AS one"); err != nil {
		t.Fatal(err)
	}
	w.look(t)
	w.look(t)
	w.expect(t)
	if w.forget != 0 {
		t.Errorf("lineage forgotten %d times for a view made through the gate", w.forget)
	}
	w.direct(t, "CREATE OR REPLACE VIEW v AS SELECT 2 AS one")
	w.expect(t, ReasonSessions, ReasonCatalogue)
	if w.forget == 0 {
		t.Error("nobody was told to forget lineage")
	}
}

func TestWatchSurvivesRestarts(t *testing.T) {
	t.Parallel()
	w := newWatched(t, shopSQL, customers())
	closeNow(t, w.connect(t, w.gate.dsn("app", "shop")))
	w.look(t)
	restart := func() {
		if err := w.server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.watch.Close(t.Context())
	}
	restart()
	w.look(t)
	// Starting and stopping a server by hand opens sessions of its own: our
	// pgserver logs in to see whether it answers, at database postgres.
	w.expect(t) // its counters go on
	if err := w.server.Kill(); err != nil {
		t.Fatal(err)
	}
	restart()
	w.lookUntil(t, ReasonReset)
	w.rec.Reset()
	if err := w.server.Exec(t.Context(), "shop", "SELECT pg_stat_reset()"); err != nil {
		t.Fatal(err)
	}
	w.lookUntil(t, ReasonReset)
}

// What could not be recorded is recorded later.
func TestWatchKeepsWhatIsDue(t *testing.T) {
	t.Parallel()
	w := newWatched(t, shopSQL)
	w.rec.FailAfter(0, event.ErrFull, false)
	closeNow(t, w.connect(t, w.server.DSN("app", "shop")))
	w.quiet(t, func(pid uint32) bool { return w.watch.cfg.Control.Presence(pid) == roll.Serving })
	if err := w.watch.Look(t.Context()); err == nil {
		t.Fatal("Look said nothing about the recorder")
	}
	w.rec.FailAfter(0, nil, false)
	w.look(t)
	w.expect(t, ReasonSessions)
}

func TestWatchSaysWhenBlind(t *testing.T) {
	t.Parallel()
	r := newRig(t, shopSQL)
	r.quiet(t, nobody)
	watch, err := NewWatch(WatchConfig{Place: "shop", DSN: r.cfg.DSN, Control: &Control{}, Gate: newDummyGate(t, r.server.Addr()), Recorder: r.rec})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close(t.Context())
	for range 2 {
		if err := watch.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := eventtest.Of[*event.Finding](r.rec)
	if len(got) != 1 || got[0].Code != "SK7305" || !strings.Contains(got[0].Detail, "pg_read_all_stats") {
		t.Errorf("findings %+v, want SK7305 naming pg_read_all_stats", got)
	}
}

// A login through the gate that takes long is no stranger at the server, however
// often the watch looks; a session around the gate is found beside it.
func TestWatchIsPatientWithLogins(t *testing.T) {
	t.Parallel()
	w := newWatched(t, shopSQL, customers())
	held, free := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(free) })
	t.Cleanup(release) // before the gate waits for its sessions
	w.gate.count(func() { w.gate.answer = func() { close(held); <-free } })
	connected := make(chan *pgx.Conn, 1)
	go func() {
		conn, err := pgx.Connect(t.Context(), w.gate.dsn("app", "shop"))
		if err != nil {
			t.Error(err)
		}
		connected <- conn
	}()
	<-held
	for range 5 {
		w.look(t)
	}
	w.expect(t)
	direct := w.connect(t, w.server.DSN("app", "shop"))
	w.look(t)
	w.look(t)
	w.expect(t, ReasonSessions)
	release()
	through := <-connected
	closeNow(t, direct)
	w.settle(t)
	w.rec.Reset()
	for range 5 {
		w.look(t)
	}
	w.expect(t)
	closeNow(t, through)
}

// Whatever passes the gate is no bypass: logins without end, writes, errors,
// sessions that are cut.
func TestWatchHammer(t *testing.T) {
	w := newWatched(t, "")
	ctx := t.Context()
	run := func(program string, args ...string) {
		if out, err := w.server.Command(ctx, program, args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", program, err, out)
		}
	}
	run("pgbench", "-i", "-q", "-s", "1", "shop")
	if err := w.server.Exec(ctx, "shop", "GRANT ALL ON ALL TABLES IN SCHEMA public TO app"); err != nil {
		t.Fatal(err)
	}
	var tables []Table
	for _, name := range []string{"accounts", "tellers", "branches", "history"} {
		tables = append(tables, Table{Place: event.Place("shop/public.pgbench_" + name), Schema: "public", Name: "pgbench_" + name})
	}
	w.watch.cfg.Tables = func() []Table { return tables }
	w.settle(t)
	w.expect(t, ReasonSessions, ReasonCatalogue)
	w.rec.Reset()
	host, port, _ := net.SplitHostPort(w.gate.listener.Addr().String())
	target := fmt.Sprintf("host=%s port=%s user=app dbname=shop sslmode=disable gssencmode=disable", host, port)
	stop, traffic := make(chan struct{}), sync.WaitGroup{}
	// Counted, not timed: a slow machine makes the same sessions.
	for _, mode := range [][]string{{"-C", "-S", "-t", "30"}, {"-C", "-t", "20"}, {"-t", "100"}} {
		traffic.Go(func() {
			args := append([]string{"-n", "-M", "simple", "-c", "4"}, mode...)
			run("pgbench", append(args, target)...)
		})
	}
	go func() { traffic.Wait(); close(stop) }()
	looks := 0
	for running := true; running; looks++ {
		w.look(t)
		select {
		case <-stop:
			running = false
		default:
		}
	}
	if got := w.reasons(); got != nil {
		t.Fatalf("after %d looks: uncovered because of %q: %+v", looks, got, w.details())
	}
	established := w.gate.Sessions().Established
	t.Logf("%d looks, %d sessions, %d rows changed", looks, established, w.gate.Changes("shop").Rows)
	if established < 200 {
		t.Errorf("only %d sessions: no hammer", established)
	}
	w.direct(t, "UPDATE pgbench_accounts SET filler = 'x' WHERE aid = 1")
	w.lookUntil(t, ReasonSessions, ReasonChanges)
}
