package main

import (
	"syscall"
	"time"
)

// cpu is the processor time, user and system, that f takes in this process.
func cpu(f func()) time.Duration {
	before := used()
	f()
	return used() - before
}

func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("bench/detect: " + err.Error())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
