// Package dbrows reads customers' tables of PostgreSQL, MySQL and MariaDB as
// rows of text: CSV as package rowfile reads it, with the columns' names in the
// first row.
//
// It does not know what the columns mean and keeps no row. All tables of a
// Snapshot are read in one read-only transaction, so they are of one moment, and
// nothing is written to the server.
package dbrows

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// Table is a table and its columns.
type Table struct {
	Schema, Name string // Schema is empty for the one that the session has
	Columns      []string
	Sample       [][]string // some rows, for guessing what columns hold; empty for NULL
}

// sampleRows is how many rows a sample has, as of files.
const sampleRows = 100

// Snapshot is the state of a database at one moment. One goroutine at a time
// uses it; Close ends it.
type Snapshot interface {
	// Describe looks at a table: SCHEMA.TABLE, or TABLE.
	Describe(ctx context.Context, name string) (*Table, error)
	// Write writes those columns of all rows. tooLong counts rows that were
	// left out because they are longer than the connection carries (MySQL,
	// 16 MiB); of others rowfile decides.
	Write(ctx context.Context, t *Table, columns []string, w io.Writer) (tooLong int, err error)
	Close(ctx context.Context) error
}

// ErrURL: an address is none of a database.
var ErrURL = errors.New("write postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE")

// ErrNoTable: the database has no such table, or the account may not see it.
var ErrNoTable = errors.New("no such table, or no right to see it")

// Open logs in and begins the snapshot.
//
//	postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=…]
//	mysql://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=…&sslrootcert=FILE]
//	mysql://USER[:PASSWORD]@/DATABASE?socket=/PATH
//
// sslmode is as in libpq, prefer by default. password is used when the address
// has none. For PostgreSQL all that libpq's environment says holds too. address
// is secret: no error repeats it.
func Open(ctx context.Context, address, password string) (Snapshot, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, ErrURL // the parser's error repeats the address
	}
	if _, has := u.User.Password(); !has && password != "" {
		u.User = url.UserPassword(u.User.Username(), password)
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		return openPostgres(ctx, u)
	case "mysql", "mariadb":
		return openMySQL(ctx, u)
	}
	return nil, ErrURL
}

// HasPassword reports whether an address carries a password, which a command
// line shows to everybody on the machine.
func HasPassword(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return strings.Contains(address, "@") // nobody can tell: as if
	}
	_, has := u.User.Password()
	return has || u.Query().Has("password")
}

// split cuts SCHEMA.TABLE.
func split(name string) (schema, table string) {
	schema, table, ok := strings.Cut(name, ".")
	if !ok {
		return "", name
	}
	return schema, table
}

// quote quotes a name for SQL with the mark of the server.
func quote(name, mark string) string {
	return mark + strings.ReplaceAll(name, mark, mark+mark) + mark
}

// whole is a table's name in SQL.
func (t *Table) whole(mark string) string {
	if t.Schema == "" {
		return quote(t.Name, mark)
	}
	return quote(t.Schema, mark) + "." + quote(t.Name, mark)
}

// list is columns in SQL.
func list(columns []string, mark string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = quote(c, mark)
	}
	return strings.Join(out, ", ")
}

// csvRow appends a row as CSV (RFC 4180).
func csvRow(dst []byte, values [][]byte) []byte {
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = csvField(dst, v)
	}
	return append(dst, '\n')
}

func csvField(dst, v []byte) []byte {
	if !strings.ContainsAny(string(v), ",\"\r\n") {
		return append(dst, v...)
	}
	dst = append(dst, '"')
	for _, c := range v {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// sampled limits a value of a sample: what a column holds shows in its
// beginning.
func sampled(v []byte) string {
	const most = 256
	if len(v) > most {
		v = v[:most]
	}
	return strings.ToValidUTF8(string(v), "")
}

func tableError(name string, err error) error { return fmt.Errorf("table %s: %w", name, err) }
