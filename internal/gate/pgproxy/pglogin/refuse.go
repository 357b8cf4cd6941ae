package pglogin

import (
	"errors"
	"fmt"

	"sekisho/internal/wire/pgwire"
)

// Refusal is an answer of the gate itself that ends a login. Its texts go to the client: no rule, no value.
type Refusal struct {
	Code    string // SQLSTATE
	Message string
	Hint    string // may be empty
	ID      string // "": filled in from Config.NewID
	Cause   error  // for the log only; may be nil
}

// Error returns SQLSTATE, message and cause.
func (r *Refusal) Error() string {
	text := fmt.Sprintf("login refused (%s): %s", r.Code, r.Message)
	if r.Cause != nil {
		text += ": " + r.Cause.Error()
	}
	return text
}

// Unwrap returns Cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// ServerRefusal says that the server itself refused; the client got its bytes.
type ServerRefusal struct {
	Code string // SQLSTATE
}

// Error names the SQLSTATE only: the server's text may hold a name.
func (r *ServerRefusal) Error() string { return "login refused by the server (" + r.Code + ")" }

var (
	// ErrCancel says that the connection was a cancel request, which was served.
	ErrCancel = errors.New("pglogin: a cancel request")
	// ErrLeft says that the client closed the connection before it had logged in: a probe, a port check, libpq
	// trying again without TLS.
	ErrLeft = errors.New("pglogin: the client left before it logged in")
)

// SQLSTATE values of the gate's own refusals (PostgreSQL 18 documentation, appendix "Error Codes").
const (
	codeProtocol      = "08P01" // protocol_violation
	codeUpstreamGone  = "08006" // connection_failure
	codeCannotConnect = "57P03" // cannot_connect_now
	codeNotPermitted  = "28000" // invalid_authorization_specification
	codeWrongPassword = "28P01" // invalid_password
	codeTooMany       = "53300" // too_many_connections
	codeQueryCanceled = "57014" // query_canceled: what PostgreSQL says after authentication_timeout
	codeAdminShutdown = "57P01" // admin_shutdown
)

// bytes returns the refusal as a FATAL ErrorResponse.
func (r *Refusal) bytes() []byte {
	e := pgwire.ErrorInfo{Severity: "FATAL", Code: r.Code, Message: r.Message, Hint: r.Hint}
	if r.ID != "" {
		e.Detail = "Sekisho event " + r.ID + "."
	}
	return pgwire.AppendError(nil, e)
}

// refusalOf turns any error into what the client may see.
func refusalOf(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return &Refusal{Code: codeNotPermitted, Message: "the gate does not admit this login", Cause: err}
}

// protocolError is what a client gets for bytes that are no PostgreSQL start-up.
func protocolError(err error) *Refusal {
	return &Refusal{Code: codeProtocol, Message: "invalid start-up packet",
		Hint: "This port speaks the PostgreSQL protocol, version 3.", Cause: err}
}
