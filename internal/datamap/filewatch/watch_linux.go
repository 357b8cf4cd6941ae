package filewatch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Watch follows one tree. Run is called once; Ready and Take by one goroutine.
type Watch struct {
	cfg   Config
	p     *pending
	ino   int               // inotify
	fan   int               // fanotify, -1 without
	stop  int               // an eventfd that ends Run
	dirs  map[int32]string  // below the root, by watch descriptor
	wds   map[string]int32  // the other way round
	late  map[string][]held // files of fanotify that inotify has not named yet
	fans  int               // how many those are
	read  time.Time         // everything before was read from the queues
	round int               // the turn of Run
	buf   []byte
}

// held is a file that fanotify handed over.
type held struct {
	file    *os.File
	deleted bool // it had no name any more
	round   int
}

const mask = unix.IN_CREATE | unix.IN_CLOSE_WRITE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

// New begins to watch: what happens after it returned is seen.
func New(cfg Config) (*Watch, error) {
	if cfg.Held == 0 {
		cfg.Held = 4096
	}
	if cfg.Pending == 0 {
		cfg.Pending = 65536
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	// Events name real paths (fanotify); ours must be one.
	root, err := filepath.EvalSymlinks(cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", cfg.Root, err)
	}
	cfg.Root = root
	w := &Watch{cfg: cfg, p: newPending(cfg.Pending), fan: -1, dirs: map[int32]string{}, wds: map[string]int32{}, late: map[string][]held{}, buf: make([]byte, 256<<10)}
	if w.ino, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err != nil {
		return nil, fmt.Errorf("watch %s: inotify: %w", cfg.Root, err)
	}
	if w.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("watch %s: %w", cfg.Root, err), unix.Close(w.ino))
	}
	if !cfg.Plain {
		w.fan = openFanotify(cfg.Root)
	}
	w.read = cfg.Now()
	if err := w.add("", false); err != nil {
		return nil, errors.Join(fmt.Errorf("watch %s: %w", cfg.Root, err), w.close())
	}
	return w, nil
}

// openFanotify returns a group that hands over every file of the file system that
// was closed after writing, or -1 where that is not allowed.
func openFanotify(root string) int {
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_LARGEFILE|unix.O_NOATIME)
	if err != nil {
		return -1
	}
	for _, scope := range []uint{unix.FAN_MARK_FILESYSTEM, unix.FAN_MARK_MOUNT} {
		if unix.FanotifyMark(fd, unix.FAN_MARK_ADD|scope, unix.FAN_CLOSE_WRITE, unix.AT_FDCWD, root) == nil {
			return fd
		}
	}
	unix.Close(fd) // nothing was asked of it
	return -1
}

// Holds reports whether the kernel keeps files until they were read.
func (w *Watch) Holds() bool { return w.fan >= 0 }

// Ready returns a channel that has something when Take has.
func (w *Watch) Ready() <-chan struct{} { return w.p.ready }

// Take returns what happened since the last call. A file that is still being written
// waits for its end.
func (w *Watch) Take() ([]*Sight, []Loss) { return w.p.take() }

func (w *Watch) close() error {
	err := errors.Join(unix.Close(w.ino), unix.Close(w.stop))
	if w.fan >= 0 {
		err = errors.Join(err, unix.Close(w.fan))
	}
	return err
}

// Run follows the tree until ctx ends; then it returns nil. What Take did not hand
// out is closed.
func (w *Watch) Run(ctx context.Context) (err error) {
	told := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		defer close(told)
		unix.Write(w.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // cannot fail: its counter is 0
	})
	defer func() {
		if !unhook() { // it writes now, or did: wait for its end before the descriptor's number is given away
			<-told
		}
		w.abandon()
		err = errors.Join(err, w.close())
	}()
	for round := 0; ctx.Err() == nil; round++ {
		fds := []unix.PollFd{{Fd: int32(w.ino), Events: unix.POLLIN}, {Fd: int32(w.stop), Events: unix.POLLIN}}
		if w.fan >= 0 {
			fds = append(fds, unix.PollFd{Fd: int32(w.fan), Events: unix.POLLIN})
		}
		timeout := -1
		if w.fans > 0 || w.full() {
			timeout = 20
		}
		if full := w.full(); full && w.fan >= 0 {
			fds = fds[1:2] // the kernel's queues hold files as well as we do
		}
		if _, err := unix.Poll(fds, timeout); err != nil && err != unix.EINTR {
			return fmt.Errorf("watch %s: %w", w.cfg.Root, err)
		}
		if w.full() && w.fan >= 0 {
			continue
		}
		if err := w.turn(round); err != nil {
			return fmt.Errorf("watch %s: %w", w.cfg.Root, err)
		}
	}
	return nil
}

func (w *Watch) full() bool {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	return w.p.held+w.fans >= w.cfg.Held
}

// turn reads both queues until they are empty. What was closed before it went is in
// the queue of fanotify before its end is in that of inotify, so that reading them in
// this order never misses a content.
func (w *Watch) turn(round int) error {
	w.round = round
	at := w.cfg.Now()
	events, whole, err := w.names()
	if err != nil {
		return err
	}
	over, err := w.drain(round)
	if err != nil {
		return err
	}
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	if over {
		w.overflow(at)
	}
	for len(events) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(events))
		bits, cookie := binary.NativeEndian.Uint32(events[4:]), binary.NativeEndian.Uint32(events[8:])
		size := binary.NativeEndian.Uint32(events[12:])
		name := strings.TrimRight(string(events[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+size]), "\x00")
		events = events[unix.SizeofInotifyEvent+size:]
		w.event(wd, bits, cookie, name, at)
	}
	if whole {
		w.unnamed(round, at)
		w.p.left(round)
		w.read = at
	}
	w.p.tell()
	return nil
}

// maxNames bounds what is read of inotify's queue in one turn.
const maxNames = 8 << 20

// names reads inotify's queue; whole means until it was empty.
func (w *Watch) names() (events []byte, whole bool, err error) {
	for len(events) < maxNames {
		n, err := unix.Read(w.ino, w.buf)
		switch {
		case err == unix.EAGAIN:
			return events, true, nil
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, false, err
		}
		events = append(events, w.buf[:n]...)
	}
	return events, false, nil
}

func (w *Watch) overflow(at time.Time) {
	w.p.lose(Loss{From: w.read, To: at, Reason: Overflow})
}

// event takes one event of inotify.
func (w *Watch) event(wd int32, bits, cookie uint32, name string, at time.Time) {
	if bits&unix.IN_Q_OVERFLOW != 0 {
		w.overflow(at)
		return
	}
	dir, ok := w.dirs[wd]
	if !ok {
		return
	}
	if bits&unix.IN_IGNORED != 0 { // the directory is gone
		delete(w.dirs, wd)
		if w.wds[dir] == wd {
			delete(w.wds, dir)
		}
		return
	}
	path := filepath.Join(dir, name)
	if bits&unix.IN_ISDIR != 0 {
		w.directory(path, bits, cookie, at)
		return
	}
	switch {
	case bits&unix.IN_CREATE != 0:
		w.p.created(path, w.open(path, bits), at)
	case bits&unix.IN_CLOSE_WRITE != 0:
		f := w.named(path)
		if f == nil && (w.p.live[path] == nil || w.p.live[path].File == nil) {
			f = w.open(path, 0)
		}
		w.p.written(path, f, at)
	case bits&unix.IN_DELETE != 0:
		if f := w.named(path); f != nil {
			w.p.hold(w.p.sight(path, at), f)
		}
		w.p.gone(path, at)
	case bits&unix.IN_MOVED_FROM != 0:
		w.p.moving[cookie] = w.p.gone(path, at)
		w.p.leaving = append(w.p.leaving, departure{cookie, w.round})
	case bits&unix.IN_MOVED_TO != 0:
		w.p.moved(path, cookie, w.open(path, 0), at)
	}
}

// directory takes one event of a directory.
func (w *Watch) directory(path string, bits, cookie uint32, at time.Time) {
	switch {
	case bits&(unix.IN_DELETE|unix.IN_MOVED_FROM) != 0:
		for other, wd := range w.wds {
			if below(other, path) {
				unix.InotifyRmWatch(w.ino, uint32(wd)) // gone already when the directory is
				delete(w.wds, other)
				delete(w.dirs, wd)
			}
		}
		s := w.p.gone(path, at)
		s.Dir = true
		if bits&unix.IN_MOVED_FROM != 0 {
			w.p.moving[cookie] = s
			w.p.leaving = append(w.p.leaving, departure{cookie, w.round})
		}
	case bits&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0:
		if from := w.p.moving[cookie]; bits&unix.IN_MOVED_TO != 0 && from != nil {
			from.MovedTo = path
			delete(w.p.moving, cookie)
		}
		if w.add(path, true) != nil {
			w.p.lose(Loss{Path: path, From: at, To: at, Reason: TooMany})
		} else if w.fan < 0 && bits&unix.IN_CREATE != 0 {
			w.p.lose(Loss{Path: path, From: w.read, To: w.cfg.Now(), Reason: NewFolder})
		}
	}
}

// add watches a directory and all below it. With told, what is in it is new.
func (w *Watch) add(dir string, told bool) error {
	full := filepath.Join(w.cfg.Root, dir)
	if w.cfg.Skip[full] {
		return nil
	}
	wd, err := unix.InotifyAddWatch(w.ino, full, mask)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil // it went again
	}
	if err != nil {
		return fmt.Errorf("watch the folder: %w", err)
	}
	w.dirs[int32(wd)], w.wds[dir] = dir, int32(wd)
	list, err := os.ReadDir(full) // after the watch: what comes now is told
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("watch the folder: %w", err)
	}
	for _, e := range list {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			if err := w.add(path, told); err != nil {
				if dir == "" && !told {
					w.p.lose(Loss{Path: path, From: w.read, To: w.read, Reason: TooMany})
					continue
				}
				return err
			}
		} else if told {
			w.p.written(path, w.open(path, 0), w.cfg.Now()).Created = true
		}
	}
	return nil
}

// open opens a file at once, so that its content outlives its name. It is nil for
// what is no file, is gone, or with fanotify, which will hand it over.
func (w *Watch) open(path string, bits uint32) *os.File {
	if w.p.held >= w.cfg.Held || w.fan >= 0 && bits&unix.IN_CREATE != 0 {
		return nil
	}
	full := filepath.Join(w.cfg.Root, path)
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	fd, err := unix.Open(full, flags|unix.O_NOATIME, 0)
	if err == unix.EPERM {
		fd, err = unix.Open(full, flags, 0)
	}
	if err != nil {
		return nil
	}
	return regular(fd, full)
}

func regular(fd int, name string) *os.File {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd) // of a reader
		return nil
	}
	return os.NewFile(uintptr(fd), name)
}

// abandon closes what nobody will take.
func (w *Watch) abandon() {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	for _, s := range w.p.list {
		if s.File != nil {
			s.File.Close() // of a reader
			s.File = nil
		}
	}
	for _, all := range w.late {
		for _, h := range all {
			h.file.Close() // of a reader
		}
	}
}
