package myclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
)

// unknownVariable is ER_UNKNOWN_SYSTEM_VARIABLE.
const unknownVariable = 1193

// begin begins a snapshot that may be read slowly and waits for no lock for long.
var begin = []string{"SET NAMES utf8mb4", "SET SESSION sql_mode = ''", "SET SESSION net_write_timeout = 3600",
	"SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0", "SET SESSION lock_wait_timeout = 10",
	"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"}

// Snapshot connects to mysql://USER:PASSWORD@HOST:PORT/DATABASE and begins one
// read-only transaction, in which everything is of one moment. ?socket=PATH takes
// the place of the host; ?sslmode= and ?sslrootcert= are as in libpq. Rows longer
// than maxRow bytes are told as nil (Config.MaxRow).
func Snapshot(ctx context.Context, u *url.URL, maxRow int) (*Conn, error) {
	q := u.Query()
	cfg := Config{Address: q.Get("socket"), User: u.User.Username(), MaxRow: maxRow}
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
	if cfg.TLS, err = encryption(u); err != nil {
		return nil, err
	}
	cfg.Prefer = q.Get("sslmode") == "" || q.Get("sslmode") == "prefer"
	conn, err := Dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for _, sql := range begin {
		err := conn.Exec(ctx, sql)
		var refused *ServerError
		if errors.As(err, &refused) && refused.Number == unknownVariable {
			continue // MySQL and MariaDB have one each
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("begin to read: %w", err), conn.Close())
		}
	}
	return conn, nil
}

// encryption is what sslmode says; nil is none.
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
