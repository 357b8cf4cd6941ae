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
// integer column.
const columnsSQL = `
SELECT n.nspname, c.relname, pg_table_size(c.oid), a.attname, a.atttypid::oid,
       coalesce(i.indkey[0] = a.attnum AND a.atttypid IN (20, 21, 23), false)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
WHERE c.relkind IN ('r', 'm') AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2, a.attnum`

// typeByteA … are the types of values that may be long (pg_type.dat).
var longTypes = map[string]string{"17": "octet_length", "25": "octet_length", "1043": "octet_length", "1042": "octet_length",
	"114": "pg_column_size", "3802": "pg_column_size", "142": "pg_column_size"}

// tables implements engine.
func (s *postgres) tables(ctx context.Context) (all []table, err error) {
	reader := s.conn.Exec(ctx, columnsSQL)
	var list, cut []string
	end := func() {
		if len(all) == 0 {
			return
		}
		t := &all[len(all)-1]
		from := quote(t.schema, `"`) + "." + quote(t.name, `"`)
		if t.long = len(cut) > 0; t.long {
			list = append(list, "("+strings.Join(cut, " OR ")+") AS sekisho_cut")
		}
		t.sql = "SELECT " + strings.Join(list, ", ") + " FROM ONLY " + from
		list, cut = nil, nil
	}
	for reader.NextResult() {
		rows := reader.ResultReader()
		for rows.NextRow() {
			v := rows.Values()
			schema, name, column, oid := string(v[0]), string(v[1]), string(v[3]), string(v[4])
			if n := len(all); n == 0 || all[n-1].schema != schema || all[n-1].name != name {
				end()
				size, _ := strconv.ParseInt(string(v[2]), 10, 64) // NULL when it was dropped just now
				all = append(all, table{schema: schema, name: name, bytes: size})
			}
			t := &all[len(all)-1]
			if string(v[5]) == "t" {
				t.key = column
			}
			q := quote(column, `"`)
			if size := longTypes[oid]; size != "" {
				if oid == "17" {
					t.binary = append(t.binary, len(list))
				}
				over := fmt.Sprintf("coalesce(%s(%s) > %d, false)", size, q, maxValue)
				cut = append(cut, over)
				if size == "octet_length" {
					q = fmt.Sprintf("CASE WHEN %s THEN substr(%s, 1, %d) ELSE %s END AS %s", over, q, maxValue/4, q, q)
				} else {
					q = fmt.Sprintf("CASE WHEN %s THEN NULL ELSE %s END AS %s", over, q, q)
				}
			}
			list = append(list, q)
		}
	}
	end()
	return all, said(reader.Close())
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
