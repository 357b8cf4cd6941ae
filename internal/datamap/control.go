package datamap

import (
	"context"
	"net"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// Control counts Sekisho's own sessions at a server (scans, the watch, the
// reader of lineage), so that the watch can leave them out exactly. The zero
// value is ready for use; it is safe for concurrent use.
type Control struct {
	mu          sync.Mutex
	established uint64
	pending     uint64
	backends    map[uint32]int
}

// Attach makes every session that is opened with cfg count. It wraps DialFunc
// and AfterConnect, so set your own before.
func (c *Control) Attach(cfg *pgconn.Config) {
	dial, after := cfg.DialFunc, cfg.AfterConnect
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c.count(func() { c.pending++ })
		conn, err := dial(ctx, network, addr)
		if err != nil {
			c.count(func() { c.pending-- })
			return nil, err
		}
		return &controlConn{Conn: conn, control: c}, nil
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if cc := plainConn(conn.Conn()); cc != nil {
			cc.establish(conn.PID())
		}
		if after != nil {
			return after(ctx, conn)
		}
		return nil
	}
}

// plainConn finds our connection, also under TLS.
func plainConn(conn net.Conn) *controlConn {
	for {
		switch c := conn.(type) {
		case *controlConn:
			return c
		case interface{ NetConn() net.Conn }: // crypto/tls.Conn
			conn = c.NetConn()
		default:
			return nil
		}
	}
}

func (c *Control) count(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// Sessions returns how many sessions were established since the start, and
// how many logins are under way.
func (c *Control) Sessions() (established, pending uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.established, c.pending
}

// HasBackend reports whether pid serves one of the open sessions.
func (c *Control) HasBackend(pid uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.backends[pid] > 0
}

// controlConn is pending until the login is done, and knows its backend then.
type controlConn struct {
	net.Conn
	control *Control
	// Guarded by control.mu.
	pid    uint32 // 0: pending
	closed bool
}

func (c *controlConn) establish(pid uint32) {
	c.control.count(func() {
		if c.pid != 0 || c.closed {
			return
		}
		c.pid = pid
		c.control.pending--
		c.control.established++
		if c.control.backends == nil {
			c.control.backends = map[uint32]int{}
		}
		c.control.backends[pid]++
	})
}

// Close implements net.Conn. A connection that closes during its login was
// refused, or timed out: neither is a session.
func (c *controlConn) Close() error {
	c.control.count(func() {
		switch {
		case c.closed:
		case c.pid == 0:
			c.control.pending--
		default:
			if c.control.backends[c.pid]--; c.control.backends[c.pid] == 0 {
				delete(c.control.backends, c.pid)
			}
		}
		c.closed = true
	})
	return c.Conn.Close()
}
