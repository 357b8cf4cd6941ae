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
// has waited for its client for a moment has nothing more to read of it.
const processesSQL = `
SELECT pid, coalesce(extract(epoch FROM backend_start)::text, ''),
       coalesce(backend_type NOT IN ('client backend', 'walsender')
                OR state = 'idle' AND clock_timestamp() - state_change > interval '100 ms', false)
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`

// Processes lists the server's processes that serve clients of the database now,
// those of our own sessions left out.
func Processes(ctx context.Context, dsn string, control *Control) (list []roll.Process, err error) {
	conn, err := connect(ctx, dsn, "sekisho processes", control)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
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
