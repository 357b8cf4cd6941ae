package dbrows

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"sekisho/internal/wire/myclient"
)

// mysql is a snapshot of a MySQL or MariaDB database.
type mysql struct{ conn *myclient.Conn }

func openMySQL(ctx context.Context, u *url.URL) (Snapshot, error) {
	conn, err := myclient.Snapshot(ctx, u, 0)
	if err != nil {
		return nil, err
	}
	return &mysql{conn}, nil
}

// Describe implements Snapshot.
func (s *mysql) Describe(ctx context.Context, name string) (*Table, error) {
	t := &Table{}
	t.Schema, t.Name = split(name)
	columns := func(list []myclient.Column) error {
		for _, c := range list {
			t.Columns = append(t.Columns, c.Name)
		}
		return nil
	}
	err := s.conn.Query(ctx, fmt.Sprintf("SELECT * FROM %s LIMIT %d", t.whole("`"), sampleRows), columns, func(values [][]byte) error {
		if values == nil {
			return nil
		}
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = sampled(v)
		}
		t.Sample = append(t.Sample, row)
		return nil
	})
	var refused *myclient.ServerError
	if errors.As(err, &refused) && (refused.Number == 1146 || refused.Number == 1142 || refused.Number == 1049) {
		return nil, tableError(name, ErrNoTable)
	}
	if err != nil {
		return nil, tableError(name, err)
	}
	return t, nil
}

// flushBytes is how much text is written at once.
const flushBytes = 256 << 10

// Write implements Snapshot.
func (s *mysql) Write(ctx context.Context, t *Table, columns []string, w io.Writer) (tooLong int, err error) {
	var header [][]byte
	for _, c := range columns {
		header = append(header, []byte(c))
	}
	text := csvRow(nil, header)
	err = s.conn.Query(ctx, fmt.Sprintf("SELECT %s FROM %s", list(columns, "`"), t.whole("`")), nil, func(values [][]byte) error {
		if values == nil {
			tooLong++
			return nil
		}
		if text = csvRow(text, values); len(text) < flushBytes {
			return nil
		}
		_, err := w.Write(text)
		text = text[:0]
		return err
	})
	if err == nil {
		_, err = w.Write(text)
	}
	if err != nil {
		return 0, tableError(t.Name, err)
	}
	return tooLong, nil
}

// Close implements Snapshot.
func (s *mysql) Close(context.Context) error { return s.conn.Close() }
