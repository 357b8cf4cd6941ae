package netloop

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below that cannot block, or not for long, use RawSyscall: the scheduler then does not hand the processor
// to another thread, which costs more than the call itself. They are safe for that reason only.

// recv reads from a non-blocking socket. 0 and no error is the end of the stream.
func recv(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// send writes to a non-blocking socket without SIGPIPE.
func send(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// resets has the close of a socket reset the connection (SO_LINGER of 0).
func resets(fd int) {
	linger := unix.Linger{Onoff: 1}
	_, _, _ = unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER, uintptr(unsafe.Pointer(&linger)), unix.SizeofLinger, 0)
}

// shut closes a socket. Without a time to linger that never waits (close(2), tcp(7)).
func shut(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// splice moves up to n bytes between a non-blocking socket and a pipe. 0 and no error is the end of the stream.
func splice(from, to, n int) (int, unix.Errno) {
	got, _, errno := unix.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n), unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
	if errno != 0 {
		return 0, errno
	}
	return int(got), 0
}

// epollBrief waits for events for some milliseconds at most, and the scheduler does not know. That is no harm to who
// wants to stop this thread (the garbage collector, a profile, the end of a time slice): the runtime's signal ends
// epoll_wait with EINTR whatever SA_RESTART says (signal(7)), it is sent again until it has worked, and the caller's
// next function call yields.
func epollBrief(epfd int, events []unix.EpollEvent, timeoutMillis int) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(timeoutMillis), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// epollWait waits for events; it may block for long, so the scheduler must know (Syscall, not RawSyscall).
func epollWait(epfd int, events []unix.EpollEvent, timeoutMillis int) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(timeoutMillis), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// tickSlack is how late epoll_wait may end after its timeout, in nanoseconds: OnTick promises 5 ms in all.
const tickSlack = 1_000_000

// punctual takes the calling thread's timer slack (prctl(2)) down to tickSlack, should the process have more.
func punctual() {
	if ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err == nil && ns > tickSlack {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, tickSlack, 0, 0, 0) // who may read it may set it
	}
}
