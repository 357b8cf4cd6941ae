package main

import (
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// timerSlack is how late the kernel may let a sleeping thread's timer fire, in
// nanoseconds. With the usual 50 µs the Go runtime's monitor thread sleeps
// 20 µs at a time, thousands of times a second, whenever a system call of some
// goroutine took longer than that; see docs/decisions/transport.md.
const timerSlack = 5_000_000

// slackMark is in the environment of a process that was started anew.
const slackMark = "SEKISHO_TIMER_SLACK"

// relaxTimers gives every thread of the process a timer slack of 5 ms. A thread
// inherits it from its creator, and the monitor is there before main: only
// execve(2), which keeps the slack (prctl(2), PR_SET_TIMERSLACK), reaches it.
// So the program begins again in the same process, once, and relaxTimers does
// not return. It returns nil when nothing is to be done, and an error when the
// process goes on as it was.
func relaxTimers() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Getenv(slackMark) != "" || slack() >= timerSlack {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, timerSlack, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if slack() < timerSlack { // real-time threads have none
		return nil
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	env := append(os.Environ(), slackMark+"="+strconv.Itoa(timerSlack))
	return &os.PathError{Op: "exec", Path: path, Err: syscall.Exec(path, os.Args, env)}
}

// slack returns the calling thread's timer slack in nanoseconds.
func slack() int {
	ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return 0
	}
	return ns
}
