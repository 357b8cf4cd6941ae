package pglogin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"sekisho/internal/wire/pgwire"
)

// Names of the SASL mechanisms (RFC 7677; PostgreSQL 18 documentation, "SASL Authentication").
const (
	scramName     = "SCRAM-SHA-256"
	scramPlusName = "SCRAM-SHA-256-PLUS"
)

// relay passes the start-up to the server and everything back and forth until the server is ready.
func (s *session) relay(ctx context.Context) error {
	if err := s.open(ctx, s.start); err != nil {
		return err
	}
	return s.converse(ctx, s.relayAuthentication)
}

// converse takes the server's messages until it is ready. authentication gets those that are about that.
func (s *session) converse(ctx context.Context, authentication func(raw []byte) error) error {
	for first := true; ; first = false {
		typ, raw, err := s.upstream.message(maxServerMessage)
		if err != nil {
			return lost(err)
		}
		if first && typ == pgwire.TypeError && s.upstream.tls != nil && s.a.cfg.UpstreamTLS == Prefer {
			if err := s.inClear(ctx); err != nil {
				return err
			}
			continue
		}
		switch typ {
		case pgwire.TypeAuthentication:
			err = authentication(raw)
		case pgwire.TypeReadyForQuery:
			return s.ready(raw)
		default:
			err = s.observe(typ, raw)
		}
		if err != nil {
			return err
		}
	}
}

// open reaches the server and sends it a start-up packet.
func (s *session) open(ctx context.Context, start []byte) error {
	upstream, err := s.a.reach(ctx, s.a.target())
	if err != nil {
		return err
	}
	return s.begin(ctx, upstream, start)
}

func (s *session) begin(ctx context.Context, upstream *link, start []byte) error {
	s.upstream, s.opening = upstream, start
	s.stopUpstream = interrupt(ctx, upstream.stream)
	s.started = true
	if err := upstream.send(start); err != nil {
		return lost(err)
	}
	return nil
}

// inClear begins again without TLS when a server that was asked with sslmode prefer refuses the encrypted start-up
// before anything else, because its pg_hba.conf has lines for the other kind only: so does libpq.
func (s *session) inClear(ctx context.Context) error {
	s.stopUpstream()
	s.upstream.close()
	s.upstream, s.started = nil, false
	upstream, err := s.a.dial(ctx, s.a.target(), Disable)
	if err != nil {
		return err
	}
	return s.begin(ctx, upstream, s.opening)
}

// lost is what a client gets when the server goes away during the login.
func lost(cause error) error {
	if errors.Is(cause, pgwire.ErrMalformed) || isLength(cause) {
		return &Refusal{Code: codeProtocol, Message: "what answers at the server's address does not speak PostgreSQL's protocol",
			Hint: "Ask the operator of the gate to check the server's address.", Cause: errors.New(cause.Error())}
	}
	return &Refusal{Code: codeUpstreamGone, Message: "the database server closed the connection during the login",
		Hint: "Ask the operator of the server; its log says why.", Cause: cause}
}

// relayAuthentication passes one authentication request on, and the client's answer back if it asks for one.
func (s *session) relayAuthentication(raw []byte) error {
	request, err := pgwire.DecodeAuthentication(raw[pgwire.HeaderLen:])
	if err != nil {
		return lost(err)
	}
	answered := true
	switch request.Kind {
	case pgwire.AuthCleartext:
		s.login.Method = "password"
	case pgwire.AuthMD5:
		s.login.Method = "md5"
	case pgwire.AuthGSS, pgwire.AuthSSPI, pgwire.AuthGSSContinue:
		s.login.Method = "gss"
	case pgwire.AuthSASL:
		raw = s.offer(request, raw)
	case pgwire.AuthSASLContinue:
	default: // AuthOK, AuthSASLFinal
		answered = false
	}
	s.client.queue(raw)
	if !answered {
		return nil
	}
	return s.relayAnswer(request.Kind)
}

// offer notes whether the server offers channel binding, and takes the offer away from a client without TLS.
func (s *session) offer(request pgwire.Authentication, raw []byte) []byte {
	var rest []byte
	request.EachMechanism(func(name []byte) {
		if string(name) == scramPlusName {
			s.offered = true
			return
		}
		rest = append(append(rest, name...), 0)
	})
	if !s.offered || s.client.tls != nil {
		return raw
	}
	return pgwire.AppendAuthentication(nil, pgwire.AuthSASL, append(rest, 0))
}

// relayAnswer passes one 'p' message of the client on.
func (s *session) relayAnswer(kind uint32) error {
	if err := s.client.flush(); err != nil {
		return clientGone(err)
	}
	raw, err := s.clientMessage()
	if err != nil {
		return err
	}
	if kind == pgwire.AuthSASL {
		if err := s.chosen(raw); err != nil {
			return err
		}
	}
	if err := s.upstream.send(raw); err != nil {
		return lost(err)
	}
	return nil
}

// clientMessage reads the client's answer to an authentication request.
func (s *session) clientMessage() ([]byte, error) {
	typ, raw, err := s.client.message(maxClientMessage)
	switch {
	case err != nil:
		return nil, clientGone(err)
	case typ == pgwire.TypeTerminate:
		return nil, ErrLeft
	case typ != pgwire.TypePassword:
		return nil, fmt.Errorf("message %q instead of a password: %w", typ, pgwire.ErrMalformed)
	}
	return raw, nil
}

// clientGone makes the ordinary end (psql asks for a password in a second connection) no error.
func clientGone(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err) {
		return ErrLeft
	}
	return err
}

// chosen looks at the client's mechanism. Channel binding proves to both ends that they see the same certificate,
// so with two different ones the login is bound to fail, with a message that explains nothing: say it instead.
func (s *session) chosen(raw []byte) error {
	first, err := pgwire.DecodeSASLInitial(raw[pgwire.HeaderLen:])
	if err != nil {
		return err
	}
	switch string(first.Mechanism) {
	case scramName:
		s.login.Method = "scram-sha-256"
	case scramPlusName:
		s.login.Method = "scram-sha-256-plus"
		if s.client.tls != nil && s.upstream.tls != nil && !bytes.Equal(s.client.facts.leaf, s.upstream.facts.leaf) {
			return &Refusal{Code: codeNotPermitted,
				Message: "channel binding cannot pass this gate: its certificate is not the server's",
				Hint:    "Set channel_binding=disable, or ask the operator to give the gate the server's certificate or to let it terminate logins."}
		}
	default:
		s.login.Method = "sasl"
	}
	return nil
}

// observe notes a message of the server that is not about authentication, and passes it on.
func (s *session) observe(typ byte, raw []byte) error {
	body := raw[pgwire.HeaderLen:]
	switch typ {
	case pgwire.TypeParameterStatus:
		p, err := pgwire.DecodeParameterStatus(body)
		if err != nil {
			return lost(err)
		}
		s.login.Parameters[string(p.Name)] = string(p.Value)
	case pgwire.TypeBackendKeyData:
		k, err := pgwire.DecodeBackendKey(body)
		if err != nil {
			return lost(err)
		}
		s.login.PID, s.login.Key = k.PID, append([]byte(nil), k.Key...)
	case pgwire.TypeNegotiateVersion:
		v, err := pgwire.DecodeNegotiateVersion(body)
		if err != nil {
			return lost(err)
		}
		s.login.Version = negotiated(v.Version)
	case pgwire.TypeNotice:
	case pgwire.TypeError:
		s.refused = true
		code := string(pgwire.ErrorBody(body).Field(pgwire.FieldCode))
		if s.a.cfg.Mode == Terminate && !s.authenticated && strings.HasPrefix(code, "28") {
			return ownLoginFailed(&ServerRefusal{Code: code})
		}
		s.client.queue(raw)
		if err := s.client.flush(); err != nil {
			return clientGone(err)
		}
		if s.client.tls != nil {
			_ = s.client.tls.CloseWrite() // the client may be gone already
		}
		return &ServerRefusal{Code: code}
	default:
		return lost(fmt.Errorf("message %q during the login: %w", typ, pgwire.ErrMalformed))
	}
	s.client.queue(raw)
	return nil
}

// negotiated returns the version of a NegotiateProtocolVersion, which holds the minor number alone (PostgreSQL
// before 18 and pgbouncer) or the whole.
func negotiated(v uint32) uint32 {
	if v>>16 == 0 {
		return pgwire.Version30 | v
	}
	return v
}

// ready ends the login.
func (s *session) ready(raw []byte) error {
	if _, err := pgwire.DecodeReadyForQuery(raw[pgwire.HeaderLen:]); err != nil {
		return lost(err)
	}
	if s.a.cfg.HoldReady {
		s.login.Held = append([]byte(nil), raw...)
	} else {
		s.client.queue(raw)
	}
	if err := s.client.flush(); err != nil {
		return clientGone(err)
	}
	return nil
}
