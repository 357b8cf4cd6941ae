package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// diskFree returns the bytes that an ordinary user may still write where dir
// is, all of them, and which file system it is.
func diskFree(dir string) (free, all uint64, device string, ok bool) {
	var s unix.Statfs_t
	var st unix.Stat_t
	if unix.Statfs(dir, &s) != nil || unix.Stat(dir, &st) != nil {
		return 0, 0, "", false
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), fmt.Sprint(st.Dev), true
}

// clockState asks the kernel whether its clock is disciplined, and how far it
// may be off (adjtimex(2): STA_UNSYNC, maxerror in microseconds).
func clockState() (synced bool, bound time.Duration, ok bool) {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return false, 0, false
	}
	return t.Status&unix.STA_UNSYNC == 0, time.Duration(t.Maxerror) * time.Microsecond, true
}

// ownerOf is the user to whom a file belongs.
func ownerOf(info fs.FileInfo) (uid int, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// readOnly reports whether a directory is on a file system that takes no writes.
func readOnly(dir string) bool { return errors.Is(unix.Access(dir, unix.W_OK), unix.EROFS) }

// holderOf returns the process that holds a lock on a file (proc_locks(5)); 0 when none
// does, or nobody knows.
func holderOf(file string) int {
	var st unix.Stat_t
	text, err := os.ReadFile("/proc/locks")
	if err != nil || unix.Stat(file, &st) != nil {
		return 0
	}
	want := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	for line := range strings.Lines(string(text)) {
		var number, kind, mode, access, place string
		var pid int
		if n, err := fmt.Sscan(line, &number, &kind, &mode, &access, &pid, &place); n == 6 && err == nil && place == want && kind == "FLOCK" {
			return max(pid, 0)
		}
	}
	return 0
}

// mayUse reports whether who asks may read a file, and write it too or make others in it.
func mayUse(name string, write bool) bool {
	mode := uint32(unix.R_OK)
	if write {
		mode |= unix.W_OK
	}
	err := unix.Access(name, mode)
	return err == nil || !errors.Is(err, fs.ErrPermission)
}
