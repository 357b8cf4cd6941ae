// Package viewdb opens the SQLite file of a view: one writer, many readers,
// and a stamp that says which schema and which ledger it was made for.
//
// It is no place for truth and has no migrations: a file whose stamp differs
// is removed and made anew, and the view folds the ledger again.
package viewdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"modernc.org/sqlite" // also the driver "sqlite"
)

// DB is an open view database.
type DB struct {
	// Write has one connection, so transactions queue up.
	Write *sql.DB
	// Read sees the last committed transaction and never waits for Write.
	Read *sql.DB
	path string
}

// Result codes of SQLite (https://www.sqlite.org/rescode.html): SQLITE_FULL, and
// SQLITE_IOERR_SHMSIZE where the index of the write-ahead log could not grow.
const (
	codeFull    = 13
	codeShmSize = 4874
)

// Full reports whether a database could not be written because its disk is full.
func Full(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == codeFull || e.Code() == codeShmSize)
}

// maxReaders bounds the connections of Read.
const maxReaders = 4

// Open opens the file at path, or makes it with the given schema. When the
// file has another stamp, or is no database, it is removed first; fresh says
// that the file is new and the view must start from the beginning. Only one
// process may write to a file; use an exclusive directory.
//
// Transactions are durable against a killed process, not against a power cut
// (synchronous=NORMAL): a view may then be some events behind and catches up.
func Open(ctx context.Context, path, stamp, schema string) (db *DB, fresh bool, err error) {
	db, err = connect(path)
	if err != nil {
		return nil, false, err
	}
	if got, err := db.stamp(ctx); err == nil && got == stamp {
		return db, false, nil
	}
	if err := db.Close(); err != nil {
		return nil, false, err
	}
	if err := Remove(path); err != nil {
		return nil, false, err
	}
	if db, err = connect(path); err != nil {
		return nil, false, err
	}
	if err := db.create(ctx, stamp, schema); err != nil {
		return nil, false, errors.Join(fmt.Errorf("make view database %s: %w", path, err), db.Close())
	}
	return db, true, nil
}

// OpenReader opens an existing file for reading beside the process that writes
// it. A file that is not there or has another stamp is an error.
func OpenReader(ctx context.Context, path, stamp string) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open view database: %w", err)
	}
	db, err := connect(path)
	if err != nil {
		return nil, err
	}
	got, err := db.stamp(ctx)
	if err == nil && got != stamp {
		err = fmt.Errorf("view database %s was made by another version; run sekisho rebuild (SK5401)", path)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func connect(path string) (*DB, error) {
	dsn := func(query string) string {
		u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
		return u.String() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(0)" + query
	}
	w, err := sql.Open("sqlite", dsn("&_txlock=immediate&_pragma=cache_size(-16384)&_pragma=wal_autocheckpoint(4000)"))
	if err != nil {
		return nil, fmt.Errorf("open view database %s: %w", path, err)
	}
	w.SetMaxOpenConns(1)
	r, err := sql.Open("sqlite", dsn("&_pragma=query_only(1)&_pragma=cache_size(-8192)&_pragma=mmap_size(1073741824)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open view database %s: %w", path, err), w.Close())
	}
	r.SetMaxOpenConns(maxReaders)
	return &DB{Write: w, Read: r, path: path}, nil
}

func (db *DB) stamp(ctx context.Context) (stamp string, err error) {
	err = db.Write.QueryRowContext(ctx, "SELECT stamp FROM viewdb_stamp").Scan(&stamp)
	return stamp, err
}

func (db *DB) create(ctx context.Context, stamp, schema string) error {
	tx, err := db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, schema+";CREATE TABLE viewdb_stamp (stamp TEXT NOT NULL)")
	if err == nil {
		_, err = tx.ExecContext(ctx, "INSERT INTO viewdb_stamp VALUES (?)", stamp)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Path returns the file's path.
func (db *DB) Path() string { return db.path }

// Close closes both handles.
func (db *DB) Close() error { return errors.Join(db.Read.Close(), db.Write.Close()) }

// Remove removes a view database and its side files. It must not be open.
func Remove(path string) error {
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove view database: %w", err)
		}
	}
	return nil
}
