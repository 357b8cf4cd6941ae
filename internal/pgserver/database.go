package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Exec runs SQL (several statements are one transaction) as the superuser.
func (s *Server) Exec(ctx context.Context, database, sql string) error {
	return s.with(ctx, database, func(conn *pgconn.PgConn) error {
		return conn.Exec(ctx, sql).Close()
	})
}

// Load fills table with rows in COPY text format and returns their number. No
// columns means all columns. Names are quoted where needed; table may be
// schema-qualified.
func (s *Server) Load(ctx context.Context, database, table string, columns []string, rows io.Reader) (int64, error) {
	sql := "COPY " + Ident(strings.Split(table, ".")...)
	if len(columns) > 0 {
		quoted := make([]string, len(columns))
		for i, c := range columns {
			quoted[i] = Ident(c)
		}
		sql += " (" + strings.Join(quoted, ", ") + ")"
	}
	var n int64
	err := s.with(ctx, database, func(conn *pgconn.PgConn) error {
		tag, err := conn.CopyFrom(ctx, rows, sql+" FROM STDIN")
		n = tag.RowsAffected()
		return err
	})
	if err != nil {
		return n, fmt.Errorf("load %s: %w", table, err)
	}
	return n, nil
}

// CreateDatabase makes an empty database.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	return s.Exec(ctx, "postgres", "CREATE DATABASE "+Ident(name))
}

// Clone makes the database to as a copy of from. Sessions on from are an
// error after five seconds (PostgreSQL's own patience).
func (s *Server) Clone(ctx context.Context, from, to string) error {
	return s.Exec(ctx, "postgres", "CREATE DATABASE "+Ident(to)+" TEMPLATE "+Ident(from))
}

// DropDatabase drops a database and cuts the sessions on it (PostgreSQL 13+).
func (s *Server) DropDatabase(ctx context.Context, name string) error {
	return s.Exec(ctx, "postgres", "DROP DATABASE IF EXISTS "+Ident(name)+" WITH (FORCE)")
}

// Ident quotes an identifier, or the dotted parts of one.
func Ident(parts ...string) string {
	quoted := make([]string, len(parts))
	for i, p := range parts {
		quoted[i] = `"` + strings.ReplaceAll(p, `"`, `""`) + `"`
	}
	return strings.Join(quoted, ".")
}

// with runs do on a fresh connection of the superuser.
func (s *Server) with(ctx context.Context, database string, do func(*pgconn.PgConn) error) error {
	conn, err := pgconn.Connect(ctx, s.SocketDSN(Superuser, database))
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(ctx))
}
