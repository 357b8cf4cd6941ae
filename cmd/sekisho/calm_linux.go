package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// calmNice is by how much the console's work behind pages stands back, as
// nice(1): a page gets three quarters of a processor that both want.
const (
	calmNice = 5
	lowest   = 19
)

// calm lets the calling goroutine stand back behind everything else until it
// ends: its thread, which it keeps, and which ends with it. A thread's priority
// is its own on Linux (setpriority(2), C library/kernel differences), and may be
// lowered by anybody. When it cannot be lowered it stays as it is.
func calm() {
	runtime.LockOSThread()
	if n, err := niceness(); err == nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), min(n+calmNice, lowest))
	}
}

// niceness returns that of the calling thread; getpriority(2) answers 20 less it.
func niceness() (int, error) {
	n, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
	return 20 - n, err
}
