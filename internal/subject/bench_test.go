package subject

import (
	"fmt"
	"testing"

	"sekisho/internal/element"
	"sekisho/internal/event"
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

// BenchmarkWriting is what a write to an identifier column costs, in a space of a
// million identifiers beside as many others as a large schema has.
func BenchmarkWriting(b *testing.B) {
	ix := newIdentifiers(b, 0)
	s := Space{"shop/public.customers", element.Email}
	build := ix.Begin(s)
	for i := range uint32(1_000_000) {
		build.Add(fmt.Appendf(nil, "u%d@mail.example", i), i)
	}
	build.Commit()
	for i := range 200 {
		ix.Begin(Space{event.Place(fmt.Sprintf("shop/public.t%d", i)), element.Email}).Commit()
	}
	b.ReportAllocs()
	for b.Loop() {
		ix.Writing(s)
		ix.Written(s, false)
	}
}
