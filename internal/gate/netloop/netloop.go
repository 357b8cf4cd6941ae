// Package netloop moves bytes between two peers, a client and an upstream, on few operating-system threads, and
// shows every byte to a Handler on the way. It is not a protocol: it knows neither PostgreSQL nor any message
// boundary, it opens no connection and it records nothing.
//
// # Two carriers, one behaviour
//
// On Linux each worker is one locked thread with its own epoll instance. Reads and writes of sockets that cannot
// block go past the scheduler (RawSyscall); epoll_wait goes through it, with Config.Linger only after 5 ms without an
// event. A worker has one read buffer of 64 KiB for all its pairs, so an idle pair costs two file descriptors and
// about 700 bytes. The portable carrier (other systems, or Config.Portable) uses goroutines over net.Conn with
// the same Handler semantics. The tests of this package run over all.
//
// # Life of a pair
//
// Add gives the loop both transports. The calls of one pair never overlap and come from one goroutine at a time, so
// a Handler needs no lock for what only its pair touches:
//
//	OnOpen?  (OnData | OnWake | OnTick)*  OnClosed(first side)  (OnData of the other side)*  OnClosed(other side)  OnGone?
//
// OnClosed is called exactly once for each side. When both sides have ended, bytes may still wait for a peer that
// reads slowly: until OnGone, which is the last call, OnWake and OnTick come as before and may end the wait. What a
// Handler queues with Pair.Write leaves in as few writes as possible when its callback returns.
//
// # What is bounded
//
// Pairs (Config.MaxPairs); queued bytes (Config.MaxBuffered: above it reading stops where those bytes come from,
// above twice that much on both sides; Config.HardBuffered ends the pair); time without progress of a queued write
// (Config.WriteStall), of a pair without a byte (Config.Idle), of a closing flush (Config.FlushTimeout).
package netloop

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"time"

	"sekisho/internal/wire/tlsrecord"
)

// Side says which peer of a pair.
type Side uint8

const (
	// Client is the peer that connected to us.
	Client Side = iota
	// Upstream is the peer that we connected to.
	Upstream
)

// Other returns the opposite side.
func (s Side) Other() Side { return s ^ 1 }

// String returns "client" or "upstream".
func (s Side) String() string {
	if s == Client {
		return "client"
	}
	return "upstream"
}

// Handler sees the bytes and the events of pairs. One Handler may serve one pair or many.
// An error from OnData, OnWake or OnTick ends the pair after what is queued was written; OnClosed then gets it.
type Handler interface {
	// OnData gets the next bytes that side s sent. b is valid during the call only; the Handler may give parts of
	// it to Write (they are not copied if they can leave at once) and must not change those parts afterwards.
	OnData(p *Pair, s Side, b []byte) error
	// OnClosed says that no more bytes come from side s. err is nil when the peer ended in an orderly way.
	// If the Handler calls neither Close nor CloseWrite(s.Other()) in the first OnClosed of a pair, the pair is
	// closed after what is queued was written.
	OnClosed(p *Pair, s Side, err error)
	// OnWake follows Pair.Wake: once for one or more calls of it.
	OnWake(p *Pair) error
	// OnTick follows Pair.ArmTick, once, at or up to 5 ms after its deadline.
	OnTick(p *Pair, now time.Time) error
}

// Opener is implemented by Handlers that want the first call of a pair, before any data.
type Opener interface {
	OnOpen(p *Pair) error
}

// Ender is implemented by Handlers that want to know when a pair passes no byte any more, which OnClosed does not say:
// it says that no more bytes come.
type Ender interface {
	// OnGone is the last call of a pair, once. What was queued is written, or dropped; and on Linux what the kernel
	// had taken for a TCP peer is sent, or dropped too, unless Pair.Close said that nobody waits for it. err is why
	// the pair ended, nil when its peers ended it and everything was written.
	OnGone(p *Pair, err error)
}

// Detacher is implemented by Handlers that call Pair.Detach.
type Detacher interface {
	// OnDetached is the last call of a pair that was detached, in the place of OnClosed and OnGone. Both sockets are
	// the Handler's from then on; what the peers sent meanwhile waits in them.
	OnDetached(p *Pair, client, upstream *Socket)
}

// Passer is implemented by Handlers that need not see every byte. What comes in bulk from a plain socket for a plain
// socket then goes there within the kernel (splice(2)), if the carrier can do that.
type Passer interface {
	// MayPass reports whether bytes of side s may go to the other side unseen.
	MayPass(p *Pair, s Side) bool
	// OnPassed takes the place of OnData: n bytes of side s came and leave when it returns, unless it closes the
	// pair or returns an error as OnData may. It must not Write to the other side.
	OnPassed(p *Pair, s Side, n int) error
}

// Transport is one peer's connection as it is handed to a loop.
type Transport struct {
	// Conn is the connection: a *net.TCPConn, a *net.UnixConn, or a *Stream over one of these. The portable
	// carrier takes any net.Conn.
	Conn net.Conn
	// Socket, in the place of Conn, is a connection that Connect made, or that was detached from a loop, with its
	// TLS session. Only the epoll carrier takes one (Native).
	Socket *Socket
	// TLS, if not nil, is a session whose handshake is complete and whose underlying connection is Conn, which
	// then must be a *Stream.
	TLS *tls.Conn
	// Ahead are bytes that were already read from the peer (plain text) and nobody has handled yet.
	// OnData gets them first.
	Ahead []byte
}

// Keepable reports whether a loop that carries t may let go of it, so that another program goes on: in clear always, and
// over TLS when all that crypto/tls did since the handshake is known (tlsrecord.Trace), of 1.2 with an AEAD. After Add only callbacks may ask.
func (t Transport) Keepable() bool {
	if t.TLS == nil {
		return true
	}
	s, ok := t.Conn.(*Stream)
	return ok && s.Trace.Keepable()
}

// Close closes a connection that no loop has taken.
func (t Transport) Close() error {
	if t.Socket != nil {
		return t.Socket.Close()
	}
	return t.Conn.Close()
}

// Socket is a connection that only a loop can read: Add takes it, else Close.
type Socket struct {
	fd    int
	local bool // of the Unix domain
	// TLS is from where its TLS session goes on; nil: in clear. It is as secret as what passes there.
	TLS *tlsrecord.State
}

// Descriptor is the socket's: it stays the Socket's, and -1 says that it has none any more.
func (s *Socket) Descriptor() int { return s.fd }

// Loop carries pairs.
type Loop interface {
	// Add gives both transports to the loop, which closes them at the end of the pair. Callbacks may come before
	// Add returns: what they need belongs in h. On error (ErrStopped, ErrFull, a transport that this carrier
	// cannot use) nothing was taken and the caller still owns both.
	Add(client, upstream Transport, h Handler) (*Pair, error)
	// Run carries the pairs until ctx ends, then closes those that are left (OnClosed gets ErrStopped) and
	// returns nil when every goroutine and descriptor is gone. It must be called once.
	Run(ctx context.Context) error
	// Pairs returns the number of pairs now.
	Pairs() int
}

// Config sets the limits of a loop. The zero value is ready for use.
type Config struct {
	// Workers is the number of threads (epoll carrier). 0: half of GOMAXPROCS as the program began, at least 1: the other half is for
	// the ledger, and a worker is busier, so cheaper per byte, when it has more pairs.
	Workers int
	// Linger has a worker that waits keep its processor of Go's scheduler for up to 5 ms. It saves the scheduler's
	// work in busy traffic; it takes a processor away from the rest of the program, so only a program that has
	// raised runtime.GOMAXPROCS by the number of workers may ask for it. The portable carrier ignores it.
	Linger bool
	// Portable selects the portable carrier where epoll could be used.
	Portable bool
	// MaxPairs bounds the pairs of the loop. 0: 10,000.
	MaxPairs int
	// MaxBuffered is the number of queued bytes to one side above which reading of the other side stops, and
	// starts again at half of it. 0: 256 KiB.
	MaxBuffered int
	// HardBuffered ends a pair (ErrOverflow) whose Handler queues more than this to one side. 0: 64 MiB.
	HardBuffered int
	// WriteStall ends a pair (ErrStalled) when a peer takes no byte of what is queued for it for so long.
	// 0: 30 minutes (a person may look at a cursor's page that long). Negative: never.
	WriteStall time.Duration
	// Idle ends a pair (ErrIdle) when neither side sends a byte for so long. 0: never.
	Idle time.Duration
	// FlushTimeout bounds the time that a closing pair may take for its last bytes. 0: 10 seconds.
	FlushTimeout time.Duration
}

// DefaultWorkers is how many workers a loop of the zero Config has. It does not
// change when a program raises GOMAXPROCS for the workers that it runs.
func DefaultWorkers() int { return max(1, begun/2) }

// begun is GOMAXPROCS as the program began.
var begun = runtime.GOMAXPROCS(0)

func (c Config) withDefaults() Config {
	if c.Workers <= 0 {
		c.Workers = DefaultWorkers()
	}
	if c.MaxPairs <= 0 {
		c.MaxPairs = 10_000
	}
	if c.MaxBuffered <= 0 {
		c.MaxBuffered = 256 << 10
	}
	if c.HardBuffered <= 0 {
		c.HardBuffered = 64 << 20
	}
	c.HardBuffered = max(c.HardBuffered, 2*c.MaxBuffered)
	if c.WriteStall == 0 {
		c.WriteStall = 30 * time.Minute
	}
	if c.FlushTimeout <= 0 {
		c.FlushTimeout = 10 * time.Second
	}
	return c
}

// Errors that end a pair or refuse one.
var (
	// ErrStopped: the loop ends or has ended.
	ErrStopped = errors.New("netloop: the loop has stopped")
	// ErrFull: the loop carries Config.MaxPairs pairs already.
	ErrFull = errors.New("netloop: too many pairs")
	// ErrClosed is what the second side's OnClosed gets when the pair ended because of the first.
	ErrClosed = errors.New("netloop: the pair was closed")
	// ErrOverflow: the handler queued more than Config.HardBuffered.
	ErrOverflow = errors.New("netloop: too many bytes queued for a peer")
	// ErrStalled: a peer took no byte for Config.WriteStall, or not all within Config.FlushTimeout at the end.
	ErrStalled = errors.New("netloop: a peer does not read")
	// ErrIdle: no byte from either side for Config.Idle.
	ErrIdle = errors.New("netloop: the pair was idle too long")
)

// readBufferBytes is the size of a worker's read buffer: the largest OnData.
const readBufferBytes = 64 << 10

// Native reports whether New makes the epoll carrier of cfg.
func (c Config) Native() bool { return !c.Portable && runtime.GOOS == "linux" }

// New returns a loop that carries nothing until Run. It touches no socket.
func New(cfg Config) (Loop, error) {
	cfg = cfg.withDefaults()
	if cfg.Portable {
		return newPortable(cfg), nil
	}
	return newNative(cfg)
}
