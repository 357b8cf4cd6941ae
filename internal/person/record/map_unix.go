//go:build unix

package record

import (
	"os"
	"syscall"
)

// mapFile maps the beginning of a file for reading and private changes.
func mapFile(f *os.File, size int) ([]byte, func() error, error) {
	if size == 0 {
		return nil, func() error { return nil }, nil
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE)
	return data, func() error { return syscall.Munmap(data) }, err
}
