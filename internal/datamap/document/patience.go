package document

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Members of RAR 2.9 to 4 may carry programs that the library runs: 25 million steps for
// two bytes, and up to 8,192 times before it asks for more of the archive or gives
// anything back. Nobody can end that from outside, so it is not waited for.

// patience is how long a decoder is waited for: a time, and more with every byte that it
// gives. Only the time within the decoder counts.
type patience struct {
	left  time.Duration
	until <-chan struct{} // somebody else's end of waiting
	ended error           // why it is not asked any more
}

// rarPerByte is a tenth of the speed of a slow machine.
const rarPerByte = time.Microsecond

// Limits as others are.
var (
	errPatience = fmt.Errorf("%w: it computes for too long", errLimit)
	errAstray   = fmt.Errorf("%w: another archive of RAR 2.9 to 4 computes for too long, and this one is not begun meanwhile", errLimit)
)

// astray counts decoders that nobody waits for any more and that still run. Each keeps
// its memory and a processor, so while there is one none of its kind is begun.
var astray atomic.Int32

// wait calls f, and returns before it does when patience ends. Then f must touch nothing
// that the caller goes on using.
func (p *patience) wait(f func() error) error {
	if p.ended != nil {
		return p.ended
	}
	const waiting, left, done = 0, 1, 2
	var state atomic.Int32
	answer := make(chan error, 1)
	go func() {
		err := guard(f)
		if !state.CompareAndSwap(waiting, done) {
			astray.Add(-1)
		}
		answer <- err
	}()
	began := time.Now()
	t := time.NewTimer(p.left)
	defer t.Stop()
	select {
	case err := <-answer:
		p.left -= time.Since(began)
		return err
	case <-t.C:
		p.ended = errPatience
	case <-p.until:
		p.ended = errLeft
	}
	astray.Add(1)
	if !state.CompareAndSwap(waiting, left) { // at the same moment
		astray.Add(-1)
	}
	return p.ended
}

// errLeft says that the one who asked has gone.
var errLeft = errors.New("not waited for")

// reins are what a decoder reads: nothing any more once nobody waits for it.
type reins struct {
	mu   sync.Mutex
	r    io.ReadSeeker
	gone bool
}

// Read implements io.Reader.
func (r *reins) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return 0, errPatience
	}
	return r.r.Read(p)
}

// Seek implements io.Seeker.
func (r *reins) Seek(to int64, whence int) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return 0, errPatience
	}
	return r.r.Seek(to, whence)
}

// Close takes what is read away.
func (r *reins) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	return nil
}

// patient reads with patience.
type patient struct {
	p    *patience
	r    io.Reader
	buf  []byte // the decoder's, which may write into it later
	rest []byte
	err  error // behind rest
}

// Read implements io.Reader.
func (r *patient) Read(b []byte) (int, error) {
	if len(r.rest) == 0 && r.err == nil {
		if r.buf == nil {
			r.buf = make([]byte, 64<<10)
		}
		n, buf := 0, r.buf
		r.err = r.p.wait(func() (err error) {
			n, err = r.r.Read(buf)
			return err
		})
		if r.p.ended == nil {
			r.p.left += time.Duration(n) * rarPerByte
			r.rest = buf[:n]
		}
	}
	n := copy(b, r.rest)
	if r.rest = r.rest[n:]; len(r.rest) == 0 {
		return n, r.err
	}
	return n, nil
}
