package netloop

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxEvents  = 256
	poolLimit  = 64                     // buffers a worker keeps
	poolBytes  = 256 << 10              // larger ones are left to the collector
	sweepEvery = 250 * time.Millisecond // precision of stall, flush and idle limits
	// discardBytes bounds what is read and thrown away before a close, so that unread bytes do not turn the
	// close into a reset, which would take our last message away from the peer.
	discardBytes = 1 << 20
)

// worker is one thread with its pairs. All fields but those under mu belong to its goroutine.
type worker struct {
	loop  *epollLoop
	epfd  int
	evfd  int
	pairs atomic.Int32

	buf   []byte // what recv fills
	plain []byte // what crypto/tls fills; nil until the first TLS pair
	lend  []byte // the one of both that the present OnData shows, nil in other callbacks

	now     time.Time
	slots   []*Pair
	gens    int32
	free    []int32
	again   []*Pair // to be served without an event
	spare   []*Pair // the other array of again
	ticking []*Pair // with a tick
	waiting []*Pair // with queued bytes, or closing
	pool    [][]byte
	pipes   []*pipe // spare ones
	piped   int     // all there are
	ended   []int   // descriptors of connections that were reset, to be closed at nextEnded

	nextTick  time.Time // zero: none
	nextSweep time.Time // zero: none
	nextIdle  time.Time // zero: none
	nextEnded time.Time // zero: none

	sleeping atomic.Bool // in, or about to enter, a blocking epoll_wait

	spareAdds, spareWakes []*Pair // the arrays that adds and wakes take turns with

	mu    sync.Mutex // guards what other goroutines post
	adds  []*Pair
	wakes []*Pair
	stop  bool
}

func newWorker(l *epollLoop) (*worker, error) {
	w := &worker{loop: l, epfd: -1, evfd: -1, buf: make([]byte, readBufferBytes)}
	var err error
	if w.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if w.evfd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		w.closeDescriptors()
		return nil, os.NewSyscallError("eventfd", err)
	}
	// Edge-triggered, so that it never has to be read.
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: -1}
	if err = unix.EpollCtl(w.epfd, unix.EPOLL_CTL_ADD, w.evfd, &ev); err != nil {
		w.closeDescriptors()
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return w, nil
}

func (w *worker) closeDescriptors() {
	for _, k := range w.pipes {
		_, _ = unix.Close(k.r), unix.Close(k.w)
	}
	w.pipes = nil
	for _, fd := range []int{w.epfd, w.evfd} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	w.epfd, w.evfd = -1, -1
}

// post changes what is under mu and makes the worker look at it.
func (w *worker) post(change func(*worker)) {
	w.mu.Lock()
	change(w)
	w.mu.Unlock()
	w.rouse()
}

// rouse ends a sleep of the worker; a worker that is awake looks before it sleeps.
func (w *worker) rouse() {
	if w.sleeping.CompareAndSwap(true, false) {
		one := [8]byte{1}
		w.mu.Lock() // a late Wake must not write to a descriptor that was closed, and perhaps used again
		if w.evfd >= 0 {
			_, _ = unix.Write(w.evfd, one[:]) // cannot fail before 2^64-1 writes
		}
		w.mu.Unlock()
	}
}

// wake implements carrier.
func (w *worker) wake(p *Pair) {
	w.mu.Lock()
	w.wakes = append(w.wakes, p)
	w.mu.Unlock()
	w.rouse()
}

func (w *worker) wakeAll(all []*Pair) {
	w.mu.Lock()
	w.wakes = append(w.wakes, all...)
	w.mu.Unlock()
	w.rouse()
}

// detaches implements carrier.
func (w *worker) detaches() bool { return true }

// resumed implements carrier.
func (w *worker) resumed(p *Pair) { w.later(p) }

// lendable implements carrier: two slices of one array end at the same byte.
func (w *worker) lendable(b []byte) bool {
	return w.lend != nil && cap(b) > 0 && &b[:cap(b)][cap(b)-1] == &w.lend[len(w.lend)-1]
}

// buffer implements carrier.
func (w *worker) buffer() []byte {
	if n := len(w.pool); n > 0 {
		b := w.pool[n-1]
		w.pool = w.pool[:n-1]
		return b
	}
	return make([]byte, 0, 4096)
}

// release implements carrier.
func (w *worker) release(b []byte) {
	if len(w.pool) < poolLimit && cap(b) <= poolBytes {
		w.pool = append(w.pool, b[:0])
	}
}

// later has p served again before the next sleep.
func (w *worker) later(p *Pair) {
	if !p.inAgain {
		p.inAgain = true
		w.again = append(w.again, p)
	}
}

func (w *worker) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	punctual()
	events := make([]unix.EpollEvent, maxEvents)
	if w.loop.cfg.Idle > 0 {
		w.nextIdle = time.Now().Add(w.idleStep())
	}
	w.now = time.Now()
	for {
		if w.takePosted() {
			w.closeAll()
			return
		}
		w.serveAgain()
		w.timers()
		for _, ev := range events[:w.poll(events)] {
			w.event(ev)
		}
	}
}

// poll waits for events as long as nothing else is to be done.
func (w *worker) poll(events []unix.EpollEvent) int {
	timeout := w.timeout()
	if timeout != 0 {
		w.sleeping.Store(true)
		w.mu.Lock()
		posted := len(w.adds)+len(w.wakes) > 0 || w.stop
		w.mu.Unlock()
		if posted {
			timeout = 0
		}
	}
	n, errno := w.wait(events, timeout)
	w.sleeping.Store(false)
	w.now = time.Now()
	if errno != 0 {
		if errno == unix.EINTR {
			return 0
		}
		panic("netloop: epoll_wait: " + errno.Error()) // only a bad descriptor of our own can do this
	}
	return n
}

// lingerMillis is how long a wait keeps the processor of Go's scheduler. In busy traffic the next event comes
// sooner, so that neither this thread nor the scheduler's monitor has any work with the wait.
const lingerMillis = 5

// wait waits for events, at first without the scheduler's knowledge if Config.Linger says so.
func (w *worker) wait(events []unix.EpollEvent, timeout int) (int, unix.Errno) {
	brief := 0
	if w.loop.cfg.Linger {
		brief = lingerMillis
	}
	if timeout >= 0 {
		brief = min(brief, timeout)
	}
	if brief > 0 || timeout == 0 {
		n, errno := epollBrief(w.epfd, events, brief)
		if n > 0 || errno != 0 || timeout == brief {
			return n, errno
		}
	}
	if timeout > 0 {
		timeout -= brief
	}
	return epollWait(w.epfd, events, timeout)
}

// timeout is in milliseconds; -1 is for ever.
func (w *worker) timeout() int {
	if len(w.again) > 0 {
		return 0
	}
	var next time.Time
	for _, t := range [...]time.Time{w.nextTick, w.nextSweep, w.nextIdle, w.nextEnded} {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if next.IsZero() {
		return -1
	}
	d := time.Until(next)
	if d <= 0 {
		return 0
	}
	return int((d + time.Millisecond - 1) / time.Millisecond)
}

// takePosted takes what other goroutines posted and reports whether the worker shall end.
func (w *worker) takePosted() (stop bool) {
	w.mu.Lock()
	adds, wakes := w.adds, w.wakes
	w.adds, w.wakes = w.spareAdds[:0], w.spareWakes[:0]
	stop = w.stop
	w.mu.Unlock()
	for _, p := range adds {
		w.open(p)
	}
	for _, p := range wakes {
		w.woken(p)
	}
	w.boundEnded()
	clear(adds)
	clear(wakes)
	w.spareAdds, w.spareWakes = adds, wakes
	return stop
}

// open registers a new pair and gives it what was read ahead.
func (w *worker) open(p *Pair) {
	w.closeEnded(endedForNew)
	p.now, p.lastIO = w.now, w.now
	if n := len(w.free); n > 0 {
		p.slot = w.free[n-1]
		w.free = w.free[:n-1]
	} else {
		p.slot = int32(len(w.slots))
		w.slots = append(w.slots, nil)
	}
	w.slots[p.slot] = p
	p.gen = w.nextGen()
	p.ender, _ = p.h.(Ender)
	for s := range p.ends {
		if err := w.register(p, Side(s)); err != nil {
			p.Close(err)
			w.settle(p)
			return
		}
	}
	p.passer, _ = p.h.(Passer)
	if o, ok := p.h.(Opener); ok {
		w.after(p, o.OnOpen(p))
	}
	for s := range p.ends {
		e := &p.ends[s]
		if e.tls != nil && w.plain == nil {
			w.plain = make([]byte, readBufferBytes)
		}
		e.readable = true // the edge of the registration may have been before the bytes of e.tls were read
	}
	w.serve(p)
}

// generation numbers tell an event of a dead pair from one of the pair that took its slot.
func (w *worker) nextGen() int32 { w.gens++; return w.gens }

func (w *worker) register(p *Pair, s Side) error {
	return os.NewSyscallError("epoll_ctl", w.control(unix.EPOLL_CTL_ADD, p, s))
}

func (w *worker) control(op int, p *Pair, s Side) error {
	e := &p.ends[s]
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: p.slot<<1 | int32(s), Pad: p.gen}
	if e.watchOut || e.wantOut {
		ev.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(w.epfd, op, e.fd, &ev)
}

func (w *worker) woken(p *Pair) {
	if p.gone || !p.woken.Swap(false) {
		return
	}
	p.now = w.now
	if err := p.killed.Load(); err != nil {
		p.failWith(*err)
		w.settle(p)
		return
	}
	w.after(p, p.h.OnWake(p))
	w.settle(p)
}

func (w *worker) event(ev unix.EpollEvent) {
	if ev.Fd < 0 { // the eventfd: run looks at what was posted
		return
	}
	p := w.slots[ev.Fd>>1]
	if p == nil || p.gen != ev.Pad {
		return
	}
	e := &p.ends[ev.Fd&1]
	if ev.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		e.readable = true
		if ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			e.hangup = true
		}
	}
	if ev.Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		e.blocked = false
	}
	w.serve(p)
}

func (w *worker) serveAgain() {
	list := w.again
	w.again = w.spare[:0]
	for _, p := range list {
		p.inAgain = false
		if !p.gone {
			w.serve(p)
		}
	}
	clear(list)
	w.spare = list
}

// serve does what can be done for p without waiting: at most one buffer of each side, so that a busy pair does not
// starve the others.
func (w *worker) serve(p *Pair) {
	p.now = w.now
	for s := range p.ends {
		e := &p.ends[s]
		if len(e.ahead) > 0 && p.reads(Side(s)) {
			b := e.ahead
			e.ahead = nil
			w.after(p, p.h.OnData(p, Side(s), b))
		}
		if e.readable && len(e.ahead) == 0 && p.reads(Side(s)) {
			switch {
			case e.tls != nil:
				w.readTLS(p, Side(s))
			case w.splices(p, Side(s)) && w.splice(p, Side(s)):
			default:
				w.read(p, Side(s))
			}
		}
	}
	w.settle(p)
}
