package netloop

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestOldestEndedCloseFirst: where connections end all the time, none of them keeps
// its descriptor for ever.
func TestOldestEndedCloseFirst(t *testing.T) {
	w := &worker{}
	var ends [2][2]int
	for i := range ends {
		if err := unix.Pipe2(ends[i][:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		w.keepEnded(ends[i][0])
		w.keepEnded(ends[i][1])
	}
	open := func(fd int) bool { _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); return err == nil }
	w.closeEnded(2)
	if len(w.ended) != 2 || w.ended[0] != ends[1][0] || !open(ends[1][0]) || !open(ends[1][1]) || w.nextEnded.IsZero() {
		t.Errorf("%v are left of %v, the next at %v", w.ended, ends, w.nextEnded)
	}
	w.closeEnded(3)
	if len(w.ended) != 0 || !w.nextEnded.IsZero() {
		t.Errorf("%v are left, the next at %v", w.ended, w.nextEnded)
	}
}
