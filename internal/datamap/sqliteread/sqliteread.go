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
