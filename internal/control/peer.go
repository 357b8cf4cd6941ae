package control

import "context"

// Peer is the account on the other end of the socket, as the kernel says.
type Peer struct {
	UID   int  // -1 when the system does not tell
	Known bool // UID is the kernel's word
	// Console is the account of the console that asks, inside the process only;
	// nothing that comes over the socket sets it.
	Console string
}

type peerKey struct{}

// WithPeer puts the account of whoever asks into a request's context. The server
// does it for every connection; a command that answers itself does it with its
// own account.
func WithPeer(ctx context.Context, p Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// PeerOf returns the account of whoever asks; nobody known without one.
func PeerOf(ctx context.Context) Peer {
	p, ok := ctx.Value(peerKey{}).(Peer)
	if !ok {
		return Peer{UID: -1}
	}
	return p
}
