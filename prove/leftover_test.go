package prove

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestStatementsOutliveTheProgram kills the program while the server runs a
// statement of one of its clients that gives a person's e-mail address to another.
// The next run reads the table before that is committed: whose the address is then
// must not be taken from there.
func TestStatementsOutliveTheProgram(t *testing.T) {
	whole(t)
	server := startServer(t)
	const database = "leftover"
	must(t, server.CreateDatabase(t.Context(), database))
	must(t, server.Exec(t.Context(), database, `CREATE TABLE customers (id int PRIMARY KEY, email text, plan text);
INSERT INTO customers SELECT i, 'u' || i || '@mail.example', 'a' FROM generate_series(1, 5) i;
GRANT ALL ON customers TO app; GRANT SELECT ON customers TO watch; GRANT pg_read_all_stats TO watch`))
	// A watch that looks later does not find first what went on.
	h := install(t, server, database, `    protect:
      - table: public.customers
        key: id
        columns: {email: email}
        identifiers: [email]
        plain: [plan]
    scan: {watch: 1h}
`, "    rewrite: \"off\"\n")
	admin, err := pgx.Connect(t.Context(), server.SocketDSN("postgres", database))
	must(t, err)
	defer func() { _ = admin.Close(t.Context()) }()
	number := func(sql string) (n int) {
		t.Helper()
		must(t, admin.QueryRow(t.Context(), sql).Scan(&n))
		return n
	}
	until := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(60 * time.Second); !done(); <-time.After(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited too long for %s\n%s", what, h.out)
			}
		}
	}
	h.up()
	const read = "SELECT email FROM customers WHERE plan = 'b'"
	number("SELECT 1 FROM pg_advisory_lock(7)")
	go func() { // ends with the program
		conn, err := dial(t.Context(), "tcp", h.addr(), application, database)
		if err == nil {
			_ = conn.alone("UPDATE customers SET email = 'x' || email WHERE id = 1; UPDATE customers SET email = 'u1@mail.example', plan = 'b' WHERE id = 2; SELECT pg_advisory_xact_lock(7)")
		}
	}()
	waits := func() bool {
		return number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'") > 0
	}
	until("the statement", waits)
	h.kill()
	again := time.Now().UTC().Format(time.RFC3339Nano)
	h.up()
	until("the scan", func() bool { return len(h.run("events", "--kind", "holding-scan", "--from", again)) > 0 })
	if !waits() {
		t.Fatal("the server did not go on with the statement")
	}
	number("SELECT 1 FROM pg_advisory_unlock(7)")
	until("the commit", func() bool { return number("SELECT count(*) FROM customers WHERE plan = 'b'") == 1 })
	var confirmed, reachable []string
	until("precision", func() bool {
		from := time.Now()
		h.ask(t, database, read)
		confirmed, reachable = h.lists(t, from)
		if slices.Contains(confirmed, "1") || !slices.Contains(reachable, "2") {
			t.Errorf("of the row of 2: confirmed %v, reachable %v", confirmed, reachable)
			return true
		}
		return slices.Equal(confirmed, []string{"2"})
	})
	h.stop()
}
