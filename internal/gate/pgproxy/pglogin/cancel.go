package pglogin

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"sekisho/internal/wire/pgwire"
)

// target is where a server is reached.
type target struct{ network, address string }

// cancelTable knows which server gave which cancel key. Clients get the server's own keys, so a request also works
// when it comes through another gate, or through a pgbouncer before or behind this one; the table is for gates
// whose server address changes while sessions live.
type cancelTable struct {
	mu      sync.Mutex // guards servers
	servers map[cancelKey]target
}

// cancelKey is PID and key; a key has at most 256 bytes (protocol 3.2).
type cancelKey struct {
	pid uint32
	key string
}

func (t *cancelTable) add(pid uint32, key []byte, server target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.servers == nil {
		t.servers = map[cancelKey]target{}
	}
	t.servers[cancelKey{pid, string(key)}] = server
}

func (t *cancelTable) remove(pid uint32, key []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.servers, cancelKey{pid, string(key)})
}

func (t *cancelTable) find(pid uint32, key []byte) (target, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	server, ok := t.servers[cancelKey{pid, string(key)}]
	return server, ok
}

// serveCancel passes a CancelRequest on. The client gets no answer, as from PostgreSQL; its connection closes when
// the server has closed ours, which is when the signal was sent (libpq's PQcancel waits for that).
func (a *Acceptor) serveCancel(ctx context.Context, pid uint32, key []byte) error {
	server, ok := a.cancels.find(pid, key)
	if !ok {
		server = a.target() // a session of another gate, perhaps: the server knows
	}
	if err := a.cancel(ctx, server, pid, key); err != nil {
		return errors.Join(ErrCancel, err)
	}
	return ErrCancel
}

// cancel sends a CancelRequest, over TLS where sessions use it, and waits until the server closes.
func (a *Acceptor) cancel(ctx context.Context, server target, pid uint32, key []byte) error {
	ctx, stop := context.WithTimeout(ctx, a.cfg.DialTimeout)
	defer stop()
	l, err := a.reach(ctx, server)
	if err != nil {
		return err
	}
	defer l.close()
	defer interrupt(ctx, l.stream)()
	if err := l.send(pgwire.AppendCancelRequest(nil, pid, key)); err != nil {
		return err
	}
	var one [1]byte
	if _, err := l.conn().Read(one[:]); err != nil && !errors.Is(err, io.EOF) && !isReset(err) {
		return err
	}
	return nil
}

// isReset reports whether a peer closed without reading everything: PostgreSQL's way to end a cancel connection.
func isReset(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) {
		return !op.Timeout() && (op.Op == "read" || op.Op == "write") // alerts of TLS are "remote error"
	}
	return errors.Is(err, io.ErrUnexpectedEOF)
}
