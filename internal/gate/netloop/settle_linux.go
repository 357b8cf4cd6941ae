package netloop

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// settle ends a round of work for p: it sends what is left, decides what may be read next, and tears the pair down
// when its time has come.
func (w *worker) settle(p *Pair) {
	if p.gone {
		return
	}
	if !p.aborting {
		w.finish(p, Client)
		w.finish(p, Upstream)
	}
	if p.aborting || p.closing && w.flushed(p) && !w.lingers(p) {
		w.tearDown(p)
		return
	}
	if p.detaching && !p.closing && w.letGo(p) {
		return
	}
	p.throttle()
	for s := range p.ends {
		if e := &p.ends[s]; (e.readable || len(e.ahead) > 0) && p.reads(Side(s)) {
			w.later(p)
		}
	}
	w.watchTime(p)
}

// finish flushes a side and, when its queue is empty, passes the end of the stream on.
func (w *worker) finish(p *Pair, s Side) {
	e := &p.ends[s]
	w.flush(p, s)
	if (e.shut || p.closing) && !e.shutDone && !e.broken && e.empty() {
		e.shutDone = true
		if e.tls != nil {
			if err := e.tls.CloseWrite(); err == nil { // close_notify, to memory
				w.flush(p, s)
			}
		}
		e.shutFD = true
	}
	if e.shutFD && e.empty() {
		e.shutFD = false
		_ = unix.Shutdown(e.fd, unix.SHUT_WR) // fails only if the peer is gone, which the next read shows
	}
	if e.wantOut && !e.blocked && e.empty() {
		e.wantOut = false
		if err := w.control(unix.EPOLL_CTL_MOD, p, s); err != nil {
			p.Close(err)
		}
	}
}

// letGo gives a pair whose queues are empty back to its Handler. One whose peer is gone goes on, and ends.
func (w *worker) letGo(p *Pair) bool {
	var sockets [2]*Socket
	for s := range p.ends {
		e := &p.ends[s]
		if e.broken {
			p.detaching = false
			return false
		} else if !e.empty() || e.shut && !e.shutDone || e.shutFD {
			return false
		}
	}
	if !p.ends[Client].rests() || !p.ends[Upstream].rests() { // they did when Detach said yes, and nothing was read since
		p.Close(errors.New("netloop: a TLS session that was at rest is not"))
		w.later(p)
		return false
	}
	for s := range p.ends {
		e := &p.ends[s]
		if err := w.control(unix.EPOLL_CTL_DEL, p, Side(s)); err != nil {
			p.Close(os.NewSyscallError("epoll_ctl", err))
			w.later(p)
			return false
		}
		sockets[s] = &Socket{fd: e.fd, local: !e.watchOut, TLS: e.letGo()}
		if e.out != nil {
			w.release(e.out)
		}
		*e = end{fd: -1, closed: true, eof: true}
	}
	p.gone = true
	w.slots[p.slot] = nil
	w.free = append(w.free, p.slot)
	w.pairs.Add(-1)
	w.loop.pairs.Add(-1)
	p.h.(Detacher).OnDetached(p, sockets[Client], sockets[Upstream])
	return true
}

func (w *worker) flushed(p *Pair) bool {
	for s := range p.ends {
		if e := &p.ends[s]; !e.broken && !e.empty() {
			return false
		}
	}
	return true
}

// lingers reports whether the kernel still holds bytes for a peer that a closing pair has to wait for. Who is told of
// the end counts on it: close(2) would leave them to go on for as long as the peer reads.
func (w *worker) lingers(p *Pair) bool {
	if p.ender == nil || p.resets {
		return false
	}
	n := 0
	for s := range p.ends {
		if e := &p.ends[s]; !e.broken {
			n += unsent(e.fd)
		}
	}
	if n > 0 && n != p.unsent { // the pair's own queue is empty: from here on as with any slow peer
		p.flushUntil = w.now.Add(max(p.cfg.WriteStall, 0))
		if p.cfg.WriteStall < 0 {
			p.flushUntil = w.now.Add(1 << 62)
		}
	}
	p.unsent = n
	return n > 0
}

// tearDown ends the pair. Sockets are closed after the last callback: a Handler sees a pair whole or not at all. But
// connections that are to be reset are so before it: what the last callback reports has happened.
func (w *worker) tearDown(p *Pair) {
	var over [2]bool // the socket itself has said that nothing more comes
	for s := range p.ends {
		over[s] = p.ends[s].eof && p.ends[s].tls == nil
	}
	var keep [2]bool // reset already
	if p.resets {
		keep = w.resetAll(p)
	}
	p.endAll()
	for s := range p.ends {
		e := &p.ends[s]
		if !p.aborting && !e.broken && !over[s] {
			discard(e.fd, w.buf)
		}
		switch {
		case keep[s]:
			w.keepEnded(e.fd)
		case p.resets && (p.aborting || unsent(e.fd) > 0): // a Unix socket ignores it: it has no buffer beyond the peer's
			resets(e.fd)
			fallthrough
		default:
			shut(e.fd) // the only descriptor of the socket: epoll forgets it too
		}
		e.fd = -1
		if e.out != nil {
			w.release(e.out)
		}
		if e.pipe != nil {
			w.drop(e.pipe)
		}
		*e = end{fd: -1, closed: true, eof: true}
	}
	w.slots[p.slot] = nil
	w.free = append(w.free, p.slot)
	w.pairs.Add(-1)
	w.loop.pairs.Add(-1)
	p.goneNow()
}

// discard throws away what has arrived.
func discard(fd int, buf []byte) {
	for total := 0; total < discardBytes; {
		n, errno := recv(fd, buf)
		if n == 0 || errno != 0 {
			return
		}
		total += n
	}
}

func (w *worker) closeAll() {
	for _, p := range w.slots {
		if p != nil {
			p.now = w.now
			if p.cause == nil {
				p.cause = ErrStopped
			}
			w.tearDown(p)
		}
	}
	w.closeEnded(len(w.ended))
}

// armed implements carrier.
func (w *worker) armed(p *Pair) {
	if p.tickAt.IsZero() {
		return // timers drops it
	}
	if !p.ticking {
		p.ticking = true
		w.ticking = append(w.ticking, p)
	}
	if w.nextTick.IsZero() || p.tickAt.Before(w.nextTick) {
		w.nextTick = p.tickAt
	}
}

// watchTime puts p among the pairs whose time is limited, or lets timers drop it.
func (w *worker) watchTime(p *Pair) {
	if p.closing && p.flushUntil.IsZero() {
		p.flushUntil = w.now.Add(p.cfg.FlushTimeout)
	}
	queued := p.Buffered(Client)+p.Buffered(Upstream) > 0
	if !queued {
		p.stallAt = noTime
	} else if p.stallAt.IsZero() && p.cfg.WriteStall > 0 {
		p.stallAt = w.now.Add(p.cfg.WriteStall)
	}
	if (p.closing || queued) && !p.waiting {
		p.waiting = true
		w.waiting = append(w.waiting, p)
		if w.nextSweep.IsZero() {
			w.nextSweep = w.now.Add(sweepEvery)
		}
	}
}

// timers fires what is due.
func (w *worker) timers() {
	if !w.nextTick.IsZero() && !w.now.Before(w.nextTick) {
		w.tick()
	}
	if !w.nextSweep.IsZero() && !w.now.Before(w.nextSweep) {
		w.sweep()
	}
	if !w.nextIdle.IsZero() && !w.now.Before(w.nextIdle) {
		w.sweepIdle()
	}
	if !w.nextEnded.IsZero() && !w.now.Before(w.nextEnded) {
		w.sweepEnded()
	}
}

func (w *worker) tick() {
	list := w.ticking
	w.ticking, w.nextTick = nil, time.Time{}
	kept := list[:0]
	var due []*Pair
	for _, p := range list {
		switch {
		case p.gone || p.tickAt.IsZero():
			p.ticking = false
		case w.now.Before(p.tickAt):
			kept = append(kept, p)
			if w.nextTick.IsZero() || p.tickAt.Before(w.nextTick) {
				w.nextTick = p.tickAt
			}
		default:
			p.ticking = false
			due = append(due, p)
		}
	}
	clear(list[len(kept):])
	w.ticking = kept
	for _, p := range due {
		if p.gone {
			continue
		}
		p.now, p.tickAt = w.now, time.Time{}
		w.after(p, p.h.OnTick(p, w.now))
		w.settle(p)
	}
}

func (w *worker) sweep() {
	w.nextSweep = time.Time{}
	list := w.waiting
	kept := list[:0]
	for _, p := range list {
		p.waiting = false
		switch {
		case p.gone || !p.closing && p.Buffered(Client)+p.Buffered(Upstream) == 0:
			continue
		case p.closing && p.unsent > 0 && w.now.Before(p.flushUntil):
			p.now, p.waiting = w.now, true
			if w.settle(p); !p.gone {
				kept = append(kept, p)
			}
		case p.closing && !w.now.Before(p.flushUntil), !p.stallAt.IsZero() && !w.now.Before(p.stallAt):
			p.now = w.now
			p.Close(ErrStalled)
			p.resets = p.resets || p.ender != nil
			w.settle(p)
		default:
			p.waiting = true
			kept = append(kept, p)
		}
	}
	clear(list[len(kept):])
	w.waiting = kept
	if len(kept) > 0 {
		w.nextSweep = w.now.Add(sweepEvery)
	}
}

func (w *worker) idleStep() time.Duration { return max(w.loop.cfg.Idle/4, 10*time.Millisecond) }

func (w *worker) sweepIdle() {
	w.nextIdle = w.now.Add(w.idleStep())
	for _, p := range w.slots {
		if p != nil && w.now.Sub(p.lastIO) >= w.loop.cfg.Idle {
			p.now = w.now
			p.failWith(ErrIdle)
			w.settle(p)
		}
	}
}
