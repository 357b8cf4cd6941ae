package tablestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"sekisho/internal/datamap/document"
)

// sqlite is a database that others may have open: read with its write-ahead log, in one
// read transaction. (Package document reads the file alone, wherever it is found.)
type sqlite struct {
	db *sql.DB
	tx *sql.Tx
}

func openSQLite(ctx context.Context, file string) (engine, error) {
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
	return &sqlite{db, tx}, nil
}

// tables implements engine.
func (s *sqlite) tables(ctx context.Context) (all []table, err error) {
	rows, err := s.tx.QueryContext(ctx, `SELECT m.name, coalesce((SELECT min(p.name) FROM pragma_table_info(m.name) p
		WHERE p.pk > 0 AND upper(p.type) = 'INTEGER' HAVING count(*) = 1), '')
		FROM sqlite_master m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // errors show in Err
	for rows.Next() {
		t := table{bytes: -1}
		if err := rows.Scan(&t.name, &t.key); err != nil {
			return nil, err
		}
		t.sql = "SELECT * FROM " + quote(t.name, `"`)
		all = append(all, t)
	}
	return all, rows.Err()
}

// rows implements engine.
func (s *sqlite) rows(ctx context.Context, t *table, columns func([]string), row func([][]byte) error) error {
	rows, err := s.tx.QueryContext(ctx, t.sql)
	if err != nil {
		if strings.Contains(err.Error(), "no such table") { // the driver has one number for all mistakes in a statement
			return &tableError{document.Vanished, ""}
		}
		return &tableError{document.Damaged, ""}
	}
	defer rows.Close() // errors show in Err
	names, err := rows.Columns()
	if err != nil {
		return &tableError{document.Damaged, ""}
	}
	columns(names)
	values, pointers, cells := make([]any, len(names)), make([]any, len(names)), make([][]byte, len(names))
	for i := range values {
		pointers[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return &tableError{document.Damaged, ""}
		}
		for i, v := range values {
			cells[i] = document.AppendValue(cells[i][:0], v)
		}
		if err := row(cells); err != nil {
			return err
		}
	}
	if rows.Err() != nil && ctx.Err() == nil {
		return &tableError{document.Damaged, ""}
	}
	return rows.Err()
}

func (s *sqlite) close(context.Context) error { return errors.Join(s.tx.Rollback(), s.db.Close()) }
