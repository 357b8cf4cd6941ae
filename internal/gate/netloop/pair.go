package netloop

import (
	"io"
	"net"
	"sync/atomic"
	"time"

	"sekisho/internal/wire/tlsrecord"
)

// Pair is a client and its upstream. Its methods, except Wake and Kill, may be called only from inside a callback
// of this pair.
type Pair struct {
	// Value is for the Handler; the loop never looks at it.
	Value any

	h      Handler
	passer Passer // h, when it lets bytes pass unseen and the carrier can do so
	ender  Ender  // h, when it wants to know
	d      carrier
	cfg    *Config
	ends   [2]end

	now     time.Time // of the wake-up that the present callback belongs to
	lastIO  time.Time // when a byte last came from either side
	tickAt  time.Time // zero: not armed
	stallAt time.Time // when queued output counts as stalled; zero: nothing is queued

	woken  atomic.Bool
	killed atomic.Pointer[error]

	cause      error // why the pair ends, nil if a peer ended it
	closing    bool  // close when everything queued was written
	detaching  bool  // let go when everything queued was written
	aborting   bool  // close now
	resets     bool  // and drop what the kernel holds
	unsent     int   // what the kernel held of a closing pair when it was looked at last
	gone       bool  // torn down; no callback follows
	flushUntil time.Time

	// For the epoll carrier.
	slot    int32 // index in worker.slots, -1 when not registered
	gen     int32 // distinguishes pairs that used the same slot
	inAgain bool
	ticking bool // is in worker.ticking
	waiting bool // is in worker.waiting
}

// end is one side of a pair. The goroutine that runs the pair's callbacks owns it.
type end struct {
	conn   net.Conn // portable carrier
	fd     int      // epoll carrier; -1 when closed
	tls    tlsConn  // nil: in clear
	stream *Stream
	ahead  []byte

	// out[outOff:] are the bytes that the handler queued; plain text if tls is set (the cipher text that could not
	// leave yet waits in stream). lent, if not nil, comes after out, which then is empty: it points into the
	// carrier's read buffer and is written or copied before that is used again.
	out    []byte
	outOff int
	lent   []byte
	// pipe holds bytes that passed unseen and come before out; nil when there are none (epoll carrier).
	pipe *pipe
	// inFlight are bytes that the portable carrier's writer has taken and not yet written.
	inFlight int

	bulk      bool // the last bytes came in bulk
	paused    bool // by the handler
	throttled bool // by queued bytes
	readable  bool // the socket may have bytes (edge-triggered)
	hangup    bool // the peer has sent its end: read until it is seen
	blocked   bool // the socket took less than it was given (edge-triggered)
	watchOut  bool // EPOLLOUT is always asked for: a TCP socket reports it only after it was full
	wantOut   bool // EPOLLOUT is asked for until the queue is empty: a Unix socket reports it after every read
	eof       bool // nothing more comes
	closed    bool // OnClosed was called
	broken    bool // writes fail; queued bytes are dropped
	shut      bool // CloseWrite was asked for
	shutDone  bool // the end was passed on, or waits in shutFD
	shutFD    bool // shut the socket down when the queue is empty
}

// tlsConn is a TLS session that reads and writes a Stream: a *tls.Conn, or a
// *tlsrecord.Conn that goes on with one of another program.
type tlsConn interface {
	io.ReadWriter
	CloseWrite() error
}

// rests reports that the TLS session, if there is one, is between two records and
// known well enough for another program to go on with it.
func (e *end) rests() bool {
	switch c := e.tls.(type) {
	case nil:
		return true
	case *tlsrecord.Conn:
		return e.stream.inEOF == nil && len(e.stream.in) == 0 && c.Rests()
	}
	return e.stream.inEOF == nil && len(e.stream.in) == 0 && e.stream.Trace.Rests()
}

// keepable reports that the TLS session, if there is one, may come to rest.
func (e *end) keepable() bool {
	switch e.tls.(type) {
	case nil, *tlsrecord.Conn:
		return true
	}
	return e.stream.Trace.Keepable()
}

// letGo returns from where the TLS session goes on; nil: in clear. It rests, and
// is not used any more.
func (e *end) letGo() (state *tlsrecord.State) {
	switch c := e.tls.(type) {
	case nil:
	case *tlsrecord.Conn:
		state = c.State()
		c.Forget()
	default:
		state = e.stream.Trace.State()
		e.stream.Trace.Forget()
	}
	return state
}

// pipe carries bytes from a socket to another within the kernel.
type pipe struct {
	r, w int // descriptors
	size int
	n    int // bytes in it
}

// carrier is what differs between the epoll and the portable loop.
type carrier interface {
	wake(p *Pair)         // any goroutine
	wakeAll(all []*Pair)  // all are of this carrier
	detaches() bool       // pairs can be let go of
	resumed(p *Pair)      // a side may be read again
	armed(p *Pair)        // tickAt was set
	lendable([]byte) bool // b points into the read buffer of the present callback
	buffer() []byte       // an empty buffer for queued bytes
	release(b []byte)     // gives it back
}

// Now returns the time of the wake-up that the present callback belongs to; it costs nothing.
func (p *Pair) Now() time.Time { return p.now }

// Write queues b for side s. It leaves when the callback returns, or when the socket takes it. b is copied unless
// it is part of the slice that OnData got, which must then stay unchanged until the callback returns. Bytes for a
// side that is closed are dropped.
func (p *Pair) Write(s Side, b []byte) {
	e := &p.ends[s]
	if len(b) == 0 || e.broken || e.shut || p.gone {
		return
	}
	if e.lent != nil {
		if joined := join(e.lent, b); joined != nil {
			e.lent = joined
			return
		}
		p.keep(e)
	}
	if len(e.out) == e.outOff {
		if p.d.lendable(b) && e.stream.queued() == 0 {
			e.lent = b
			return
		}
		if e.out == nil {
			e.out = p.d.buffer()
		}
	}
	if len(e.out)-e.outOff+len(b) > p.cfg.HardBuffered {
		p.Close(ErrOverflow)
		return
	}
	e.out, e.outOff = compact(e.out, e.outOff)
	e.out = append(e.out, b...)
}

// compact moves b[off:] to the front when at least half of b is spent, so that a queue that never empties does not
// grow for ever. Every byte is moved less than once on average.
func compact(b []byte, off int) ([]byte, int) {
	if off == 0 || off < len(b)-off {
		return b, off
	}
	return b[:copy(b, b[off:])], 0
}

// join returns a followed by b if b begins where a ends in the same array, else nil.
func join(a, b []byte) []byte {
	if cap(a) < len(a)+len(b) || &a[:len(a)+1][len(a)] != &b[0] {
		return nil
	}
	return a[:len(a)+len(b)]
}

// keep copies lent bytes into the queue.
func (p *Pair) keep(e *end) {
	if e.lent == nil {
		return
	}
	if e.out == nil {
		e.out = p.d.buffer()
	}
	e.out = append(e.out, e.lent...)
	e.lent = nil
}

// Buffered returns the number of bytes queued for side s.
func (p *Pair) Buffered(s Side) int {
	e := &p.ends[s]
	n := len(e.out) - e.outOff + len(e.lent) + e.inFlight + e.stream.queued()
	if e.pipe != nil {
		n += e.pipe.n
	}
	return n
}

// Pause stops OnData of side s until Resume. The bytes wait in the kernel, which then slows the peer.
func (p *Pair) Pause(s Side) { p.ends[s].paused = true }

// Resume undoes Pause.
func (p *Pair) Resume(s Side) {
	e := &p.ends[s]
	if e.paused {
		e.paused = false
		p.d.resumed(p)
	}
}

// Paused reports whether the handler has paused side s.
func (p *Pair) Paused(s Side) bool { return p.ends[s].paused }

// ArmTick asks for one OnTick at the deadline. A later call replaces the deadline; the zero time takes it back.
// Pairs that are not armed cost nothing.
func (p *Pair) ArmTick(deadline time.Time) {
	if !deadline.IsZero() {
		// Keep the monotonic clock: a deadline made of a number has none, and the wall clock may be set back.
		deadline = p.now.Add(deadline.Sub(p.now))
	}
	p.tickAt = deadline
	p.d.armed(p)
}

// Wake asks for one OnWake. Any goroutine may call it at any time; calls before the OnWake count as one; after the
// end of the pair it does nothing.
func (p *Pair) Wake() {
	if p.woken.CompareAndSwap(false, true) {
		p.d.wake(p)
	}
}

// WakeAll is Wake for many pairs: a worker is told once, not once for each.
func WakeAll(pairs []*Pair) {
	by := map[carrier][]*Pair{}
	for _, p := range pairs {
		if p.woken.CompareAndSwap(false, true) {
			by[p.d] = append(by[p.d], p)
		}
	}
	for d, some := range by {
		d.wakeAll(some)
	}
}

// Kill ends the pair from any goroutine: what is queued is still written (bounded by Config.FlushTimeout), nothing
// more is read. OnClosed gets err. The first call counts.
func (p *Pair) Kill(err error) {
	if err == nil {
		err = ErrClosed
	}
	if p.killed.CompareAndSwap(nil, &err) {
		p.woken.Store(true)
		p.d.wake(p)
	}
}

// Close ends the pair when the callback returns; queued bytes that cannot leave at once are dropped.
// OnClosed gets err for the sides that have not ended yet.
func (p *Pair) Close(err error) {
	if p.cause == nil {
		p.cause = err
	}
	p.aborting = true
}

// Reset is Close, and what the kernel still holds for the peers is dropped too: they see a reset. Close alone leaves
// the kernel to send what it had taken, for as long as a peer reads it.
func (p *Pair) Reset(err error) {
	p.Close(err)
	p.resets = true
}

// ResetAfterFlush is CloseAfterFlush for a pair that shall end now: what is queued is written, as far as the peers
// take it within Config.FlushTimeout, and what the kernel has not sent by then is dropped.
func (p *Pair) ResetAfterFlush(err error) {
	p.failWith(err)
	p.resets = true
}

// CloseAfterFlush ends the pair when everything queued was written, or Config.FlushTimeout is over. Nothing more
// is read.
func (p *Pair) CloseAfterFlush() { p.closing = true }

// CloseWrite sends the end of the stream to side s (FIN, close_notify) when everything queued for it was written.
// Its own bytes are read on: use it in OnClosed to pass a half-close on.
func (p *Pair) CloseWrite(s Side) { p.ends[s].shut = true }

// Rests reports that nothing of side s was read that its Handler has not seen, such as the beginning of a TLS record.
func (p *Pair) Rests(s Side) bool {
	e := &p.ends[s]
	return len(e.ahead) == 0 && e.rests()
}

// Detach asks the loop to let go of the pair: nothing more is read, and when what is queued was written the Handler
// gets both sockets (Detacher). Should the pair end before that, it ends as ever. Where a side has ended and the
// Handler passed that on (CloseWrite), whoever goes on reads the end again, and passes it on again, which changes
// nothing. It returns false, and nothing happens, when the pair ends, when bytes of a side were read and not handled,
// also the beginning of a TLS record, when a side has ended and either speaks TLS, when its TLS session is none that
// another program can go on with (Transport.Keepable), or when the carrier cannot do it.
func (p *Pair) Detach() bool {
	if !p.Keepable() {
		return false
	}
	for s := range p.ends {
		if e := &p.ends[s]; len(e.ahead) > 0 || !e.rests() {
			return false
		}
	}
	p.detaching = true
	return true
}

// Keepable reports whether the loop could let go of the pair if it came to rest.
func (p *Pair) Keepable() bool {
	if _, ok := p.h.(Detacher); !ok || p.closing || p.aborting || !p.d.detaches() {
		return false
	}
	plain := p.ends[Client].tls == nil && p.ends[Upstream].tls == nil
	for s := range p.ends {
		if e := &p.ends[s]; e.broken || (e.eof || e.shut) && !plain || !e.keepable() {
			return false
		}
	}
	return true
}

// failWith records err as the reason of an end that the handler or the loop asked for, after a flush.
func (p *Pair) failWith(err error) {
	if p.cause == nil {
		p.cause = err
	}
	p.closing = true
}

// throttle sets which sides are read, from what is queued.
func (p *Pair) throttle() {
	limit := p.cfg.MaxBuffered
	toClient, toUpstream := p.Buffered(Client), p.Buffered(Upstream)
	for s, e := range [2]*end{&p.ends[Client], &p.ends[Upstream]} {
		own, other := toClient, toUpstream
		if Side(s) == Upstream {
			own, other = toUpstream, toClient
		}
		// Bytes queued for the other side come from this one; bytes queued for this side itself (answers of
		// the handler) only count double.
		load := max(other, own/2)
		switch {
		case load > limit:
			e.throttled = true
		case e.throttled && load <= limit/2:
			e.throttled = false
		}
	}
}

// reads reports whether bytes of side s may be read now.
func (p *Pair) reads(s Side) bool {
	e := &p.ends[s]
	return !e.paused && !e.throttled && !e.eof && !p.closing && !p.aborting && !p.detaching && p.ends[s.Other()].pipe == nil
}

// sideEnded calls OnClosed of side s, once, and closes the pair unless the handler passed a half-close on.
func (p *Pair) sideEnded(s Side, err error) {
	e := &p.ends[s]
	e.eof = true
	if e.closed {
		return
	}
	e.closed = true
	p.h.OnClosed(p, s, err)
	if o := &p.ends[s.Other()]; o.closed || !o.shut {
		p.closing = true
	}
}

// endAll calls OnClosed of the sides that have not had it.
func (p *Pair) endAll() {
	for s := range p.ends {
		if e := &p.ends[s]; !e.closed {
			e.closed, e.eof = true, true
			err := p.cause
			if err == nil {
				err = ErrClosed
			}
			p.h.OnClosed(p, Side(s), err)
		}
	}
}

// goneNow makes the last call.
func (p *Pair) goneNow() {
	p.gone = true
	if p.ender != nil {
		p.ender.OnGone(p, p.cause)
	}
}

// orderly turns the end of a stream into no error.
func orderly(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
