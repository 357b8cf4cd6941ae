package pgproxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
	"sekisho/internal/policy/cut"
)

// encrypted makes a world with TLS on both sides, under one certificate, as channel
// binding through a gate needs it. upstream is the greatest version at the server.
func encrypted(t *testing.T, upstream uint16) (*world, func(*pgproxy.Config, *pgproxy.Settings)) {
	t.Helper()
	cert, key, err := pgservertest.Localhost()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	server := pgservertest.Start(t, pgserver.Config{
		CertPEM: cert, KeyPEM: key,
		HBA: []string{"hostnossl all app 127.0.0.0/8 reject", "hostssl all app 127.0.0.0/8 scram-sha-256"}})
	if err := server.CreateDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), "shop", schema+"ALTER ROLE app PASSWORD 'geheim';"); err != nil {
		t.Fatal(err)
	}
	change := func(c *pgproxy.Config, _ *pgproxy.Settings) {
		c.Keep = func() bool { return true }
		c.Login.ClientTLS, c.Login.UpstreamTLS = pglogin.TLSRequired, pglogin.Require
		c.Login.UpstreamConfig = &tls.Config{MaxVersion: upstream}
		c.Login.Certificate = func() (*tls.Certificate, error) { return &pair, nil }
	}
	return newWorldOn(t, server, change), change
}

// psql is one that stays.
type psql struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func (w *world) startPsql(more string) *psql {
	w.t.Helper()
	cmd := w.server.Command(w.t.Context(), "psql", "-X", "-A", "-t", "-q", w.dsn(more))
	cmd.Env = append(cmd.Environ(), "HOME=/")
	cmd.Stderr = w.t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	return &psql{in, bufio.NewReader(out)}
}

// says runs a statement that returns one line.
func (p *psql) says(t *testing.T, sql, want string) {
	t.Helper()
	if _, err := fmt.Fprintln(p.in, sql+";"); err != nil {
		t.Fatal(err)
	}
	if got, err := p.out.ReadString('\n'); strings.TrimSpace(got) != want {
		t.Errorf("psql: %s says %q, %v; want %q", sql, got, err, want)
	}
}

// connectOver is connect by TLS of a version, and of it by some suites.
func (w *world) connectOver(version uint16, suites []uint16, more string) *pgx.Conn {
	w.t.Helper()
	cfg, err := pgx.ParseConfig(w.dsn(more))
	if err != nil {
		w.t.Fatal(err)
	}
	cfg.TLSConfig.MinVersion, cfg.TLSConfig.MaxVersion, cfg.TLSConfig.CipherSuites = version, version, suites
	conn, err := pgx.ConnectConfig(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// TestKeptTLS: sessions over TLS, of either version on both sides, go on over two
// upgrades, with their statements, byte for byte: of psql with channel binding, of pgx
// with it, and of one that begins TLS at once. One over a suite of CBC ends.
func TestKeptTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		t.Run(tls.VersionName(version), func(t *testing.T) { testKeptTLS(t, version) })
	}
}

func testKeptTLS(t *testing.T, version uint16) {
	ctx := t.Context()
	w, change := encrypted(t, version)
	const login = "password=geheim default_query_exec_mode=exec sslmode=require "
	bound, direct := w.connectOver(version, nil, login+"channel_binding=require"), w.connectOver(version, nil, login+"sslnegotiation=direct")
	exactly := strings.Replace(tls.VersionName(version), "TLS ", "TLSv", 1)
	p := w.startPsql("password=geheim sslmode=require channel_binding=require ssl_min_protocol_version=" + exactly + " ssl_max_protocol_version=" + exactly)
	p.says(t, "PREPARE one(int) AS SELECT email FROM customers WHERE id = $1; EXECUTE one(7)", "u7@example.jp")
	older := w.connectOver(tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}, login)
	all := []*pgx.Conn{bound, direct}
	for _, c := range all {
		if _, err := c.Prepare(ctx, "byid", "SELECT name FROM customers WHERE id = $1"); err != nil {
			t.Fatal(err)
		}
	}
	kept := func() []pgproxy.Kept {
		w.stop()
		list := w.gate.Kept()
		if len(list) != 3 {
			t.Fatalf("%d sessions are kept, want 3", len(list))
		}
		for _, k := range list {
			if k.Client.TLS == nil || k.Upstream.TLS == nil {
				t.Fatal("a session goes on in clear")
			}
			for _, s := range []uint16{k.Client.TLS.Suite, k.Upstream.TLS.Suite} {
				if new := s>>8 == 0x13; new != (version == tls.VersionTLS13) { // RFC 8446, B.4
					t.Errorf("a leg over %s", tls.CipherSuiteName(s))
				}
			}
			for _, secret := range [][]byte{k.Client.TLS.In.Secret, k.Upstream.TLS.Out.Secret} {
				if bytes.Contains(k.State, secret) {
					t.Error("a secret stands in the state of the session")
				}
			}
		}
		return list
	}
	for start := uint32(2); start < 4; start++ {
		w = w.followKept(start, change, kept())
		for i, c := range all {
			var name string
			if err := c.QueryRow(ctx, "byid", 10*int(start)+i).Scan(&name); err != nil || name != fmt.Sprintf("名前%d", 10*int(start)+i) {
				t.Errorf("run %d: a prepared statement says %q, %v", start, name, err)
			}
			got := rowsOf(t, c, "SELECT repeat(title, 20000) FROM goods ORDER BY id LIMIT 10") // 1.2 MB and more
			for n, row := range got {
				if row != strings.Repeat(fmt.Sprintf("item %d", n+1), 20000) {
					t.Fatalf("run %d: row %d is another, of %d bytes", start, n, len(row))
				}
			}
			long := strings.Repeat("x", 300_000)
			if got := rowsOf(t, c, "SELECT length('"+long+"')::text"); !slices.Equal(got, []string{"300000"}) {
				t.Errorf("run %d: a long statement says %q", start, got)
			}
		}
		p.says(t, fmt.Sprintf("EXECUTE one(%d)", start), fmt.Sprintf("u%d@example.jp", start))
	}
	if err := older.Ping(ctx); err == nil {
		t.Error("a session over a suite of CBC goes on")
	}
	w.stop()
	for _, k := range w.gate.Kept() {
		k.Close()
	}
	if got := folded(w, 0); got != "customers email exact {2-3,7}\ncustomers name exact {20-21,30-31}" {
		t.Errorf("recorded:\n%s", got)
	}
}

// TestKeptTLSAndCut: a cut ends a session over TLS that was kept, and tells its
// client; and who would go on in clear does not go on.
func TestKeptTLSAndCut(t *testing.T) {
	w, change := encrypted(t, tls.VersionTLS12) // 1.3 at the client
	c := w.connect("password=geheim default_query_exec_mode=exec sslmode=require")
	w = w.follow(2, change)
	rowsOf(t, c, "SELECT email FROM customers WHERE id = 5")
	set, err := cut.New(1, []cut.Entry{{ID: "c1", Kind: cut.User, Target: "app", Until: time.Now().Add(time.Hour).UnixNano()}})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.gate.Cut(t.Context(), set); n != 1 || err != nil {
		t.Errorf("cut %d sessions, %v", n, err)
	}
	if _, code := simple(t, c, "SELECT 1"); code != "57P01" {
		t.Errorf("the client hears %q", code)
	}

	w, change = encrypted(t, tls.VersionTLS13)
	c = w.connect("password=geheim default_query_exec_mode=exec sslmode=require")
	rowsOf(t, c, "SELECT 1")
	w.stop()
	kept := w.gate.Kept()
	if len(kept) != 1 {
		t.Fatalf("%d sessions kept", len(kept))
	}
	kept[0].Upstream.TLS = nil
	next := newWorldOn(t, w.server, func(cfg *pgproxy.Config, s *pgproxy.Settings) {
		change(cfg, s)
		cfg.Start, cfg.Resume, cfg.Recorders = 2, kept, []event.Recorder{w.rec}
	})
	if err := c.Ping(t.Context()); err == nil {
		t.Error("it went on in clear")
	}
	if n := len(next.gate.Sessions()); n != 0 {
		t.Errorf("%d sessions", n)
	}
}
