package netloop

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// read takes one buffer of plain bytes. A short read means that the socket is empty, except at its end.
func (w *worker) read(p *Pair, s Side) {
	e := &p.ends[s]
	n, errno := recv(e.fd, w.buf)
	switch {
	case n > 0:
		e.readable = n == len(w.buf) || e.hangup
		e.bulk = n == len(w.buf)
		p.lastIO = w.now
		w.data(p, s, w.buf, n)
	case errno == unix.EAGAIN:
		e.readable = false
	case errno == unix.EINTR:
	case errno == 0:
		e.readable = false
		p.sideEnded(s, nil)
	default:
		e.readable = false
		p.sideEnded(s, os.NewSyscallError("recv", errno))
	}
}

// data shows buf[:n] to the handler and sends what it queued while buf is still unchanged.
func (w *worker) data(p *Pair, s Side, buf []byte, n int) {
	w.lend = buf
	err := p.h.OnData(p, s, buf[:n])
	w.after(p, err)
	w.lend = nil
}

// readTLS takes one buffer of cipher text and shows what it holds.
func (w *worker) readTLS(p *Pair, s Side) {
	e := &p.ends[s]
	st := e.stream
	more := e.hangup
	if len(st.in) == 0 && st.inEOF == nil {
		n, errno := recv(e.fd, w.buf)
		switch {
		case n > 0:
			st.in = w.buf[:n]
			more = more || n == len(w.buf)
			p.lastIO = w.now
		case errno == unix.EAGAIN, errno == unix.EINTR:
			more = more || errno == unix.EINTR
		case errno == 0:
			st.ended(io.EOF)
		default:
			st.ended(os.NewSyscallError("recv", errno))
		}
	} else {
		more = true // the socket was not looked at
	}
	for p.reads(s) {
		n, err := fill(e.tls, w.plain)
		st.Trace.Took(n)
		if errors.Is(err, errWouldBlock) {
			st.Trace.Drained()
		}
		if n > 0 {
			w.data(p, s, w.plain, n)
		}
		if err == nil {
			continue // w.plain was too small
		}
		if errors.Is(err, errWouldBlock) {
			e.readable = more
			return
		}
		e.readable = false
		p.sideEnded(s, orderly(err))
		return
	}
	// Stopped by the handler or by queued bytes: what is left must not stay in the shared buffer, and is looked
	// at again without an event.
	st.in = append([]byte(nil), st.in...)
	e.readable = true
}

// fill reads from r until b is full or r has no more.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var k int
		k, err = r.Read(b[n:])
		n += k
	}
	return n, err
}

// after takes the result of a callback and sends what it queued.
func (w *worker) after(p *Pair, err error) {
	if err != nil {
		p.failWith(err)
	}
	if !p.aborting {
		w.flush(p, Client)
		w.flush(p, Upstream)
	}
}

// flush sends as much as the socket takes, with one call.
func (w *worker) flush(p *Pair, s Side) {
	e := &p.ends[s]
	if e.pipe != nil && !w.drain(p, s) {
		p.keep(e)
		return
	}
	if e.tls != nil {
		w.seal(p, e)
	}
	pending := e.pending()
	if e.broken {
		w.sent(e, len(pending))
		return
	}
	if len(pending) == 0 {
		return
	}
	if e.blocked {
		p.keep(e)
		return
	}
	n, errno := send(e.fd, pending)
	switch {
	case errno == 0:
	case errno == unix.EAGAIN, errno == unix.EINTR:
		n = 0
	default:
		w.broke(p, s)
		n = len(pending)
	}
	if n < len(pending) {
		w.block(p, s)
	}
	if n > 0 {
		p.stallAt = noTime
	}
	w.sent(e, n)
	p.keep(e)
}

// noTime: nothing is awaited.
var noTime time.Time

// broke remembers that nothing can be sent to side s. The peer is gone, but what it sent before may still be read (a
// FATAL message of the server).
func (w *worker) broke(p *Pair, s Side) {
	e := &p.ends[s]
	e.broken, e.readable, e.hangup = true, true, true
	w.later(p)
}

// block remembers that the socket of side s is full, and has epoll tell when it is not.
func (w *worker) block(p *Pair, s Side) {
	e := &p.ends[s]
	e.blocked = true
	if !e.watchOut && !e.wantOut {
		e.wantOut = true
		if err := w.control(unix.EPOLL_CTL_MOD, p, s); err != nil {
			p.Close(fmt.Errorf("epoll_ctl: %w", err))
		}
	}
}

// seal encrypts what is queued. crypto/tls writes to memory: it fails only if the session is over.
func (w *worker) seal(p *Pair, e *end) {
	plain := e.out[e.outOff:]
	if e.lent != nil {
		plain = e.lent
	}
	if len(plain) == 0 {
		return
	}
	if !e.broken {
		if _, err := e.tls.Write(plain); err != nil {
			e.broken = true
			w.later(p)
		}
	}
	e.lent = nil
	if e.out != nil {
		w.release(e.out)
		e.out, e.outOff = nil, 0
	}
}

// empty reports whether nothing waits for the socket.
func (e *end) empty() bool { return e.pipe == nil && len(e.pending()) == 0 }

// pending returns the bytes that come next on the wire, after those of the pipe.
func (e *end) pending() []byte {
	switch {
	case e.tls != nil:
		return e.stream.out[e.stream.outOff:]
	case e.lent != nil:
		return e.lent
	default:
		return e.out[e.outOff:]
	}
}

// sent drops the first n bytes of pending.
func (w *worker) sent(e *end, n int) {
	switch {
	case e.tls != nil:
		st := e.stream
		if st.outOff += n; st.outOff == len(st.out) {
			st.out, st.outOff = st.out[:0], 0
			if cap(st.out) > poolBytes {
				st.out = nil
			}
		}
	case e.lent != nil:
		if e.lent = e.lent[n:]; len(e.lent) == 0 {
			e.lent = nil
		}
	case e.out != nil:
		if e.outOff += n; e.outOff == len(e.out) {
			w.release(e.out)
			e.out, e.outOff = nil, 0
		}
	}
}
