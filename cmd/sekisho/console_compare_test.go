package main

import (
	"testing"

	"pgregory.net/rapid"

	"sekisho/internal/event"
)

// TestInBoth counts what two sets share as one would by hand.
func TestInBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfDistinct(rapid.Uint32Range(0, 60), rapid.ID[uint32])
		a, b := numbers.Draw(t, "a"), numbers.Draw(t, "b")
		var want uint64
		for _, x := range a {
			for _, y := range b {
				if x == y {
					want++
				}
			}
		}
		if got := inBoth(setOf(a), setOf(b)); got != want {
			t.Errorf("%v and %v share %d, want %d", a, b, got, want)
		}
	})
}

func setOf(numbers []uint32) event.Set {
	if len(numbers) == 0 {
		return nil
	}
	return event.SetOf(numbers)
}
