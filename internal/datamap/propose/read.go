package propose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/datamap/sqliteread"
	"sekisho/internal/wire/myclient"
)

// Sample is how many rows of a table are looked at.
const Sample = 2000

// maxValue bounds one value of a sample, in characters or, in SQLite, bytes.
const maxValue = 4000

// Read looks at a database: its catalogue and a sample of each table, in one
// read-only snapshot. Tables that cannot be read are in skipped, with the reason;
// the error is of the connection.
//
// The address is mysql://USER:PASSWORD@HOST:PORT/DATABASE (mariadb:// is the same;
// see package myclient), sqlite:FILE, or a connection string of PostgreSQL.
//
// attach, when not nil, may change how PostgreSQL is reached: a watch of bypasses must
// know our sessions.
func Read(ctx context.Context, address string, attach func(*pgconn.Config)) (all []Relation, skipped map[string]string, err error) {
	if file, ok := sqliteread.File(address); ok {
		return readSQLite(ctx, file)
	}
	if strings.HasPrefix(address, "mysql://") || strings.HasPrefix(address, "mariadb://") {
		return readMySQL(ctx, address)
	}
	return readPostgres(ctx, address, attach)
}

// observe takes a value of the sample; nil is NULL.
func (c *Column) observe(v []byte) {
	if v == nil {
		return
	}
	c.NotNulls++
	if len(v) > 0 {
		c.Values = append(c.Values, bytes.Clone(v[:min(len(v), 4*maxValue)]))
	}
}

// reason leaves out the server's text, which may carry values.
func reason(err error) string {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return "SQLSTATE " + state.SQLState()
	}
	if refused := (*myclient.ServerError)(nil); errors.As(err, &refused) {
		return fmt.Sprintf("error %d", refused.Number)
	}
	return "not read"
}
