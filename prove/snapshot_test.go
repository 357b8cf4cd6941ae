package prove

import (
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/gate/pgproxy"
	"sekisho/proof/scope"
)

// TestOldRowsAreOfThoseWhoRestedThen deletes a subject, scans, and then reads what
// the server still has of the time before: a snapshot, a cursor, a temporary
// table. Nobody may be missed.
func TestOldRowsAreOfThoseWhoRestedThen(t *testing.T) {
	whole(t)
	server := startServer(t)
	l := newBase(t, server, seeds(t)[0])
	base := l.base(seeds(t)[0])
	const counted = "SELECT count(email), string_agg(name, ',') FROM customers"
	for _, c := range []struct {
		name         string
		before, read []string // by the reader, before the deletion and after the scan
		want         bool     // the deleted subject is reachable
		off          switches
	}{
		{"read now", []string{"SELECT 1"}, []string{counted}, false, switches{}},
		{"repeatable read", []string{"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM tours"}, []string{counted, "COMMIT"}, true, switches{}},
		{"serializable, and the end of it", []string{"BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1 FROM tours", "COMMIT"}, []string{counted}, false, switches{}},
		{"held cursor", []string{"BEGIN; DECLARE c CURSOR WITH HOLD FOR " + counted + "; COMMIT"}, []string{"FETCH ALL FROM c"}, true, switches{}},
		{"cursor", []string{"BEGIN", "DECLARE c CURSOR FOR " + counted}, []string{"FETCH ALL FROM c", "COMMIT"}, true, switches{}},
		{"cursor that the gate did not see", []string{"DO $$BEGIN EXECUTE 'DECLARE d CURSOR WITH HOLD FOR " + counted + "'; END$$"}, []string{"FETCH ALL FROM d"}, true, switches{}},
		{"temporary table", []string{"CREATE TEMP TABLE old AS SELECT email FROM customers"}, []string{"SELECT count(email), string_agg(email, ',') FROM old"}, true, switches{}},
		{"setting", []string{"SELECT set_config('own.all', (SELECT string_agg(email, ',') FROM customers), false)"}, []string{"SELECT current_setting('own.all')"}, true, switches{}},
		{"repeatable read, without the rule", []string{"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM tours"}, []string{counted, "COMMIT"}, false, switches{Switches: pgproxy.Switches{NoSince: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := startHouse(t, server.DSN("watch", base), server.Addr(), base, c.off)
			defer h.close()
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(reader)}}
			conn, err := d.DialContext(t.Context(), "tcp", h.addr)
			must(t, err)
			session, err := login(conn, application, base)
			must(t, err)
			defer session.close()
			for _, sql := range c.before {
				must(t, session.simply(sql))
			}
			// Whoever read before is in the answer for that: what is asked about
			// begins here. Scans count changes of a second before them too.
			gone := l.shop.key(0)
			other := func(sql string) {
				t.Helper()
				conn, err := dial(t.Context(), "tcp", h.addr, application, base)
				must(t, err)
				must(t, conn.alone(sql))
			}
			other("CREATE TABLE IF NOT EXISTS aside AS SELECT * FROM customers WHERE false; DELETE FROM aside; INSERT INTO aside SELECT * FROM customers WHERE id = " + gone)
			other("DELETE FROM customers WHERE id = " + gone)
			passes(t, time.Now().Add(time.Duration(scope.ChangeSlack)+200*time.Millisecond))
			must(t, h.scan(t.Context()))
			passes(t, time.Now().Truncate(time.Second).Add(1100*time.Millisecond)) // crossings count by whole seconds
			from := time.Now()
			for _, sql := range c.read {
				must(t, session.simply(sql))
			}
			session.close()
			must(t, h.finish(t.Context()))
			got, _, err := h.scopeSince(t.Context(), l.shop, reader, from)
			must(t, err)
			if got.reachable[0] != c.want {
				t.Errorf("reachable: %v", slices.Sorted(maps.Keys(got.reachable)))
			}
			must(t, server.Exec(t.Context(), base, "INSERT INTO customers SELECT * FROM aside"))
		})
	}
}

// passes waits until the clock has passed a time: what scans are widened by is
// counted on it.
func passes(t *testing.T, at time.Time) {
	t.Helper()
	select {
	case <-time.After(time.Until(at)):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// TestOldRowsWrittenElsewhere is the same for what a session of somebody else
// writes, from what it sees of the time before, to where the reader reads it.
func TestOldRowsWrittenElsewhere(t *testing.T) {
	whole(t)
	server := startServer(t)
	l := newBase(t, server, seeds(t)[0])
	base := l.base(seeds(t)[0])
	for _, c := range []struct {
		name   string
		before string   // by the writer, before the deletion
		write  []string // by it, after the scan
		read   string
		want   bool // the deleted subject is reachable
	}{
		{"what is there now", "SELECT 1", []string{"INSERT INTO shadow (a) SELECT string_agg(email, ',') FROM customers"}, "SELECT a FROM shadow", false},
		{"to who listens", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM tours", []string{"SELECT pg_notify('ch', string_agg(email, ',')) FROM customers", "COMMIT"}, "LISTEN ch", true},
		{"to who listens, by its coming", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM tours", []string{"SELECT pg_notify('ch', '') FROM customers WHERE email LIKE 'u%'", "COMMIT"}, "LISTEN ch", true},
		{"to who listens, what is there now", "SELECT 1", []string{"SELECT pg_notify('ch', string_agg(email, ',')) FROM customers"}, "LISTEN ch", false},
		{"into a table", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM tours", []string{"INSERT INTO shadow (a) SELECT string_agg(email, ',') FROM customers", "COMMIT"}, "SELECT a FROM shadow", true},
		{"into a table of its own", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM tours", []string{"CREATE TABLE older AS SELECT string_agg(email, ',') AS a FROM customers", "COMMIT"}, "SELECT a FROM older", true},
		{"into a table, by way of a temporary one", "CREATE TEMP TABLE mine AS SELECT email FROM customers", []string{"INSERT INTO shadow (a) SELECT string_agg(email, ',') FROM mine"}, "SELECT a FROM shadow", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			must(t, server.Exec(t.Context(), base, "CREATE TABLE IF NOT EXISTS aside AS SELECT * FROM customers WHERE false; DELETE FROM aside; INSERT INTO aside SELECT * FROM customers WHERE id = "+l.shop.key(0)))
			h := startHouse(t, server.DSN("watch", base), server.Addr(), base, switches{})
			defer h.close()
			writer, err := dial(t.Context(), "tcp", h.addr, application, base)
			must(t, err)
			defer writer.close()
			must(t, writer.simply(c.before))
			other := func(sql string) {
				t.Helper()
				conn, err := dial(t.Context(), "tcp", h.addr, application, base)
				must(t, err)
				must(t, conn.alone(sql))
			}
			listens := strings.HasPrefix(c.read, "LISTEN")
			other("DELETE FROM customers WHERE id = " + l.shop.key(0))
			if listens { // a notification may be of any table
				other("DELETE FROM bookings WHERE customer_id = " + l.shop.key(0))
				other("DELETE FROM visits WHERE customer_id = " + l.shop.key(0))
			}
			passes(t, time.Now().Add(time.Duration(scope.ChangeSlack)+200*time.Millisecond))
			must(t, h.scan(t.Context()))
			passes(t, time.Now().Truncate(time.Second).Add(1100*time.Millisecond))
			must(t, h.settle(t.Context(), base))
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(reader)}}
			conn, err := d.DialContext(t.Context(), "tcp", h.addr)
			must(t, err)
			session, err := login(conn, application, base)
			must(t, err)
			passes(t, time.Now().Truncate(time.Second).Add(1100*time.Millisecond))
			from := time.Now()
			if listens {
				must(t, session.simply(c.read))
			}
			for _, sql := range c.write {
				must(t, writer.simply(sql))
			}
			must(t, h.settle(t.Context(), base))
			if listens {
				must(t, session.simply("SELECT 1"))
			} else {
				passes(t, time.Now().Truncate(time.Second).Add(1100*time.Millisecond))
				from = time.Now()
				must(t, session.simply(c.read))
			}
			session.close()
			must(t, h.finish(t.Context()))
			got, _, err := h.scopeSince(t.Context(), l.shop, reader, from)
			must(t, err)
			if got.reachable[0] != c.want {
				t.Errorf("reachable: %v", slices.Sorted(maps.Keys(got.reachable)))
			}
			must(t, server.Exec(t.Context(), base, "INSERT INTO customers SELECT * FROM aside; DELETE FROM shadow; DROP TABLE IF EXISTS older"))
		})
	}
}
