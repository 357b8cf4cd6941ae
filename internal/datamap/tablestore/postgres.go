package tablestore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/datamap/document"
)

// maxValue bounds one value; more of it is not read, and that is said.
const maxValue = 8 << 20

type postgres struct{ conn *pgconn.PgConn }

func openPostgres(ctx context.Context, u *url.URL) (engine, error) {
	cfg, err := pgconn.ParseConfig(u.String())
	if err != nil {
		return nil, ErrAddress // the error repeats the address
	}
	cfg.RuntimeParams["application_name"] = "sekisho scan"
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("log in to PostgreSQL at %s: %w", cfg.Host, said(err))
	}
	s := &postgres{conn}
	// Row security must not hide rows: off makes it an error instead.
	err = s.exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off; SET LOCAL statement_timeout = 0; "+
		"SET LOCAL lock_timeout = '10s'; SET LOCAL datestyle = ISO; SET LOCAL client_encoding = 'UTF8'; SET LOCAL bytea_output = 'hex'")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin to read: %w", said(err)), conn.Close(ctx))
	}
	return s, nil
}

func (s *postgres) exec(ctx context.Context, sql string) error { return s.conn.Exec(ctx, sql).Close() }

// said leaves the text of a refusal out: it may hold values of rows.
func said(err error) error {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return fmt.Errorf("the server refuses: SQLSTATE %s", pg.Code)
	}
	return err
}

// columnsSQL lists the columns of everything that holds rows of its own: tables,
// leaves of partitioned ones and materialised views. The key is a primary key of one
// integer column. A domain counts as what it is made of.
const columnsSQL = `
SELECT n.nspname, c.relname, pg_table_size(c.oid), a.attname, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END::oid,
       coalesce(i.indkey[0] = a.attnum AND a.atttypid IN (20, 21, 23), false), t.typlen < 0
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
WHERE c.relkind IN ('r', 'm') AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2, a.attnum`

// Types of values that are never long (pg_type.dat): numeric, inet, cidr, and those whose
// length is known without unpacking them: bytea, text, varchar, char.
var (
	shortTypes = map[string]bool{"1700": true, "869": true, "650": true}
	plainTypes = map[string]bool{"17": true, "25": true, "1043": true, "1042": true}
)

const byteA = "17"

// tables implements engine.
func (s *postgres) tables(ctx context.Context) (all []table, whole bool, err error) {
	reader := s.conn.Exec(ctx, columnsSQL)
	var columns []pgColumn
	end := func() {
		if len(all) > 0 {
			all[len(all)-1].read(columns)
		}
		columns = nil
	}
	for reader.NextResult() {
		rows := reader.ResultReader()
		for rows.NextRow() {
			v := rows.Values()
			schema, name, column := string(v[0]), string(v[1]), string(v[3])
			if n := len(all); n == 0 || all[n-1].schema != schema || all[n-1].name != name {
				end()
				size, _ := strconv.ParseInt(string(v[2]), 10, 64) // NULL when it was dropped just now
				all = append(all, table{schema: schema, name: name, bytes: size})
			}
			if string(v[5]) == "t" {
				all[len(all)-1].key = column
			}
			columns = append(columns, pgColumn{quote(column, `"`), string(v[4]), string(v[6]) == "t"})
		}
	}
	end()
	return all, true, said(reader.Close())
}

// pgColumn is a column, its name quoted.
type pgColumn struct {
	name, oid string
	varies    bool // in length
}

// long returns the column as what has a length in bytes, "" when its values are short.
func (c *pgColumn) long() string {
	switch name := "sekisho_t." + c.name; {
	case !c.varies || shortTypes[c.oid]:
		return ""
	case plainTypes[c.oid]:
		return name
	default: // arrays, json, xml …: what they are as text may be a hundred times what is stored
		return "(" + name + ")::text"
	}
}

// maxRow bounds a row: where all its values together are longer, each is cut to its share.
const maxRow = 4 * maxValue

// read writes the statement that reads t.
func (t *table) read(columns []pgColumn) {
	var list, cut, sum []string
	for i := range columns {
		if text := columns[i].long(); text != "" {
			sum = append(sum, fmt.Sprintf("coalesce(octet_length(%s), 0)::bigint", text))
		}
	}
	from := "ONLY " + quote(t.schema, `"`) + "." + quote(t.name, `"`) + " AS sekisho_t"
	wide := len(sum) > maxRow/maxValue
	if wide {
		from += fmt.Sprintf(" CROSS JOIN LATERAL (SELECT %s > %d AS wide OFFSET 0) AS sekisho_w", strings.Join(sum, " + "), maxRow)
		cut = append(cut, "sekisho_w.wide")
	}
	for i := range columns {
		c := &columns[i]
		text := c.long()
		if c.oid == byteA {
			t.binary = append(t.binary, len(list))
		}
		if text == "" {
			list = append(list, "sekisho_t."+c.name)
			continue
		}
		over := fmt.Sprintf("coalesce(octet_length(%s) > %d, false)", text, maxValue)
		cut = append(cut, over)
		value := fmt.Sprintf("CASE WHEN %s THEN substr(%s, 1, %d) ", over, text, maxValue/4)
		if wide {
			value = fmt.Sprintf("CASE WHEN sekisho_w.wide THEN substr(%s, 1, %d) WHEN %s THEN substr(%[1]s, 1, %d) ", text, maxRow/4/len(sum), over, maxValue/4)
		}
		list = append(list, value+"ELSE "+text+" END AS "+c.name)
	}
	if t.long = len(cut) > 0; t.long {
		list = append(list, "("+strings.Join(cut, " OR ")+") AS sekisho_cut")
	}
	t.sql = "SELECT " + strings.Join(list, ", ") + " FROM " + from
}

// rows implements engine.
func (s *postgres) rows(ctx context.Context, t *table, columns func([]string), row func([][]byte) error) error {
	// An error ends a transaction but for what is behind a savepoint.
	if err := s.exec(ctx, "SAVEPOINT sekisho"); err != nil {
		return said(err)
	}
	reader := s.conn.Exec(ctx, t.sql)
	var rerr error
	for reader.NextResult() {
		rows := reader.ResultReader()
		fields := rows.FieldDescriptions()
		names := make([]string, 0, len(fields))
		for _, f := range fields {
			names = append(names, f.Name)
		}
		if t.long && len(names) > 0 {
			names = names[:len(names)-1]
		}
		columns(names)
		for rerr == nil && rows.NextRow() {
			values := rows.Values()
			for _, i := range t.binary {
				values[i] = unhex(values[i])
			}
			rerr = row(values)
		}
		if rerr != nil {
			break
		}
	}
	if rerr != nil { // ours: the context's
		return errors.Join(rerr, s.conn.Close(ctx))
	}
	err := reader.Close()
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && !s.conn.IsClosed() {
		if rerr := s.exec(ctx, "ROLLBACK TO SAVEPOINT sekisho"); rerr != nil {
			return said(rerr)
		}
		return &tableError{troubleOfState(pg.Code), "SQLSTATE " + pg.Code}
	}
	if err != nil {
		return said(err)
	}
	return said(s.exec(ctx, "RELEASE SAVEPOINT sekisho"))
}

// unhex reads bytea_output = hex in place.
func unhex(v []byte) []byte {
	if len(v) < 2 || v[0] != '\\' {
		return v
	}
	out := make([]byte, hex.DecodedLen(len(v)-2))
	n, err := hex.Decode(out, v[2:])
	if err != nil {
		return v
	}
	return out[:n]
}

// troubleOfState sorts refusals by SQLSTATE (PostgreSQL manual, appendix A).
func troubleOfState(code string) document.Trouble {
	switch code {
	case "42P01", "42703", "3F000": // undefined table, column, schema
		return document.Vanished
	case "42501": // insufficient privilege, also when row security would hide rows
		return document.Denied
	case "55P03", "40P01": // lock not available, deadlock
		return document.Locked
	}
	return document.Failed
}

func (s *postgres) close(ctx context.Context) error { return s.conn.Close(context.WithoutCancel(ctx)) }
