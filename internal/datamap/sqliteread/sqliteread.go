// Package sqliteread opens a SQLite database that others may have open, for reading
// only: with its write-ahead log, in one read transaction, so that everything read is
// of one moment.
//
// It never writes to the database, follows no statement of its schema that could
// (trusted_schema is off), and does not read files that are no database in use:
// package document reads those, wherever they are found.
package sqliteread

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Scheme begins an address: sqlite:FILE.
const Scheme = "sqlite:"

// File returns the file that an address names.
func File(address string) (file string, ok bool) {
	file, ok = strings.CutPrefix(address, Scheme)
	return strings.TrimPrefix(file, "//"), ok
}

// Snapshot is one read transaction. It is used by one goroutine.
type Snapshot struct {
	*sql.Tx
	db *sql.DB
}

// Begin opens file, which must exist, and begins the snapshot. The caller closes it.
func Begin(ctx context.Context, file string) (*Snapshot, error) {
	if _, err := os.Stat(file); err != nil { // SQLite's own error does not name it
		return nil, err
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: file, RawQuery: "mode=ro&_pragma=query_only(1)&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err == nil {
		var n int
		err = tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&n) // the snapshot begins now
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s for reading: %w", file, err), db.Close())
	}
	return &Snapshot{tx, db}, nil
}

// Close ends the snapshot.
func (s *Snapshot) Close() error { return errors.Join(s.Rollback(), s.db.Close()) }

// Quote writes a name as SQLite reads it.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

const (
	// maxValue bounds one value, maxRow all values of a row together.
	maxValue = 8 << 20
	maxRow   = 4 * maxValue
	// maxAsked is the longest value of which the beginning is asked for, and all of a row
	// together: SQLite reads the whole for it and keeps it as long as the row.
	maxAsked = 64 << 20
	// maxFlagged is how many columns leave room for one more (SQLITE_MAX_COLUMN is 2,000).
	maxFlagged = 1999
)

// Queries is what can be asked: a database, a transaction.
type Queries interface {
	QueryContext(ctx context.Context, sql string, args ...any) (*sql.Rows, error)
}

// Reading is how all rows of a table are read.
type Reading struct {
	SQL string
	// Flagged is set when the last column is one more than the table has: it is 1 where a
	// value was cut.
	Flagged bool
	// Cut is set when some values are cut and no column says which.
	Cut bool
}

// Select returns how all rows of a table are read, with long values cut: one of 200 MB
// would be in memory three times over. (octet_length asks for none of it.)
func Select(ctx context.Context, q Queries, table string) (r Reading, err error) {
	names, err := columnsOf(ctx, q, table)
	if err != nil {
		return r, err
	}
	most, asked := maxValue, maxAsked
	if n := len(names); n > maxRow/maxValue {
		most, asked = maxRow/n, maxAsked/n
	}
	list, sizes := make([]string, 0, len(names)+1), make([]string, 0, len(names))
	for _, name := range names {
		n := Quote(name)
		size := "coalesce(octet_length(" + n + "), 0)"
		list = append(list, fmt.Sprintf("CASE WHEN %[1]s > %[3]d THEN NULL WHEN %[1]s > %[4]d THEN substr(%[2]s, 1, %[5]d) ELSE %[2]s END AS %[2]s", size, n, asked, most, most/4))
		sizes = append(sizes, size)
	}
	over := fmt.Sprintf("%s > %d", greatest(sizes), most)
	if r.Flagged = len(names) < maxFlagged; r.Flagged {
		list = append(list, over+" AS sekisho_cut")
	} else if r.Cut, err = any1(ctx, q, "SELECT 1 FROM "+Quote(table)+" WHERE "+over+" LIMIT 1"); err != nil {
		return r, err
	}
	r.SQL = "SELECT " + strings.Join(list, ", ") + " FROM " + Quote(table)
	return r, nil
}

func columnsOf(ctx context.Context, q Queries, table string) ([]string, error) {
	rows, err := q.QueryContext(ctx, "SELECT * FROM "+Quote(table)+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close() // of no rows
	return rows.Columns()
}

func any1(ctx context.Context, q Queries, sql string) (bool, error) {
	rows, err := q.QueryContext(ctx, sql)
	if err != nil {
		return false, err
	}
	defer rows.Close() // errors show in Err
	found := rows.Next()
	return found, rows.Err()
}

// greatest is max() of any number of expressions: functions have at most 100 arguments
// (SQLITE_MAX_FUNCTION_ARG), and max of one is another function.
func greatest(list []string) string {
	const most = 100
	for len(list) > 1 {
		var next []string
		for len(list) > 0 {
			n := min(most, len(list))
			if n == 1 {
				next = append(next, list[0])
			} else {
				next = append(next, "max("+strings.Join(list[:n], ", ")+")")
			}
			list = list[n:]
		}
		list = next
	}
	return list[0]
}
