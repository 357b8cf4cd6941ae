package tablestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
	"sekisho/internal/pgserver"
	"sekisho/internal/wire/myclient/myclienttest"
)

// taker is a document.Sink that remembers a line a row.
type taker struct {
	part    string
	lines   []string
	headers []string
	key     string
	row     []string
}

func (s *taker) Text(string, element.Encoding) io.WriteCloser { panic("no text in a database") }

func (s *taker) Table(string) document.Table { s.headers, s.key, s.row = nil, "", nil; return s }

func (s *taker) Trouble(_ string, t document.Trouble, detail string) {
	s.lines = append(s.lines, strings.TrimSpace(s.part+" trouble "+t.String()+" "+detail))
}

func (s *taker) Column(h string) int { s.headers = append(s.headers, h); return len(s.headers) - 1 }

func (s *taker) Cell(i int, v []byte) {
	s.row = append(s.row, fmt.Sprintf("%s=%.40s", s.headers[i], v))
}

func (s *taker) KeyColumn(name string) { s.key = name }

func (s *taker) Key(n int64) { s.row = append(s.row, fmt.Sprintf("[%s %d]", s.key, n)) }

func (s *taker) EndRow() {
	s.lines = append(s.lines, s.part+" "+strings.Join(s.row, " "))
	s.row = nil
}

func (s *taker) Close() {}

// readAll reads a database; between the list and the first table it calls change.
func readAll(t *testing.T, cfg Config, change func()) []string {
	t.Helper()
	ctx := t.Context()
	s, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.WithoutCancel(ctx))
	sink := &taker{}
	err = s.Walk(ctx, func(o document.Object) error {
		if change != nil {
			change()
			change = nil
		}
		sink.part = o.Path
		if o.Content == nil {
			sink.Trouble("", o.Trouble, "of the whole")
			return nil
		}
		_, err := o.Content.Read(ctx, nil, sink)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(sink.lines)
	return sink.lines
}

func TestPostgres(t *testing.T) {
	pg, err := pgserver.Start(t.Context(), pgserver.Config{HBA: []string{"host shop reader 127.0.0.0/8 scram-sha-256"}})
	if err != nil {
		t.Skipf("skipped: no PostgreSQL: %v", err)
	}
	defer pg.Stop()
	exec := func(sql string) {
		t.Helper()
		if err := pg.Exec(context.WithoutCancel(t.Context()), "shop", sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := pg.CreateDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	exec(`CREATE TABLE customers (id bigint PRIMARY KEY, "氏名" text, born date, raw bytea);
		INSERT INTO customers VALUES (1, '山田 太郎', '1980-02-03', '\x616263'), (20, NULL, NULL, NULL);
		CREATE TABLE dropped (a text); CREATE TABLE long (t text); INSERT INTO long SELECT repeat('x', 9 << 20);
		CREATE TABLE parent (a text); CREATE TABLE child (b text) INHERITS (parent); INSERT INTO child VALUES ('p', 'c');
		CREATE TABLE secret (a text); INSERT INTO secret VALUES ('nobody');
		CREATE TABLE secured (a text); INSERT INTO secured VALUES ('hidden'); ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
		CREATE ROLE reader LOGIN PASSWORD 'reading'; GRANT SELECT ON customers, dropped, long, parent, child, secured TO reader`)
	got := readAll(t, Config{Address: "postgres://reader@" + pg.Addr() + "/shop", Password: "reading"}, func() {
		exec("INSERT INTO customers VALUES (3, 'later', NULL, NULL); DROP TABLE dropped")
	})
	want := []string{
		"public.child a=p b=c",
		"public.customers [id 1] id=1 氏名=山田 太郎 born=1980-02-03 raw=abc",
		"public.customers [id 20] id=20",
		"public.dropped trouble vanished SQLSTATE 42P01",
		"public.long t=" + strings.Repeat("x", 40),
		"public.long trouble limit 1 rows have a value longer than 8 MiB, or are longer than 32 MiB",
		"public.secret trouble denied SQLSTATE 42501",
		"public.secured trouble denied SQLSTATE 42501",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	got = readAll(t, Config{Address: "postgres://reader@" + pg.Addr() + "/shop", Password: "reading"}, func() {
		if err := pg.Exec(context.WithoutCancel(t.Context()), "shop", "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'sekisho scan'"); err != nil {
			t.Error(err)
		}
	})
	lostFirst(t, got, "public.child", "public.customers [id 3] id=3 氏名=later")
	if _, err := Open(t.Context(), Config{Address: "postgres://reader:guessed@" + pg.Addr() + "/shop"}); err == nil || strings.Contains(err.Error(), "guessed") {
		t.Errorf("a wrong password: %v", err)
	}
}

// lostFirst checks what a reading says whose connection was ended before its first
// table: that one was not read, and the others were, over a new connection.
func lostFirst(t *testing.T, got []string, first, row string) {
	t.Helper()
	var said []string
	for _, l := range got {
		if strings.HasPrefix(l, first+" ") {
			said = append(said, l)
		}
	}
	if d := cmp.Diff([]string{first + " trouble failed"}, said); d != "" {
		t.Errorf("a lost connection (-want +got):\n%s", d)
	}
	if !slices.Contains(got, row) {
		t.Errorf("after a lost connection: %q is not in %q", row, got)
	}
}

func TestMariaDB(t *testing.T) {
	m := myclienttest.Start(t)
	m.Exec(t, "CREATE DATABASE crm CHARACTER SET utf8mb4",
		"CREATE TABLE crm.customers (id INT PRIMARY KEY, `氏名` VARCHAR(80), born DATE) ENGINE=InnoDB",
		"INSERT INTO crm.customers VALUES (7, '山田 太郎', '1980-02-03'), (8, NULL, NULL)",
		"CREATE TABLE crm.dropped (a INT) ENGINE=InnoDB", "CREATE VIEW crm.looks AS SELECT * FROM crm.customers")
	got := readAll(t, Config{Address: "mysql://root@/crm?socket=" + m.Socket, Password: myclienttest.Password}, func() {
		m.Exec(t, "INSERT INTO crm.customers VALUES (9, 'later', NULL)", "DROP TABLE crm.dropped")
	})
	want := []string{
		"customers [id 7] id=7 氏名=山田 太郎 born=1980-02-03",
		"customers [id 8] id=8",
		"dropped trouble vanished error 1146",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	m.Exec(t, "CREATE TABLE crm.a (a INT) ENGINE=InnoDB", "CREATE PROCEDURE crm.hang_up() BEGIN DECLARE n INT; SELECT ID INTO n FROM information_schema.PROCESSLIST WHERE DB = 'crm' AND ID <> CONNECTION_ID() LIMIT 1; KILL n; END")
	got = readAll(t, Config{Address: "mysql://root@/crm?socket=" + m.Socket, Password: myclienttest.Password}, func() { m.Exec(t, "CALL crm.hang_up()") })
	lostFirst(t, got, "a", "customers [id 9] id=9 氏名=later")

	// Who may read some tables is shown no others: what is not in the list may be there.
	m.Exec(t, "CREATE USER some IDENTIFIED BY 'reading'", "CREATE USER every IDENTIFIED BY 'reading'",
		"GRANT SELECT ON crm.customers TO some", "GRANT SELECT ON `cr_`.* TO every")
	for user, want := range map[string]bool{"some": true, "every": false} {
		got := readAll(t, Config{Address: "mysql://" + user + "@/crm?socket=" + m.Socket, Password: "reading"}, nil)
		if slices.Contains(got, ". trouble denied of the whole") != want {
			t.Errorf("%s: tables may be hidden: want %v: %q", user, want, got)
		}
		if !slices.Contains(got, "customers [id 8] id=8") {
			t.Errorf("%s: %q", user, got)
		}
	}
}

func TestSQLite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "店 50%.db")
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(file, "%", "%25")+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() // of a test
	for _, q := range []string{"CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO customers VALUES (4, '山田 太郎')"} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	got := readAll(t, Config{Address: "sqlite:" + file}, func() {
		if _, err := db.Exec("INSERT INTO customers VALUES (5, 'later')"); err != nil {
			t.Fatal(err)
		}
	})
	if d := cmp.Diff([]string{"customers [id 4] id=4 name=山田 太郎"}, got); d != "" {
		t.Errorf("rows of the write-ahead log, of one moment (-want +got):\n%s", d)
	}
	if _, err := Open(t.Context(), Config{Address: "sqlite:" + file + ".none"}); err == nil {
		t.Error("opened what is not there")
	}
	if _, err := Open(t.Context(), Config{Address: "oracle://x"}); !errors.Is(err, ErrAddress) {
		t.Errorf("a strange address: %v", err)
	}
}

func TestNames(t *testing.T) {
	for address, want := range map[string]string{
		"mysql://app:secret@db.example:3306/crm?sslmode=disable": "mysql://db.example:3306/crm",
		"sqlite:/var/lib/a.db": "sqlite:/var/lib/a.db",
		"postgres://%zz":       "a database",
	} {
		if got := Name(address); got != want {
			t.Errorf("Name(%q) = %q, want %q", address, got, want)
		}
		if !Is(address) {
			t.Errorf("%q is an address", address)
		}
	}
	if Is("/srv/share") {
		t.Error("a folder is no database")
	}
}
