package main

import (
	"os"
	"syscall"
)

// peakMemory is the resident memory of a process that ended, at its peak, in bytes
// (getrusage(2): ru_maxrss is in KiB).
func peakMemory(p *os.ProcessState) (int64, bool) {
	u, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, false
	}
	return u.Maxrss << 10, true
}
