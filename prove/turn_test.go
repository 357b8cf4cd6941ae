package prove

import (
	"fmt"
	"maps"
	"net"
	"testing"

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
