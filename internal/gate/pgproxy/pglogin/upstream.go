package pglogin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"sekisho/internal/wire/pgwire"
)

// target returns where new sessions go.
func (a *Acceptor) target() target { return target{a.cfg.Network, a.cfg.Address} }

// past is a deadline that is over.
var past = time.Unix(1, 0)

// interrupt makes blocked calls of conn return when ctx ends. After stop returns, conn's deadline changes no more.
func interrupt(ctx context.Context, conn net.Conn) (stop func()) {
	set := make(chan struct{})
	takeBack := context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(past)
		close(set)
	})
	return func() {
		if !takeBack() {
			<-set
		}
	}
}

// reach dials a server and makes the TLS handshake that the configuration asks for. With Prefer a handshake that
// fails is followed by a connection in clear, as libpq does (PQconnectPoll in src/interfaces/libpq/fe-connect.c).
func (a *Acceptor) reach(ctx context.Context, server target) (*link, error) {
	l, err := a.dial(ctx, server, a.cfg.UpstreamTLS)
	if errors.Is(err, errHandshake) && a.cfg.UpstreamTLS == Prefer && ctx.Err() == nil {
		return a.dial(ctx, server, Disable)
	}
	return l, err
}

// errHandshake says that the server agreed to TLS and no handshake came of it.
var errHandshake = errors.New("TLS handshake with the server")

func (a *Acceptor) dial(ctx context.Context, server target, mode UpstreamTLS) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.DialTimeout)
	defer cancel()
	conn, err := a.cfg.Dial(ctx, server.network, server.address)
	if err != nil {
		return nil, unreachable(err)
	}
	l := newLink(conn)
	stop := interrupt(ctx, conn)
	err = a.secure(ctx, l, mode)
	stop()
	if err == nil {
		err = ctx.Err() // the deadline may be set
	}
	if err != nil {
		l.close()
		return nil, insecure(err)
	}
	return l, nil
}

// secure makes a leg to the server as secret as mode says.
func (a *Acceptor) secure(ctx context.Context, l *link, mode UpstreamTLS) error {
	switch {
	case mode == Disable:
		return nil
	case a.cfg.Direct:
		return a.upstreamTLS(ctx, l)
	}
	if err := l.send(pgwire.AppendSSLRequest(nil)); err != nil {
		return err
	}
	// One byte and not one more: what follows in clear is not the server's TLS.
	var answer [1]byte
	if _, err := io.ReadFull(l.stream, answer[:]); err != nil {
		return err
	}
	switch answer[0] {
	case 'S':
		if err := a.upstreamTLS(ctx, l); err != nil {
			return fmt.Errorf("%w: %w", errHandshake, err)
		}
		return nil
	case 'N':
		if mode == Prefer {
			return nil
		}
		return errors.New("the server has no TLS")
	case pgwire.TypeError:
		return errors.New("the server refuses a request for TLS")
	}
	return fmt.Errorf("the server answers a request for TLS with byte 0x%02x", answer[0])
}

func unreachable(cause error) *Refusal {
	return &Refusal{Code: codeUpstreamGone, Message: "the gate cannot reach the database server",
		Hint: "Ask the operator of the gate whether the server runs.", Cause: cause}
}

func insecure(cause error) *Refusal {
	return &Refusal{Code: codeUpstreamGone, Message: "the gate has no secure connection to the database server",
		Hint: "Ask the operator of the gate to check its TLS settings for the server.", Cause: cause}
}
