package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/wneessen/go-mail"
)

// The steps of a trial, by what is to be mended when it ends there.
const (
	StepAddress     = "address"     // it is none
	StepConnect     = "connect"     // nobody is there
	StepAnswer      = "answer"      // somebody is, and does not say what such a server says
	StepTLS         = "tls"         // the server has no STARTTLS
	StepCertificate = "certificate" // it shows one that nobody trusts, or another's
	StepLogin       = "login"
)

// TryError says at which step a trial ended. Where time was over, Err is the context's
// error.
type TryError struct {
	Step string
	Err  error
}

// Error implements error.
func (e *TryError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *TryError) Unwrap() error { return e.Err }

// Try goes as far with the server as Send does before it names whom the mail is for:
// it connects, greets, begins TLS and enters as the settings say, and takes its leave. A
// *TryError says what is in the way, within the time of ctx.
func (m *Mail) Try(ctx context.Context) error {
	err := m.try(ctx)
	if err == nil || m.User == "" || err.Step == StepAddress || err.Step == StepConnect || ctx.Err() != nil {
		return err.asError()
	}
	bare := *m
	bare.User = ""
	if without := bare.try(ctx); without != nil {
		return without.asError()
	}
	return &TryError{StepLogin, err.Err} // it is the login, and nothing before it
}

// asError makes a nil error of none.
func (e *TryError) asError() error {
	if e == nil {
		return nil
	}
	return e
}

func (m *Mail) try(ctx context.Context) *TryError {
	var met net.Conn
	stop := func() bool { return true }
	c, err := m.client(mail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(dialing, network, address)
		if err == nil {
			met, stop = conn, context.AfterFunc(ctx, func() { _ = conn.Close() }) // a server that says nothing is left
		}
		return conn, err
	}))
	if err != nil {
		return &TryError{StepAddress, err}
	}
	client, err := c.DialToSMTPClientWithContext(ctx)
	if err == nil {
		err = c.CloseWithSMTPClient(client)
	}
	stop()
	if met != nil {
		_ = met.Close()
	}
	if err == nil {
		return nil
	}
	out := &TryError{stepOf(err), err}
	if met == nil {
		out.Step = StepConnect
	}
	if ctx.Err() != nil {
		out.Err = ctx.Err()
	}
	return out
}

func stepOf(err error) string {
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &untrusted):
		return StepCertificate
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		return StepTLS
	}
	return StepAnswer
}

// Try asks the service's server for nothing, and posts nothing: that it answers is all
// that can be told so. A *TryError says what is in the way; the address is not in it.
func (w *Webhook) Try(ctx context.Context) error {
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return &TryError{StepAddress, errors.New("the address is not valid")}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, u.Scheme+"://"+u.Host+"/", nil)
	if err != nil {
		return &TryError{StepAddress, errors.New("the address is not valid")}
	}
	client := *http.DefaultClient
	if w.Client != nil {
		client = *w.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		out := &TryError{StepConnect, err}
		var u *url.Error
		if errors.As(err, &u) {
			out.Err = u.Err
		}
		if stepOf(err) == StepCertificate {
			out.Step = StepCertificate
		}
		if ctx.Err() != nil {
			out.Err = ctx.Err()
		}
		return out
	}
	if err := resp.Body.Close(); err != nil {
		return &TryError{StepAnswer, err}
	}
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &TryError{StepAnswer, fmt.Errorf("answered %s", resp.Status)}
	}
	return nil
}

// Host is the server that messages are posted to; empty where the address is none.
func (w *Webhook) Host() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return ""
	}
	return u.Host
}
