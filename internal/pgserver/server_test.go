package pgserver_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatalf("connect %s: %v", dsn, err)
	}
	defer conn.Close(t.Context())
	var text string
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

func TestServer(t *testing.T) {
	s := pgservertest.Start(t, pgserver.Config{Settings: map[string]string{"application_name": "it's"}})
	ctx := t.Context()
	if err := s.CreateDatabase(ctx, "shop"); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(ctx, "shop", `CREATE TABLE t (id int, note text); CREATE ROLE app LOGIN; GRANT SELECT ON t TO app`); err != nil {
		t.Fatal(err)
	}
	n, err := s.Load(ctx, "shop", "public.t", []string{"id", "note"}, strings.NewReader("1\t札幌\n2\t\\N\n"))
	if n != 2 || err != nil {
		t.Fatalf("Load = %d, %v, want 2 rows", n, err)
	}
	if err := s.Clone(ctx, "shop", "copy"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, dsn, sql, want string }{
		{"superuser over TCP", s.DSN(pgserver.Superuser, "shop"), "SELECT note FROM t WHERE id = 1", "札幌"},
		{"role over TCP", s.DSN("app", "shop"), "SELECT current_user::text", "app"},
		{"role over the socket", s.SocketDSN("app", "shop"), "SELECT current_user::text", "app"},
		{"clone", s.DSN("app", "copy"), "SELECT count(*)::text FROM t", "2"},
		{"setting with a quote", s.DSN("app", "shop"), "SELECT boot_val||reset_val FROM pg_settings WHERE name = 'application_name'", "it's"},
		{"no fsync", s.DSN("app", "shop"), "SHOW fsync", "off"},
	} {
		if got := query(t, tt.dsn, tt.sql); got != tt.want {
			t.Errorf("%s: %s = %q, want %q", tt.name, tt.sql, got, tt.want)
		}
	}
	out, err := s.Command(ctx, "psql", "-At", "-c", "SELECT 7").CombinedOutput()
	if strings.TrimSpace(string(out)) != "7" || err != nil {
		t.Errorf("psql = %q, %v, want 7", out, err)
	}
	if err := s.DropDatabase(ctx, "copy"); err != nil {
		t.Error(err)
	}
}

// Whoever logs in as superuser can run programs as the server's user, so
// nobody else on the machine may.
func TestSuperuserNeedsPassword(t *testing.T) {
	s := pgservertest.Start(t, pgserver.Config{})
	_, err := pgx.Connect(t.Context(), "postgres://postgres@"+s.Addr()+"/postgres?sslmode=disable")
	if err == nil {
		t.Fatal("the superuser logged in over TCP without a password")
	}
	info, err := os.Stat(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if perm := info.Mode().Perm(); perm != 0o700 {
		t.Errorf("directory with the socket has mode %o, want 700", perm)
	}
}

func TestRestartAfterKill(t *testing.T) {
	s := pgservertest.Start(t, pgserver.Config{Fsync: true})
	if err := s.Exec(t.Context(), "postgres", "CREATE TABLE kept AS SELECT 'still here' AS v"); err != nil {
		t.Fatal(err)
	}
	addr := s.Addr()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Fatal("something still listens after Kill")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := query(t, s.DSN(pgserver.Superuser, "postgres"), "SELECT v FROM kept"); got != "still here" || s.Addr() != addr {
		t.Errorf("after restart: %q at %s, want the row at %s", got, s.Addr(), addr)
	}
}

func TestStopRemovesOnlyTemporary(t *testing.T) {
	temporary := pgservertest.Start(t, pgserver.Config{})
	if err := temporary.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(temporary.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("temporary directory after Stop: %v, want it gone", err)
	}
	dir := shortDir(t)
	kept := pgservertest.Start(t, pgserver.Config{Dir: dir})
	if err := kept.Exec(t.Context(), "postgres", "CREATE DATABASE mine"); err != nil {
		t.Fatal(err)
	}
	if err := kept.Stop(); err != nil {
		t.Fatal(err)
	}
	again := pgservertest.Start(t, pgserver.Config{Dir: dir})
	if got := query(t, again.DSN(pgserver.Superuser, "mine"), "SELECT current_database()::text"); got != "mine" {
		t.Errorf("reopened cluster: database %q, want mine", got)
	}
}

// shortDir is a directory that another user may enter (t.TempDir is private to
// root) and whose path leaves room for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestStartRefuses(t *testing.T) {
	if _, err := pgserver.Find(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	long := filepath.Join(shortDir(t), strings.Repeat("d", 100))
	for _, tt := range []struct {
		name string
		cfg  pgserver.Config
		want string
	}{
		{"long directory", pgserver.Config{Dir: long}, "SK7104"},
		{"bad setting", pgserver.Config{Settings: map[string]string{"shared_buffers": "many"}}, "shared_buffers"},
	} {
		s, err := pgserver.Start(t.Context(), tt.cfg)
		if err == nil {
			s.Stop()
			t.Errorf("%s: started", tt.name)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %q, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestStartCancelled(t *testing.T) {
	if _, err := pgserver.Find(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := pgserver.Start(ctx, pgserver.Config{}); !errors.Is(err, context.Canceled) {
		if err == nil {
			s.Stop()
		}
		t.Errorf("Start with a cancelled context = %v, want context.Canceled", err)
	}
}

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir, err := pgserver.Find()
	if err == nil { // a packaged server, found without PATH
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
			t.Errorf("Find = %s without initdb: %v", dir, err)
		}
		return
	}
	if !errors.Is(err, pgserver.ErrMissing) || !strings.Contains(err.Error(), pgserver.InstallLine) {
		t.Errorf("error %q, want ErrMissing and %q", err, pgserver.InstallLine)
	}
}

func TestIdent(t *testing.T) {
	for _, tt := range []struct {
		parts []string
		want  string
	}{
		{[]string{"customers"}, `"customers"`},
		{[]string{"public", "Order"}, `"public"."Order"`},
		{[]string{`a"; DROP TABLE b; --`}, `"a""; DROP TABLE b; --"`},
	} {
		if got := pgserver.Ident(tt.parts...); got != tt.want {
			t.Errorf("Ident(%q) = %s, want %s", tt.parts, got, tt.want)
		}
	}
}
