package prove

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestSecondHand has one session put data where another gets it without asking
// for a protected table: it belongs to the other's answer.
func TestSecondHand(t *testing.T) {
	server := startServer(t)
	seed := seeds(t)[0]
	l := newBase(t, server, seed)
	base := l.base(seed)
	email := "(SELECT max(email) FROM public.customers)"
	must(t, server.Exec(t.Context(), base, "CREATE FUNCTION moves() RETURNS int LANGUAGE sql AS $$UPDATE tours SET title = "+email+" WHERE id = 1; SELECT 1$$"))
	for _, c := range []struct {
		name  string
		first func(c *client)
		then  string // by the other; it logs in after first
		want  bool
		undo  string
	}{
		{"nothing", func(c *client) { must(t, c.simply("SELECT 1")) }, "SELECT title FROM tours", false, ""},
		{"function call", func(c *client) {
			c.fe.Send(&pgproto3.FunctionCall{Function: c.number(t, "moves")})
			must(t, c.fe.Flush())
			must(t, c.collect(new(bytes.Buffer), ""))
		}, "SELECT title FROM tours", true, "UPDATE tours SET title = 'x' WHERE id = 1"},
		{"setting of the role, shown", func(c *client) {
			must(t, c.simply(fmt.Sprintf("DO $$BEGIN EXECUTE format('ALTER ROLE %s IN DATABASE %s SET own.x = %%L', %s); END$$", application, base, email)))
		}, "SHOW own.x", true, "ALTER ROLE " + application + " IN DATABASE " + base + " RESET ALL"},
		{"setting of the role, read", func(c *client) {
			must(t, c.simply(fmt.Sprintf("DO $$BEGIN EXECUTE format('ALTER ROLE %s IN DATABASE %s SET own.x = %%L', %s); END$$", application, base, email)))
		}, "SELECT current_setting('own.x')", true, "ALTER ROLE " + application + " IN DATABASE " + base + " RESET ALL"},
		{"setting of the role", func(c *client) {
			must(t, c.simply(fmt.Sprintf("DO $$BEGIN EXECUTE format('ALTER ROLE %s IN DATABASE %s SET application_name = %%L', %s); END$$", application, base, email)))
		}, "SELECT 1", true, "ALTER ROLE " + application + " IN DATABASE " + base + " RESET ALL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := startHouse(t, server.DSN("watch", base), server.Addr(), base, switches{})
			defer h.close()
			writer, err := dial(t.Context(), "tcp", h.addr, application, base)
			must(t, err)
			defer writer.close()
			c.first(writer)
			must(t, h.settle(t.Context(), base))
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(reader)}}
			conn, err := d.DialContext(t.Context(), "tcp", h.addr)
			must(t, err)
			session, err := login(conn, application, base)
			must(t, err)
			must(t, session.simply(c.then))
			session.close()
			must(t, h.finish(t.Context()))
			got, full, err := h.scope(t.Context(), l.shop, reader)
			must(t, err)
			if all := len(got.reachable) == len(l.shop.keys); all != c.want {
				t.Errorf("reachable %v, bounded %+v", members(got.reachable), full.Coverage.Bounded)
			}
			if c.undo != "" {
				must(t, server.Exec(t.Context(), base, c.undo))
			}
		})
	}
}

// number returns the number of a function.
func (c *client) number(t *testing.T, name string) uint32 {
	t.Helper()
	c.fe.Send(&pgproto3.Query{String: "SELECT '" + name + "'::regproc::oid"})
	must(t, c.fe.Flush())
	var oid uint32
	must(t, c.collectUntil(new(bytes.Buffer), "", func(m pgproto3.BackendMessage) bool {
		if row, ok := m.(*pgproto3.DataRow); ok {
			_, err := fmt.Sscan(string(slices.Concat(row.Values...)), &oid)
			must(t, err)
		}
		_, done := m.(*pgproto3.ReadyForQuery)
		return done
	}))
	return oid
}
