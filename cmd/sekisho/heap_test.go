package main

import "testing"

func TestCollectPercent(t *testing.T) {
	for _, c := range []struct {
		live, others uint64
		want         int
	}{
		{0, 0, 100},
		{8 << 20, 0, 1100},
		{8 << 20, 2 << 20, 875},
		{40 << 20, 8 << 20, 100}, // 116 %: to the step below
		{48 << 20, 0, 100},
		{96 << 20, 1 << 20, 100},
		{4 << 30, 1 << 20, 100},
	} {
		got := collectPercent(c.live, c.others)
		if got != c.want {
			t.Errorf("live %d MiB, others %d MiB: %d %%, want %d", c.live>>20, c.others>>20, got, c.want)
		}
		if goal := c.live + (c.live+c.others)*uint64(got)/100; got > leastPercent && goal > heapFloor {
			t.Errorf("live %d MiB: goal %d MiB is above the floor", c.live>>20, goal>>20)
		}
	}
}

// TestHeapFloorYields: who has set GOGC is obeyed.
func TestHeapFloorYields(t *testing.T) {
	asked := ""
	keepHeapFloor(func(name string) string { asked = name; return "100" })
	if asked != "GOGC" {
		t.Errorf("asked for %q", asked)
	}
}
