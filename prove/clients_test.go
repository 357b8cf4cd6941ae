package prove

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/pgserver"
)

// oneProtected protects a table that the suites never touch.
const oneProtected = `    protect:
      - table: public.people
        key: id
        columns: {name: name, email: email}
`

// TestClientSuites runs the test suites of the drivers that our users have,
// once straight to the server and once through a gate in observe mode, and
// wants the same verdict for every test.
func TestClientSuites(t *testing.T) {
	whole(t)
	for _, c := range []struct{ module, packages, setup string }{
		{"github.com/jackc/pgx/v5", ". ./pgconn ./pgtype ./pgxpool ./stdlib", "CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE DOMAIN uint64 AS numeric(20,0);"},
		{"github.com/lib/pq", ".", ""},
	} {
		t.Run(c.module, func(t *testing.T) {
			server := startServer(t)
			must(t, server.Exec(t.Context(), "postgres", "CREATE ROLE suite LOGIN SUPERUSER PASSWORD 'suite'"))
			must(t, server.CreateDatabase(t.Context(), "pqgo"))
			for _, db := range []string{"postgres", "pqgo"} {
				must(t, server.Exec(t.Context(), db, c.setup+"CREATE TABLE people (id int PRIMARY KEY, name text, email text); INSERT INTO people VALUES (1, 'a', 'a@mail.example'); GRANT SELECT ON people TO watch"))
			}
			database := "postgres"
			if strings.HasSuffix(c.module, "/pq") {
				database = "pqgo"
			}
			h := install(t, server, database, oneProtected, "    mode: observe\n")
			h.up()
			dir := moduleDir(t, c.module)
			first := suite(t, dir, c.packages, "", database, server.Addr())
			gate := suite(t, dir, c.packages, "", database, h.addr())
			same := 0
			for _, name := range slices.Sorted(maps.Keys(first)) {
				if gate[name] != first[name] && !alike(t, dir, name, database, server.Addr(), h.addr()) {
					t.Errorf("%s: %q directly, %q through the gate, and again so alone", name, first[name], gate[name])
				}
				same++
			}
			if same < 100 {
				t.Errorf("only %d tests ran", same)
			}
			t.Logf("%s: %d tests with the same verdict", c.module, same)
			h.stop()
		})
	}
}

// alike runs a test alone, that had another verdict through the gate, by turns
// directly and through it, until both agree: many tests of drivers look at the
// clock, and fail on a busy machine. What the gate changes differs every time.
func alike(t *testing.T, dir, test, database, direct, gate string) bool {
	t.Helper()
	pkg, name, _ := strings.Cut(test, " ")
	name, _, _ = strings.Cut(name, "/") // subtests run with their test
	for range 4 {
		a := suite(t, dir, pkg, "^"+name+"$", database, direct)
		b := suite(t, dir, pkg, "^"+name+"$", database, gate)
		if a[test] != "" && a[test] == b[test] {
			t.Logf("%s: %q in both ways when run alone", test, a[test])
			return true
		}
	}
	return false
}

// moduleDir returns where the module's source is, its tests included.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}

// suite runs a driver's tests, all or those of a pattern, against an address
// and returns the verdict of each test.
func suite(t *testing.T, dir, packages, tests, database, addr string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	host, port, _ := strings.Cut(addr, ":")
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-count=1", "-p=1", "-timeout=8m", "-run=" + tests}, strings.Fields(packages)...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "PGSSLMODE=disable",
		fmt.Sprintf("PGX_TEST_DATABASE=host=%s port=%s user=suite password=suite dbname=%s sslmode=disable", host, port, database),
		"PGHOST="+host, "PGPORT="+port, "PGUSER=suite", "PGPASSWORD=suite", "PGDATABASE="+database)
	out, _ := cmd.Output() // failing tests are verdicts; they are compared
	verdicts := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct{ Action, Package, Test string }
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Test != "" && slices.Contains([]string{"pass", "fail", "skip"}, e.Action) {
			verdicts[e.Package+" "+drawn.ReplaceAllString(e.Test, "N")] = e.Action
		}
	}
	return verdicts
}

// drawn are the numbers of temporary directories, which some tests are named
// after.
var drawn = regexp.MustCompile(`[0-9]{6,}/[0-9]{3}\b`)

// TestPostgreSQLTools compares what psql and pg_dump print directly and through
// a gate in observe mode, and restores dumps through the gate.
func TestPostgreSQLTools(t *testing.T) {
	server := startServer(t)
	l := newLab(t, server, seeds(t)[0])
	base := l.base(seeds(t)[0])
	h := install(t, server, base, protectYAML(), "    mode: observe\n")
	h.up()
	defer h.stop()
	for _, c := range []struct {
		name string
		args []string
		in   string
	}{
		{"psql tables", []string{"psql", "-X", "-c", "\\d+ customers", "-c", "\\df", "-c", "SELECT * FROM customers", "-c", "SELECT 1/0"}, ""},
		{"psql errors", []string{"psql", "-X"}, "SELECT nonsense;\nSELECT email::int FROM customers;\n\\errverbose\nSELECT 1; SELECT 2;\nBEGIN; SELECT 1/0; SELECT 2; ROLLBACK;\n\\copy customers TO STDOUT\nSELECT * FROM customers \\gdesc\n"},
		{"psql no privilege", []string{"psql", "-X", "-U", "stranger", "-c", "SELECT email FROM customers", "-c", "SELECT id FROM contact", "-c", "COPY customers TO STDOUT", "-c", "SELECT email FROM addressless"}, ""},
		{"psql cursors", []string{"psql", "-X", "-v", "FETCH_COUNT=3", "-c", "SELECT * FROM bookings ORDER BY id"}, ""},
		{"pg_dump", []string{"pg_dump", "--no-owner"}, ""},
		{"pg_dump inserts", []string{"pg_dump", "--inserts", "--rows-per-insert=3"}, ""},
		{"pg_dump schema", []string{"pg_dump", "-s", "-Fp"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := tool(t, server, server.Addr(), base, c.in, c.args...)
			got := tool(t, server, h.addr(), base, c.in, c.args...)
			if want != got {
				t.Errorf("through the gate: %s", firstDifference(got, want))
			}
		})
	}
	t.Run("restore", func(t *testing.T) {
		must(t, server.CreateDatabase(t.Context(), "restored"))
		dump := func(args ...string) string {
			return tool(t, server, server.Addr(), base, "", append([]string{"pg_dump", "-U", "watch", "--no-owner", "--no-acl", "-t", "public.customers", "-t", "public.bookings", "-t", "public.tours"}, args...)...)
		}
		schema, _ := strings.CutSuffix(dump("--schema-only"), "(<nil>)")
		rows, _ := strings.CutSuffix(dump("--data-only"), "(<nil>)")
		must(t, server.Exec(t.Context(), "restored", schema+"GRANT SELECT ON ALL TABLES IN SCHEMA public TO watch; GRANT ALL ON ALL TABLES IN SCHEMA public TO app;"))
		r := install(t, server, "restored", restoredYAML, "    mode: observe\n")
		r.up()
		defer r.stop()
		all := []string{"psql", "-X", "-U", "watch", "-c", "TABLE customers", "-c", "TABLE bookings", "-c", "TABLE tours"}
		want := tool(t, server, server.Addr(), base, "", all...)
		compare := func(way string) {
			if got := tool(t, server, r.addr(), "restored", "", all...); want != got {
				t.Errorf("the database restored by %s differs: %s", way, firstDifference(got, want))
			}
			must(t, server.Exec(t.Context(), "restored", "TRUNCATE customers, bookings, tours"))
		}
		tool(t, server, r.addr(), "restored", rows, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1")
		compare("psql")
		for _, way := range []string{"-Fc", "-Ft"} {
			archive := ran(t, server, server.Addr(), base, "", "pg_dump", "-U", "watch", "--data-only", "-t", "public.customers", "-t", "public.bookings", "-t", "public.tours", way)
			archive, _ = strings.CutSuffix(archive, "(<nil>)")
			said := tool(t, server, r.addr(), "restored", archive, "pg_restore", "--data-only", "--exit-on-error", "--dbname=restored")
			if said != "(<nil>)" {
				t.Errorf("pg_restore of %s: %s", way, said)
			}
			compare("pg_restore " + way)
		}
	})
}

// TestPgbench runs pgbench in all its protocols through a gate in observe mode
// that protects its accounts, and directly, and compares what it prints, but
// for times, and what it leaves.
func TestPgbench(t *testing.T) {
	server := startServer(t)
	ways := map[string]string{"straight": server.Addr(), "gated": ""}
	for database := range ways {
		must(t, server.CreateDatabase(t.Context(), database))
		must(t, server.Exec(t.Context(), database, "GRANT CREATE ON SCHEMA public TO "+application))
		tool(t, server, server.Addr(), database, "", "pgbench", "-i", "-q")
		must(t, server.Exec(t.Context(), database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO watch"))
	}
	h := install(t, server, "gated", pgbenchYAML, "    mode: observe\n")
	h.up()
	defer h.stop()
	ways["gated"] = h.addr()
	both := func(args ...string) {
		t.Helper()
		want := times.ReplaceAllString(tool(t, server, ways["straight"], "straight", "", args...), "")
		got := times.ReplaceAllString(tool(t, server, ways["gated"], "gated", "", args...), "")
		if want != got || !strings.HasSuffix(want, "(<nil>)") {
			t.Errorf("%v: %s\n%s", args, firstDifference(got, want), got)
		}
	}
	both("pgbench", "-i", "-q")
	for _, protocol := range []string{"simple", "extended", "prepared"} {
		for _, script := range []string{"tpcb-like", "select-only", "simple-update"} {
			both("pgbench", "-n", "-M", protocol, "-b", script, "-t", "40", "-c", "3", "--random-seed=7")
		}
	}
	for _, table := range []string{"pgbench_accounts ORDER BY aid", "pgbench_tellers ORDER BY tid", "pgbench_branches"} {
		both("psql", "-X", "-c", "SELECT md5(string_agg(t::text, ';')) FROM (SELECT * FROM "+table+") t")
	}
}

// times are the lines of pgbench that tell how long it took.
var times = regexp.MustCompile(`(?m)^(latency|initial connection time|tps|done in|dropping|creating|generating|vacuuming|.*tuples .*done).*\n`)

const pgbenchYAML = `    protect:
      - table: public.pgbench_accounts
        key: aid
        columns: {filler: name, abalance: note}
    plain: [public.pgbench_tellers, public.pgbench_branches, public.pgbench_history]
`

// tool is ran without what differs between two runs.
func tool(t *testing.T, server *pgserver.Server, addr, database, in string, args ...string) string {
	t.Helper()
	text := ran(t, server, addr, database, in, args...)
	// The port may differ, and the word that pg_dump draws for \restrict.
	_, port, _ := strings.Cut(addr, ":")
	return strings.ReplaceAll(restrict.ReplaceAllString(text, ""), port, "PORT")
}

// ran runs a PostgreSQL program as the application and returns all it prints,
// and how it ended.
func ran(t *testing.T, server *pgserver.Server, addr, database, in string, args ...string) string {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	cmd := server.Command(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PGHOST="+host, "PGPORT="+port, "PGUSER="+application, "PGDATABASE="+database, "PGSSLMODE=disable", "PGPASSWORD=", "LC_ALL=C.UTF-8")
	cmd.Stdin = strings.NewReader(in)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return fmt.Sprintf("%s(%v)", &out, err)
}

var restrict = regexp.MustCompile(`(?m)^\\(un)?restrict .*\n`)

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d: %q, want %q", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(a), len(b))
}

const restoredYAML = `    protect:
      - table: public.customers
        key: id
        columns: {name: name, email: email, phone: phone, birth: birthdate}
      - table: public.bookings
        key: customer_id
        of: public.customers
        columns: {passport: passport}
        plain: [id, tour_id]
`

// protectYAML is protect() as configuration.
func protectYAML() string {
	return `    protect:
      - table: public.customers
        key: id
        columns: {name: name, email: email, phone: phone, birth: birthdate}
        identifiers: [email]
      - table: public.bookings
        key: customer_id
        of: public.customers
        columns: {passport: passport}
        plain: [id, tour_id]
      - table: public.visits
        key: customer_id
        of: public.customers
        columns: {memo: note}
        plain: [id]
    plain: [public.tours, other.customers, public.shadow]
`
}
