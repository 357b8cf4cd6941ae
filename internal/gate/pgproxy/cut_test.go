package pgproxy_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"sekisho/internal/event"
	"sekisho/internal/policy/cut"
)

// TestCutOfWhoDoesNotRead: rows that a client has not taken when its session is cut never reach it, whether the
// session is under way or its client has ended its side already. The receipt waits for that.
func TestCutOfWhoDoesNotRead(t *testing.T) {
	for name, ends := range map[string]bool{"under way": false, "its client has ended": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			r := w.raw()
			if err := r.conn.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
				t.Fatal(err)
			}
			const total, taken = 40_000_000, 2_000_000 // in rows of 1,000
			r.send(&pgproto3.Query{String: "SELECT repeat('x', 1000) FROM generate_series(1, 40000)"})
			if _, err := io.ReadFull(r.conn, make([]byte, taken)); err != nil {
				t.Fatal(err)
			}
			w.until("more rows are on their way than the client's side has room for", func() bool { return w.gate.Sessions()[0].Rows > (taken+200_000)/1000 })
			if ends {
				if err := r.conn.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				w.until("the session is closed", func() bool {
					bodies, _ := w.rec.all()
					return slices.ContainsFunc(bodies, func(b event.Body) bool { _, is := b.(*event.SessionClose); return is })
				})
			}
			set, err := cut.New(1, []cut.Entry{{ID: "c1", Kind: cut.User, Target: "app", Until: time.Now().Add(time.Hour).UnixNano()}})
			if err != nil {
				t.Fatal(err)
			}
			if n, err := w.gate.Cut(t.Context(), set); err != nil || n != 1 || len(w.gate.Sessions()) != 0 {
				t.Fatalf("ended %d, %v, %d sessions", n, err, len(w.gate.Sessions()))
			}
			all, err := io.ReadAll(r.conn)
			if !errors.Is(err, syscall.ECONNRESET) || len(all) >= 200_000 {
				t.Errorf("after the receipt came %d bytes, then %v", len(all), err)
			}
		})
	}
}

// until asks until it is so.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(30 * time.Second); !is(); <-tick.C {
		if time.Now().After(until) {
			w.t.Fatal("not in time: " + what)
		}
	}
}
