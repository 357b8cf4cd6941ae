//go:build unix

package record

import (
	"os"
	"syscall"
)

// mapFile maps the beginning of a file for reading and, if it is writable,
// private changes.
func mapFile(f *os.File, size int, writable bool) ([]byte, func() error, error) {
	if size == 0 {
		return nil, func() error { return nil }, nil
	}
	access := syscall.PROT_READ
	if writable {
		access |= syscall.PROT_WRITE
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, size, access, syscall.MAP_PRIVATE)
	return data, func() error { return syscall.Munmap(data) }, err
}
