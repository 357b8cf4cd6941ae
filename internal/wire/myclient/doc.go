// Package myclient reads from MySQL and MariaDB servers: it logs in, runs
// statements as text, and hands the rows of an answer on one at a time.
//
// It is no general driver: there are no prepared statements, no parameters, no
// pool, and LOAD DATA LOCAL is refused, so a server can ask for no file of ours.
// Nothing here keeps a row.
//
// The protocol is that of the MySQL Internals manual (client/server protocol,
// version 10, text result sets), which MariaDB speaks too (MariaDB Knowledge
// Base, Client/Server Protocol). Passwords are shown by mysql_native_password
// or caching_sha2_password. The second may ask for the password itself: it is
// sent under TLS or over a Unix socket alone.
package myclient

import (
	"crypto/tls"
	"fmt"
	"time"
)

// Config says which server to log in to and as whom.
type Config struct {
	Address  string // host:port, or the path of a Unix socket
	User     string
	Password string // secret
	Database string // empty: none
	// TLS is how to encrypt; nil: not. Its ServerName is what the certificate
	// must carry. Prefer goes on without TLS when the server has none.
	TLS    *tls.Config
	Prefer bool
	// MaxRow is the longest row that is passed on, in bytes; 0: 16 MiB less one.
	// Longer ones are read past and told as nil.
	MaxRow int
	// Timeout bounds the login; 0: 30 seconds.
	Timeout time.Duration
}

// Column is a column of an answer.
type Column struct {
	Schema, Table string // of the table it was read from; empty for an expression
	Origin        string // its name there
	Name          string // as the answer calls it
	Binary        bool   // bytes, not text
}

// ServerError is a refusal by the server. Its text may hold values of rows and
// is therefore not part of Error.
type ServerError struct {
	Number uint16 // as in the server's manual: 1045 is a wrong password
	State  string // SQLSTATE
	Text   string // may hold values
}

// Error names the refusal by its numbers.
func (e *ServerError) Error() string {
	if what := known[e.Number]; what != "" {
		return fmt.Sprintf("the server refuses: %s (error %d, SQLSTATE %s)", what, e.Number, e.State)
	}
	return fmt.Sprintf("the server refuses: error %d, SQLSTATE %s", e.Number, e.State)
}

// known are the refusals that people meet first (MySQL 8.0 and MariaDB 10.11,
// server error reference).
var known = map[uint16]string{
	1040: "too many connections", 1044: "no right to this database", 1045: "wrong user or password", 1049: "no such database",
	1054: "no such column", 1130: "this host may not connect", 1142: "no right to this table", 1146: "no such table", 1698: "wrong user or password", 3159: "TLS is required",
}
