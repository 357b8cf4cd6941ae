package pglogin

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"sekisho/internal/wire/pgwire"
)

// Acceptor brings connections of one gate through their login. Its methods may be called from any goroutine.
type Acceptor struct {
	cfg            Config
	upstreamTLSCfg *tls.Config
	cancels        cancelTable
	mockKey        [32]byte // makes salts for users that do not exist
	active         atomic.Int64
}

// New checks cfg. It touches no network.
func New(cfg Config) (*Acceptor, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	a := &Acceptor{cfg: cfg}
	if cfg.UpstreamTLS != Disable {
		var err error
		if a.upstreamTLSCfg, err = upstreamTLSConfig(&cfg); err != nil {
			return nil, err
		}
	}
	_, _ = rand.Read(a.mockKey[:]) // never fails (crypto/rand)
	return a, nil
}

// Accept brings conn, a new connection of a client, through its login. It blocks until the server is ready, the
// login has failed, or ctx or Config.Timeout ends, and owns conn: without a Login it is closed.
//
// Errors: ErrCancel (a cancel request was served; errors.Is), ErrLeft, *Refusal (the gate refused, the client got
// it), *ServerRefusal (the server refused, the client got its bytes); everything else is a broken connection. A
// *Begun around any of them says that the server counts a session nevertheless.
func (a *Acceptor) Accept(parent context.Context, conn net.Conn) (*Login, error) {
	ctx, cancel := context.WithTimeout(parent, a.cfg.Timeout)
	defer cancel()
	s := &session{a: a, client: newLink(conn), address: conn.RemoteAddr()}
	stop := interrupt(ctx, conn)
	var login *Login
	var err error
	if a.active.Add(1) > int64(a.cfg.MaxLogins) {
		err = &Refusal{Code: codeTooMany, Message: "too many logins at once at the gate", Hint: "Try again in a moment."}
	} else {
		login, err = s.run(ctx)
	}
	defer a.active.Add(-1)
	stop()
	if s.stopUpstream != nil {
		s.stopUpstream()
	}
	if err == nil {
		if err = ctx.Err(); err == nil {
			return login, nil
		}
		login.Release() // both connections have a deadline that is over
	}
	err = s.fail(ctx, err)
	if pid, yes := s.begun(parent); yes {
		err = &Begun{PID: pid, Cause: err}
	}
	return nil, err
}

// session is a login under way.
type session struct {
	a        *Acceptor
	client   *link
	upstream *link // nil until it is reached
	address  net.Addr
	start    []byte // the StartupMessage
	attempt  Attempt
	login    *Login
	offered  bool   // the server offers channel binding
	opening  []byte // what the server is sent first
	started  bool   // the server has got it
	refused  bool   // and refused it
	// authenticated says, in terminate mode, that the server took the gate's own credential. Before that its
	// refusal is about that credential and none of the client's business.
	authenticated bool

	stopUpstream func() // ends the watch of the deadline over the server's connection
}

// fail tells the client, if it can be told, and closes its connection.
func (s *session) fail(ctx context.Context, err error) error {
	defer s.client.close()
	r, quiet := s.answer(ctx, err)
	if quiet != nil {
		return quiet
	}
	if s.a.cfg.NewID != nil && r.ID == "" {
		r.ID = s.a.cfg.NewID()
	}
	if s.client.shaking {
		return r // no message fits into a handshake
	}
	_ = s.client.stream.SetDeadline(time.Now().Add(lastWordTime))
	if sendErr := s.client.send(r.bytes()); sendErr == nil && s.client.tls != nil {
		_ = s.client.tls.CloseWrite() // the client may be gone already
	}
	return r
}

// lastWordTime bounds how long a client may take to accept a refusal.
const lastWordTime = 2 * time.Second

// answer returns what the client is told, or the error when there is nothing to tell or nobody to be told.
func (s *session) answer(ctx context.Context, err error) (*Refusal, error) {
	var r *Refusal
	var server *ServerRefusal
	switch {
	case errors.Is(err, ErrCancel), errors.As(err, &server) && !errors.As(err, &r):
		return nil, err
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Refusal{Code: codeQueryCanceled, Message: "canceling authentication due to timeout", Cause: err}, nil
	case ctx.Err() != nil:
		return &Refusal{Code: codeAdminShutdown, Message: "the gate is shutting down", Cause: err}, nil
	case errors.As(err, &r):
		answer := *r // the policy may hand out one Refusal to many
		return &answer, nil
	case errors.Is(err, pgwire.ErrMalformed), errors.Is(err, errEarlyBytes), isLength(err):
		return protocolError(err), nil
	case errors.Is(err, ErrLeft):
		return nil, err
	}
	return nil, fmt.Errorf("pglogin: %w", err)
}

func isLength(err error) bool {
	var l *pgwire.LengthError
	return errors.As(err, &l)
}

// run is the whole login.
func (s *session) run(ctx context.Context) (*Login, error) {
	start, err := s.firstPackets(ctx)
	if err != nil {
		return nil, err
	}
	if start.Kind == pgwire.StartupCancel {
		return nil, s.a.serveCancel(ctx, start.PID, append([]byte(nil), start.Key...))
	}
	if err := s.admit(ctx, start); err != nil {
		return nil, err
	}
	if s.a.cfg.Mode == Terminate {
		err = s.terminate(ctx)
	} else {
		err = s.relay(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s.finish(), nil
}

// firstPackets answers requests for encryption until the client starts or cancels.
func (s *session) firstPackets(ctx context.Context) (pgwire.Startup, error) {
	for requests := 0; ; requests++ {
		start, err := s.client.startup()
		switch {
		case err == io.EOF || requests > 0 && errors.Is(err, io.ErrUnexpectedEOF):
			return start, ErrLeft
		case err != nil:
			return start, err
		case requests > 2: // GSSENCRequest, SSLRequest, and then it must start
			return start, fmt.Errorf("more than two requests for encryption: %w", pgwire.ErrMalformed)
		}
		switch start.Kind {
		case pgwire.StartupTLS:
			if requests > 0 || s.client.tls != nil || s.a.cfg.ClientTLS == TLSOff {
				return start, fmt.Errorf("direct TLS where none is offered: %w", pgwire.ErrMalformed)
			}
			err = s.clientHandshake(ctx, true)
		case pgwire.StartupSSL:
			if s.client.tls != nil {
				return start, fmt.Errorf("SSLRequest inside TLS: %w", pgwire.ErrMalformed)
			}
			if s.a.cfg.ClientTLS == TLSOff || isUnix(s.address) {
				err = s.client.send([]byte{'N'})
			} else if len(s.client.rest()) > 0 {
				err = errEarlyBytes
			} else if err = s.client.send([]byte{'S'}); err == nil {
				err = s.clientHandshake(ctx, false)
			}
		case pgwire.StartupGSSENC:
			err = s.client.send([]byte{'N'})
		default:
			return start, nil
		}
		if err != nil {
			return start, err
		}
	}
}

// clientHandshake names the failure of a handshake, which no message can carry to the client.
func (s *session) clientHandshake(ctx context.Context, direct bool) error {
	s.client.shaking = true
	if err := s.a.clientTLS(ctx, s.client, direct); err != nil {
		if errors.Is(err, io.EOF) || isReset(err) {
			return errors.Join(ErrLeft, err)
		}
		return fmt.Errorf("TLS with the client: %w", err)
	}
	s.client.shaking = false
	return nil
}

func isUnix(a net.Addr) bool { return a != nil && a.Network() == "unix" }

// admit reads the StartupMessage and asks the policy.
func (s *session) admit(ctx context.Context, start pgwire.Startup) error {
	s.start = append([]byte(nil), start.Raw...)
	s.login = &Login{
		Address: s.address, ClientTLS: s.client.facts, Version: start.Version, Parameters: map[string]string{},
		Replication: start.Replication(), acceptor: s.a, client: s.client, Method: "trust",
	}
	start.EachOption(func(name, value []byte) {
		s.login.Options = append(s.login.Options, Option{string(name), string(value)})
	})
	s.login.User = string(start.Option("user"))
	s.login.Database = string(start.Option("database"))
	s.login.Application = string(start.Option("application_name"))
	if s.login.Database == "" {
		s.login.Database = s.login.User
	}
	s.login.Role = s.login.User
	s.attempt = Attempt{User: s.login.User, Database: s.login.Database, Application: s.login.Application,
		Address: s.address, Replication: s.login.Replication, TLS: s.client.facts}
	switch {
	case s.a.cfg.ClientTLS == TLSRequired && s.client.tls == nil && !isUnix(s.address):
		return &Refusal{Code: codeNotPermitted, Message: "this gate takes encrypted connections only",
			Hint: "Set sslmode=require or better."}
	case s.login.User == "":
		return &Refusal{Code: codeNotPermitted, Message: "no PostgreSQL user name specified in startup packet"}
	case s.a.cfg.Admit != nil:
		if err := s.a.cfg.Admit(ctx, s.attempt); err != nil {
			return refusalOf(err)
		}
	case s.login.Replication:
		return &Refusal{Code: codeNotPermitted, Message: "replication connections do not pass this gate",
			Hint: "Rows in a replication stream cannot be attributed; ask the operator of the gate."}
	}
	return nil
}

// finish hands the legs over.
func (s *session) finish() *Login {
	l := s.login
	l.upstream = s.upstream
	l.UpstreamTLS = s.upstream.facts
	l.Client, l.Upstream = s.client.transport(), s.upstream.transport()
	if l.Key != nil {
		s.a.cancels.add(l.PID, l.Key, s.a.target())
	}
	return l
}
