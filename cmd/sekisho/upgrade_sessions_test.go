package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"sekisho/internal/pgserver/pgservertest"
)

// poolKey is where a script keeps its sessions.
const poolKey = "pool"

// pooled is a session as a connection pool has it: a prepared statement, and
// long silences.
type pooled struct {
	conn *pgx.Conn
	pid  uint32
}

// pool works with sessions that stay: "pool NAME open [setting …]", "pool NAME ask
// ID", "pool NAME run SQL", "pool NAME prepare SQL", "pool NAME prepared", "pool NAME gone", "pool NAME close". A session must be
// served by the process of the server that served it first.
func pool(ts *testscript.TestScript, neg bool, args []string) {
	all := ts.Value(poolKey).(map[string]*pooled)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	name, p := args[0], all[args[0]]
	check := func(err error) {
		if (err != nil) != neg {
			ts.Fatalf("session %s: %v", name, err)
		}
	}
	switch args[1] {
	case "open":
		dsn := fmt.Sprintf("host=127.0.0.1 port=%s user=app dbname=%s ", ts.Getenv("PGPORT"), ts.Getenv("PGDATABASE"))
		mode := "sslmode=disable"
		if len(args) > 2 {
			mode = args[2]
		}
		conn, err := pgx.Connect(ctx, dsn+mode+" default_query_exec_mode=exec")
		check(err)
		_, err = conn.Prepare(ctx, "byid", "SELECT email FROM customers WHERE id = $1")
		check(err)
		all[name] = &pooled{conn, conn.PgConn().PID()}
		ts.Defer(func() { _ = conn.Close(context.Background()) })
	case "ask":
		var email string
		var pid uint32
		err := p.conn.QueryRow(ctx, "byid", args[2]).Scan(&email)
		check(err)
		if neg {
			return
		}
		check(p.conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid))
		if want := "m" + args[2] + "@example.jp"; email != want || pid != p.pid {
			ts.Fatalf("session %s: %q from process %d, want %q from %d", name, email, pid, want, p.pid)
		}
	case "run":
		_, err := p.conn.PgConn().Exec(ctx, args[2]).ReadAll()
		check(err)
	case "prepare":
		_, err := p.conn.Prepare(ctx, "again", args[2])
		check(err)
	case "prepared":
		rows, err := p.conn.Query(ctx, "again")
		check(err)
		rows.Close()
		check(rows.Err())
	case "gone":
		if err := p.conn.Ping(ctx); err == nil {
			ts.Fatalf("session %s is still there", name)
		}
	case "close":
		check(p.conn.Close(ctx))
	}
}

// gateCertificate writes one of localhost and its key into two files.
func gateCertificate(ts *testscript.TestScript, _ bool, args []string) {
	cert, key, err := pgservertest.Localhost()
	ts.Check(err)
	for i, text := range [][]byte{cert, key} {
		ts.Check(os.WriteFile(ts.MkAbs(args[i]), text, 0o600))
	}
}
