package dbrows

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/jackc/pgx/v5/pgconn"
)

// postgres is a snapshot of a PostgreSQL database.
type postgres struct{ conn *pgconn.PgConn }

func openPostgres(ctx context.Context, u *url.URL) (Snapshot, error) {
	cfg, err := pgconn.ParseConfig(u.String())
	if err != nil {
		return nil, ErrURL // the error repeats the address
	}
	cfg.RuntimeParams["application_name"] = "sekisho person"
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("log in to PostgreSQL at %s: %w", cfg.Host, plain(err))
	}
	s := &postgres{conn}
	// Row security must not hide rows: off makes it an error instead.
	err = s.exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off; SET LOCAL statement_timeout = 0; "+
		"SET LOCAL lock_timeout = '10s'; SET LOCAL datestyle = ISO; SET LOCAL client_encoding = 'UTF8'")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin to read: %w", err), s.Close(ctx))
	}
	return s, nil
}

func (s *postgres) exec(ctx context.Context, sql string) error {
	return plain(s.conn.Exec(ctx, sql).Close())
}

// plain leaves out of a refusal what may hold values of rows.
func plain(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	switch pg.Code[:2] {
	case "08", "28", "3D", "3F", "42", "53", "55", "57": // connections, rights, names: the text holds no value of a row
		return fmt.Errorf("the server refuses: %s (SQLSTATE %s)", pg.Message, pg.Code)
	}
	return fmt.Errorf("the server refuses: SQLSTATE %s", pg.Code)
}

// Describe implements Snapshot. Columns without a form as text that says
// something about a person (bytea) are left out of the sample by their values.
func (s *postgres) Describe(ctx context.Context, name string) (*Table, error) {
	t := &Table{}
	t.Schema, t.Name = split(name)
	results, err := s.conn.Exec(ctx, fmt.Sprintf("SELECT * FROM %s LIMIT %d", t.whole(`"`), sampleRows)).ReadAll()
	if err != nil {
		var pg *pgconn.PgError
		if errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "42501" || pg.Code == "3F000") {
			return nil, tableError(name, ErrNoTable)
		}
		return nil, tableError(name, plain(err))
	}
	for _, f := range results[0].FieldDescriptions {
		t.Columns = append(t.Columns, f.Name)
	}
	for _, values := range results[0].Rows {
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = sampled(v)
		}
		t.Sample = append(t.Sample, row)
	}
	return t, nil
}

// Write implements Snapshot. PostgreSQL writes the CSV itself, NULL as nothing.
func (s *postgres) Write(ctx context.Context, t *Table, columns []string, w io.Writer) (int, error) {
	sql := fmt.Sprintf("COPY (SELECT %s FROM %s) TO STDOUT WITH (FORMAT csv, HEADER true)", list(columns, `"`), t.whole(`"`))
	_, err := s.conn.CopyTo(ctx, w, sql)
	if err != nil {
		return 0, tableError(t.Name, plain(err))
	}
	return 0, nil
}

// Close implements Snapshot.
func (s *postgres) Close(ctx context.Context) error { return s.conn.Close(ctx) }
