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

// reach dials a server and makes the TLS handshake that the configuration asks for.
func (a *Acceptor) reach(ctx context.Context, server target) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.DialTimeout)
	defer cancel()
	conn, err := a.cfg.Dial(ctx, server.network, server.address)
	if err != nil {
		return nil, unreachable(err)
	}
	l := newLink(conn)
	stop := interrupt(ctx, conn)
	err = a.secure(ctx, l)
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

// secure makes a leg to the server as secret as Config.UpstreamTLS says.
func (a *Acceptor) secure(ctx context.Context, l *link) error {
	switch {
	case a.cfg.UpstreamTLS == Disable:
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
		return a.upstreamTLS(ctx, l)
	case 'N':
		if a.cfg.UpstreamTLS == Prefer {
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
