package scope

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// model is a Set of few numbers: those near the edges of pages.
type model map[uint32]bool

// universe has numbers around the beginnings of pages, where all is decided.
func universe() (out []uint32) {
	for _, page := range []uint32{0, 1, 2, 3, 65535} {
		for _, low := range []uint32{0, 1, 2, 63, 64, 65, 30000, 65534, 65535} {
			out = append(out, page<<16|low)
		}
	}
	return out
}

func TestSetIsASet(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	numbers := universe()
	for range 300 {
		sets, models := [2]*Set{new(Set), new(Set)}, [2]model{{}, {}}
		log := ""
		for range 1 + rng.IntN(8) {
			k := rng.IntN(2)
			s, m, o, om := sets[k], models[k], sets[1-k], models[1-k]
			switch rng.IntN(6) {
			case 0:
				s.Or(o)
				maps.Copy(m, om)
				log += fmt.Sprintf("%d or; ", k)
			case 1:
				s.andNot(o)
				maps.DeleteFunc(m, func(n uint32, _ bool) bool { return om[n] })
				log += fmt.Sprintf("%d andNot; ", k)
			case 2: // many runs: bits
				high := rng.Uint32N(4) << 16
				for n := high; n < high+3*(maxRuns+1); n += 3 {
					s.Add(n, n)
				}
				for _, n := range numbers {
					if n >= high && n < high+3*(maxRuns+1) && (n-high)%3 == 0 {
						m[n] = true
					}
				}
				log += fmt.Sprintf("%d every third of %d; ", k, high>>16)
			default:
				a, b := numbers[rng.IntN(len(numbers))], numbers[rng.IntN(len(numbers))]
				a, b = min(a, b), max(a, b)
				s.Add(a, b)
				for _, n := range numbers {
					if a <= n && n <= b {
						m[n] = true
					}
				}
				log += fmt.Sprintf("%d add %d-%d; ", k, a, b)
			}
			for k := range sets {
				checkSet(t, log, sets[k], models[k], numbers)
			}
		}
	}
}

func checkSet(t *testing.T, log string, s *Set, m model, numbers []uint32) {
	t.Helper()
	for _, n := range numbers {
		if s.Has(n) != m[n] {
			t.Fatalf("%s: has %d: got %v", log, n, s.Has(n))
		}
	}
	var n uint64
	end := int64(-2)
	for first, last := range s.Ranges {
		if int64(first) <= end+1 || last < first {
			t.Fatalf("%s: %d-%d after %d in %s", log, first, last, end, s)
		}
		end = int64(last)
		n += uint64(last-first) + 1
	}
	if n != s.Len() {
		t.Fatalf("%s: ranges have %d members, Len is %d", log, n, s.Len())
	}
	again, err := ParseSet(s.String())
	if err != nil || again.String() != s.String() || again.Len() != s.Len() {
		t.Fatalf("%s: %v, %s read again is %s", log, err, s, again)
	}
}

// allocated returns the bytes that fn allocates.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A bundle is a stranger's: what it can make the reader allocate is in
// proportion to its length.
func TestSetMemory(t *testing.T) {
	var scattered strings.Builder
	for high := range 6000 {
		fmt.Fprintf(&scattered, "%d,", high<<16)
	}
	var long strings.Builder
	for high := range 3000 {
		fmt.Fprintf(&long, "%d-%d,", high<<17, high<<17|0x1fffe)
	}
	for name, text := range map[string]string{
		"everything": "0-4294967295", "almost": "1-4294967294", "nothing": "",
		"scattered": strings.TrimSuffix(scattered.String(), ","), "long": strings.TrimSuffix(long.String(), ","),
	} {
		var s *Set
		var err error
		limit := uint64(4096 + 64*len(text))
		if n := allocated(func() { s, err = ParseSet(text) }); err != nil || n > limit {
			t.Errorf("%s: %d letters took %d bytes, want at most %d; %v", name, len(text), n, limit, err)
		}
		sum := new(Set)
		sum.Add(7, 7)
		if n := allocated(func() { sum.Or(s); sum.andNot(s) }); n > 2*limit {
			t.Errorf("%s: adding and removing it took %d bytes, want at most %d", name, n, 2*limit)
		}
		if got := s.String(); got != text {
			t.Errorf("%s: has another spelling: %.40s", name, got)
		}
	}
}

func TestSetAll(t *testing.T) {
	s := new(Set)
	s.Add(65534, 65537)
	s.Add(math.MaxUint32, math.MaxUint32)
	if got, want := slices.Collect(s.All), []uint32{65534, 65535, 65536, 65537, math.MaxUint32}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for n := range s.All {
		if n == 65535 {
			break
		}
	}
	var none *Set
	if none.Len() != 0 || none.Has(0) || none.String() != "" || len(slices.Collect(none.All)) != 0 {
		t.Error("nil is not empty")
	}
}
