package underway

import (
	"sync"
	"testing"
)

func TestCount(t *testing.T) {
	var c Count
	want := func(all, old int) {
		t.Helper()
		if c.All() != all || c.Old() != old {
			t.Errorf("%d are under way, %d of them old; want %d and %d", c.All(), c.Old(), all, old)
		}
	}
	want(0, 0)
	one := c.Begin()
	want(1, 0)
	c.Mark()
	want(1, 1)
	two := c.Begin()
	want(2, 1)
	c.Mark() // one is still old
	want(2, 1)
	one.End()
	want(1, 0)
	c.Mark()
	want(1, 1)
	two.End()
	want(0, 0)
}

// However they overlap, none is lost.
func TestCountTogether(t *testing.T) {
	var c Count
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 1000 {
				one := c.Begin()
				c.Mark()
				one.End()
			}
		})
	}
	wait.Wait()
	if c.All() != 0 || c.Old() != 0 {
		t.Errorf("%d are under way, %d of them old", c.All(), c.Old())
	}
}
