package record

import (
	"bytes"
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
	return unix.Mmap(int(f.Fd()), at, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func unmap(b []byte) error { return unix.Munmap(b) }

// keeper looks at how much memory the process has and gives pages of the room
// back to the system when it is too much. Their content is in the file.
type keeper struct {
	end  chan struct{}
	done sync.WaitGroup
}

// look is how often, and headroom the share of the cap that is left for what
// comes between two looks.
const (
	look     = 10 * time.Millisecond
	headroom = 3
)

func keep(r *Room) *keeper {
	k := &keeper{end: make(chan struct{})}
	k.done.Go(func() {
		tick := time.NewTicker(look)
		defer tick.Stop()
		for {
			select {
			case <-k.end:
				return
			case <-tick.C:
				if resident() > r.cap-r.cap/headroom {
					r.giveBack()
				}
			}
		}
	})
	return k
}

func (k *keeper) stop() {
	close(k.end)
	k.done.Wait()
}

// giveBack takes all pages of the room out of memory; those that are touched
// come back.
func (r *Room) giveBack() {
	r.mu.Lock()
	defer r.mu.Unlock()
	// An error means that pages stay: the next look tries again. What was lent
	// may have been changed privately, so the system is asked, not told.
	for _, m := range r.lent {
		_ = unix.Madvise(m, unix.MADV_PAGEOUT)
	}
	for _, m := range r.maps {
		_ = unix.Madvise(m, unix.MADV_DONTNEED)
	}
}

// resident is how much memory the process has (proc(5), statm); 0 when the
// system does not tell.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
