package cluster

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shape is everything that Sets tell about rows, where no way is long.
func shape(s *Sets) (out [][3]int) {
	for i := range uint32(len(s.parent)) {
		ring := 0
		s.Members(i, func(row uint32) bool { ring = 31*ring + int(row); return true })
		out = append(out, [3]int{int(s.Find(i)), s.Len(i), ring})
	}
	return append(out, [3]int{s.Joins()})
}

// A trial leaves nothing behind, and what it sees is what joins would make.
func TestTry(t *testing.T) {
	const rows = 60
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		s, after := NewSets(nil, rows), NewSets(nil, rows)
		draw := func(n int) (pairs [][2]uint32) {
			for range n {
				pairs = append(pairs, [2]uint32{r.Uint32N(rows), r.Uint32N(rows)})
			}
			return pairs
		}
		first, tried := draw(r.IntN(rows)), draw(r.IntN(rows))
		for _, p := range first {
			s.Join(p[0], p[1])
			after.Join(p[0], p[1])
		}
		for _, p := range tried {
			after.Join(p[0], p[1])
		}
		if r.IntN(2) == 0 {
			s.Flatten(nil)
		}
		before := shape(s)
		s.Try(nil, func() {
			for _, p := range tried {
				s.Join(p[0], p[1])
			}
			if diff := cmp.Diff(shape(after), shape(s)); diff != "" {
				t.Errorf("%v, then tried %v (-joined +tried)\n%s", first, tried, diff)
			}
		})
		if diff := cmp.Diff(before, shape(s)); diff != "" {
			t.Errorf("%v, then tried %v (-before +after)\n%s", first, tried, diff)
		}
		s.Join(0, rows-1) // ways that are made shorter later lead to the same rows
		for _, p := range first {
			if s.Find(p[0]) != s.Find(p[1]) {
				t.Errorf("%v are apart after a trial", p)
			}
		}
	}
}
