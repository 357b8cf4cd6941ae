package record

import "unsafe"

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
