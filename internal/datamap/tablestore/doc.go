// Package tablestore is a database as a document.Store: each table of a PostgreSQL,
// MySQL, MariaDB or SQLite database is an object, and its rows are handed to the scans
// as cells under their columns' names.
//
// It does not know whose rows they are (package datamap reads the keys of protected
// tables of PostgreSQL) and changes nothing: everything is read in one read-only
// transaction, so all tables are of one moment, at most Config.RowsPerSecond rows a
// second.
//
// What goes wrong with one table (it was dropped meanwhile, nobody may read it, a value
// is too long) is a trouble of that table; the others are read.
package tablestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/datamap/document"
	"sekisho/internal/datamap/sqliteread"
)

// Config says which database is read.
type Config struct {
	// Address is secret when it carries a password; no error repeats it.
	//
	//	postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=…]
	//	mysql://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=…&sslrootcert=FILE]
	//	mysql://USER[:PASSWORD]@/DATABASE?socket=/PATH
	//	sqlite:FILE
	//
	// sslmode is as in libpq, prefer by default.
	Address  string
	Password string // used when Address has none
	// RowsPerSecond bounds the reading; 0 means no bound.
	RowsPerSecond int
}

// ErrAddress is returned for what is no address of a database.
var ErrAddress = errors.New("write postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE or sqlite:FILE")

// Is reports whether an address is one of a database.
func Is(address string) bool {
	for _, scheme := range []string{"postgres://", "postgresql://", "mysql://", "mariadb://", "sqlite:"} {
		if strings.HasPrefix(address, scheme) {
			return true
		}
	}
	return false
}

// Name returns an address as people may see it: without user and password.
func Name(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "a database"
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}

// Store is a database that is read. It is used by one goroutine at a time.
type Store struct {
	cfg Config
	db  engine
}

// engine is one kind of server. After an error that is no *tableError it is not used
// again.
type engine interface {
	// tables lists what may be read, in order of names. whole says that no table
	// can be hidden from the list: one that is missing was dropped.
	tables(ctx context.Context) (all []table, whole bool, err error)
	// rows reads a table: columns once, then each row, nil for NULL, good until row
	// returns; a nil row is one that is too long.
	rows(ctx context.Context, t *table, columns func([]string), row func([][]byte) error) error
	close(ctx context.Context) error
}

// table is one table.
type table struct {
	schema, name string
	bytes        int64 // about
	key          string
	sql          string // that reads it
	long         bool   // the last column says that a value was cut
	binary       []int  // columns that are written as hexadecimal
}

func (t *table) path() string {
	if t.schema == "" {
		return t.name
	}
	if strings.ContainsAny(t.schema+t.name, `."`) { // "a.b".c is not a."b.c"
		return quote(t.schema, `"`) + "." + quote(t.name, `"`)
	}
	return t.schema + "." + t.name
}

// tableError is what went wrong with one table only.
type tableError struct {
	trouble document.Trouble
	detail  string
}

func (e *tableError) Error() string { return e.trouble.String() + " " + e.detail }

// Open logs in and begins the snapshot.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{cfg: cfg}
	var err error
	s.db, err = connect(ctx, cfg)
	return s, err
}

func connect(ctx context.Context, cfg Config) (engine, error) {
	if file, ok := sqliteread.File(cfg.Address); ok {
		return openSQLite(ctx, file)
	}
	u, err := url.Parse(cfg.Address)
	if err != nil {
		return nil, ErrAddress // the parser's error repeats the address
	}
	if _, has := u.User.Password(); !has && cfg.Password != "" {
		u.User = url.UserPassword(u.User.Username(), cfg.Password)
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		return openPostgres(ctx, u)
	case "mysql", "mariadb":
		return openMySQL(ctx, u)
	}
	return nil, ErrAddress
}

// Database is a database as a store that is opened anew for each Walk, so that each is of
// its own moment.
type Database struct{ Config }

// Walk implements document.Store.
func (d Database) Walk(ctx context.Context, visit func(document.Object) error) error {
	s, err := Open(ctx, d.Config)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return visit(document.Object{Path: ".", Trouble: document.Failed})
	}
	err = s.Walk(ctx, visit)
	return errors.Join(err, s.Close(ctx))
}

// Close ends the snapshot.
func (s *Store) Close(ctx context.Context) error { return s.db.close(ctx) }

// Walk implements document.Store.
func (s *Store) Walk(ctx context.Context, visit func(document.Object) error) error {
	all, whole, err := s.db.tables(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return visit(document.Object{Path: ".", Trouble: document.Failed})
	}
	if !whole {
		if err := visit(document.Object{Path: ".", Trouble: document.Denied}); err != nil {
			return err
		}
	}
	for i := range all {
		t := &all[i]
		name := document.Name(t.path())
		o := document.Object{Path: name, Raw: t.path(), Size: t.bytes, Volatile: true,
			Identity: [4]int64{1}, Content: &content{s, t}}
		if err := visit(o); err != nil {
			return err
		}
	}
	return nil
}

// content is the rows of a table.
type content struct {
	s *Store
	t *table
}

// Read implements document.Content.
func (c *content) Read(ctx context.Context, _ *document.Reader, sink document.Sink) (bool, error) {
	out := sink.Table("")
	defer out.Close()
	keyed, _ := out.(document.Keyed)
	var columns []int
	key, rows, long := -1, 0, 0
	began := time.Now()
	err := c.s.db.rows(ctx, c.t, func(names []string) {
		for i, name := range names {
			columns = append(columns, out.Column(name))
			if name == c.t.key && keyed != nil {
				key = i
				keyed.KeyColumn(name)
			}
		}
	}, func(values [][]byte) error {
		if values == nil {
			long++
			return nil
		}
		if key >= 0 {
			if n, err := strconv.ParseInt(string(values[key]), 10, 64); err == nil {
				keyed.Key(n)
			}
		}
		for i, v := range values[:len(columns)] {
			if len(v) > 0 {
				out.Cell(columns[i], v)
			}
		}
		if len(values) > len(columns) && string(values[len(columns)]) == "t" {
			long++
		}
		out.EndRow()
		rows++
		return c.s.pace(ctx, rows, began)
	})
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	if long > 0 {
		sink.Trouble("", document.Limit, fmt.Sprintf("%d rows have a value longer than 8 MiB, or are longer than 32 MiB", long))
	}
	if err == nil {
		return false, nil
	}
	var te *tableError
	if errors.As(err, &te) {
		sink.Trouble("", te.trouble, te.detail)
		return true, nil
	}
	sink.Trouble("", document.Failed, "")
	// The connection is lost, and the snapshot with it: the other tables are of a later
	// moment.
	fresh, cerr := connect(ctx, c.s.cfg)
	if cerr == nil {
		c.s.db.close(ctx) // it is lost
		c.s.db = fresh
	}
	return true, ctx.Err()
}

// batchRows is after how many rows a reading looks at the clock.
const batchRows = 1024

// pace holds a reading back to so many rows a second.
func (s *Store) pace(ctx context.Context, rows int, began time.Time) error {
	if s.cfg.RowsPerSecond <= 0 || rows%min(batchRows, s.cfg.RowsPerSecond) != 0 {
		return nil
	}
	due := time.Duration(float64(rows) / float64(s.cfg.RowsPerSecond) * float64(time.Second))
	timer := time.NewTimer(due - time.Since(began))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Sum implements document.Content: tables are not told apart by content.
func (c *content) Sum(context.Context, io.Writer) error { return errors.ErrUnsupported }

func quote(name, mark string) string {
	return mark + strings.ReplaceAll(name, mark, mark+mark) + mark
}
