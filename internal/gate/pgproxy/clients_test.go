package pgproxy_test

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/lib/pq"

	"sekisho/internal/pgserver"
)

// direct runs a PostgreSQL program against the server itself.
func (w *world) direct(program string, args ...string) string {
	w.t.Helper()
	dir, err := pgserver.Find()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.CommandContext(w.t.Context(), dir+"/"+program, args...)
	cmd.Env = append(cmd.Environ(), "PGHOST=127.0.0.1", fmt.Sprintf("PGPORT=%d", w.server.Port()), "PGUSER=app", "PGDATABASE="+w.database, "PGSSLMODE=disable")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

func TestDumpIsTheSameAndExact(t *testing.T) {
	for _, args := range [][]string{{"-t", "customers", "-t", "bookings"}, {"--inserts", "-t", "customers"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			w := newWorld(t, nil)
			got, want := withoutToken(w.run("pg_dump", args...)), withoutToken(w.direct("pg_dump", args...))
			if got != want {
				t.Errorf("the dump through the gate differs from the direct one (%d and %d bytes)", len(got), len(want))
			}
			p := w.parts()["customers exact"]
			if p == nil || string(p.Subjects.Append(nil)) != "1-1000" {
				t.Errorf("crossings: %s", w.summary())
			}
			t.Log(w.summary())
		})
	}
}

// withoutToken drops the random \restrict lines that pg_dump writes since
// August 2025.
func withoutToken(dump string) string {
	lines := strings.Split(dump, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "\\restrict") || strings.HasPrefix(l, "\\unrestrict")
	}), "\n")
}

func TestPgxModes(t *testing.T) {
	w := newWorld(t, nil)
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		conn, err := pgx.Connect(t.Context(), w.dsn("default_query_exec_mode="+mode))
		if err != nil {
			t.Fatal(mode, err)
		}
		for i := range 3 {
			var email string
			if err := conn.QueryRow(t.Context(), "SELECT email FROM customers WHERE id = $1", 100+i).Scan(&email); err != nil || email != fmt.Sprintf("u%d@example.jp", 100+i) {
				t.Errorf("%s: %q, %v", mode, email, err)
			}
		}
		batch := &pgx.Batch{}
		for i := range 3 {
			batch.Queue("SELECT id, name FROM customers WHERE id = $1", 200+i)
		}
		if err := conn.SendBatch(t.Context(), batch).Close(); err != nil {
			t.Errorf("%s: batch: %v", mode, err)
		}
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	w.want("customers exact {100-102,200-202}")
}

func TestLibPQ(t *testing.T) {
	w := newWorld(t, nil)
	db, err := sql.Open("postgres", w.dsn(""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for i := range 5 {
		var name string
		if err := db.QueryRowContext(t.Context(), "SELECT name FROM customers WHERE id = $1", 300+i).Scan(&name); err != nil || name != fmt.Sprintf("名前%d", 300+i) {
			t.Errorf("%q, %v", name, err)
		}
	}
	stmt, err := db.Prepare("SELECT id, email FROM customers WHERE id > $1 ORDER BY id LIMIT 2")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := stmt.Query(400)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
	if _, err := db.Exec("INSERT INTO customers (id, name) VALUES ($1, $2)", 3000, "新"); err != nil {
		t.Error(err)
	}
	if _, err := db.Exec("INSERT INTO customers (id, name) VALUES ($1, $2)", 3000, "新"); err == nil {
		t.Error("a duplicate key was accepted")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	w.stop()
	t.Log(w.summary())
}
