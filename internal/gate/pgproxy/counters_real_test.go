package pgproxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/datamap"
	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/lineage"
	"sekisho/internal/pgserver"
	"sekisho/internal/roll"
	"sekisho/internal/wire/pgwire"
)

// carried is what a gate carried, for the watch.
type carried struct {
	gate     *pgproxy.Gate
	database string
}

func (c carried) Sessions() roll.Count              { return c.gate.Carried() }
func (c carried) Presence(pid uint32) roll.Presence { return c.gate.Presence(pid) }
func (c carried) DDL() uint64                       { return c.gate.DDL(c.database) }
func (c carried) Changes(t event.Place) (n datamap.Changes) {
	n.Rows, n.Unclear, n.InFlight = c.gate.Changes(c.database, t)
	return n
}

// watched is a world whose change counters are compared.
type watched struct {
	*world
	watch  *datamap.Watch
	found  *recorder
	admin  *pgx.Conn
	ahead  atomic.Int64 // how far the watch's clock is ahead, ns
	looks  int
	tables []datamap.Table
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	server := sharedServer(t)
	name := fmt.Sprintf("shop%d", databases.Add(1))
	if err := server.Clone(t.Context(), "shop", name); err != nil {
		t.Fatal(err)
	}
	if out, err := server.Command(t.Context(), "pgbench", "-i", "-q", name).CombinedOutput(); err != nil {
		t.Fatalf("pgbench: %v\n%s", err, out)
	}
	if err := server.Exec(t.Context(), name, "GRANT ALL ON ALL TABLES IN SCHEMA public TO app"); err != nil {
		t.Fatal(err)
	}
	w := &watched{found: &recorder{}}
	declared, protected := []lineage.Table{tableCustomers, tableBookings}, protectedTables
	for _, table := range []string{"accounts", "tellers", "branches", "history"} {
		table = "pgbench_" + table
		declared = append(declared, lineage.Table{Schema: "public", Name: table})
		protected = append(protected, pgproxy.Protected{Table: event.Place("shop/public." + table)})
	}
	for i := range declared {
		w.tables = append(w.tables, datamap.Table{Place: protected[i].Table, Schema: "public", Name: declared[i].Name})
	}
	reader, err := lineage.New(lineage.Config{ConnString: server.DSN("lineage", name), Place: "shop", Tables: declared})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reader.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	w.world = newWorldIn(t, server, name, func(_ *pgproxy.Config, s *pgproxy.Settings) {
		s.Analyser, s.Protected = reader, protected
	})
	if w.admin, err = pgx.Connect(t.Context(), server.SocketDSN(pgserver.Superuser, name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.admin.Close(context.Background()) })
	w.watch, err = datamap.NewWatch(datamap.WatchConfig{
		Place: "shop", DSN: server.SocketDSN(pgserver.Superuser, name), Control: &datamap.Control{},
		Gate: carried{w.gate, w.database}, Recorder: w.found, Tables: func() []datamap.Table { return w.tables },
		Now: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.watch.Close(context.Background()) })
	// pgbench's counts come with the end of its process.
	w.until("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = $1 AND datname = current_database() AND pid <> pg_backend_pid()", pgserver.Superuser)
	w.look()
	return w
}

// look compares once and returns what was recorded about change counters. Other
// reasons are not of interest: tests log in around the gate.
func (w *watched) look() (out []string) {
	w.t.Helper()
	w.looks++
	if err := w.watch.Look(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	bodies, _ := w.found.all()
	for _, b := range bodies {
		switch b := b.(type) {
		case *event.Coverage:
			if b.Reason == datamap.ReasonChanges {
				out = append(out, "coverage")
			}
		case *event.Finding:
			if b.Code == "SK7302" {
				out = append(out, b.Detail)
			}
		}
	}
	return out
}

// until asks the server again until a query returns true.
func (w *watched) until(sql string, args ...any) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(90 * time.Second)
	for ok := false; ; {
		if err := w.admin.QueryRow(w.t.Context(), sql, args...).Scan(&ok); err != nil {
			w.t.Fatal(err)
		}
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("not true in 90 s: %s %v", sql, args)
		}
	}
}

// mixed is traffic whose rows are not all in command tags.
func mixed(ctx context.Context, conn *pgx.Conn, round int) error {
	id := 100_000 + 10*round
	failing := func(sql string, args ...any) error {
		var refused *pgconn.PgError
		if _, err := conn.Exec(ctx, sql, args...); !errors.As(err, &refused) {
			return errors.New("did not fail: " + sql)
		}
		return nil
	}
	do := func(sql string, args ...any) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	}
	var got int
	rows := [][]any{{id + 5, "a"}, {id + 6, "b"}, {id + 7, "c"}}
	_, copied := conn.CopyFrom(ctx, pgx.Identifier{"customers"}, []string{"id", "name"}, pgx.CopyFromRows(rows))
	_, again := conn.CopyFrom(ctx, pgx.Identifier{"customers"}, []string{"id", "name"}, pgx.CopyFromRows(rows))
	if again == nil {
		return errors.New("the same rows were copied twice")
	}
	return errors.Join(copied,
		conn.QueryRow(ctx, "INSERT INTO customers (id, name) VALUES ($1, 'n') RETURNING id", id).Scan(&got),
		do("INSERT INTO customers (id, name) VALUES ($1, 'n'), ($2, 'm') ON CONFLICT (id) DO UPDATE SET name = excluded.name", id, id+1),
		do("INSERT INTO customers (id, name) VALUES ($1, 'n') ON CONFLICT DO NOTHING", id),
		do("UPDATE customers SET plan = 'gold' WHERE id BETWEEN $1 AND $2", id, id+9),
		failing("INSERT INTO customers (id, name) VALUES ($1, 'n'), ($2, 'm')", id+2, id),
		failing("INSERT INTO nowhere VALUES (1)"),
		do("BEGIN"), do("INSERT INTO bookings (id, customer_id) VALUES ($1, 1)", id), do("DELETE FROM bookings WHERE id = $1", id), do("ROLLBACK"),
		do("BEGIN"), do("UPDATE customers SET phone = '1' WHERE id = $1", id), failing("SELECT 1/0"), do("ROLLBACK"),
		do("WITH d AS (DELETE FROM customers WHERE id = $1 RETURNING id) SELECT id FROM d", id+7),
		do("UPDATE contacts SET name = 'v' WHERE id = $1", id),
	)
}

// TestChangesAgree compares what a real server counts with what the gate
// carried: no traffic through the gate is an alarm, and one UPDATE around it is.
func TestChangesAgree(t *testing.T) {
	w := newWatched(t)
	traffic, stop := sync.WaitGroup{}, make(chan struct{})
	for _, mode := range []string{"simple", "prepared"} {
		traffic.Go(func() {
			if out := w.run("pgbench", "-n", "-M", mode, "-c", "2", "-T", "3"); !strings.Contains(out, "number of failed transactions: 0") {
				t.Errorf("pgbench: %s", out)
			}
		})
	}
	traffic.Go(func() {
		conn, err := pgx.Connect(t.Context(), w.dsn(""))
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close(context.Background()) }()
		for round := range 40 {
			if err := mixed(t.Context(), conn, round); err != nil {
				t.Errorf("round %d: %v", round, err)
				return
			}
		}
	})
	go func() { traffic.Wait(); close(stop) }()
	for running := true; running; {
		if found := w.look(); found != nil {
			t.Fatalf("after %d looks: %q", w.looks, found)
		}
		select {
		case <-stop:
			running = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	w.until("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'app' AND datname = current_database()")
	for range 4 { // a session that left has told its counts: the clock may run
		w.ahead.Add(int64(2 * time.Minute))
		if found := w.look(); found != nil {
			t.Fatalf("after the traffic: %q", found)
		}
	}
	for _, name := range []string{"accounts", "tellers", "branches", "history"} {
		rows, unclear, inFlight := w.gate.Changes(w.database, event.Place("shop/public.pgbench_"+name))
		if rows < 10 || unclear != 0 || inFlight != 0 {
			t.Errorf("pgbench_%s: %d rows, %d unclear, %d in flight", name, rows, unclear, inFlight)
		}
	}
	rows, unclear, _ := w.gate.Changes(w.database, "shop/public.customers")
	t.Logf("%d looks; customers: %d rows, %d unclear", w.looks, rows, unclear)
	if rows < 40 || unclear < 40 {
		t.Errorf("customers: %d rows, %d unclear: no traffic", rows, unclear)
	}
	for _, sql := range []string{"UPDATE pgbench_accounts SET filler = 'x' WHERE aid = 1", "UPDATE customers SET name = 'x' WHERE id = 1"} {
		before := len(w.look())
		if err := w.server.Exec(t.Context(), w.database, sql); err != nil {
			t.Fatal(err)
		}
		tick, deadline := time.NewTicker(20*time.Millisecond), time.After(90*time.Second)
		for len(w.look()) == before {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("%s around the gate is no finding", sql)
			}
		}
		tick.Stop()
		if found := w.look(); !strings.Contains(strings.Join(found, "\n"), "coverage") {
			t.Errorf("%s around the gate: %q", sql, found)
		}
	}
}

// TestAbandonedLoginsAgree leaves at every point of a login, with a reset: the
// gate counts exactly the sessions that the server counts.
func TestAbandonedLoginsAgree(t *testing.T) {
	w := newWatched(t)
	var before, after int64
	sessions := "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
	if err := w.admin.QueryRow(t.Context(), sessions).Scan(&before); err != nil {
		t.Fatal(err)
	}
	begun := w.gate.Carried().Established
	start := pgwire.AppendStartup(nil, pgwire.Version30, "user", "app", "database", w.database)
	var clients sync.WaitGroup
	for i := range 60 {
		clients.Go(func() {
			conn, err := net.Dial("tcp", w.addr.String())
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.(*net.TCPConn).SetLinger(0) // a reset, whatever is under way
			half := i % 6 / 5                    // of them leave in the middle of the first packet
			_, _ = conn.Write(start[:len(start)-half])
			if i%3 > 0 && half == 0 {
				_, _ = io.ReadFull(conn, make([]byte, i)) // as far as it comes
			}
			_ = conn.Close()
		})
	}
	clients.Wait()
	for w.gate.Carried().Pending > 0 {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("logins do not end")
		}
	}
	w.until("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'app' AND datname = current_database()")
	if err := w.admin.QueryRow(t.Context(), sessions).Scan(&after); err != nil {
		t.Fatal(err)
	}
	if got, want := int64(w.gate.Carried().Established-begun), after-before; got != want || want == 0 {
		t.Errorf("the gate counts %d sessions of clients that left, the server %d", got, want)
	}
}
