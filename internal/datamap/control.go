package datamap

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/roll"
)

// Control is the roll of Sekisho's own sessions at a server (scans, the watch,
// the reader of lineage), so that the watch can leave them out exactly. The
// zero value is ready for use; it is safe for concurrent use.
type Control struct {
	// ServerName is what the server's certificate must carry where that is
	// verified; "": the host of the address. Set it before Attach.
	ServerName string

	roll roll.Roll
}

// Attach makes every session that is opened with cfg count. It wraps DialFunc
// and AfterConnect, so set your own before.
func (c *Control) Attach(cfg *pgconn.Config) {
	if c.ServerName != "" {
		name(cfg.TLSConfig, c.ServerName)
		for _, f := range cfg.Fallbacks {
			name(f.TLSConfig, c.ServerName)
		}
	}
	dial, after := cfg.DialFunc, cfg.AfterConnect
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		entry := c.roll.Begin()
		conn, err := dial(ctx, network, addr)
		if err != nil {
			entry.End()
			return nil, err
		}
		return &controlConn{Conn: conn, entry: entry}, nil
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if cc := plainConn(conn.Conn()); cc != nil {
			countNow(ctx, conn)
			cc.entry.Establish(conn.PID())
		}
		if after != nil {
			return after(ctx, conn)
		}
		return nil
	}
}

// countNow has the server count a session that has just begun. It puts that off
// when somebody else holds the lock of the counters (pgstat_report_stat,
// src/backend/utils/activity/pgstat.c), and a watch that took its first look
// then would take the late count for a session that bypassed the gate. Servers
// before PostgreSQL 15 cannot be asked; a refusal changes nothing.
func countNow(ctx context.Context, conn *pgconn.PgConn) {
	major, _, _ := strings.Cut(conn.ParameterStatus("server_version"), ".")
	if n, err := strconv.Atoi(major); err == nil && n >= 15 {
		_, _ = conn.Exec(ctx, "SELECT pg_catalog.pg_stat_force_next_flush()").ReadAll()
	}
}

func name(cfg *tls.Config, server string) {
	if cfg != nil {
		cfg.ServerName = server
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

// Sessions returns the sessions that were established since the start, and the
// logins under way.
func (c *Control) Sessions() roll.Count { return c.roll.Count() }

// Presence says whether pid serves one of the sessions, or has just done.
func (c *Control) Presence(pid uint32) roll.Presence { return c.roll.Presence(pid) }

// controlConn is under way until the login is done.
type controlConn struct {
	net.Conn
	entry *roll.Entry
}

// Close implements net.Conn. A connection that closes during its login was
// refused, or timed out: neither is a session.
func (c *controlConn) Close() error {
	c.entry.End()
	return c.Conn.Close()
}
