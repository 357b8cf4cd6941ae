package document

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	_ "modernc.org/sqlite" // the driver "sqlite"
	"modernc.org/sqlite/vfs"

	"sekisho/internal/datamap/sqliteread"
)

// sqlite reads the tables of an SQLite file. The file is read as it stands,
// without its write-ahead log: that is another file, read as binary data. Of a
// damaged one what is readable is read as binary data, too: rows that came before the
// damage are there twice, and none that are left is missing.
func (j *job) sqlite(part string, src source) error {
	at, size, done, err := j.random(src)
	defer done()
	if err == nil {
		if err = j.sqliteTables(part, at, size); err == nil {
			err = j.sqliteFree(part, at, size)
		}
	}
	if err != nil && err != errLimit && j.ctx.Err() == nil {
		err = errors.Join(err, j.raw(part, io.NewSectionReader(at, 0, size)))
	}
	return err
}

func (j *job) sqliteTables(part string, at io.ReaderAt, size int64) error {
	name, mount, err := vfs.New(oneFile{at, size})
	if err != nil {
		return err
	}
	defer mount.Close() // of a reader
	db, err := sql.Open("sqlite", "file:db?mode=ro&immutable=1&vfs="+name+"&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)")
	if err != nil {
		return err
	}
	defer db.Close() // of a reader
	db.SetMaxOpenConns(1)
	tables, err := names(j.ctx, db)
	j.made(part, "snapshot", "", tables)
	for _, table := range tables {
		if terr := j.sqliteTable(join(part, table), db, table); terr != nil {
			err = errors.Join(err, terr)
		}
	}
	return err
}

func names(ctx context.Context, db *sql.DB) (tables []string, err error) {
	rows, err := db.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
	if err != nil {
		return nil, err
	}
	defer rows.Close() // errors show in Err
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return tables, err
		}
		tables = append(tables, name)
	}
	return tables, rows.Err()
}

func (j *job) sqliteTable(part string, db *sql.DB, table string) error {
	reading, err := sqliteread.Select(j.ctx, db, table)
	if err != nil {
		return err
	}
	rows, err := db.QueryContext(j.ctx, reading.SQL)
	if err != nil {
		return err
	}
	defer rows.Close() // errors show in Err
	headers, err := rows.Columns()
	if err != nil {
		return err
	}
	t := j.sink.Table(part)
	defer t.Close()
	columns := make([]int, len(headers))
	values, pointers := make([]any, len(headers)), make([]any, len(headers))
	for i, h := range headers {
		if pointers[i] = &values[i]; i < len(headers)-1 || !reading.Flagged {
			columns[i] = t.Column(cut([]byte(h)))
		}
	}
	var buf []byte
	short := reading.Cut
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		for i, v := range values {
			if i == len(values)-1 && reading.Flagged {
				short = short || v == int64(1)
			} else if buf = AppendValue(buf[:0], v); len(buf) > 0 {
				t.Cell(columns[i], buf)
			}
		}
		t.EndRow()
	}
	if short {
		j.sink.Trouble(part, Limit, "values longer than 8 MiB are cut")
	}
	return rows.Err()
}

// AppendValue appends what database/sql scanned into an any, as text: nothing for NULL,
// a date alone for a time at midnight.
func AppendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return dst
	case string:
		return append(dst, v...)
	case []byte:
		return append(dst, v...)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	case time.Time:
		if h, m, s := v.Clock(); h+m+s == 0 {
			return v.AppendFormat(dst, time.DateOnly)
		}
		return v.AppendFormat(dst, time.DateTime)
	}
	return fmt.Append(dst, v)
}

// oneFile is a file system with one file, for SQLite.
type oneFile struct {
	at   io.ReaderAt
	size int64
}

// Open implements fs.FS.
func (o oneFile) Open(name string) (fs.File, error) {
	if name != "db" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &openFile{SectionReader: io.NewSectionReader(o.at, 0, o.size)}, nil
}

type openFile struct{ *io.SectionReader }

func (o *openFile) Stat() (fs.FileInfo, error) { return o, nil }
func (o *openFile) Close() error               { return nil }
func (o *openFile) Name() string               { return "db" }
func (o *openFile) Mode() fs.FileMode          { return 0o400 }
func (o *openFile) ModTime() time.Time         { return time.Time{} }
func (o *openFile) IsDir() bool                { return false }
func (o *openFile) Sys() any                   { return nil }

// parquet reads a Parquet file row group by row group. What its columns are stands at
// its end: without it, what is not compressed is read as binary data.
func (j *job) parquet(part string, src source) error {
	at, size, done, err := j.random(src)
	defer done()
	if err == nil {
		err = guard(func() error { return j.parquetRows(part, at, size) })
	}
	if err != nil && !errors.Is(err, errLimit) && err != errEncrypted && j.ctx.Err() == nil {
		err = errors.Join(err, j.raw(part, io.NewSectionReader(at, 0, size)))
	}
	return err
}

func (j *job) parquetRows(part string, at io.ReaderAt, size int64) error {
	if err := checkParquet(at, size); err != nil {
		return err
	}
	f, err := parquet.OpenFile(at, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(64<<10))
	if err != nil {
		return err
	}
	t := j.sink.Table(part)
	defer t.Close()
	var columns []int
	for _, path := range f.Schema().Columns() {
		header := path[len(path)-1]
		for i := len(path) - 1; i > 0 && (header == "element" || header == "list" || header == "value"); i-- {
			header = path[i-1]
		}
		columns = append(columns, t.Column(cut([]byte(header))))
	}
	var buf []byte
	batch := make([]parquet.Row, rowBatch)
	pages := &pageWalk{j: j, at: at, size: size, leaves: leavesOf(f.Metadata().Schema)}
	defer pages.close()
	var left error
	for i, group := range f.RowGroups() {
		if err := pages.group(&f.Metadata().RowGroups[i]); isParquetLimit(err) {
			left = errors.Join(left, errLimit)
			continue
		} else if err != nil {
			return errors.Join(left, err)
		}
		rows := group.Rows()
		for {
			if err := j.ctx.Err(); err != nil {
				return errors.Join(err, rows.Close())
			}
			n, err := rows.ReadRows(batch[:pages.batch])
			for _, row := range batch[:n] {
				for _, v := range row {
					if c := v.Column(); !v.IsNull() && c >= 0 && c < len(columns) {
						if k := v.Kind(); k == parquet.ByteArray || k == parquet.FixedLenByteArray {
							buf = append(buf[:0], v.ByteArray()...)
						} else {
							buf = append(buf[:0], v.String()...)
						}
						t.Cell(columns[c], buf)
					}
				}
				t.EndRow()
			}
			if err == io.EOF || err == nil && n == 0 {
				break
			}
			if err != nil {
				return errors.Join(err, rows.Close())
			}
		}
		if err := rows.Close(); err != nil {
			return err
		}
	}
	return left
}
