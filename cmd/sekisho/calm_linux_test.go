package main

import "testing"

// TestCalm: the goroutine that stands back does, and no other.
func TestCalm(t *testing.T) {
	of := func(f func()) int {
		out := make(chan int)
		go func() {
			f()
			n, err := niceness()
			if err != nil {
				t.Error(err)
			}
			out <- n
		}()
		return <-out
	}
	before := of(func() {})
	if n, want := of(calm), min(before+calmNice, lowest); n != want {
		t.Errorf("its niceness is %d, want %d", n, want)
	}
	if n := of(func() {}); n != before {
		t.Errorf("the niceness of another is %d, want %d", n, before)
	}
}
