package netloop_test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"sekisho/internal/gate/netloop"
)

// TestNoDescriptorLeft: after pairs that ended in every way, after pairs that were refused, and after Run, the
// process has as many descriptors as before.
func TestNoDescriptorLeft(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	warmed := false
	var before int
	for range 2 { // Go's poller opens its own in the first round
		if warmed {
			before = count()
		}
		t.Run(fmt.Sprintf("warmed %t", warmed), func(t *testing.T) {
			loop := start(t, netloop.Config{MaxPairs: 30})
			var wg sync.WaitGroup
			for i := range uint64(20) {
				wg.Go(func() { hammerPair(t, loop, i) })
			}
			wg.Wait()
			for range 40 { // ten more than fit; the rest ends with the loop
				_, gc := connected(t, "tcp")
				_, gu := connected(t, "unix")
				if _, err := loop.Add(netloop.Transport{Conn: gc}, netloop.Transport{Conn: gu}, newForward()); err != nil {
					_, _ = gc.Close(), gu.Close()
				}
			}
		})
		warmed = true
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
