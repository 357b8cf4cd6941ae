//go:build unix && !linux

package record

import (
	"os"

	"golang.org/x/sys/unix"
)

func unnamedFile(dir string) (*os.File, error) { return loseName(dir) }

func mapNew(f *os.File, at, size int64) ([]byte, error) {
	if err := f.Truncate(at + size); err != nil {
		return nil, err
	}
	return unix.Mmap(int(f.Fd()), at, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func unmap(b []byte) error { return unix.Munmap(b) }

// keeper does nothing: the system alone decides how much of the file it keeps
// in memory.
type keeper struct{}

func keep(*Room) (*keeper, error) { return nil, nil }

func (*keeper) stop() {}

// Ease does nothing: see keeper.
func (*Room) Ease() {}

// read reads nothing: rows are touched where they lie.
func (*Room) read([]byte, int64) bool { return false }

func smallPages([]byte) {}

func (*Room) write([]byte, int64) bool { return false }
