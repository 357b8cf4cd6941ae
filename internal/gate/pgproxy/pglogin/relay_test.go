package pglogin_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/lib/pq"

	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/wire/pgwire"
)

// ask connects with pgx and returns the answer to a query, or the error's SQLSTATE, or the error.
func ask(dsn, query string) string {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return failureText(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var answer string
	if err := conn.QueryRow(ctx, query).Scan(&answer); err != nil {
		return failureText(err)
	}
	return answer
}

func failureText(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code + " " + pg.Message
	}
	return err.Error()
}

// askPQ is ask with lib/pq.
func askPQ(dsn, query string) string {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = db.Close() }()
	var answer string
	if err := db.QueryRow(query).Scan(&answer); err != nil {
		return err.Error()
	}
	return answer
}

// askPsql is ask with psql; failures are what it prints.
func (w *world) askPsql(t *testing.T, dsn, query string) string {
	t.Helper()
	cmd := w.server.Command(t.Context(), "psql", "-X", "-A", "-t", "-c", query, dsn)
	cmd.Env = append(cmd.Environ(), "HOME=/") // no certificates of the person who runs the test
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		return err.Error()
	}
	return strings.TrimSpace(string(out))
}

func TestRelayMethods(t *testing.T) {
	w := newWorld(t)
	g := startGate(t, w.config(w.serverCert))
	tests := []struct{ user, more, method string }{
		{"u_scram", "sslmode=disable", "scram-sha-256"},
		{"u_scram", "sslmode=require channel_binding=require", "scram-sha-256-plus"},
		{"u_scram", "sslmode=require channel_binding=disable", "scram-sha-256"},
		{"u_md5", "sslmode=disable", "md5"},
		{"u_plain", "sslmode=require", "password"},
		{"u_trust", "sslmode=prefer", "trust"},
	}
	const query = "SELECT current_user || ' ' || ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
	for _, tt := range tests {
		t.Run(tt.user+" "+tt.more, func(t *testing.T) {
			want := tt.user + " true" // the leg to the server
			clients := map[string]func(dsn string) string{
				"pgx":  func(dsn string) string { return ask(dsn, query) },
				"psql": func(dsn string) string { return w.askPsql(t, dsn, query) },
			}
			if !strings.Contains(tt.more, "channel_binding") && !strings.Contains(tt.more, "prefer") {
				clients["lib/pq"] = func(dsn string) string { return askPQ(dsn, query) }
			}
			for name, client := range clients {
				if got := client(g.dsn(tt.user, "application_name=shop "+tt.more)); got != want {
					t.Fatalf("%s: got %q, want %q", name, got, want)
				}
				l := g.login(t)
				got := []string{l.User, l.Role, l.Database, l.Application, l.Method, l.Parameters["standard_conforming_strings"], fmt.Sprint(len(l.Key), l.PID > 0, l.Version == pgwire.Version30)}
				if diff := cmp.Diff([]string{tt.user, tt.user, "postgres", "shop", tt.method, "on", "4 true true"}, got); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
				if (l.ClientTLS != nil) == strings.Contains(tt.more, "disable") && !strings.Contains(tt.more, "channel_binding") {
					t.Errorf("%s: TLS of the client is %+v", name, l.ClientTLS)
				}
			}
		})
	}
}

// TestRelayedRefusals: the client gets what it would get from the server itself.
func TestRelayedRefusals(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(w.serverCert)
	cfg.UpstreamTLS = pglogin.Disable // so that the server's own words are the same
	g := startGate(t, cfg)
	direct := fmt.Sprintf("host=127.0.0.1 port=%d connect_timeout=20 sslmode=disable", w.server.Port())
	through := fmt.Sprintf("host=127.0.0.1 port=%d connect_timeout=20 sslmode=disable", g.port)
	for _, more := range []string{
		"user=u_scram password=wrong dbname=postgres",
		"user=u_md5 password=wrong dbname=postgres",
		"user=u_plain password=wrong dbname=postgres",
		"user=nobody_at_all password=x dbname=postgres",
		"user=u_trust dbname=no_such_database",
		"user=u_few dbname=postgres",
		"user=u_cert dbname=postgres",
		"user=u_trust dbname=postgres options='-c no_such_setting=1'",
	} {
		want := w.askPsql(t, direct+" "+more, "SELECT 1")
		got := w.askPsql(t, through+" "+more, "SELECT 1")
		want = strings.ReplaceAll(want, fmt.Sprintf("port %d", w.server.Port()), "port N")
		got = strings.ReplaceAll(got, fmt.Sprintf("port %d", g.port), "port N")
		if diff := cmp.Diff(want, got); diff != "" || !strings.Contains(want, "FATAL") {
			t.Errorf("%s: %s", more, diff)
		}
		var refused *pglogin.ServerRefusal
		if err := g.failure(t); !errors.As(err, &refused) || len(refused.Code) != 5 {
			t.Errorf("%s: the gate saw %v", more, err)
		}
	}
}

func TestCertificatesThatDiffer(t *testing.T) {
	w := newWorld(t)
	g := startGate(t, w.config(w.otherCert))
	got := ask(g.dsn("u_scram", "sslmode=require channel_binding=require"), "SELECT 'in'")
	if want := "28000 channel binding cannot pass this gate: its certificate is not the server's"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var r *pglogin.Refusal
	if err := g.failure(t); !errors.As(err, &r) || r.ID != "E-7" {
		t.Errorf("the gate saw %v", err)
	}
	out := w.askPsql(t, g.dsn("u_scram", "sslmode=require"), "SELECT 'in'")
	for _, part := range []string{"its certificate is not the server's", "Sekisho event E-7.", "channel_binding=disable"} {
		if !strings.Contains(out, part) {
			t.Errorf("psql says %q, without %q", out, part)
		}
	}
	for _, more := range []string{"sslmode=require channel_binding=disable", "sslmode=disable"} {
		if got := w.askPsql(t, g.dsn("u_scram", more), "SELECT 'in'"); got != "in" {
			t.Errorf("%s: %s", more, got)
		}
	}
}

func TestClientCertificateIsNotRelayed(t *testing.T) {
	w := newWorld(t)
	g := startGate(t, w.config(w.serverCert))
	crt, key := filepath.Join(w.dir, "client.crt"), filepath.Join(w.dir, "client.key")
	got := ask(g.dsn("u_cert", "sslmode=require sslcert="+crt+" sslkey="+key+" sslrootcert="+filepath.Join(w.dir, "ca.pem")), "SELECT 'in'")
	if !strings.HasPrefix(got, "28000 connection requires a valid client certificate") {
		t.Errorf("got %q", got)
	}
}

func TestUnixSockets(t *testing.T) {
	w := newWorld(t)
	dir, err := os.MkdirTemp("", "gate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cfg := w.config(w.serverCert)
	cfg.Network, cfg.Address = "unix", filepath.Join(w.server.Dir(), fmt.Sprintf(".s.PGSQL.%d", w.server.Port()))
	cfg.ClientTLS = pglogin.TLSRequired // not over Unix sockets
	g := startGateAt(t, cfg, netloop.Config{}, "unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if got := ask("host="+dir+" port=5432 user=u_trust dbname=postgres", "SELECT current_user"); got != "u_trust" {
		t.Errorf("got %q", got)
	}
	if l := g.login(t); l.UpstreamTLS != nil || l.ClientTLS != nil || l.Address.Network() != "unix" {
		t.Errorf("login %+v", l)
	}
	// peer: the server sees the gate's user, not the client's.
	if got := ask("host="+dir+" port=5432 user=u_peer dbname=postgres", "SELECT 1"); got != `28000 Peer authentication failed for user "u_peer"` {
		t.Errorf("got %q", got)
	}
}

func TestUpstreamTLSModes(t *testing.T) {
	w := newWorld(t)
	foreign := newAuthority(t).pool()
	tests := []struct {
		name string
		edit func(c *pglogin.Config)
		want string
	}{
		{"disable", func(c *pglogin.Config) { c.UpstreamTLS = pglogin.Disable }, "false"},
		{"prefer", func(c *pglogin.Config) { c.UpstreamTLS = pglogin.Prefer }, "true"},
		{"require, another authority", func(c *pglogin.Config) { c.UpstreamTLS = pglogin.Require; c.UpstreamConfig.RootCAs = foreign }, "true"},
		{"verify-ca, another name", func(c *pglogin.Config) {
			c.UpstreamTLS = pglogin.VerifyCA
			c.UpstreamConfig.ServerName = "elsewhere"
		}, "true"},
		{"verify-ca, another authority", func(c *pglogin.Config) { c.UpstreamTLS = pglogin.VerifyCA; c.UpstreamConfig.RootCAs = foreign }, "08006 the gate has no secure connection to the database server"},
		{"verify-full", func(*pglogin.Config) {}, "true"},
		{"verify-full by address", func(c *pglogin.Config) { c.UpstreamConfig.ServerName = "" }, "true"},
		{"verify-full, another name", func(c *pglogin.Config) { c.UpstreamConfig.ServerName = "elsewhere" }, "08006 the gate has no secure connection to the database server"},
		{"direct, which PostgreSQL 15 does not have", func(c *pglogin.Config) { c.Direct = true }, "08006 the gate has no secure connection to the database server"},
		{"nobody listens", func(c *pglogin.Config) { c.Address = "127.0.0.1:1" }, "08006 the gate cannot reach the database server"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := w.config(w.serverCert)
			tt.edit(&cfg)
			g := startGate(t, cfg)
			if got := ask(g.dsn("u_trust", ""), "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestPreferInClear: where TLS comes to nothing, prefer goes on without, as libpq does; require does not.
func TestPreferInClear(t *testing.T) {
	w := newWorld(t)
	halfTLS := startScript(t, func(conn net.Conn) { // agrees to TLS and hangs up
		first := make([]byte, 8)
		if _, err := io.ReadFull(conn, first); err != nil {
			return
		}
		if bytes.Equal(first, pgwire.AppendSSLRequest(nil)) {
			_, _ = conn.Write([]byte("S"))
			_, _ = conn.Read(make([]byte, 1))
			return
		}
		_, _ = conn.Write(greeting([]byte("1234")))
		_, _ = io.Copy(io.Discard, conn)
	})
	for _, tt := range []struct {
		mode pglogin.UpstreamTLS
		user string
		want string
	}{
		{pglogin.Prefer, "u_clear", "false"},
		{pglogin.Prefer, "u_trust", "true"},
		{pglogin.Require, "u_clear", "28000 pg_hba.conf rejects connection"},
		{pglogin.Prefer, "u_nobody", "28000"},
	} {
		cfg := w.config(w.serverCert)
		cfg.UpstreamTLS = tt.mode
		g := startGate(t, cfg)
		if got := ask(g.dsn(tt.user, ""), "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"); !strings.HasPrefix(got, tt.want) {
			t.Errorf("mode %d, %s: got %q, want %q", tt.mode, tt.user, got, tt.want)
		}
	}
	cfg := halfTLS.config()
	cfg.UpstreamTLS = pglogin.Prefer
	g := startGate(t, cfg)
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(start30); err != nil {
		t.Fatal(err)
	}
	if l := g.login(t); l.PID != 77 || l.UpstreamTLS != nil {
		t.Errorf("process %d, TLS %v; want 77 in clear", l.PID, l.UpstreamTLS)
	}
	cfg.UpstreamTLS = pglogin.Require
	if got := sqlstate(talk(t, startGate(t, cfg).addr, start30)); got != "08006" {
		t.Errorf("require: %s, want 08006", got)
	}
}

// TestGateBehindGate: the second gate is a server with direct TLS, which PostgreSQL 15 does not have.
func TestGateBehindGate(t *testing.T) {
	w := newWorld(t)
	inner := startGate(t, w.config(w.serverCert))
	cfg := w.config(w.serverCert)
	cfg.Address, cfg.Direct = inner.addr, true
	outer := startGate(t, cfg)
	for _, more := range []string{"sslmode=require sslnegotiation=direct channel_binding=require", "sslmode=require channel_binding=require", "sslmode=disable"} {
		if got := ask(outer.dsn("u_scram", more), "SELECT current_user"); got != "u_scram" {
			t.Fatalf("%s: %s", more, got)
		}
		l, in := outer.login(t), inner.login(t)
		if !l.UpstreamTLS.Direct || !in.ClientTLS.Direct {
			t.Errorf("%s: direct is %t and %t", more, l.UpstreamTLS.Direct, in.ClientTLS.Direct)
		}
		if l.ClientTLS != nil && l.ClientTLS.Direct != strings.Contains(more, "direct") {
			t.Errorf("%s: direct for the client is %t", more, l.ClientTLS.Direct)
		}
	}
}

// TestVersion32: PostgreSQL 15 answers a start-up of 3.2 with NegotiateProtocolVersion 3.0.
func TestVersion32(t *testing.T) {
	w := newWorld(t)
	g := startGate(t, w.config(w.serverCert))
	if got := ask(g.dsn("u_scram", "max_protocol_version=3.2"), "SELECT current_user"); got != "u_scram" {
		t.Fatal(got)
	}
	if l := g.login(t); l.Version != pgwire.Version30 {
		t.Errorf("version %#x, want 3.0", l.Version)
	}
}
