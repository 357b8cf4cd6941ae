package tablestore

import (
	"context"
	"strings"

	"sekisho/internal/datamap/document"
	"sekisho/internal/datamap/sqliteread"
)

// sqlite is a database that others may have open. (Package document reads the file
// alone, wherever it is found.)
type sqlite struct{ *sqliteread.Snapshot }

func openSQLite(ctx context.Context, file string) (engine, error) {
	s, err := sqliteread.Begin(ctx, file)
	if err != nil {
		return nil, err
	}
	return &sqlite{s}, nil
}

// tables implements engine.
func (s *sqlite) tables(ctx context.Context) (all []table, whole bool, err error) {
	rows, err := s.QueryContext(ctx, `SELECT m.name, coalesce((SELECT min(p.name) FROM pragma_table_info(m.name) p
		WHERE p.pk > 0 AND upper(p.type) = 'INTEGER' HAVING count(*) = 1), '')
		FROM sqlite_master m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY 1`)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close() // errors show in Err
	for rows.Next() {
		t := table{bytes: -1}
		if err := rows.Scan(&t.name, &t.key); err != nil {
			return nil, false, err
		}
		all = append(all, t)
	}
	return all, true, rows.Err()
}

// rows implements engine.
func (s *sqlite) rows(ctx context.Context, t *table, columns func([]string), row func([][]byte) error) error {
	reading, err := sqliteread.Select(ctx, s, t.name)
	if err != nil {
		return tableTrouble(err)
	}
	rows, err := s.QueryContext(ctx, reading.SQL)
	if err != nil {
		return tableTrouble(err)
	}
	defer rows.Close() // errors show in Err
	names, err := rows.Columns()
	if err != nil {
		return &tableError{document.Damaged, ""}
	}
	wanted := len(names)
	if reading.Flagged {
		wanted--
	}
	columns(names[:wanted])
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
		if reading.Flagged && string(cells[wanted]) == "1" {
			cells[wanted] = append(cells[wanted][:0], 't')
		}
		if err := row(cells); err != nil {
			return err
		}
	}
	if rows.Err() != nil && ctx.Err() == nil {
		return &tableError{document.Damaged, ""}
	}
	if reading.Cut && ctx.Err() == nil {
		return &tableError{document.Limit, "some rows have long values"}
	}
	return rows.Err()
}

// tableTrouble tells why a table cannot be read; the driver has one number for all mistakes
// in a statement.
func tableTrouble(err error) error {
	if strings.Contains(err.Error(), "no such table") {
		return &tableError{document.Vanished, ""}
	}
	return &tableError{document.Damaged, ""}
}

func (s *sqlite) close(context.Context) error { return s.Close() }
