package pglogin

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sekisho/internal/wire/pgwire"
)

// terminate authenticates the client, then logs in with the gate's own credential. The server is not asked before
// the client has proved itself. Towards the client the gate speaks up to 3.2 and towards the server 3.0: their
// only difference is how long a cancel key may be.
func (s *session) terminate(ctx context.Context) error {
	s.negotiate()
	if err := s.authenticate(); err != nil {
		return err
	}
	own, err := s.credential()
	if err != nil {
		return err
	}
	s.login.Role = own.User
	if err := s.open(ctx, s.ownStart(own.User)); err != nil {
		return err
	}
	server := serverLogin{s: s, own: own}
	return s.converse(ctx, server.step)
}

// negotiate answers a newer minor version and protocol extensions, which the gate has none of.
func (s *session) negotiate() {
	var unknown []byte
	count := uint32(0)
	for _, o := range s.login.Options {
		if strings.HasPrefix(o.Name, "_pq_.") {
			unknown = append(append(unknown, o.Name...), 0)
			count++
		}
	}
	if s.login.Version <= pgwire.Version32 && count == 0 {
		return
	}
	s.login.Version = min(s.login.Version, pgwire.Version32)
	body := []byte{byte(s.login.Version >> 24), byte(s.login.Version >> 16), byte(s.login.Version >> 8), byte(s.login.Version)}
	body = append(body, byte(count>>24), byte(count>>16), byte(count>>8), byte(count))
	s.client.queue(pgwire.AppendMessage(nil, pgwire.TypeNegotiateVersion, append(body, unknown...)))
}

// authenticate has the client prove who it is.
func (s *session) authenticate() error {
	if f := s.client.facts; f != nil && f.PeerName != "" && slices.Contains(s.a.cfg.CertUsers[f.PeerName], s.login.User) {
		s.login.Method = "cert"
		return nil
	}
	err := s.scram()
	if errors.Is(err, errProof) {
		return &Refusal{Code: codeWrongPassword, Message: fmt.Sprintf("password authentication failed for user %q", s.login.User), Cause: err}
	}
	return err
}

func (s *session) scram() error {
	verifier, known := s.a.cfg.Users[s.login.User]
	if !known {
		verifier = s.a.mockVerifier(s.login.User)
	}
	server := &scramServer{verifier: verifier, mock: !known}
	names := []byte(scramName + "\x00\x00")
	if f := s.client.facts; f != nil && f.hash != nil {
		server.binding = f.hash
		names = append([]byte(scramPlusName+"\x00"), names...)
	}
	raw, err := s.ask(pgwire.AuthSASL, names)
	if err != nil {
		return err
	}
	first, err := pgwire.DecodeSASLInitial(raw[pgwire.HeaderLen:])
	if err != nil {
		return err
	}
	switch string(first.Mechanism) {
	case scramName:
		s.login.Method = "scram-sha-256"
	case scramPlusName:
		s.login.Method = "scram-sha-256-plus"
		server.plus = server.binding != nil
		if !server.plus {
			return fmt.Errorf("channel binding that was not offered: %w", pgwire.ErrMalformed)
		}
	default:
		return fmt.Errorf("a SASL mechanism that was not offered: %w", pgwire.ErrMalformed)
	}
	challenge, err := server.begin(first.Data)
	if err != nil {
		return scramRefusal(err)
	}
	if raw, err = s.ask(pgwire.AuthSASLContinue, challenge); err != nil {
		return err
	}
	final, err := server.end(raw[pgwire.HeaderLen:])
	if err != nil {
		return scramRefusal(err)
	}
	s.client.queue(pgwire.AppendAuthentication(nil, pgwire.AuthSASLFinal, final))
	return nil
}

func scramRefusal(err error) error {
	if errors.Is(err, errProof) {
		return err
	}
	return &Refusal{Code: codeProtocol, Message: "malformed SCRAM message", Cause: err}
}

// ask sends an authentication request and reads the answer.
func (s *session) ask(kind uint32, data []byte) ([]byte, error) {
	if err := s.client.send(pgwire.AppendAuthentication(nil, kind, data)); err != nil {
		return nil, clientGone(err)
	}
	return s.clientMessage()
}

// credential finds the gate's own login for the user that the client asked for.
func (s *session) credential() (Credential, error) {
	own, ok := s.a.cfg.Logins[s.login.User]
	if !ok {
		own, ok = s.a.cfg.Logins["*"]
	}
	if !ok {
		return own, &Refusal{Code: codeNotPermitted, Message: fmt.Sprintf("the gate has no credential at the server for user %q", s.login.User),
			Hint: "Ask the operator of the gate."}
	}
	if own.User == "" {
		own.User = s.login.User
	}
	return own, nil
}

// ownStart is the client's StartupMessage with the gate's user.
func (s *session) ownStart(user string) []byte {
	options := []string{"user", user, "database", s.login.Database}
	for _, o := range s.login.Options {
		if o.Name == "user" || o.Name == "database" || strings.HasPrefix(o.Name, "_pq_.") {
			continue
		}
		options = append(options, o.Name, o.Value)
	}
	return pgwire.AppendStartup(nil, pgwire.Version30, options...)
}

// serverLogin answers the server's authentication requests with the gate's credential.
type serverLogin struct {
	s      *session
	own    Credential
	scram  *scramClient
	proven bool // the server has proved that it knows the password
}

func (l *serverLogin) step(raw []byte) error {
	request, err := pgwire.DecodeAuthentication(raw[pgwire.HeaderLen:])
	if err != nil {
		return lost(err)
	}
	switch request.Kind {
	case pgwire.AuthOK:
		if l.scram != nil && !l.proven {
			return ownLoginFailed(scramError("the server ended the exchange without its proof"))
		}
		l.s.authenticated = true
		l.s.client.queue(raw)
		return nil
	case pgwire.AuthCleartext:
		if l.s.upstream.tls == nil && l.s.a.cfg.Network != "unix" {
			return ownLoginFailed(errors.New("the server asks for the password in clear over an unencrypted connection"))
		}
		return l.password(string(l.own.Password))
	case pgwire.AuthMD5:
		return l.password(md5Answer(l.own, request.Data))
	case pgwire.AuthSASL:
		return l.sasl(request)
	case pgwire.AuthSASLContinue:
		if l.scram == nil {
			return lost(fmt.Errorf("AuthenticationSASLContinue out of turn: %w", pgwire.ErrMalformed))
		}
		answer, err := l.scram.answer(request.Data)
		if err != nil {
			return ownLoginFailed(err)
		}
		return l.send(pgwire.AppendPassword(nil, answer))
	case pgwire.AuthSASLFinal:
		if l.scram == nil {
			return lost(fmt.Errorf("AuthenticationSASLFinal out of turn: %w", pgwire.ErrMalformed))
		}
		if err := l.scram.verify(request.Data); err != nil {
			return ownLoginFailed(err)
		}
		l.proven = true
		return nil
	}
	return ownLoginFailed(fmt.Errorf("the server asks for authentication method %d, which the gate does not have", request.Kind))
}

func (l *serverLogin) sasl(request pgwire.Authentication) error {
	plain, plus := false, false
	request.EachMechanism(func(name []byte) {
		plain = plain || string(name) == scramName
		plus = plus || string(name) == scramPlusName
	})
	l.scram = &scramClient{password: string(l.own.Password)}
	mechanism := scramName
	if f := l.s.upstream.facts; f != nil && f.hash != nil {
		if plus {
			mechanism, l.scram.binding = scramPlusName, f.hash
		} else {
			l.scram.tls = true
		}
	}
	if mechanism == scramName && !plain {
		return ownLoginFailed(errors.New("the server offers no SASL mechanism that the gate has"))
	}
	return l.send(pgwire.AppendSASLInitial(nil, mechanism, l.scram.begin()))
}

func (l *serverLogin) password(text string) error {
	return l.send(pgwire.AppendPassword(nil, append([]byte(text), 0)))
}

func (l *serverLogin) send(b []byte) error {
	if err := l.s.upstream.send(b); err != nil {
		return lost(err)
	}
	return nil
}

// md5Answer is "md5" followed by md5(md5(password + user) + salt) in hexadecimal (PostgreSQL 18 documentation,
// "Message Flow", AuthenticationMD5Password).
func md5Answer(own Credential, salt []byte) string {
	inner := md5.Sum([]byte(string(own.Password) + own.User))
	outer := md5.Sum(append([]byte(hex.EncodeToString(inner[:])), salt...))
	return "md5" + hex.EncodeToString(outer[:])
}

func ownLoginFailed(cause error) *Refusal {
	return &Refusal{Code: codeCannotConnect, Message: "the gate's own login at the database server failed",
		Hint: "Ask the operator of the gate to check its credential for the server.", Cause: cause}
}
