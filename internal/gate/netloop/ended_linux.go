package netloop

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A cut ends thousands of pairs at once, and who waits for the receipt waits for the last of them. Ending a
// connection is two things for the kernel: the reset, which is what both peers see and after which no byte passes,
// and taking the socket, its descriptor and its place in the epoll set apart. The second was 4.6 of 10.4 µs of
// setsockopt(SO_LINGER) and close (Linux 6.18, loopback), and nobody waits for it: it comes later.
const (
	// endedFor is how long descriptors of connections that were reset are kept; more than mostEnded of a loop are
	// not, so that they leave room for new ones.
	endedFor  = time.Second
	mostEnded = 4096
	// endedAtOnce bounds the descriptors that one wake-up closes: about 2 ms. endedStep is the time to the next.
	endedAtOnce = 512
	endedStep   = 10 * time.Millisecond
	// endedForNew are closed for each pair that comes, which has two.
	endedForNew = 4
)

// resetNow resets a TCP connection and drops what the kernel holds of it, without closing the socket: connect(2) to
// the address family AF_UNSPEC dissolves the association. False: the socket cannot do that.
func resetNow(fd int) bool {
	none := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unix.SizeofSockaddrInet4)
	return errno == 0
}

// resetAll resets both sides of a pair, as far as their sockets can; keep says which only wait for their close. A side
// of a pair that was flushed first ends in an orderly way when all was sent.
func (w *worker) resetAll(p *Pair) (keep [2]bool) {
	for s := range p.ends {
		if fd := p.ends[s].fd; p.aborting || unsent(fd) > 0 {
			keep[s] = resetNow(fd)
		}
	}
	return keep
}

// unsent returns how many bytes the kernel has taken for a TCP peer and not sent yet; 0 for other sockets and when the
// connection is over.
func unsent(fd int) int {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || info.State == unix.BPF_TCP_CLOSE {
		return 0
	}
	return int(info.Notsent_bytes)
}

// keepEnded takes the descriptor of a connection that is over, to close it later.
func (w *worker) keepEnded(fd int) {
	w.ended = append(w.ended, fd)
	if w.nextEnded.IsZero() {
		w.nextEnded = w.now.Add(endedFor)
	}
}

// boundEnded closes what exceeds the worker's share of mostEnded.
func (w *worker) boundEnded() {
	if over := len(w.ended) - mostEnded/len(w.loop.workers); over > 0 {
		w.closeEnded(over)
	}
}

// sweepEnded closes some that have been kept long enough.
func (w *worker) sweepEnded() {
	if w.closeEnded(endedAtOnce); len(w.ended) > 0 {
		w.nextEnded = w.now.Add(endedStep)
	}
}

// closeEnded closes the n that have been kept longest.
func (w *worker) closeEnded(n int) {
	n = min(n, len(w.ended))
	for _, fd := range w.ended[:n] {
		shut(fd) // epoll forgets it too; what it still tells of it is of no pair
	}
	w.ended = w.ended[n:]
	if len(w.ended) == 0 {
		w.ended, w.nextEnded = nil, time.Time{}
	}
}
