package record

import (
	"errors"
	"fmt"
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
	cap    int64
	failed func(error)
	keeper *keeper

	mu   sync.Mutex
	file *os.File
	size int64
	maps [][]byte
	lent [][]byte
	err  error
}

// ErrRoom: there is no room for tables on disk.
var ErrRoom = errors.New("no room for tables on disk")

// NewRoom makes a room with a file in dir. The process is kept below memory
// bytes, as far as tables go. failed is called once when the disk is full.
func NewRoom(dir string, memory int64, failed func(error)) (*Room, error) {
	f, err := unnamedFile(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoom, err)
	}
	r := &Room{cap: memory, failed: failed, file: f}
	r.keeper = keep(r)
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

// take returns size zero bytes, or nil when they must come from memory.
func (r *Room) take(size int64) []byte {
	if r == nil || size < largeBytes {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil
	}
	const page = 64 << 10 // of all systems
	at, whole := r.size, (size+page-1)/page*page
	m, err := mapNew(r.file, at, whole)
	if err != nil {
		r.err = fmt.Errorf("%w: %w", ErrRoom, err)
		r.failed(r.err)
		return nil // the run ends; until then memory serves
	}
	r.size += whole
	r.maps = append(r.maps, m)
	return m[:size]
}

// lend tells of a file that is mapped by others, whose pages the system may take
// before it takes the room's.
func (r *Room) lend(b []byte) {
	if r == nil || len(b) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
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

// Make returns n zero values in the room. T holds no pointers.
func Make[T any](r *Room, n int) []T {
	if b := r.take(int64(n) * int64(unsafe.Sizeof(*new(T)))); b != nil {
		return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
	}
	return Large[T](n)
}
