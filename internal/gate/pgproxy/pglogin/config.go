package pglogin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"
)

// Mode says who authenticates the client.
type Mode uint8

const (
	// Relay passes the server's authentication on.
	Relay Mode = iota
	// Terminate authenticates at the gate.
	Terminate
)

// ClientTLS says what the gate offers to clients.
type ClientTLS uint8

const (
	// TLSOff answers SSLRequest with 'N'.
	TLSOff ClientTLS = iota
	// TLSOptional lets the client choose.
	TLSOptional
	// TLSRequired refuses a start-up in clear, except over a Unix socket.
	TLSRequired
)

// UpstreamTLS are libpq's values of sslmode, without "allow".
type UpstreamTLS uint8

const (
	Disable    UpstreamTLS = iota // never TLS
	Prefer                        // TLS if the server has it, unverified, else in clear; the default of libpq
	Require                       // TLS, unverified
	VerifyCA                      // TLS, the chain is verified
	VerifyFull                    // TLS, the chain and the name are verified
)

// Config is the manual of the login. It does not change after New.
type Config struct {
	// Mode is who authenticates. Default Relay.
	Mode Mode

	// ClientTLS is what clients are offered. Optional and Required need Certificate.
	ClientTLS ClientTLS
	// Certificate returns the gate's certificate with its key; called for every handshake, so that a renewed one
	// is used at once. Give it the server's own where clients use channel binding in relay mode.
	Certificate func() (*tls.Certificate, error)
	// ClientCAs, if not nil, has clients asked for a certificate, which must be of these authorities.
	ClientCAs *x509.CertPool

	// Network and Address are the server: "tcp", "db.example:5432" or "unix", "/run/postgresql/.s.PGSQL.5432".
	Network, Address string
	// UpstreamTLS is how the server is reached. Unix sockets never use TLS.
	UpstreamTLS UpstreamTLS
	// Direct starts TLS at once, without SSLRequest (PostgreSQL 17 and later); needs at least Require.
	Direct bool
	// UpstreamConfig holds RootCAs, ServerName (default: the host of Address) and Certificates for the server;
	// may be nil.
	UpstreamConfig *tls.Config
	// Dial opens connections to the server; nil: a net.Dialer with keep-alive.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DialTimeout bounds reaching the server, its TLS handshake included. 0: 10 seconds.
	DialTimeout time.Duration

	// Users are the clients' verifiers in terminate mode; see ReadVerifiers.
	Users map[string]Verifier
	// CertUsers says, in terminate mode, which users the common name of a verified client certificate may log in
	// as without a password.
	CertUsers map[string][]string
	// Logins are the gate's own credentials at the server, by the user that the client asks for; see
	// ReadPasswords. The entry "*" is for users that have none of their own.
	Logins map[string]Credential

	// Timeout bounds the whole login. 0: 60 seconds, PostgreSQL's authentication_timeout.
	Timeout time.Duration
	// MaxLogins bounds the logins under way; above it clients get SQLSTATE 53300. 0: 1,000.
	MaxLogins int
	// Keepable has TLS sessions followed from their handshake on, so that another program can go on with them
	// (netloop.Transport.Keepable).
	Keepable bool
	// HoldReady leaves the server's first ReadyForQuery in Login.Held instead of sending it, for a caller that
	// has something to do or to record before the client may speak.
	HoldReady bool

	// Admit may refuse a start-up before the server is asked, best with a *Refusal; nil admits everything but
	// replication. A Refusal with an ID keeps it.
	Admit func(ctx context.Context, a Attempt) error
	// NewID returns an identifier for a refusal, which the client sees and the caller logs; nil leaves it out.
	NewID func() string
}

// Attempt is what is known when a client asks to start.
type Attempt struct {
	User, Database, Application string // Database is User where the client names none; Application may be empty
	Address                     net.Addr
	Replication                 bool // the client asks for the replication protocol
	TLS                         *TLSFacts
}

// Credential is the gate's own login at the server.
type Credential struct {
	User     string // "": the user that the client asked for
	Password Secret
}

// Secret is a text that does not print.
type Secret string

// String returns "***".
func (Secret) String() string { return "***" }

// GoString returns "***".
func (Secret) GoString() string { return "***" }

// validate checks what belongs together and fills in defaults.
func (c *Config) validate() error {
	switch {
	case c.Network != "tcp" && c.Network != "unix":
		return fmt.Errorf("pglogin: upstream network %q is neither tcp nor unix", c.Network)
	case c.Address == "":
		return errors.New("pglogin: the upstream address is empty")
	case c.ClientTLS != TLSOff && c.Certificate == nil:
		return errors.New("pglogin: TLS for clients needs a certificate")
	case c.Direct && c.UpstreamTLS < Require:
		return errors.New("pglogin: direct TLS to the server needs sslmode require, verify-ca or verify-full")
	case c.Mode == Terminate && len(c.Users) == 0 && len(c.CertUsers) == 0:
		return errors.New("pglogin: terminate mode needs users with verifiers or certificates")
	case c.Mode == Terminate && len(c.Logins) == 0:
		return errors.New("pglogin: terminate mode needs the gate's own credentials for the server")
	}
	if c.Network == "unix" {
		c.UpstreamTLS, c.Direct = Disable, false
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{KeepAlive: time.Minute}).DialContext
	}
	if c.DialTimeout <= 0 {
		c.DialTimeout = 10 * time.Second
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	if c.MaxLogins <= 0 {
		c.MaxLogins = 1000
	}
	return nil
}
