package propose

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"sekisho/internal/datamap/sqltype"
	"sekisho/internal/wire/myclient"
)

// mysqlTables lists tables; a view holds nothing of its own.
const mysqlTables = `SELECT TABLE_NAME, COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' ORDER BY 1`

// mysqlColumns lists the columns of all tables with single-column unique indexes and
// foreign keys within the database.
const mysqlColumns = `SELECT c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, COALESCE(c.COLLATION_NAME, ''),
  EXISTS (SELECT 1 FROM information_schema.STATISTICS s WHERE s.TABLE_SCHEMA = c.TABLE_SCHEMA AND s.TABLE_NAME = c.TABLE_NAME AND s.COLUMN_NAME = c.COLUMN_NAME
    AND s.NON_UNIQUE = 0 AND s.SUB_PART IS NULL AND NOT EXISTS (SELECT 1 FROM information_schema.STATISTICS o WHERE o.TABLE_SCHEMA = s.TABLE_SCHEMA
      AND o.TABLE_NAME = s.TABLE_NAME AND o.INDEX_NAME = s.INDEX_NAME AND o.SEQ_IN_INDEX = 2)),
  c.COLUMN_KEY = 'PRI' AND NOT EXISTS (SELECT 1 FROM information_schema.STATISTICS p WHERE p.TABLE_SCHEMA = c.TABLE_SCHEMA AND p.TABLE_NAME = c.TABLE_NAME
    AND p.INDEX_NAME = 'PRIMARY' AND p.SEQ_IN_INDEX = 2),
  COALESCE((SELECT MIN(k.REFERENCED_TABLE_NAME) FROM information_schema.KEY_COLUMN_USAGE k WHERE k.TABLE_SCHEMA = c.TABLE_SCHEMA AND k.TABLE_NAME = c.TABLE_NAME
    AND k.COLUMN_NAME = c.COLUMN_NAME AND k.REFERENCED_TABLE_SCHEMA = c.TABLE_SCHEMA), '')
FROM information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = DATABASE() ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION`

// readMySQL implements Read. Names are those of tables alone: a connection has one
// database.
func readMySQL(ctx context.Context, address string) (all []Relation, skipped map[string]string, err error) {
	u, err := url.Parse(address)
	if err != nil || len(u.Path) < 2 {
		return nil, nil, errors.New("the address is not mysql://USER@HOST:PORT/DATABASE") // the parser's error repeats the address
	}
	conn, err := myclient.Snapshot(ctx, u, 16<<20)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	tables, err := mysqlCatalogue(ctx, conn)
	if err != nil {
		return nil, nil, err
	}
	skipped = map[string]string{}
	for _, r := range tables {
		err := r.sampleMySQL(ctx, conn)
		if refused := (*myclient.ServerError)(nil); errors.As(err, &refused) {
			skipped[r.Name] = reason(err)
			continue
		}
		if err != nil {
			return all, skipped, err
		}
		all = append(all, *r)
	}
	return all, skipped, nil
}

func mysqlCatalogue(ctx context.Context, conn *myclient.Conn) (all []*Relation, err error) {
	byName := map[string]*Relation{}
	err = conn.Query(ctx, mysqlTables, nil, func(v [][]byte) error {
		r := &Relation{Name: string(v[0])}
		if r.Rows, err = strconv.ParseInt(string(v[1]), 10, 64); err != nil {
			r.Rows = 0 // an estimate only
		}
		all, byName[r.Name] = append(all, r), r
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, conn.Query(ctx, mysqlColumns, nil, func(v [][]byte) error {
		r := byName[string(v[0])]
		if r == nil {
			return nil // a view, or it came just now
		}
		c := Column{Name: string(v[1]), Type: sqltype.MySQL(string(v[2]), string(v[3])), Unique: string(v[4]) == "1", Refers: string(v[6])}
		if string(v[5]) == "1" {
			r.Key = c.Name
		}
		r.Columns = append(r.Columns, c)
		return nil
	})
}

// sampleMySQL reads about Sample rows. Of a big table with an integer key they are
// taken from ranges all over it.
func (r *Relation) sampleMySQL(ctx context.Context, conn *myclient.Conn) error {
	if len(r.Columns) == 0 {
		return nil
	}
	var list []string
	for _, c := range r.Columns {
		list = append(list, fmt.Sprintf("LEFT(%s, %d)", backquote(c.Name), maxValue))
	}
	query := "SELECT " + strings.Join(list, ", ") + " FROM " + backquote(r.Name)
	row := func(v [][]byte) error {
		if v == nil {
			return nil // longer than 16 MiB, many columns of text
		}
		r.Sampled++
		for i := range r.Columns {
			r.Columns[i].observe(v[i])
		}
		return nil
	}
	if r.Rows <= 20*Sample || !r.integerKey() {
		return conn.Query(ctx, fmt.Sprintf("%s LIMIT %d", query, Sample), nil, row)
	}
	var first, last int64
	err := conn.Query(ctx, fmt.Sprintf("SELECT COALESCE(MIN(%[1]s), 0), COALESCE(MAX(%[1]s), 0) FROM %[2]s", backquote(r.Key), backquote(r.Name)), nil,
		func(v [][]byte) (err error) {
			if first, err = strconv.ParseInt(string(v[0]), 10, 64); err == nil {
				last, err = strconv.ParseInt(string(v[1]), 10, 64)
			}
			return err
		})
	if err != nil {
		return err
	}
	const ranges = 20
	for i := range int64(ranges) {
		from := first + int64(float64(last)-float64(first))/ranges*i
		if err := conn.Query(ctx, fmt.Sprintf("%s WHERE %s >= %d ORDER BY %[2]s LIMIT %[4]d", query, backquote(r.Key), from, Sample/ranges), nil, row); err != nil {
			return err
		}
	}
	return nil
}

// integerKey reports whether ranges of the key may be asked for. A bigint may be
// unsigned and then beyond what is asked.
func (r *Relation) integerKey() bool {
	for _, c := range r.Columns {
		if c.Name == r.Key {
			return c.Type == "int2" || c.Type == "int4"
		}
	}
	return false
}

func backquote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
