package main

import (
	"fmt"
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
