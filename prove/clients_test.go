package prove

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
			// Twice directly: a test that disagrees with itself says nothing.
			first := suite(t, dir, c.packages, database, server.Addr())
			second := suite(t, dir, c.packages, database, server.Addr())
			gate := suite(t, dir, c.packages, database, h.addr())
			same := 0
			for name, want := range first {
				if second[name] != want {
					t.Logf("left out, not deterministic: %s", name)
					continue
				}
				if gate[name] != want {
					t.Errorf("%s: %q directly, %q through the gate", name, want, gate[name])
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

// moduleDir returns where the module's source is, its tests included.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}

// suite runs a driver's tests against an address and returns the verdict of
// each test.
func suite(t *testing.T, dir, packages, database, addr string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	host, port, _ := strings.Cut(addr, ":")
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-count=1", "-p=1", "-timeout=8m"}, strings.Fields(packages)...)...)
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
			verdicts[e.Package+" "+e.Test] = e.Action
		}
	}
	return verdicts
}

// TestPostgreSQLTools compares what psql, pg_dump and pgbench print directly
// and through a gate in observe mode, and restores a dump through the gate.
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
		tool(t, server, r.addr(), "restored", rows, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1")
		all := []string{"psql", "-X", "-U", "watch", "-c", "TABLE customers", "-c", "TABLE bookings", "-c", "TABLE tours"}
		want, got := tool(t, server, server.Addr(), base, "", all...), tool(t, server, r.addr(), "restored", "", all...)
		if want != got {
			t.Errorf("the restored database differs: %s", firstDifference(got, want))
		}
	})
}

// tool runs a PostgreSQL program as the application and returns all it prints.
func tool(t *testing.T, server *pgserver.Server, addr, database, in string, args ...string) string {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	cmd := server.Command(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PGHOST="+host, "PGPORT="+port, "PGUSER="+application, "PGDATABASE="+database, "PGSSLMODE=disable", "PGPASSWORD=", "LC_ALL=C.UTF-8")
	cmd.Stdin = strings.NewReader(in)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	// The port may differ, and the word that pg_dump draws for \restrict.
	text := restrict.ReplaceAllString(fmt.Sprintf("%s(%v)", &out, err), "")
	return strings.ReplaceAll(text, port, "PORT")
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
