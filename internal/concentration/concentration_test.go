package concentration

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"sekisho/internal/event"
)

func at(day, hour int) int64 { return time.Date(2016, 1, day, hour, 0, 0, 0, time.UTC).UnixNano() }

func one(n uint32) event.Set { return event.Set{{First: n, Last: n}} }

// TestTail compares the logarithm with exact fractions.
func TestTail(t *testing.T) {
	choose := func(n, k int64) *big.Int { return new(big.Int).Binomial(n, k) }
	for _, c := range []struct{ all, misused, seen, hits int64 }{
		{10, 3, 4, 0}, {10, 3, 4, 1}, {10, 3, 4, 3}, {100, 20, 10, 9}, {2519, 40, 203, 40}, {50, 50, 20, 20}, {97438, 200, 6441, 200},
	} {
		sum := new(big.Int)
		for k := c.hits; k <= min(c.misused, c.seen); k++ {
			sum.Add(sum, new(big.Int).Mul(choose(c.misused, k), choose(c.all-c.misused, c.seen-k)))
		}
		ratio, _ := new(big.Float).Quo(new(big.Float).SetInt(sum), new(big.Float).SetInt(choose(c.all, c.seen))).MarshalText()
		f, _, err := big.ParseFloat(string(ratio), 10, 64, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		exp := f.MantExp(nil)
		mant, _ := new(big.Float).SetMantExp(f, -exp).Float64()
		want := math.Log10(mant) + float64(exp)*math.Log10(2)
		if got := tail(uint64(c.all), uint64(c.misused), uint64(c.seen), uint64(c.hits)); math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
			t.Errorf("%+v: 10^%g, want 10^%g", c, got, want)
		}
	}
}

// TestPlanted hides one reading of 200 records, 40 of which were misused later,
// among a year of everyday work: its place, client and hour are found, with how
// much better than chance.
func TestPlanted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	misused := map[uint32]int64{}
	for n := range uint32(40) {
		misused[101+5*n] = at(60, 0)
	}
	s := New(2519, misused)
	for range 5000 {
		place := []string{"shop/orders", "shop/notes", "shop/customers"}[r.IntN(3)]
		when := at(1, 0) + r.Int64N(int64(50*24*time.Hour))
		s.Add(Group{How: Crossing, Place: place, User: "app", Address: "192.0.2.1"}, when, when, one(1+r.Uint32N(2519)))
	}
	g := Group{How: Crossing, Place: "shop/notes", User: "app", Address: "203.0.113.9"}
	s.Add(g, at(4, 2), at(4, 2)+int64(time.Minute), event.Set{{First: 101, Last: 300}})
	got := s.Result(3)
	if len(got) == 0 || got[0].Group != g || got[0].Hits != 40 || got[0].Of != 40 || got[0].Seen != 200 || got[0].All != 2519 ||
		got[0].From != at(4, 2) || got[0].To != at(4, 2)+int64(time.Minute) {
		t.Fatalf("%+v", got)
	}
	if x := got[0].Times; math.Abs(x-2519.0/200) > 1e-9 || got[0].Chance > -30 {
		t.Errorf("%g times, 10^%g by chance", x, got[0].Chance)
	}
	if got[1].Chance < -2 {
		t.Errorf("everyday work is no concentration: %+v", got[1])
	}
}

// TestChance: members drawn by lot are no concentration, whatever was compared.
func TestChance(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 7))
		misused := map[uint32]int64{}
		for len(misused) < 50 {
			misused[r.Uint32N(1000)] = at(90, 0)
		}
		s := New(1000, misused)
		for range 3000 {
			when := at(1, 0) + r.Int64N(int64(30*24*time.Hour))
			s.Add(Group{How: Crossing, Place: []string{"a", "b", "c"}[r.IntN(3)]}, when, when, one(r.Uint32N(1000)))
		}
		if got := s.Result(1)[0]; got.Chance < -3 {
			t.Errorf("seed %d: a draw by lot is called 10^%g: %+v", seed, got.Chance, got)
		}
	}
}

// TestBeforeMisuse: who passes after the misuse was not taken there.
func TestBeforeMisuse(t *testing.T) {
	s := New(100, map[uint32]int64{7: at(10, 0), 8: at(10, 0), 9: at(10, 0)})
	g := Group{How: Payment, Place: "shop"}
	s.Add(g, at(10, 0), at(10, 0), one(7))
	s.Add(g, at(9, 22), at(9, 22), one(8))
	s.Add(g, at(9, 23), at(9, 23), one(9))
	s.Add(Group{How: Payment, Place: "once"}, at(1, 0), at(1, 0), one(8))
	got := s.Result(9)
	if len(got) != 1 || got[0].Hits != 2 || got[0].Of != 3 || got[0].From != at(9, 22) || got[0].To != at(9, 23) {
		t.Errorf("%+v", got)
	}
	if none := New(100, nil).Result(9); len(none) != 0 {
		t.Errorf("nothing was entered: %+v", none)
	}
}

// TestBounds: groups beyond the limit are counted, not dropped in silence, and
// the order of entries changes nothing.
func TestBounds(t *testing.T) {
	s := New(10, map[uint32]int64{1: at(9, 0), 2: at(9, 0)})
	for i := range maxGroups + 3 {
		s.Add(Group{How: Crossing, Place: string(rune('a' + i))}, at(1, 0), at(1, 0), event.Set{{First: 1, Last: 2}})
	}
	if s.Left != 3 {
		t.Errorf("%d passages left out, want 3", s.Left)
	}
	if a, b := s.Result(5), s.Result(5); len(a) != 5 || a[0] != b[0] || a[4] != b[4] {
		t.Errorf("%v %v", a, b)
	}
}
