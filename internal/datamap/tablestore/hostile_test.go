package tablestore

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sekisho/internal/datamap/document"
	"sekisho/internal/datamap/filescan"
	"sekisho/internal/pgserver"
	"sekisho/internal/wire/myclient/myclienttest"
)

// peak returns the most memory that the process held while f ran, in MiB; 0 where the
// kernel does not tell.
func peak(t *testing.T, f func()) int {
	t.Helper()
	debug.FreeOSMemory()
	if runtime.GOOS != "linux" || os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) != nil {
		f()
		return 0
	}
	f()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb >> 10
}

// mostMemory is what a scan may hold, in MiB.
const mostMemory = 512

// sized is a taker that remembers sizes instead of values.
type sized struct {
	taker
	most int
	rows int
}

func (s *sized) Table(part string) document.Table { return s }

func (s *sized) Cell(_ int, v []byte) { s.most = max(s.most, len(v)) }

func (s *sized) EndRow() { s.rows++ }

// hostile reads a database and checks that it took little memory, that every row came and
// that each table in long was told, and no other.
func hostile(t *testing.T, address, password string, rows int, long ...string) {
	t.Helper()
	sink := &sized{}
	tables := 0
	mem := peak(t, func() {
		s, err := Open(t.Context(), Config{Address: address, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(context.WithoutCancel(t.Context()))
		err = s.Walk(t.Context(), func(o document.Object) error {
			tables++
			sink.part = o.Path
			_, err := o.Content.Read(t.Context(), nil, sink)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%d tables, %d rows, at most %d MiB, values of at most %d MiB", tables, sink.rows, mem, sink.most>>20)
	if mem > mostMemory {
		t.Errorf("%d MiB of memory, want at most %d", mem, mostMemory)
	}
	if sink.rows != rows {
		t.Errorf("%d rows, want %d", sink.rows, rows)
	}
	var told []string
	for _, l := range sink.lines {
		name, what, _ := strings.Cut(l, " trouble ")
		if !strings.HasPrefix(what, "limit ") {
			t.Errorf("%s: %s", name, what)
		}
		told = append(told, name)
	}
	slices.Sort(told)
	slices.Sort(long)
	if !slices.Equal(told, long) {
		t.Errorf("told of %q, want %q", told, long)
	}
}

func TestHostilePostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: values of 200 MB, not in short tests")
	}
	pg, err := pgserver.Start(t.Context(), pgserver.Config{HBA: []string{"host shop reader 127.0.0.0/8 scram-sha-256"}})
	if err != nil {
		t.Skipf("SKIPPED: no PostgreSQL: %v", err)
	}
	defer pg.Stop()
	if err := pg.CreateDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	var wide, values []string
	for i := range 60 {
		wide = append(wide, fmt.Sprintf("c%d text", i))
		values = append(values, "repeat('x', 7 << 20)")
	}
	var many []string
	for i := range 1500 {
		many = append(many, fmt.Sprintf("c%d text", i))
	}
	if err := pg.Exec(t.Context(), "shop", `CREATE ROLE reader LOGIN PASSWORD 'reading';
		CREATE TABLE a_text (v text); INSERT INTO a_text SELECT repeat('x', 200 << 20); ALTER TABLE a_text ALTER v SET STORAGE EXTENDED;
		CREATE TABLE a_bytes (v bytea); INSERT INTO a_bytes SELECT decode(repeat('00', 100 << 20), 'hex');
		CREATE TABLE a_json (v json); INSERT INTO a_json SELECT to_json(repeat('x', 200 << 20));
		CREATE TABLE a_jsonb (v jsonb); INSERT INTO a_jsonb SELECT to_jsonb(repeat('x', 200 << 20));
		CREATE TABLE a_deep (v json); INSERT INTO a_deep SELECT (repeat('[', 3000) || repeat(']', 3000))::json;
		CREATE DOMAIN words AS text; CREATE TABLE a_domain (v words); INSERT INTO a_domain SELECT repeat('x', 200 << 20);
		CREATE TABLE an_array (v text[]); INSERT INTO an_array SELECT ARRAY[repeat('x', 100 << 20), repeat('x', 100 << 20)];
		CREATE TABLE b_wide (`+strings.Join(wide, ",")+`); INSERT INTO b_wide SELECT `+strings.Join(values, ",")+`;
		CREATE TABLE c_many (`+strings.Join(many, ",")+`); INSERT INTO c_many (c0, c1499) VALUES ('a', 'b');
		CREATE TABLE d_short (id int PRIMARY KEY, "wide" text, "a""b" varchar, c json, d xml, e words, f int[], g numeric, h inet, i char(8), j date);
		INSERT INTO d_short SELECT i, 'x', 'y', '{}', '<a/>', 'z', '{1,2}', 1.5, '::1', 'c', '2020-01-01' FROM generate_series(1, 1000) i;
		GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader`); err != nil {
		t.Fatal(err)
	}
	hostile(t, "postgres://reader@"+pg.Addr()+"/shop", "reading", 1009,
		"public.a_text", "public.a_bytes", "public.a_json", "public.a_jsonb", "public.a_domain", "public.an_array", "public.b_wide")
}

func TestHostileMariaDB(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: values of 200 MB, not in short tests")
	}
	m := myclienttest.Start(t)
	m.Exec(t, "SET GLOBAL max_allowed_packet = 1 << 30")
	m.Exec(t, "CREATE DATABASE crm CHARACTER SET utf8mb4",
		"CREATE TABLE crm.a_text (v LONGTEXT) ENGINE=InnoDB", "INSERT INTO crm.a_text VALUES ('short'), (REPEAT('x', 200 << 20))",
		"CREATE TABLE crm.b_bytes (v LONGBLOB) ENGINE=InnoDB", "INSERT INTO crm.b_bytes VALUES (REPEAT('x', 200 << 20))")
	hostile(t, "mysql://root@/crm?socket="+m.Socket, myclienttest.Password, 1, "a_text", "b_bytes")
}

// hostileSQLite makes a database file of values of 200 MB, of as many columns as SQLite
// has, and of many tables.
func hostileSQLite(t *testing.T, tables int) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "a.db")
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() // of a test
	db.SetMaxOpenConns(1)
	columns := func(n int, like string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = strings.ReplaceAll(like, "N", strconv.Itoa(i))
		}
		return strings.Join(list, ", ")
	}
	list := []string{"PRAGMA synchronous = off",
		"CREATE TABLE a_blob (v BLOB)", "INSERT INTO a_blob VALUES (zeroblob(200000000)), (x'61')",
		"CREATE TABLE b_text (id INTEGER PRIMARY KEY, v TEXT)", "INSERT INTO b_text VALUES (1, CAST(zeroblob(30000000) AS TEXT))",
		"CREATE TABLE c_wide (" + columns(50, "cN TEXT") + ")", "INSERT INTO c_wide VALUES (" + columns(50, "zeroblob(7000000)") + ")",
		"CREATE TABLE d_most (" + columns(2000, "cN TEXT") + ")", "INSERT INTO d_most (c0, c1999) VALUES ('a', zeroblob(100000))",
		"CREATE TABLE e_many (" + columns(1998, "cN TEXT") + ")", "INSERT INTO e_many (c0, c1997) VALUES ('a', 'b')", "BEGIN"}
	for i := range tables {
		list = append(list, fmt.Sprintf("CREATE TABLE z%d (v TEXT)", i), fmt.Sprintf("INSERT INTO z%d VALUES ('x')", i))
	}
	for _, q := range append(list, "COMMIT") {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%.80s: %v", q, err)
		}
	}
	return file
}

func TestHostileSQLite(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: values of 200 MB, not in short tests")
	}
	tables := 10_100
	if os.Getenv("SEKISHO_LONG") != "" {
		tables = 100_000
	}
	file := hostileSQLite(t, tables)
	hostile(t, "sqlite:"+file, "", tables+6, "a_blob", "b_text", "c_wide", "d_most")
	// The same as a file among others.
	var report *filescan.Report
	mem := peak(t, func() {
		var err error
		if report, err = filescan.Scan(t.Context(), filescan.Config{Root: file, State: t.TempDir(), Workers: 1}); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("as a file: at most %d MiB", mem)
	if mem > mostMemory {
		t.Errorf("as a file: %d MiB of memory, want at most %d", mem, mostMemory)
	}
	if len(report.Unread) != 1 || report.Unread[0].Name != "limit" || report.Unread[0].Count != 4 {
		t.Errorf("as a file, not read in full: %+v", report.Unread)
	}
}
