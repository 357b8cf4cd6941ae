package subject

import (
	"testing"
)

func benchSource(b *testing.B, step int64, count int) *Source {
	s := newDict(newRing(b), &memory{}, nil).Source("s")
	keys, numbers := make([]int64, count), make([]uint32, count)
	for i := range keys {
		keys[i] = int64(i) * step
	}
	if err := s.AssignInts(b.Context(), keys, numbers); err != nil {
		b.Fatal(err)
	}
	return s
}

func benchNumber(b *testing.B, s *Source, step int64, count int) {
	b.ReportAllocs()
	var at uint64
	for b.Loop() {
		at = at*6364136223846793005 + 1442695040888963407
		if _, ok := s.NumberInt(int64(at>>32%uint64(count)) * step); !ok {
			b.Fatal("missing")
		}
	}
}

// BenchmarkNumberIntRun: ten million consecutive keys, one extent.
func BenchmarkNumberIntRun(b *testing.B) {
	benchNumber(b, benchSource(b, 1, 10_000_000), 1, 10_000_000)
}

// BenchmarkNumberIntSparse: 100,000 keys with holes, in the table.
func BenchmarkNumberIntSparse(b *testing.B) {
	benchNumber(b, benchSource(b, 7, 100_000), 7, 100_000)
}

// BenchmarkNumberIntSparseBig: five million keys with holes, beyond the cache.
func BenchmarkNumberIntSparseBig(b *testing.B) {
	benchNumber(b, benchSource(b, 7, 5_000_000), 7, 5_000_000)
}
