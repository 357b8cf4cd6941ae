package dbrows

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"

	"sekisho/internal/wire/myclient"
)

// mysql is a snapshot of a MySQL or MariaDB database.
type mysql struct{ conn *myclient.Conn }

func openMySQL(ctx context.Context, u *url.URL) (Snapshot, error) {
	cfg := myclient.Config{Address: u.Query().Get("socket"), User: u.User.Username()}
	cfg.Password, _ = u.User.Password()
	if len(u.Path) > 1 {
		cfg.Database = u.Path[1:]
	}
	if cfg.Address == "" {
		port := u.Port()
		if port == "" {
			port = "3306"
		}
		cfg.Address = net.JoinHostPort(u.Hostname(), port)
	}
	var err error
	if cfg.TLS, err = tlsOf(u); err != nil {
		return nil, err
	}
	cfg.Prefer = u.Query().Get("sslmode") == "" || u.Query().Get("sslmode") == "prefer"
	conn, err := myclient.Dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &mysql{conn}
	for _, sql := range begin {
		err := conn.Exec(ctx, sql)
		var refused *myclient.ServerError
		if errors.As(err, &refused) && refused.Number == unknownVariable {
			continue // MySQL and MariaDB have one each
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("begin to read: %w", err), s.Close(ctx))
		}
	}
	return s, nil
}

// unknownVariable is ER_UNKNOWN_SYSTEM_VARIABLE.
const unknownVariable = 1193

// begin begins a snapshot that is read as slowly as matching needs.
var begin = []string{"SET NAMES utf8mb4", "SET SESSION sql_mode = ''", "SET SESSION net_write_timeout = 3600",
	"SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0",
	"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"}

// tlsOf is what sslmode says, as in libpq.
func tlsOf(u *url.URL) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}
	if file := u.Query().Get("sslrootcert"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if cfg.RootCAs = x509.NewCertPool(); !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", file)
		}
	}
	switch mode := u.Query().Get("sslmode"); mode {
	case "disable":
		return nil, nil
	case "", "prefer", "require": // encrypted, and nobody's word for who it is
		cfg.InsecureSkipVerify = true
	case "verify-ca":
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(state tls.ConnectionState) error { return signed(state, cfg.RootCAs) }
	case "verify-full":
	default:
		return nil, fmt.Errorf("sslmode %q is none of disable, prefer, require, verify-ca, verify-full", mode)
	}
	return cfg, nil
}

// signed verifies a chain and no name.
func signed(state tls.ConnectionState, roots *x509.CertPool) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(o)
	return err
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
