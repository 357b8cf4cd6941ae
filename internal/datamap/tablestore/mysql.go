package tablestore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"

	"sekisho/internal/datamap/document"
	"sekisho/internal/wire/myclient"
)

type mysql struct{ conn *myclient.Conn }

// Numbers of refusals (MySQL 8.0 and MariaDB 10.11, server error reference).
const (
	unknownVariable  = 1193
	noTableRight     = 1142
	noColumnRight    = 1143
	noSuchTable      = 1146
	badTable         = 1051
	noSuchColumn     = 1054
	lockTimeout      = 1205
	definitionChange = 1412
	viewInvalid      = 1356
)

func openMySQL(ctx context.Context, u *url.URL) (engine, error) {
	cfg := myclient.Config{Address: u.Query().Get("socket"), User: u.User.Username(), MaxRow: maxValue}
	cfg.Password, _ = u.User.Password()
	if len(u.Path) < 2 {
		return nil, ErrAddress
	}
	cfg.Database = u.Path[1:]
	if cfg.Address == "" {
		port := u.Port()
		if port == "" {
			port = "3306"
		}
		cfg.Address = net.JoinHostPort(u.Hostname(), port)
	}
	var err error
	if cfg.TLS, err = encryption(u); err != nil {
		return nil, err
	}
	mode := u.Query().Get("sslmode")
	cfg.Prefer = mode == "" || mode == "prefer"
	conn, err := myclient.Dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for _, sql := range []string{"SET NAMES utf8mb4", "SET SESSION sql_mode = ''", "SET SESSION net_write_timeout = 3600",
		"SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0", "SET SESSION lock_wait_timeout = 10",
		"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"} {
		err := conn.Exec(ctx, sql)
		if refused := (*myclient.ServerError)(nil); errors.As(err, &refused) && refused.Number == unknownVariable {
			continue // MySQL and MariaDB have one each
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("begin to read: %w", err), conn.Close())
		}
	}
	return &mysql{conn}, nil
}

// encryption is what sslmode says, as in libpq; nil is none.
func encryption(u *url.URL) (*tls.Config, error) {
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
	switch u.Query().Get("sslmode") {
	case "disable":
		return nil, nil
	case "", "prefer", "require": // encrypted, and nobody's word for who it is
		cfg.InsecureSkipVerify = true
	case "verify-full":
	default:
		return nil, errors.New("sslmode of mysql:// is disable, prefer, require or verify-full")
	}
	return cfg, nil
}

// tables implements engine. Views hold nothing of their own.
func (s *mysql) tables(ctx context.Context) (all []table, err error) {
	// The catalogue is not part of the snapshot: what came later is empty in it.
	err = s.conn.Query(ctx, `SELECT t.TABLE_NAME, COALESCE(t.DATA_LENGTH, 0),
		COALESCE((SELECT MIN(c.COLUMN_NAME) FROM information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME
		  AND c.COLUMN_KEY = 'PRI' AND c.DATA_TYPE IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint') HAVING COUNT(*) = 1), '')
		FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE' ORDER BY 1`,
		nil, func(v [][]byte) error {
			if v == nil {
				return nil
			}
			size, err := strconv.ParseInt(string(v[1]), 10, 64)
			if err != nil {
				size = 0
			}
			name := string(v[0])
			all = append(all, table{name: name, bytes: size, key: string(v[2]), sql: "SELECT * FROM " + quote(name, "`")})
			return nil
		})
	return all, err
}

// rows implements engine.
func (s *mysql) rows(ctx context.Context, t *table, columns func([]string), row func([][]byte) error) error {
	err := s.conn.Query(ctx, t.sql, func(list []myclient.Column) error {
		names := make([]string, 0, len(list))
		for _, c := range list {
			names = append(names, c.Name)
		}
		columns(names)
		return nil
	}, row)
	if refused := (*myclient.ServerError)(nil); errors.As(err, &refused) {
		trouble := document.Failed
		switch refused.Number {
		case noSuchTable, badTable, noSuchColumn, definitionChange, viewInvalid:
			trouble = document.Vanished
		case noTableRight, noColumnRight:
			trouble = document.Denied
		case lockTimeout:
			trouble = document.Locked
		}
		return &tableError{trouble, fmt.Sprintf("error %d", refused.Number)}
	}
	return err
}

func (s *mysql) close(context.Context) error { return s.conn.Close() }
