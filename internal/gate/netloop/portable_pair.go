package netloop

import (
	"net"
	"sync"
	"time"
)

// writeChunkBytes is what the portable writer gives to one Write, so that progress shows.
const writeChunkBytes = 64 << 10

// portablePair is the carrier of one pair. Every callback runs with mu held.
type portablePair struct {
	loop  *portableLoop
	pair  Pair
	poked chan struct{} // run shall look at wakes and deadlines

	mu       sync.Mutex // guards the pair and what follows
	work     *sync.Cond // something a reader or a writer waits for has changed
	done     bool       // the connections are closed
	sleepsTo time.Time  // when run looks again by itself
	wg       sync.WaitGroup
}

// run opens the pair, serves wakes and deadlines until it is done, and ends it.
func (pp *portablePair) run() {
	p := &pp.pair
	pp.mu.Lock()
	p.lastIO = time.Now()
	p.now = p.lastIO
	p.ender, _ = p.h.(Ender)
	if o, ok := p.h.(Opener); ok {
		pp.called(o.OnOpen(p))
	}
	for s := range p.ends {
		pp.wg.Go(func() { pp.readSide(Side(s)) })
		pp.wg.Go(func() { pp.writeSide(Side(s)) })
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !pp.done {
		pp.sleepsTo = pp.deadline()
		if pp.sleepsTo.IsZero() {
			pp.sleepsTo = time.Now().Add(time.Hour)
		}
		timer.Reset(max(0, time.Until(pp.sleepsTo)))
		pp.mu.Unlock()
		select {
		case <-pp.poked:
		case <-timer.C:
		}
		pp.mu.Lock()
		pp.serve()
	}
	pp.mu.Unlock()
	pp.wg.Wait()
	pp.mu.Lock()
	p.endAll()
	p.goneNow()
	pp.mu.Unlock()
	pp.loop.ended(pp)
}

// deadline returns when serve has to run at the latest; zero: never. Called with mu held.
func (pp *portablePair) deadline() time.Time {
	p := &pp.pair
	next := p.tickAt
	earlier := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	earlier(p.stallAt)
	earlier(p.flushUntil)
	if p.cfg.Idle > 0 {
		earlier(p.lastIO.Add(p.cfg.Idle))
	}
	return next
}

// serve handles wakes and what is due. Called with mu held.
func (pp *portablePair) serve() {
	p := &pp.pair
	if pp.done {
		return
	}
	p.now = time.Now()
	due := func(t time.Time) bool { return !t.IsZero() && !p.now.Before(t) }
	if p.woken.Swap(false) {
		if err := p.killed.Load(); err != nil {
			p.failWith(*err)
		} else {
			pp.called(p.h.OnWake(p))
		}
	}
	if due(p.tickAt) && !pp.done {
		p.tickAt = time.Time{}
		pp.called(p.h.OnTick(p, p.now))
	}
	switch {
	case due(p.stallAt), due(p.flushUntil):
		p.Close(ErrStalled)
		p.resets = p.resets || p.ender != nil
	case p.cfg.Idle > 0 && !p.closing && due(p.lastIO.Add(p.cfg.Idle)):
		p.failWith(ErrIdle)
	}
	pp.settle()
}

// called takes the result of a callback. Called with mu held.
func (pp *portablePair) called(err error) {
	if err != nil {
		pp.pair.failWith(err)
	}
	pp.settle()
}

// settle makes everybody look at the state that a callback left. Called with mu held.
func (pp *portablePair) settle() {
	p := &pp.pair
	if pp.done {
		return
	}
	p.throttle()
	queued := p.Buffered(Client)+p.Buffered(Upstream) > 0
	switch {
	case !queued:
		p.stallAt = time.Time{}
	case p.stallAt.IsZero() && p.cfg.WriteStall > 0:
		p.stallAt = p.now.Add(p.cfg.WriteStall)
	}
	if p.closing && p.flushUntil.IsZero() {
		p.flushUntil = p.now.Add(p.cfg.FlushTimeout)
	}
	if p.aborting || p.closing && pp.flushed() {
		pp.done = true
		for s := range p.ends {
			if t, ok := raw(p.ends[s].conn).(*net.TCPConn); ok && p.resets {
				_ = t.SetLinger(0) // fails only on a closed connection
			}
			_ = raw(p.ends[s].conn).Close() // close_notify, if any, has been sent by the writer
		}
	}
	pp.work.Broadcast()
	if next := pp.deadline(); pp.done || !next.IsZero() && next.Before(pp.sleepsTo) {
		pp.poke()
	}
}

func (pp *portablePair) flushed() bool {
	for s := range pp.pair.ends {
		if e := &pp.pair.ends[s]; !e.broken && !e.shutDone {
			return false
		}
	}
	return true
}

func (pp *portablePair) poke() {
	select {
	case pp.poked <- struct{}{}:
	default:
	}
}

// readSide shows what side s sends to the handler. While the pair closes it reads on and drops, so that unread
// bytes do not turn the close into a reset.
func (pp *portablePair) readSide(s Side) {
	p := &pp.pair
	e := &p.ends[s]
	buf := make([]byte, readBufferBytes)
	pp.mu.Lock()
	defer pp.mu.Unlock()
	for {
		if !pp.mayRead(s) {
			return
		}
		if len(e.ahead) > 0 && !p.closing {
			b := e.ahead
			e.ahead = nil
			p.now = time.Now()
			pp.called(p.h.OnData(p, s, b))
			continue
		}
		pp.mu.Unlock()
		n, err := e.conn.Read(buf)
		pp.mu.Lock()
		if !pp.mayRead(s) { // it may have been paused meanwhile
			return
		}
		p.now = time.Now()
		p.lastIO = p.now
		if n > 0 && !p.closing {
			pp.called(p.h.OnData(p, s, buf[:n]))
		}
		if err != nil {
			if !pp.done {
				p.sideEnded(s, orderly(err))
				pp.settle()
			}
			return
		}
	}
}

// mayRead waits until side s may be read; false: the pair is done.
func (pp *portablePair) mayRead(s Side) bool {
	e := &pp.pair.ends[s]
	for !pp.done && !pp.pair.closing && (e.paused || e.throttled) {
		pp.work.Wait()
	}
	return !pp.done
}

// writeSide writes what is queued for side s.
func (pp *portablePair) writeSide(s Side) {
	p := &pp.pair
	e := &p.ends[s]
	pp.mu.Lock()
	defer pp.mu.Unlock()
	for !pp.done {
		b := e.out[e.outOff:]
		switch {
		case len(b) > 0:
			e.out, e.outOff, e.inFlight = nil, 0, len(b)
			for len(b) > 0 && !e.broken && !pp.done {
				b = b[pp.writeChunk(e, b):]
			}
			e.inFlight = 0
			p.now = time.Now()
			pp.settle()
		case (e.shut || p.closing) && !e.shutDone:
			pp.mu.Unlock()
			closeWrite(e.conn)
			pp.mu.Lock()
			e.shutDone = true
			p.now = time.Now()
			pp.settle()
		default:
			pp.work.Wait()
		}
	}
}

// writeChunk writes the beginning of b without holding mu and returns how much of it.
func (pp *portablePair) writeChunk(e *end, b []byte) int {
	chunk := b[:min(len(b), writeChunkBytes)]
	pp.mu.Unlock()
	n, err := e.conn.Write(chunk)
	pp.mu.Lock()
	if n > 0 {
		pp.pair.stallAt = time.Time{}
	}
	if err != nil {
		e.broken, e.out, e.outOff = true, nil, 0
		return len(chunk)
	}
	e.inFlight -= n
	pp.pair.now = time.Now()
	pp.settle()
	return n
}

// raw returns the connection below a TLS session.
func raw(c net.Conn) net.Conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	if s, ok := c.(*Stream); ok {
		c = s.Conn
	}
	return c
}

// closeWrite sends the end of the stream. An error means that the peer is gone, which its reader sees.
func closeWrite(c net.Conn) {
	if t, ok := c.(interface{ CloseWrite() error }); ok {
		_ = t.CloseWrite()
	}
	if r := raw(c); r != c {
		if t, ok := r.(interface{ CloseWrite() error }); ok {
			_ = t.CloseWrite()
		}
	}
}

// wake implements carrier.
func (pp *portablePair) wake(*Pair) { pp.poke() }

func (pp *portablePair) wakeAll([]*Pair) { pp.poke() }

// detaches implements carrier: its goroutines hold the connections.
func (pp *portablePair) detaches() bool { return false }

// resumed implements carrier; settle, which follows every callback, wakes the reader.
func (pp *portablePair) resumed(*Pair) {}

// armed implements carrier; settle has run look at the deadline.
func (pp *portablePair) armed(*Pair) {}

// lendable implements carrier.
func (pp *portablePair) lendable([]byte) bool { return false }

// buffer implements carrier.
func (pp *portablePair) buffer() []byte { return nil }

// release implements carrier.
func (pp *portablePair) release([]byte) {}
