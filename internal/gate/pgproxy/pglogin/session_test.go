package pglogin_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"sekisho/internal/gate/netloop"
)

// TestBulkThroughTheGate: COPY in and out, megabytes both ways at once, in clear and inside TLS.
func TestBulkThroughTheGate(t *testing.T) {
	w := newWorld(t)
	carriers := []*gate{startGate(t, w.config(w.serverCert)), startGateAt(t, w.config(w.serverCert), netloop.Config{Portable: true}, "tcp", "127.0.0.1:0")}
	for i := range 4 {
		g, more := carriers[i/2], []string{"sslmode=disable", "sslmode=require"}[i%2]
		t.Run(fmt.Sprintf("portable %t %s", i/2 == 1, more), func(t *testing.T) {
			ctx := context.Background()
			conn, err := pgx.Connect(ctx, g.dsn("u_scram", more))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(ctx) }()
			table := fmt.Sprintf("bulk%d", i)
			if _, err := conn.Exec(ctx, "CREATE TEMP TABLE "+table+" (n int, text text)"); err != nil {
				t.Fatal(err)
			}
			var in bytes.Buffer
			rnd := rand.New(rand.NewPCG(1, 2))
			for n := range 60_000 {
				fmt.Fprintf(&in, "%d\t%s\n", n, strings.Repeat("佐藤", rnd.IntN(30)))
			}
			sum := md5.Sum(in.Bytes())
			size := in.Len()
			if _, err := conn.PgConn().CopyFrom(ctx, &in, "COPY "+table+" FROM STDIN"); err != nil {
				t.Fatal(err)
			}
			h := md5.New()
			if _, err := conn.PgConn().CopyTo(ctx, h, "COPY (SELECT * FROM "+table+" ORDER BY n) TO STDOUT"); err != nil {
				t.Fatal(err)
			}
			if got := h.Sum(nil); !bytes.Equal(got, sum[:]) {
				t.Errorf("%d bytes went in as %s and came out as %s", size, hex.EncodeToString(sum[:]), hex.EncodeToString(got))
			}
		})
	}
}

// TestServerEndsSession: the server's last words reach the client.
func TestServerEndsSession(t *testing.T) {
	w := newWorld(t)
	g := startGate(t, w.config(w.serverCert))
	for _, more := range []string{"sslmode=disable", "sslmode=require"} {
		_, result := blocked(t, g.dsn("u_scram", more))
		l := g.login(t)
		w.waitRunning(t, l.PID)
		if got := ask(w.server.SocketDSN("postgres", "postgres"), fmt.Sprintf("SELECT pg_terminate_backend(%d)::text", l.PID)); got != "true" {
			t.Fatal(got)
		}
		if got := <-result; got != "57P01 terminating connection due to administrator command" {
			t.Errorf("%s: %s", more, got)
		}
	}
}

// TestManySessionsAtOnce: logins and sessions of many clients at once, some of which leave in the middle.
func TestManySessionsAtOnce(t *testing.T) {
	w := newWorld(t)
	g := startGate(t, w.config(w.serverCert))
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			more := []string{"sslmode=disable", "sslmode=require"}[i%2]
			for round := range 3 {
				want := fmt.Sprintf("session %d round %d", i, round)
				if i%6 == 5 {
					ctx, cancel := context.WithCancel(context.Background())
					conn, err := pgx.Connect(ctx, g.dsn("u_scram", more))
					if err != nil {
						t.Error(err)
						cancel()
						return
					}
					cancel()
					_, _ = conn.Exec(ctx, "SELECT 1") // closes the connection without a word
					continue
				}
				if got := ask(g.dsn("u_scram", more), "SELECT '"+want+"'"); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	}
	wg.Wait()
}
