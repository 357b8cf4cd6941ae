package record

import (
	"runtime"
	"unsafe"
)

// largeBytes is the least memory that large pages are asked for: a few of
// them on the usual machines (2 MiB each).
const largeBytes = 4 << 20

// Large returns n zero values. The system is asked to keep big ones in large
// pages: tables of this package are read at random, and with small pages a
// third of the time goes into finding pages. It is a wish: nothing depends on
// its being granted. T holds no pointers.
func Large[T any](n int) []T {
	s := make([]T, n)
	if size := uintptr(n) * unsafe.Sizeof(*new(T)); size >= largeBytes {
		askLarge(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), size))
	}
	return s
}

// Reuse lets memory that nobody needs any more be used again, where tables lie in
// memory. Fresh memory is cleared by the system, which may first have to get it
// from the machine's host: a gigabyte takes up to two processor seconds, and a
// look for garbage among tables without pointers some milliseconds. Without it
// there would be none before the memory has doubled.
func (r *Room) Reuse() {
	if r == nil {
		runtime.GC()
	}
}
