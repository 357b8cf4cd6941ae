package prove

import (
	"fmt"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"sekisho/internal/gate/pgproxy"
)

// TestIdentifierOfASnapshot gives one subject's address to another while a
// transaction still sees the first: a scan after the change says whose the
// address is, and not whose the row is that the transaction reads.
func TestIdentifierOfASnapshot(t *testing.T) {
	server := startServer(t)
	seed := seeds(t)[0]
	l := newBase(t, server, seed)
	base := l.base(seed)
	for _, c := range []struct {
		name, begin string
		confirmed   map[int]bool
		off         switches
	}{
		{"a statement of its own", "SELECT 1", map[int]bool{1: true}, switches{}},
		{"a transaction that began before", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM tours", map[int]bool{}, switches{}},
		{"the same, without the rule", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM tours", map[int]bool{1: true}, switches{Switches: pgproxy.Switches{NoTurn: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			must(t, server.Exec(t.Context(), base, "CREATE TABLE aside AS SELECT * FROM customers; DELETE FROM customers WHERE id <> "+l.shop.key(0)))
			h := startHouse(t, server.DSN("watch", base), server.Addr(), base, c.off)
			defer h.close()
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(reader)}}
			conn, err := d.DialContext(t.Context(), "tcp", h.addr)
			must(t, err)
			session, err := login(conn, application, base)
			must(t, err)
			defer session.close()
			must(t, session.simply(c.begin))
			writer, err := dial(t.Context(), "tcp", h.addr, application, base)
			must(t, err)
			one, other, address := l.shop.key(0), l.shop.key(1), l.shop.rows[0].values[2]
			must(t, writer.alone(fmt.Sprintf("UPDATE customers SET email = 'free'; INSERT INTO customers (id, email) VALUES (%s, %s); DELETE FROM customers WHERE id = %s", other, address, one)))
			must(t, h.scan(t.Context()))
			must(t, h.settle(t.Context(), base))
			must(t, session.simply("SELECT email FROM addressless"))
			session.close()
			must(t, h.finish(t.Context()))
			got, full, err := h.scope(t.Context(), l.shop, reader)
			must(t, err)
			if !maps.Equal(got.confirmed, c.confirmed) {
				t.Errorf("confirmed %v, want %v; reachable %v, bounded %+v", members(got.confirmed), members(c.confirmed), members(got.reachable), full.Coverage.Bounded)
			}
			must(t, server.Exec(t.Context(), base, "TRUNCATE customers; INSERT INTO customers SELECT * FROM aside; DROP TABLE aside"))
		})
	}
}

// TestIdentifierOfAClientThatLeft gives one subject's address to another in a
// transaction whose client goes away before the server has finished: the server
// commits all the same. A scan before that says whose the address was.
func TestIdentifierOfAClientThatLeft(t *testing.T) {
	server := startServer(t)
	seed := seeds(t)[0]
	l := newBase(t, server, seed)
	base := l.base(seed)
	one, other, address := l.shop.key(0), l.shop.key(1), l.shop.rows[0].values[2]
	free := "UPDATE customers SET email = 'free' WHERE id = " + one + "; "
	const waits = "; SELECT pg_advisory_xact_lock(7)"
	update := free + fmt.Sprintf("INSERT INTO customers (id, email) VALUES (%s, %s)", other, address) + waits
	copied := free + "COPY customers (id, email) FROM STDIN" + waits
	for _, c := range []struct {
		name, sql string
		killed    bool // by the gate
		confirmed map[int]bool
		off       switches
	}{
		{"update", update, false, map[int]bool{}, switches{}},
		{"copy", copied, false, map[int]bool{}, switches{}},
		{"ended by the gate", update, true, map[int]bool{}, switches{}},
		{"update, without the rule", update, false, map[int]bool{0: true}, switches{Switches: pgproxy.Switches{NoOutlasting: true}}},
		{"copy, without the rule", copied, false, map[int]bool{0: true}, switches{Switches: pgproxy.Switches{NoOutlasting: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			must(t, server.Exec(t.Context(), base, "CREATE TABLE aside AS SELECT * FROM customers; DELETE FROM customers WHERE id <> "+one))
			h := startHouse(t, server.DSN("watch", base), server.Addr(), base, c.off)
			defer h.close()
			holder, err := dial(t.Context(), "tcp", server.Addr(), application, base)
			must(t, err)
			defer holder.close()
			must(t, holder.simply("SELECT pg_advisory_lock(7)"))
			writer, err := dial(t.Context(), "tcp", h.addr, application, base)
			must(t, err)
			writer.fe.Send(&pgproto3.Query{String: c.sql})
			must(t, writer.fe.Flush())
			if c.sql == copied {
				for open := false; !open; {
					m, err := writer.receive()
					must(t, err)
					_, open = m.(*pgproto3.CopyInResponse)
				}
				writer.fe.Send(&pgproto3.CopyData{Data: []byte(strings.ReplaceAll(other+"\t"+address+"\n", "'", ""))})
				writer.fe.Send(&pgproto3.CopyDone{})
				must(t, writer.fe.Flush())
			}
			wait := func(what string, done func() bool) {
				t.Helper()
				for deadline := time.Now().Add(30 * time.Second); !done(); {
					if time.Now().After(deadline) {
						t.Fatal("waited too long for " + what)
					}
					passes(t, time.Now().Add(5*time.Millisecond))
				}
			}
			works := fmt.Sprintf("FROM pg_stat_activity WHERE pid = %d", writer.pid)
			wait("the writer to wait", func() bool {
				return server.Exec(t.Context(), base, "SELECT 1 / count(*) "+works+" AND wait_event = 'advisory'") == nil
			})
			if c.killed {
				h.gate.End(func(s pgproxy.Session) bool { return s.ServerPID == writer.pid })
			} else {
				_ = writer.conn.Close() // without a word
			}
			wait("the session's end", func() bool { return len(h.gate.Sessions()) == 0 })
			must(t, h.scan(t.Context()))
			must(t, holder.simply("SELECT pg_advisory_unlock(7)"))
			wait("the writer's process", func() bool { return server.Exec(t.Context(), base, "SELECT 1 / (count(*) = 0)::int "+works) == nil })
			must(t, server.Exec(t.Context(), base, fmt.Sprintf("SELECT 1 / count(*) FROM customers WHERE id = %s AND email = %s", other, address)))
			must(t, h.settle(t.Context(), base))
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(reader)}}
			conn, err := d.DialContext(t.Context(), "tcp", h.addr)
			must(t, err)
			session, err := login(conn, application, base)
			must(t, err)
			defer session.close()
			must(t, session.simply("SELECT email FROM addressless"))
			session.close()
			must(t, h.finish(t.Context()))
			got, full, err := h.scope(t.Context(), l.shop, reader)
			must(t, err)
			if !maps.Equal(got.confirmed, c.confirmed) || !c.off.NoOutlasting && !got.reachable[1] {
				t.Errorf("confirmed %v, want %v; reachable %v, bounded %+v", members(got.confirmed), members(c.confirmed), members(got.reachable), full.Coverage.Bounded)
			}
			must(t, server.Exec(t.Context(), base, "TRUNCATE customers; INSERT INTO customers SELECT * FROM aside; DROP TABLE aside"))
		})
	}
}
