package filewatch

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// metadataSize is the size of struct fanotify_event_metadata (fanotify(7)): event_len
// u32, vers u8, reserved u8, metadata_len u16, mask u64 (aligned), fd s32, pid s32.
const metadataSize = 24

// drain reads fanotify's queue until it is empty or enough files are held, and keeps
// the files of our tree until inotify names them. It reports an overflow.
func (w *Watch) drain(round int) (over bool, err error) {
	if w.fan < 0 {
		return false, nil
	}
	buf := make([]byte, 64*metadataSize) // as many files at once
	for !w.full() {
		n, err := unix.Read(w.fan, buf)
		switch {
		case err == unix.EAGAIN:
			return over, nil
		case err == unix.EINTR:
			continue
		case err == unix.EMFILE || err == unix.ENFILE || err == unix.ETXTBSY || err == unix.ENXIO || err == unix.ESTALE:
			over = true // the kernel dropped one: it could not be opened
			continue
		case err != nil:
			return over, err
		}
		for e := buf[:n]; len(e) >= metadataSize; {
			length := binary.NativeEndian.Uint32(e)
			bits, fd := binary.NativeEndian.Uint64(e[8:]), int32(binary.NativeEndian.Uint32(e[16:]))
			if over = over || bits&unix.FAN_Q_OVERFLOW != 0; fd >= 0 {
				w.handed(int(fd), round)
			}
			if length < metadataSize || int(length) > len(e) {
				break
			}
			e = e[length:]
		}
	}
	return over, nil
}

// handed takes one file: kept when it is in our tree, else closed.
func (w *Watch) handed(fd, round int) {
	name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	deleted := strings.HasSuffix(name, " (deleted)")
	name = strings.TrimSuffix(name, " (deleted)")
	path, rerr := filepath.Rel(w.cfg.Root, name)
	if err != nil || rerr != nil || path == ".." || strings.HasPrefix(path, "../") || w.skipped(name) {
		unix.Close(fd) // of a reader
		return
	}
	if f := regular(fd, name); f != nil {
		w.late[path] = append(w.late[path], held{f, deleted, round})
		w.fans++
	}
}

func (w *Watch) skipped(name string) bool {
	for dir := range w.cfg.Skip {
		if below(name, dir) {
			return true
		}
	}
	return false
}

// named returns the first file that fanotify handed over for a path, nil without one.
func (w *Watch) named(path string) *os.File {
	all := w.late[path]
	if len(all) == 0 {
		return nil
	}
	if w.late[path] = all[1:]; len(all) == 1 {
		delete(w.late, path)
	}
	w.fans--
	return all[0].file
}

// unnamed makes sights of files that inotify did not name although its queue was read
// since: they were in a directory that was too new to be watched.
func (w *Watch) unnamed(round int, at time.Time) {
	for path, all := range w.late {
		for len(all) > 0 && all[0].round < round {
			h := all[0]
			w.named(path)
			all = w.late[path]
			if w.p.has(path, h.file) { // named before it was handed over
				h.file.Close() // of a reader
				continue
			}
			w.p.written(path, h.file, at)
			if h.deleted {
				w.p.gone(path, at)
			}
		}
	}
}
