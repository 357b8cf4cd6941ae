package viewdb

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

const schema = "CREATE TABLE t (n INTEGER)"

func rows(t *testing.T, db *DB) (n int) {
	t.Helper()
	if err := db.Read.QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestStamp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a view?.db") // a name that a URL would mangle
	open := func(stamp string) (*DB, bool) {
		t.Helper()
		db, fresh, err := Open(t.Context(), path, stamp, schema)
		if err != nil {
			t.Fatal(err)
		}
		return db, fresh
	}
	if _, err := OpenReader(t.Context(), path, "1"); err == nil {
		t.Error("OpenReader made a file")
	}
	db, fresh := open("1")
	if !fresh {
		t.Error("a new file is not fresh")
	}
	if _, err := db.Write.Exec("INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, db); n != 1 {
		t.Errorf("reader sees %d rows, want 1", n)
	}
	if _, err := db.Read.Exec("INSERT INTO t VALUES (2)"); err == nil {
		t.Error("the reader wrote")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, fresh = open("1"); fresh || rows(t, db) != 1 {
		t.Errorf("same stamp: fresh %v, %d rows", fresh, rows(t, db))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReader(t.Context(), path, "2"); err == nil {
		t.Error("OpenReader took another stamp")
	}
	if db, fresh = open("2"); !fresh || rows(t, db) != 0 {
		t.Errorf("other stamp: fresh %v, %d rows", fresh, rows(t, db))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file has another name: %v", err)
	}
}

func TestGarbageIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.db")
	if err := os.WriteFile(path, []byte("this was a database once, and is no more, for somebody wrote over it"), 0o600); err != nil {
		t.Fatal(err)
	}
	db, fresh, err := Open(t.Context(), path, "1", schema)
	if err != nil || !fresh {
		t.Fatalf("Open: fresh %v, %v", fresh, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFull: a database that cannot grow says so, and others do not.
func TestFull(t *testing.T) {
	db, _, err := Open(t.Context(), filepath.Join(t.TempDir(), "v.db"), "1", schema)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Write.Exec("PRAGMA max_page_count = 1"); err != nil { // as many as there are, then
		t.Fatal(err)
	}
	_, err = db.Write.Exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO t SELECT i FROM n")
	if !Full(fmt.Errorf("save: %w", err)) {
		t.Errorf("%v is not taken for a full disk", err)
	}
	if _, err = db.Write.Exec("INSERT INTO nowhere VALUES (1)"); err == nil || Full(err) {
		t.Errorf("%v is taken for a full disk", err)
	}
}
