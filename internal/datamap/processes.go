package datamap

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"sekisho/internal/roll"
)

// processesSQL lists who is at this database. Of others an account without
// pg_read_all_stats sees the numbers alone: they count as at work. A process that
// has waited for its client for a moment has nothing more to read of it, and one that
// streams changes runs no statement.
const processesSQL = `
SELECT pid, coalesce(extract(epoch FROM backend_start)::text, ''),
       coalesce(backend_type NOT IN ('client backend', 'walsender')
                OR state = 'idle' AND clock_timestamp() - state_change > interval '100 ms'
                OR backend_type = 'walsender' AND query LIKE 'START_REPLICATION%' AND clock_timestamp() - query_start > interval '100 ms', false)
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`

// Processes lists the server's processes that serve clients of the database now,
// those of our own sessions left out.
func Processes(ctx context.Context, dsn string, control *Control) (list []roll.Process, err error) {
	conn, err := connect(ctx, dsn, "sekisho processes", control)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return processes(ctx, conn, control)
}

// Unfinished is Processes, and which transactions are prepared, by numbers of the
// server's: one that a process of the list prepares later is in a later list.
func Unfinished(ctx context.Context, dsn string, control *Control) (list []roll.Process, prepared []string, err error) {
	conn, err := connect(ctx, dsn, "sekisho processes", control)
	if err != nil {
		return nil, nil, fmt.Errorf("list processes: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if list, err = processes(ctx, conn, control); err != nil {
		return nil, nil, err
	}
	rows, err := conn.Query(ctx, "SELECT transaction::text FROM pg_prepared_xacts WHERE database = current_database()")
	if err == nil {
		prepared, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list prepared transactions: %w", err)
	}
	return list, prepared, nil
}

func processes(ctx context.Context, conn *pgx.Conn, control *Control) (list []roll.Process, err error) {
	rows, err := conn.Query(ctx, processesSQL)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var p roll.Process
	if _, err = pgx.ForEachRow(rows, []any{&p.PID, &p.Start, &p.Idle}, func() error {
		list = append(list, p)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	return slices.DeleteFunc(list, func(p roll.Process) bool { return control.Presence(p.PID) == roll.Serving }), nil
}
