package datamap

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sekisho/internal/datamap/sqliteread"
	"sekisho/internal/datamap/sqltype"
	"sekisho/internal/element"
	"sekisho/internal/subject"
	"sekisho/internal/wire/myclient"
)

// snapshot is one moment of a database other than PostgreSQL.
type snapshot interface {
	// columns says what the catalogue knows of a table; none when it is not there.
	columns(ctx context.Context, table string) ([]column, error)
	// rows reads what plan.build wrote: key, mask and identifiers as text, nil for
	// NULL, good until row returns. A nil row is one that was too long.
	rows(ctx context.Context, query string, row func([][]byte) error) error
	dialect() dialect
	close() error
}

// keyedReader returns what begins a snapshot at an address; nil for PostgreSQL.
func keyedReader(address string) func(ctx context.Context, address string) (snapshot, error) {
	switch {
	case strings.HasPrefix(address, "mysql://"), strings.HasPrefix(address, "mariadb://"):
		return beginMySQL
	case strings.HasPrefix(address, sqliteread.Scheme):
		return beginSQLite
	}
	return nil
}

// runKeyed reads the table in a snapshot of its own.
func (s *scan) runKeyed(ctx context.Context, address string, begin func(context.Context, string) (snapshot, error), now func() time.Time) (err error) {
	s.groups = map[element.Mask]*roaring.Bitmap{}
	s.beginIdentifiers()
	s.from = now()
	snap, err := begin(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snap.close()) }()
	columns, err := snap.columns(ctx, s.table.Name)
	if err == nil && len(columns) == 0 {
		err = fmt.Errorf("there is no table %s\n  try  correct protect in the configuration (SK7201)", s.table.Place)
	}
	if err != nil {
		return err
	}
	if s.plan, err = planOf(s.table, columns); err != nil {
		return err
	}
	d := snap.dialect()
	query := s.plan.build(s.table, d.quote(s.table.Name), columns, d)
	if err := snap.rows(ctx, query, func(v [][]byte) error { return s.text(ctx, v) }); err != nil {
		return err
	}
	if err := s.flush(ctx); err != nil {
		return err
	}
	s.to = now()
	return nil
}

// text takes one row in text. A key that is no number although its column is one of
// numbers (SQLite takes anything) counts as none.
func (s *scan) text(ctx context.Context, v [][]byte) error {
	if v == nil { // whose identifiers were not read: none of this reading is sure
		for _, space := range s.table.spaces() {
			if s.index != nil {
				s.index.Suspend(space)
			}
		}
		clear(s.builds)
		return s.take(ctx, nil, 0, s.plan.mask, nil)
	}
	if len(v) != 2+len(s.plan.idKinds) {
		return fmt.Errorf("a row of %d fields", len(v))
	}
	mask, err := strconv.ParseInt(string(v[1]), 10, 64)
	if err != nil {
		wide, err := strconv.ParseUint(string(v[1]), 10, 64) // MySQL: | is unsigned
		if err != nil {
			return errors.New("a mask that is no number")
		}
		mask = int64(wide)
	}
	key := v[0]
	var n int64
	if key != nil && s.plan.keyKind == subject.Int {
		var ok bool
		if n, ok = subject.ParseInt(false, key); !ok {
			key = nil
		}
	}
	return s.take(ctx, key, n, element.Mask(mask), v[2:])
}

// maxKeyedRow bounds key and identifiers of one row, in bytes.
const maxKeyedRow = 1 << 20

type mysqlSnapshot struct{ conn *myclient.Conn }

func beginMySQL(ctx context.Context, address string) (snapshot, error) {
	u, err := url.Parse(address)
	if err != nil || len(u.Path) < 2 {
		return nil, errors.New("the address is not mysql://USER@HOST:PORT/DATABASE") // the parser's error repeats the address
	}
	conn, err := myclient.Snapshot(ctx, u, maxKeyedRow)
	if err != nil {
		return nil, err
	}
	return &mysqlSnapshot{conn}, nil
}

func (m *mysqlSnapshot) columns(ctx context.Context, table string) (all []column, err error) {
	err = m.conn.Query(ctx, `SELECT COLUMN_NAME, IS_NULLABLE = 'NO', DATA_TYPE, COALESCE(COLLATION_NAME, '') FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = `+mysqlText(table)+" ORDER BY ORDINAL_POSITION", nil, func(v [][]byte) error {
		c := column{name: string(v[0]), notNull: string(v[1]) == "1", typ: sqltype.MySQL(string(v[2]), string(v[3])), certain: true}
		if c.typ == "citext" || c.typ == "uuid" {
			// Keys that differ in case or accents alone are told apart here, which may
			// make two subjects of one and never one of two.
			c.typ = "varchar"
		}
		all = append(all, c)
		return nil
	})
	return all, err
}

func (m *mysqlSnapshot) rows(ctx context.Context, query string, row func([][]byte) error) error {
	return m.conn.Query(ctx, query, nil, row)
}

func (m *mysqlSnapshot) dialect() dialect {
	return dialect{
		quote:  func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" },
		text:   func(q string) string { return "CAST(" + q + " AS CHAR)" },
		join:   func(parts []string) string { return "CONCAT(" + strings.Join(parts, ", ") + ")" },
		number: func(n int64) string { return strconv.FormatInt(n, 10) },
		key:    func(q string) string { return q },
		unit:   "CHAR(31)", noKey: "NULL",
	}
}

func (m *mysqlSnapshot) close() error { return m.conn.Close() }

// mysqlText writes a text as hexadecimal, which no sql_mode reads otherwise.
func mysqlText(s string) string { return fmt.Sprintf("CONVERT(0x%x USING utf8mb4)", s) }

type sqliteSnapshot struct{ *sqliteread.Snapshot }

func beginSQLite(ctx context.Context, address string) (snapshot, error) {
	file, _ := sqliteread.File(address)
	s, err := sqliteread.Begin(ctx, file)
	if err != nil {
		return nil, err
	}
	return sqliteSnapshot{s}, nil
}

// columns implements snapshot. A column's type binds no value but that of an INTEGER
// PRIMARY KEY, so a key is a number when the type says so and a text otherwise.
func (s sqliteSnapshot) columns(ctx context.Context, table string) (all []column, err error) {
	rows, err := s.QueryContext(ctx, `SELECT name, "notnull", upper(type) FROM pragma_table_info(?) ORDER BY cid`, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // errors show in Err
	for rows.Next() {
		c := column{certain: true}
		var declared string
		if err := rows.Scan(&c.name, &c.notNull, &declared); err != nil {
			return nil, err
		}
		c.typ = "text"
		if strings.Contains(declared, "INT") { // datatype3.html, 3.1, rule 1
			c.typ = "int8"
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

func (s sqliteSnapshot) rows(ctx context.Context, query string, row func([][]byte) error) error {
	rows, err := s.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close() // errors show in Err
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	values, pointers := make([]sql.RawBytes, len(names)), make([]any, len(names))
	cells := make([][]byte, len(names))
	for i := range values {
		pointers[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		for i, v := range values {
			cells[i] = v
		}
		if err := row(cells); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s sqliteSnapshot) dialect() dialect {
	return dialect{
		quote:  sqliteread.Quote,
		text:   func(q string) string { return "CAST(" + q + " AS TEXT)" },
		join:   func(parts []string) string { return strings.Join(parts, " || ") },
		number: func(n int64) string { return strconv.FormatInt(n, 10) },
		key:    func(q string) string { return "CAST(" + q + " AS TEXT)" },
		unit:   "char(31)", noKey: "NULL",
	}
}

func (s sqliteSnapshot) close() error { return s.Close() }
