package main

import (
	"testing"
	"time"
)

// TestPercentile: the 99th of a hundred times is the 99th, and not the longest.
func TestPercentile(t *testing.T) {
	for _, tt := range []struct{ n, p, want int }{{100, 99, 99}, {200, 99, 198}, {101, 99, 100}, {1, 99, 1}, {10, 99, 10}, {100, 50, 50}, {3, 50, 2}, {0, 99, 0}, {5, 0, 1}} {
		var all []time.Duration
		for i := range tt.n {
			all = append(all, time.Duration(tt.n-i))
		}
		if got := percentile(all, tt.p); got != time.Duration(tt.want) {
			t.Errorf("%d of %d: %d, want %d", tt.p, tt.n, got, tt.want)
		}
	}
}
