package datamap

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/subject"
	"sekisho/internal/wire/myclient/myclienttest"
)

// clubSQL is read by MySQL and by SQLite.
var clubSQL = []string{
	"CREATE TABLE customers (id BIGINT PRIMARY KEY, name VARCHAR(50) NOT NULL, email VARCHAR(50), born DATE, shoe INT, seen DATE)",
	"INSERT INTO customers VALUES (1,'佐藤 花子','A@example.com','1980-04-03',40,NULL), (2,'b',NULL,NULL,NULL,'2026-01-01'), (-300,'c','c@example.com',NULL,NULL,NULL)",
	"CREATE TABLE notes (id INT PRIMARY KEY, customer_id BIGINT, body TEXT)",
	"INSERT INTO notes VALUES (1,1,'x'), (2,1,NULL), (3,NULL,'who?'), (4,-300,'y')",
	"CREATE TABLE members (no VARCHAR(20) PRIMARY KEY, label VARCHAR(20))",
	"INSERT INTO members VALUES ('会員7', 'n'), ('x8', 'm')",
	"CREATE TABLE nobody (id INT PRIMARY KEY, name TEXT)",
}

func clubTables() []Table {
	return []Table{
		{Place: "club/customers", Name: "customers", Source: "club.customers", Key: "id", Plain: []string{"seen"}, Identifiers: []string{"email"},
			Columns: map[string]element.Kind{"name": element.Name, "email": element.Email, "born": element.BirthDate}},
		{Place: "club/notes", Name: "notes", Source: "club.customers", Key: "customer_id", Columns: map[string]element.Kind{"body": element.Note}, Plain: []string{"id"}},
		{Place: "club/members", Name: "members", Source: "club.members", Key: "no", Columns: map[string]element.Kind{"label": element.Name}},
		{Place: "club/nobody", Name: "nobody", Source: "club.nobody", Key: "id", Columns: map[string]element.Kind{"name": element.Name}},
	}
}

// testKeyed reads the club at an address; exec changes it.
func testKeyed(t *testing.T, address string, exec func(sql string)) {
	r := &rig{}
	r.books(t)
	r.cfg.Database, r.cfg.DSN, r.cfg.Tables = "club", address, clubTables()
	m := r.newMap(t)
	if err := m.ScanAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	for place, want := range map[event.Place]holding{
		"club/customers": {Rows: 3, Keys: map[string][]string{"unclassified,name,email,birthdate": {"1"}, "name": {"2"}, "name,email": {"-300"}}},
		"club/notes":     {Rows: 4, Unknown: 1, Keys: map[string][]string{"note": {"1", "-300"}, "": {"1"}}},
		"club/members":   {Rows: 2, Keys: map[string][]string{"name": {"x8", "会員7"}}},
		"club/nobody":    {Keys: map[string][]string{"name": nil}},
	} {
		if diff := gocmp.Diff(want, r.held(t, place)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", place, diff)
		}
	}
	first, _ := r.dict.Source("club.customers").NumberInt(1)
	for kind, value := range map[element.Kind]string{element.Email: "a@EXAMPLE.com", subject.NameBirth: "佐藤花子\x1f1980-04-03"} {
		if n, owner := r.ids.Lookup(subject.Space{Table: "club/customers", Element: kind}, []byte(value)); owner != subject.One || n != first {
			t.Errorf("%v belongs to %d (%v), want %d", kind, n, owner, first)
		}
	}

	exec("DROP TABLE notes")
	if err := m.Scan(t.Context(), "club/notes"); err == nil || !strings.Contains(err.Error(), "SK7201") {
		t.Errorf("a table that was dropped: %v", err)
	}
	if err := m.Scan(t.Context(), "club/members"); err != nil {
		t.Errorf("the next table: %v", err)
	}
	findings := eventtest.Of[*event.Finding](r.rec)
	if len(findings) != 1 || findings[0].Code != "SK7205" || findings[0].Place != "club/notes" {
		t.Errorf("findings: %+v", findings)
	}
}

func TestSQLiteByKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "club.db")
	db, err := sql.Open("sqlite", file+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	exec := func(s string) {
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	for _, s := range clubSQL {
		exec(s)
	}
	testKeyed(t, "sqlite:"+file, exec)

	// SQLite takes a text for a number: whose row that is nobody knows.
	exec("CREATE TABLE loose (id BIGINT, name TEXT)")
	exec("INSERT INTO loose VALUES (1, 'a'), ('one', 'b'), (1.5, 'c'), (NULL, 'd')")
	r := &rig{}
	r.books(t)
	r.cfg.DSN = "sqlite:" + file
	r.cfg.Tables = []Table{{Place: "club/loose", Name: "loose", Source: "club.loose", Key: "id", Columns: map[string]element.Kind{"name": element.Name}}}
	if err := r.newMap(t).ScanAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(holding{Rows: 4, Unknown: 3, Keys: map[string][]string{"name": {"1"}}}, r.held(t, "club/loose")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMySQLByKey(t *testing.T) {
	server := myclienttest.Start(t)
	server.Exec(t, "CREATE DATABASE club CHARACTER SET utf8mb4")
	exec := func(s string) { server.Exec(t, "USE club", "SET NAMES utf8mb4", s) }
	for _, s := range clubSQL {
		exec(s)
	}
	testKeyed(t, "mysql://root:"+url.PathEscape(myclienttest.Password)+"@/club?socket="+server.Socket, exec)
}
