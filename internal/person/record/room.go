package record

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"unsafe"
)

// Room is where the large tables of a run lie: in memory, or in a private file
// that is mapped, so that no more of them is in memory at once than a cap
// allows. What is computed does not depend on it.
//
// The file has no name, or loses it before anything is written: it is gone when
// the process ends, however that ends. A nil Room is memory without a cap. Its
// methods may be called from several goroutines.
type Room struct {
	limit  int64 // resident bytes from which pages are given back
	failed func(error)
	keeper *keeper

	easing sync.Mutex // one at a time gives pages back
	mu     sync.Mutex
	file   *os.File
	size   int64
	maps   [][]byte
	lent   [][]byte
	err    error
}

// ErrRoom: there is no room for tables on disk.
var ErrRoom = errors.New("no room for tables on disk")

// spare is the share of the cap that is left for what comes into memory between
// two calls of Ease: loops call it before they touch more than some megabytes.
const spare = 8

// NewRoom makes a room with a file in dir. The process is kept below memory
// bytes, as far as tables go. failed is called once when the disk is full.
func NewRoom(dir string, memory int64, failed func(error)) (*Room, error) {
	f, err := unnamedFile(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoom, err)
	}
	r := &Room{limit: memory - memory/spare, failed: failed, file: f}
	if r.keeper, err = keep(r); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrRoom, err), f.Close())
	}
	return r, nil
}

// Close gives the tables back: nothing that was made in the room may be used
// any more. A nil Room has nothing to close.
func (r *Room) Close() error {
	if r == nil {
		return nil
	}
	r.keeper.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	for _, m := range r.maps {
		err = errors.Join(err, unmap(m))
	}
	r.maps = nil
	return errors.Join(err, r.file.Close())
}

// take returns size zero bytes and their place in the file, or nil when they
// must come from memory.
func (r *Room) take(size int64) (b []byte, at int64) {
	if r == nil || size < largeBytes {
		return nil, inMemory
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil, inMemory
	}
	const page = 64 << 10 // of all systems
	at = r.size
	whole := (size + page - 1) / page * page
	m, err := mapNew(r.file, at, whole)
	if err != nil {
		r.err = fmt.Errorf("%w: %w", ErrRoom, err)
		r.failed(r.err)
		return nil, inMemory // the run ends; until then memory serves
	}
	r.size += whole
	r.maps = append(r.maps, m)
	return m[:size], at
}

// lend tells of a file that is mapped by others and only read: its pages go with
// the room's.
func (r *Room) lend(b []byte) {
	if r == nil || len(b) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	smallPages(b)
	r.lent = append(r.lent, b)
}

// Spilled is how many bytes the file has.
func (r *Room) Spilled() int64 {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size
}

// between is how many things of a list are looked at between two calls of Ease.
// Each may touch pages anywhere, and a page brings its neighbours (64 KiB on
// Linux, fault_around_bytes).
const between = 128

// Each yields the things of a list that lies in the room.
func Each[T any](r *Room, list []T) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for i := range list {
			if i%between == 0 {
				r.Ease()
			}
			if !yield(&list[i]) {
				return
			}
		}
	}
}

// Move copies a list that lies in the room.
func Move[T any](r *Room, dst, src []T) {
	const some = 1 << 14
	for len(src) > 0 {
		r.Ease()
		n := copy(dst, src[:min(some, len(src))])
		dst, src = dst[n:], src[n:]
	}
}

// Append is append for a list that lies in the room. T holds no pointers.
func Append[T any](r *Room, list []T, v T) []T {
	if len(list) == cap(list) {
		more := Make[T](r, max(2*cap(list), 64))[:len(list)]
		Move(r, more, list)
		list = more
	}
	return append(list, v)
}

// Parallel calls f for ranges of n things from that many goroutines.
func (r *Room) Parallel(n, workers int, f func(worker, from, to int)) {
	const step = 1 << 14
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := 0
	for w := range workers {
		wg.Go(func() {
			for {
				mu.Lock()
				from := next
				next += step
				mu.Unlock()
				if from >= n {
					return
				}
				r.Ease()
				f(w, from, min(from+step, n))
			}
		})
	}
	wg.Wait()
}

// Make returns n zero values in the room. T holds no pointers.
func Make[T any](r *Room, n int) []T {
	s, _ := makeAt[T](r, n)
	return s
}

// inMemory is the place of what is not in the file.
const inMemory = -1

// makeAt is Make; it also tells the place in the file.
func makeAt[T any](r *Room, n int) ([]T, int64) {
	if b, at := r.take(int64(n) * int64(unsafe.Sizeof(*new(T)))); b != nil {
		return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n), at
	}
	return Large[T](n), inMemory
}
