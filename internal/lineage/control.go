package lineage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// control is one control connection. It only ever runs the fixed statements of
// this package, CREATE FUNCTION in its own temporary schema, and Parse of a
// client's text, which executes nothing. Every transaction is rolled back.
type control struct {
	pg    *pgconn.PgConn
	types map[OID]string // SQL names of built-in types
}

func connect(ctx context.Context, conf *Config) (*control, error) {
	pc, err := pgconn.ParseConfig(conf.ConnString)
	if err != nil {
		return nil, errors.New("lineage: the control connection string cannot be parsed")
	}
	if pc.RuntimeParams == nil {
		pc.RuntimeParams = map[string]string{}
	}
	ms := strconv.FormatInt(max(conf.Timeout.Milliseconds(), 1), 10)
	for name, value := range map[string]string{
		"application_name":                    "sekisho lineage",
		"client_encoding":                     "UTF8",
		"statement_timeout":                   ms,
		"lock_timeout":                        ms,
		"idle_in_transaction_session_timeout": strconv.FormatInt(10*conf.Timeout.Milliseconds(), 10),
		"default_transaction_read_only":       "on",
		"search_path":                         "pg_catalog",
		"check_function_bodies":               "on",
		"jit":                                 "off",
	} {
		pc.RuntimeParams[name] = value
	}
	if conf.Attach != nil {
		conf.Attach(pc)
	}
	ctx, cancel := context.WithTimeout(ctx, conf.Timeout+5*time.Second)
	defer cancel()
	pg, err := pgconn.ConnectConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("lineage: control connection: %w", err)
	}
	return &control{pg: pg, types: map[OID]string{}}, nil
}

// rows runs one statement with text parameters and returns its rows; NULL is
// the empty string.
func (c *control) rows(ctx context.Context, sql string, args ...string) ([][]string, error) {
	values := make([][]byte, len(args))
	for i, a := range args {
		values[i] = []byte(a)
	}
	res := c.pg.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	if res.Err != nil {
		return nil, res.Err
	}
	out := make([][]string, len(res.Rows))
	for i, row := range res.Rows {
		out[i] = make([]string, len(row))
		for j, v := range row {
			out[i][j] = string(v)
		}
	}
	return out, nil
}

// rolledBack runs f in a transaction that never commits. mode is "READ ONLY"
// or "READ WRITE" (needed for CREATE FUNCTION in the temporary schema).
func (c *control) rolledBack(ctx context.Context, mode string, f func() error) error {
	if _, err := c.rows(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED "+mode); err != nil {
		return err
	}
	err := f()
	if _, rerr := c.rows(ctx, "ROLLBACK"); rerr != nil || c.pg.TxStatus() != 'I' {
		c.close(ctx)
		if err == nil {
			err = errors.New("lineage: control connection did not roll back")
		}
	}
	return err
}

func (c *control) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = c.pg.Close(ctx) // nothing was written: the error loses nothing
}

func (c *control) broken() bool { return c.pg.IsClosed() }
