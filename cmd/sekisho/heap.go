package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapFloor is the heap size up to which garbage is left to gather, in bytes.
// A gate's live heap is a few MiB, so that with Go's rule (collect when it has
// doubled) a busy one would collect twenty times a second.
const heapFloor = 96 << 20

// leastPercent is Go's own default: beyond the floor nothing is different.
const leastPercent = 100

// keepHeapFloor lets the heap reach heapFloor before it is collected; a bigger
// one is collected as ever. It does nothing when the operator has set GOGC. It
// is for a process that is ours alone, once: the rule is the process's.
func keepHeapFloor(getenv func(string) string) {
	if getenv("GOGC") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	last := leastPercent
	var afterNext func()
	afterNext = func() {
		metrics.Read(live)
		if p := collectPercent(live[0].Value.Uint64(), live[1].Value.Uint64()+live[2].Value.Uint64()); p != last {
			debug.SetGCPercent(p)
			last = p
		}
		// The collector runs this again after it has found the next one dead.
		runtime.AddCleanup(new([16]byte), func(f func()) { f() }, afterNext)
	}
	afterNext()
}

// collectPercent is how much a heap may grow, in percent of what is scanned
// (live objects, stacks and globals: the runtime's goal, gctrace and
// runtime/mgcpacer.go), to reach the floor. In steps, so that it is set rarely.
func collectPercent(live, others uint64) int {
	const step = 25
	if live >= heapFloor || live+others == 0 {
		return leastPercent
	}
	return max(leastPercent, int((heapFloor-live)*100/(live+others))/step*step)
}
