package record

import (
	"os"
	"syscall"
	"unsafe"
)

// madvHugepage is MADV_HUGEPAGE of madvise(2).
const madvHugepage = 14

// askLarge advises the whole pages within b. An error means a system without
// large pages.
func askLarge(b []byte) {
	page := uintptr(os.Getpagesize())
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (page - 1))
	if end := len(b) - (len(b)-skip)&int(page-1); end > skip {
		_ = syscall.Madvise(b[skip:end], madvHugepage)
	}
}
