package person

import (
	"math"
	"testing"

	"sekisho/internal/person/match"
)

// Two sources that have next to nothing to compare, and some matches by chance,
// say nothing about what sources share: what the others say bounds it.
func TestRatesOfSourcesThatCannotBeCompared(t *testing.T) {
	b := new(bridge)
	set := func(s, x int, all, findable, pairs float64) {
		b.all[s][x], b.findable[s][x], b.pairs[s][x] = all, findable, pairs
	}
	for s := range 3 {
		for x := s; x < 3; x++ {
			set(s, x, 1e9, 0.99e9, 1600+float64(10*s+x))
		}
		set(s, 3, 1e8, 10, 24) // a partner's list
	}
	set(3, 3, 1e7, 0, 0)
	b.learn()
	if usual := b.rate[0][1]; math.Abs(b.rate[0][3]-usual) > 0.02*usual || b.top[0][3] > 1.1*usual {
		t.Errorf("rate %g and top %g of sources that cannot be compared; the others share %g", b.rate[0][3], b.top[0][3], usual)
	}
}

func TestAtMost(t *testing.T) {
	levels := [6]float64{0, 0.05, 0.03, 0.02, 0.9, 0}
	atMost(&levels, match.BirthSame, 0.02)
	for l, want := range [6]float64{0, 0.01, 0.006, 0.004, 0.98, 0} {
		if math.Abs(levels[l]-want) > 1e-12 {
			t.Errorf("%v, want %g at %d", levels, want, l)
		}
	}
	same := levels
	if atMost(&levels, match.BirthSame, 0.5); levels != same {
		t.Errorf("%v, want it as it was: %v", levels, same)
	}
}
