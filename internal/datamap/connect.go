package datamap

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/wire/myclient"
)

// connect opens a session of ours. label is what the server's administrator
// sees as application_name.
func connect(ctx context.Context, dsn, label string, control *Control) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg.RuntimeParams["application_name"] = label
	// One statement, one answer, nothing prepared: scans survive changes of
	// the schema.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	if control != nil {
		control.Attach(&cfg.Config)
	}
	return pgx.ConnectConfig(ctx, cfg)
}

// sqlState says what the server refused, without its text, which may carry
// values.
func sqlState(err error) string {
	if pgErr := (*pgconn.PgError)(nil); errors.As(err, &pgErr) {
		return "SQLSTATE " + pgErr.Code
	}
	if refused := (*myclient.ServerError)(nil); errors.As(err, &refused) {
		return fmt.Sprintf("error %d", refused.Number)
	}
	return ""
}
