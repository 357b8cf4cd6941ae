package record

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// unnamedFile makes a file that never had a name (open(2), O_TMPFILE), or, where
// the file system has none of those, one that has lost it.
func unnamedFile(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), filepath.Join(dir, "tables")), nil
	}
	return loseName(dir)
}

// mapNew adds size bytes to the file and maps them. Their place on disk is
// reserved, so that writing to them cannot fail later.
func mapNew(f *os.File, at, size int64) ([]byte, error) {
	if err := unix.Fallocate(int(f.Fd()), 0, at, size); err != nil && err != unix.EOPNOTSUPP {
		return nil, err
	} else if err != nil {
		if err := f.Truncate(at + size); err != nil {
			return nil, err
		}
	}
	m, err := unix.Mmap(int(f.Fd()), at, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err == nil {
		smallPages(m)
	}
	return m, err
}

// smallPages keeps one touch from bringing two megabytes into memory. An error
// means a system without large pages.
func smallPages(b []byte) { _ = unix.Madvise(b, unix.MADV_NOHUGEPAGE) }

func unmap(b []byte) error { return unix.Munmap(b) }

// keeper sees how much memory the process has. Loops that do not call Ease are
// looked after from time to time.
type keeper struct {
	statm *os.File
	end   chan struct{}
	done  sync.WaitGroup
}

// look is how often the keeper looks by itself.
const look = 10 * time.Millisecond

func keep(r *Room) (*keeper, error) {
	statm, err := os.Open("/proc/self/statm")
	if err != nil {
		return nil, err
	}
	k := &keeper{statm: statm, end: make(chan struct{})}
	k.done.Go(func() {
		tick := time.NewTicker(look)
		defer tick.Stop()
		for {
			select {
			case <-k.end:
				return
			case <-tick.C:
				if k.resident() > r.limit {
					r.easing.Lock()
					r.giveBack()
					r.easing.Unlock()
				}
			}
		}
	})
	return k, nil
}

func (k *keeper) stop() {
	close(k.end)
	k.done.Wait()
	k.statm.Close() // it was only read
}

// Ease gives the pages of the room back when the process is near its cap. Their
// content is in the file, and those that are touched come back. A nil Room has
// nothing to give.
func (r *Room) Ease() {
	if r == nil || r.keeper.resident() <= r.limit {
		return
	}
	r.easing.Lock() // whoever comes second waits, and touches nothing meanwhile
	defer r.easing.Unlock()
	if r.keeper.resident() > r.limit {
		r.giveBack()
	}
}

// giveBack takes all pages of the room out of memory.
func (r *Room) giveBack() {
	r.mu.Lock()
	defer r.mu.Unlock()
	// An error means that pages stay: the next look tries again.
	for _, m := range r.lent {
		_ = unix.Madvise(m, unix.MADV_DONTNEED)
	}
	for _, m := range r.maps {
		_ = unix.Madvise(m, unix.MADV_DONTNEED)
	}
}

// resident is how much memory the process has (proc(5), statm); 0 when the
// system does not tell.
func (k *keeper) resident() int64 {
	var text [128]byte
	n, err := k.statm.ReadAt(text[:], 0)
	if err != nil && err != io.EOF {
		return 0
	}
	fields := bytes.Fields(text[:n])
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// write puts b at a place of the file, and reports whether it could.
func (r *Room) write(b []byte, at int64) bool {
	n, err := unix.Pwrite(int(r.file.Fd()), b, at)
	return err == nil && n == len(b)
}

// read fills b with what stands at a place of the file, and reports whether it
// could. The system keeps what is mapped and what is read in one place.
func (r *Room) read(b []byte, at int64) bool {
	n, err := unix.Pread(int(r.file.Fd()), b, at)
	return err == nil && n == len(b)
}
