package propose

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sekisho/internal/datamap/sqliteread"
)

// sqliteColumns lists the columns of a table with single-column unique indexes and
// foreign keys (https://www.sqlite.org/pragma.html, table-valued functions).
const sqliteColumns = `SELECT p.name, upper(p.type), p.pk > 0 AND (SELECT count(*) FROM pragma_table_info(?1) k WHERE k.pk > 0) = 1,
  EXISTS (SELECT 1 FROM pragma_index_list(?1) l WHERE l."unique" AND NOT l.partial AND (SELECT count(*) FROM pragma_index_info(l.name)) = 1
    AND (SELECT i.name FROM pragma_index_info(l.name) i) = p.name),
  coalesce((SELECT min(f."table") FROM pragma_foreign_key_list(?1) f WHERE f."from" = p.name AND (SELECT count(*) FROM pragma_foreign_key_list(?1) g WHERE g.id = f.id) = 1), '')
FROM pragma_table_info(?1) p ORDER BY p.cid`

// readSQLite implements Read.
func readSQLite(ctx context.Context, file string) (all []Relation, skipped map[string]string, err error) {
	s, err := sqliteread.Begin(ctx, file)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	names, err := sqliteTables(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	skipped = map[string]string{}
	for _, name := range names {
		r := Relation{Name: name}
		declared, err := r.columnsSQLite(ctx, s)
		if err == nil {
			err = r.sampleSQLite(ctx, s, declared)
		}
		if ctx.Err() != nil {
			return all, skipped, ctx.Err()
		}
		if err != nil {
			skipped[name] = reason(err)
			continue
		}
		all = append(all, r)
	}
	return all, skipped, nil
}

func sqliteTables(ctx context.Context, s *sqliteread.Snapshot) (names []string, err error) {
	rows, err := s.QueryContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // errors show in Err
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// columnsSQLite returns the declared types too, which bind nobody.
func (r *Relation) columnsSQLite(ctx context.Context, s *sqliteread.Snapshot) (declared []string, err error) {
	rows, err := s.QueryContext(ctx, sqliteColumns, r.Name)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // errors show in Err
	for rows.Next() {
		var c Column
		var typ string
		var primary bool
		if err := rows.Scan(&c.Name, &typ, &primary, &c.Unique, &c.Refers); err != nil {
			return nil, err
		}
		if primary {
			r.Key, c.Unique = c.Name, true
		}
		r.Columns, declared = append(r.Columns, c), append(declared, typ)
	}
	return declared, rows.Err()
}

// sampleSQLite reads about Sample rows, of a table with row numbers from ranges all
// over it.
func (r *Relation) sampleSQLite(ctx context.Context, s *sqliteread.Snapshot, declared []string) error {
	var list []string
	for _, c := range r.Columns {
		name := sqliteread.Quote(c.Name)
		list = append(list, "typeof("+name+")", fmt.Sprintf("CAST(substr(%s, 1, %d) AS BLOB)", name, maxValue))
	}
	query := "SELECT " + strings.Join(list, ", ") + " FROM " + sqliteread.Quote(r.Name)
	classes := make([]storage, len(r.Columns))
	// A table without row numbers, or one whose names are taken by columns, has no rowid.
	var first, last int64
	err := s.QueryRowContext(ctx, "SELECT coalesce(min(_rowid_), 0), coalesce(max(_rowid_), 0) FROM "+sqliteread.Quote(r.Name)).Scan(&first, &last)
	if r.Rows = last - first + 1; err != nil || r.Rows <= 20*Sample {
		err = r.rowsSQLite(ctx, s, fmt.Sprintf("%s LIMIT %d", query, Sample), classes)
	} else {
		const ranges = 20
		for i := int64(0); i < ranges && err == nil; i++ {
			err = r.rowsSQLite(ctx, s, fmt.Sprintf("%s WHERE _rowid_ >= %d ORDER BY _rowid_ LIMIT %d", query, first+r.Rows/ranges*i, Sample/ranges), classes)
		}
	}
	if err != nil {
		return err
	}
	for i := range r.Columns {
		r.Columns[i].Type = classes[i].typ(declared[i], r.Columns[i].Values)
	}
	return nil
}

func (r *Relation) rowsSQLite(ctx context.Context, s *sqliteread.Snapshot, query string, classes []storage) error {
	rows, err := s.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close() // errors show in Err
	names, values, pointers := make([]string, len(r.Columns)), make([][]byte, len(r.Columns)), make([]any, 0, 2*len(r.Columns))
	for i := range r.Columns {
		pointers = append(pointers, &names[i], &values[i])
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		r.Sampled++
		for i, v := range values {
			classes[i].see(names[i])
			r.Columns[i].observe(v)
		}
	}
	return rows.Err()
}

// storage is which storage classes a column's values have: in SQLite every value has
// its own.
type storage struct{ integers, reals, texts, blobs int }

func (s *storage) see(class string) {
	switch class {
	case "integer":
		s.integers++
	case "real":
		s.reals++
	case "text":
		s.texts++
	case "blob":
		s.blobs++
	}
}

// typ returns PostgreSQL's name for what the values of the sample are; without any
// the declaration is all there is.
func (s *storage) typ(declared string, values [][]byte) string {
	switch {
	case s.texts > 0 && (strings.Contains(declared, "DATE") || strings.Contains(declared, "TIME")) && moments(values):
		return "timestamp"
	case s.texts > 0:
		return "text"
	case s.blobs > 0:
		return "bytea"
	case s.reals > 0:
		return "float8"
	case s.integers > 0, strings.Contains(declared, "INT"):
		return "int8"
	}
	return "text"
}

// moments reports whether the values are times as SQLite writes them: digits with
// marks between.
func moments(values [][]byte) bool {
	for _, v := range values {
		if len(v) < 8 || len(v) > 40 || strings.Trim(string(v), "0123456789-+:/. TZ") != "" {
			return false
		}
	}
	return true
}
