package prove

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// reader is the address of the client whose scope is asked.
const reader = "127.9.9.9"

// TestRestartKeepsWhatIsKnown writes through a gate what blunts a table, a
// column or everything, restarts the program, and reads: nobody may be missed,
// and what was not blunted stays exact. Names change while it is down.
func TestRestartKeepsWhatIsKnown(t *testing.T) {
	whole(t)
	server := startServer(t)
	const people = "1 2 3 4 5"
	everybody := strings.Fields(people)
	for _, c := range []struct {
		name   string
		before []string // through the gate
		down   []string // while it is down, as the superuser
		act    []string // commands of the program, after the restart
		read   string   // through the gate, after the restart
		want   []string // reachable
		exact  []string // confirmed
	}{
		{name: "a column of a protected table", before: []string{"UPDATE bookings SET tour = (SELECT max(points) FROM customers) WHERE id = 1"}, read: "SELECT id, tour FROM bookings", want: everybody},
		{name: "another column of that table", before: []string{"UPDATE bookings SET tour = (SELECT max(points) FROM customers) WHERE id = 1"}, read: "SELECT customer_id, passport FROM bookings", want: []string{"1", "2"}, exact: []string{"1", "2"}},
		{name: "another's row", before: []string{"UPDATE bookings b SET passport = c.email FROM customers c WHERE b.id = 1 AND c.id = 5"}, read: "SELECT customer_id, passport FROM bookings WHERE id = 1", want: everybody},
		{name: "a table", before: []string{"CREATE TABLE copy AS SELECT email FROM customers"}, read: "SELECT email FROM copy", want: everybody},
		{name: "which rows are there", before: []string{"INSERT INTO notes SELECT 'x' FROM customers WHERE email LIKE 'u%'"}, read: "SELECT count(*) FROM notes", want: everybody},
		{name: "code that is known", before: []string{"DO $$BEGIN UPDATE tours SET title = (SELECT max(email) FROM customers); END$$"}, read: "SELECT title FROM tours", want: everybody},
		{name: "beside code that is known", before: []string{"DO $$BEGIN UPDATE tours SET title = (SELECT max(email) FROM customers); END$$"}, read: "SELECT id, email FROM customers WHERE id = 3", want: []string{"3"}, exact: []string{"3"}},
		{name: "code that is not known", before: []string{"DO $$BEGIN EXECUTE 'UPDATE tours SET title = (SELECT max(email) FROM customers)'; END$$"}, read: "SELECT title FROM tours", want: everybody},
		{name: "code that is not known, cleared", before: []string{"DO $$BEGIN EXECUTE 'UPDATE tours SET title = 1'; END$$"}, act: []string{"gate clear --by ayame --reason read"}, read: "SELECT id, email FROM customers WHERE id = 3", want: []string{"3"}, exact: []string{"3"}},
		{name: "a renamed table", down: []string{"ALTER TABLE bookings RENAME TO journeys"}, read: "SELECT passport FROM journeys", want: []string{"1", "2"}, exact: []string{"1", "2"}},
		{name: "renamed columns", down: []string{"ALTER TABLE bookings RENAME tour TO t; ALTER TABLE bookings RENAME passport TO tour"}, read: "SELECT customer_id, tour FROM bookings", want: []string{"1", "2"}, exact: []string{"1", "2"}},
		{name: "a renamed copy", before: []string{"CREATE TABLE copy AS SELECT email FROM customers"}, down: []string{"ALTER TABLE copy RENAME TO other"}, read: "SELECT email FROM other", want: everybody},
		{name: "a renamed column that carries", before: []string{"UPDATE bookings SET tour = (SELECT max(points) FROM customers) WHERE id = 1"}, down: []string{"ALTER TABLE bookings RENAME tour TO price"}, read: "SELECT id, price FROM bookings", want: everybody, exact: []string{"1", "2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			database := strings.ReplaceAll(strings.ReplaceAll(c.name, " ", "_"), "'", "")
			database = strings.ReplaceAll(database, ",", "")
			must(t, server.CreateDatabase(t.Context(), database))
			must(t, server.Exec(t.Context(), database, `CREATE TABLE customers (id int PRIMARY KEY, email text, points int);
CREATE TABLE bookings (id int PRIMARY KEY, customer_id int, passport text, tour int);
CREATE TABLE notes (a text); CREATE TABLE tours (title text); INSERT INTO tours VALUES ('x');
INSERT INTO customers SELECT i, 'u' || i || '@mail.example', i FROM unnest(string_to_array('`+people+`', ' ')::int[]) i;
INSERT INTO bookings VALUES (1, 1, 'TK1', 7), (2, 2, 'TK2', 8);
GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT SELECT ON ALL TABLES IN SCHEMA public TO watch; GRANT CREATE ON SCHEMA public TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT ON TABLES TO watch`))
			h := install(t, server, database, `    protect:
      - table: public.customers
        key: id
        columns: {email: email}
      - table: public.bookings
        key: customer_id
        of: public.customers
        columns: {passport: passport}
        plain: [id, tour]
    plain: [public.tours]
`, "")
			run := func(sql string) {
				t.Helper()
				conn, err := dial(t.Context(), "tcp", h.addr(), application, database)
				must(t, err)
				must(t, conn.alone(sql))
			}
			h.up()
			for _, sql := range c.before {
				run(sql)
			}
			h.stop()
			for _, sql := range c.down {
				must(t, server.Exec(t.Context(), database, sql))
			}
			h.up()
			for _, args := range c.act {
				h.run(strings.Fields(args)...)
			}
			// Right after the start the time that nothing ran in is in the window:
			// who may not be missed must be there at once, precision may take a while.
			var confirmed, reachable []string
			for tries := range 60 {
				from := time.Now()
				h.ask(t, database, c.read)
				confirmed, reachable = h.lists(t, from)
				if tries == 0 && !contains(reachable, c.want) {
					t.Errorf("%s: reachable %v misses somebody of %v", c.read, reachable, c.want)
				}
				if slices.Equal(confirmed, c.exact) && slices.Equal(reachable, c.want) {
					break
				}
			}
			h.stop()
			if !slices.Equal(confirmed, c.exact) || !slices.Equal(reachable, c.want) {
				t.Errorf("%s: confirmed %v, reachable %v; want %v, %v", c.read, confirmed, reachable, c.exact, c.want)
			}
		})
	}
}

// lists are the keys that scope lists, by class; reachable holds confirmed.
func (h *house) lists(t *testing.T, from time.Time) (confirmed, reachable []string) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(h.run("scope", "--list", "--address", reader, "--from", from.UTC().Format(time.RFC3339Nano))))
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		if len(f) != 3 {
			t.Fatal(fmt.Errorf("scope --list: %q", lines.Text()))
		}
		switch f[0] {
		case "confirmed":
			confirmed, reachable = append(confirmed, f[2]), append(reachable, f[2])
		case "reachable":
			reachable = append(reachable, f[2])
		}
	}
	slices.Sort(confirmed)
	slices.Sort(reachable)
	return confirmed, reachable
}

// ask runs SQL through the gate from reader's address.
func (h *house) ask(t *testing.T, database, sql string) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(reader)}}
	conn, err := d.DialContext(t.Context(), "tcp", h.addr())
	must(t, err)
	session, err := login(conn, application, database)
	must(t, err)
	must(t, session.alone(sql))
}

func contains(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
