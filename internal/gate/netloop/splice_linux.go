package netloop

import (
	"os"

	"golang.org/x/sys/unix"
)

const (
	// pipeBytes is what a pipe is asked to hold (fcntl(2), F_SETPIPE_SZ): what /proc/sys/fs/pipe-max-size allows
	// everybody. Relaying a stream with it took a third of the CPU time of copying through 64 KiB (one wake-up and
	// two calls a MiB, no byte copied).
	pipeBytes = 1 << 20
	// maxPipes bounds the pipes of a worker, so their descriptors and the memory of peers that do not read;
	// sparePipes are kept for the next that needs one. Who gets none is copied for.
	maxPipes   = 64
	sparePipes = 4
)

// pipe returns an empty pipe, nil when there are too many.
func (w *worker) pipe() *pipe {
	if n := len(w.pipes); n > 0 {
		k := w.pipes[n-1]
		w.pipes = w.pipes[:n-1]
		return k
	}
	if w.piped == maxPipes {
		return nil
	}
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil { // no descriptor is free: copying needs none
		return nil
	}
	k := &pipe{r: fds[0], w: fds[1], size: 64 << 10} // pipe(7): 16 pages
	if size, err := unix.FcntlInt(uintptr(k.w), unix.F_SETPIPE_SZ, pipeBytes); err == nil {
		k.size = size
	}
	w.piped++
	return k
}

// drop ends the use of a pipe.
func (w *worker) drop(k *pipe) {
	if k.n == 0 && len(w.pipes) < sparePipes {
		w.pipes = append(w.pipes, k)
		return
	}
	_ = unix.Close(k.r)
	_ = unix.Close(k.w)
	w.piped--
}

// splices reports whether bytes of side s may pass unseen now.
func (w *worker) splices(p *Pair, s Side) bool {
	e, to := &p.ends[s], &p.ends[s.Other()]
	return e.bulk && e.tls == nil && to.tls == nil && !to.broken && !to.shut && len(to.pending()) == 0 && p.passer != nil && p.passer.MayPass(p, s)
}

// splice takes what has arrived from side s, up to a pipe full, and passes it on. False: nothing was tried.
func (w *worker) splice(p *Pair, s Side) bool {
	k := w.pipe()
	if k == nil {
		return false
	}
	e, to := &p.ends[s], &p.ends[s.Other()]
	n, errno := splice(e.fd, k.w, k.size)
	switch {
	case n > 0:
		k.n, to.pipe = n, k
		p.lastIO = w.now
		e.bulk = n >= bulkBytes // readable stays: a pipe may be full of little before the socket is empty
		w.after(p, p.passer.OnPassed(p, s, n))
		return true
	case errno == unix.EAGAIN:
		e.readable = false
	case errno == unix.EINTR:
	case errno == 0:
		e.readable = false
		p.sideEnded(s, nil)
	case errno == unix.EINVAL: // a socket that cannot
		e.bulk, p.passer = false, nil
	default:
		e.readable = false
		p.sideEnded(s, os.NewSyscallError("splice", errno))
	}
	w.drop(k)
	return true
}

// bulkBytes is from how much on, in one go, bytes are worth a pipe: less is as cheap to copy.
const bulkBytes = 32 << 10

// drain sends what a pipe holds for side s. True: nothing is left.
func (w *worker) drain(p *Pair, s Side) bool {
	e := &p.ends[s]
	for k := e.pipe; k.n > 0; {
		if e.broken {
			break
		}
		if e.blocked {
			return false
		}
		n, errno := splice(k.r, e.fd, k.n)
		switch {
		case errno == 0:
			k.n -= n
			p.stallAt = noTime
		case errno == unix.EAGAIN, errno == unix.EINTR:
			w.block(p, s)
		default:
			w.broke(p, s)
		}
	}
	w.drop(e.pipe)
	e.pipe = nil
	return true
}
