package pglogin

import (
	"context"
	"net"
	"time"

	"sekisho/internal/gate/netloop"
	"sekisho/internal/wire/pgwire"
)

// Login is a finished login. Its owner gives both transports to a loop, or calls Close; in both cases it calls
// Release when the session is over.
type Login struct {
	Client, Upstream netloop.Transport
	// Held is the server's first ReadyForQuery if Config.HoldReady is set: it has not been sent to the client.
	Held []byte

	User        string // as the client asked
	Database    string // User where the client named none
	Application string // as the client said: a label, nothing else
	Role        string // the user at the server: User, or the gate's own credential
	Method      string // how the client proved itself: "scram-sha-256", "scram-sha-256-plus", "md5", "password", "cert", "gss", "trust" (no proof was asked for)
	Replication bool
	// Options are the names and values of the StartupMessage, in the order sent, "user" and "database" included.
	Options []Option

	Address     net.Addr
	ClientTLS   *TLSFacts // nil: in clear
	UpstreamTLS *TLSFacts // nil: in clear

	Parameters map[string]string // what the server reported: server_version, client_encoding, in_hot_standby, …
	Version    uint32            // the protocol version both sides speak: pgwire.Version30 or Version32
	PID        uint32            // of the server process
	Key        []byte            // the server's cancel key, 4 to 256 bytes

	acceptor *Acceptor
	client   *link
	upstream *link
}

// Option is one name and value of a StartupMessage.
type Option struct{ Name, Value string }

// Release forgets the cancel key. It may be called more than once.
func (l *Login) Release() {
	if l.Key != nil {
		l.acceptor.cancels.remove(l.PID, l.Key)
	}
}

// Close closes both connections; not after they were given to a loop.
func (l *Login) Close() {
	l.Release()
	l.client.close()
	l.upstream.close()
}

// Refuse ends a login that was finished after all, because the gate cannot carry the session: the client gets r as
// the server's refusal, which fits if Config.HoldReady is set, and both connections are closed. Not after they were
// given to a loop.
func (l *Login) Refuse(r Refusal) {
	_ = l.client.stream.SetDeadline(time.Now().Add(lastWordTime))
	if err := l.client.send(r.bytes()); err == nil && l.client.tls != nil {
		_ = l.client.tls.CloseWrite() // the client may be gone already
	}
	_ = l.upstream.stream.SetDeadline(time.Now().Add(lastWordTime))
	_ = l.upstream.send(pgwire.AppendTerminate(nil)) // or the server notices by itself
	l.Close()
}

// Cancel asks the server to cancel what the session runs. It returns when the server has taken the request, which
// says nothing about success.
func (l *Login) Cancel(ctx context.Context) error {
	return l.acceptor.cancel(ctx, l.acceptor.target(), l.PID, l.Key)
}

// String names a server.
func (t target) String() string { return t.network + " " + t.address }

// Server says at which server the acceptor's sessions are.
func (a *Acceptor) Server() string { return a.target().String() }

// Resume makes l, a session that was brought through its login in another run,
// one of this acceptor: its cancel key is known, and Cancel works. Of l it needs
// PID and Key.
func (a *Acceptor) Resume(l *Login) {
	l.acceptor = a
	if l.Key != nil {
		a.cancels.add(l.PID, l.Key, a.target())
	}
}
